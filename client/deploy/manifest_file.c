#include "client/deploy/manifest_file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/attest/eif.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "sys/file.h"

enum { EIF_MAX = 512 * 1024 * 1024, CERTIFICATE_MAX = 64 * 1024 };

static void role_from(const struct cmaw_manifest_role_spec *spec, struct cmaw_role *role)
{
    *role = (struct cmaw_role){.id = spec->id, .name = cmaw_slice_of_cstr(spec->name), .kms_key_arn = cmaw_slice_of_cstr(spec->kms_key_arn),
                               .measurement_count = spec->measurement_count};
    for (size_t i = 0; i < spec->measurement_count; i++) {
        for (size_t pcr = 0; pcr < CMAW_MEASURED_PCRS; pcr++) {
            role->measurements[i].pcrs[pcr] = spec->given[i][pcr] ? CMAW_SLICE_ARRAY(spec->pcrs[i][pcr]) : CMAW_SLICE_EMPTY;
        }
    }
}

enum cmaw_err cmaw_manifest_make(const struct cmaw_manifest_spec *spec, struct cmaw_buf *buf, struct cmaw_diag *diag)
{
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    CMAW_REQUIRE(manifest != NULL, CMAW_E_NO_MEMORY);
    manifest->version = 1;
    manifest->tenant = cmaw_slice_of_cstr(spec->tenant);
    manifest->serial = spec->serial;
    manifest->epoch = spec->epoch;
    manifest->attestation_root = cmaw_bytes32_slice(&spec->attestation_root);
    manifest->not_before_ms = spec->not_before_ms;
    manifest->not_after_ms = spec->not_after_ms;
    for (; manifest->role_count < spec->role_count; manifest->role_count++) {
        role_from(&spec->roles[manifest->role_count], &manifest->roles[manifest->role_count]);
    }
    enum cmaw_err err = cmaw_manifest_check(manifest);
    if (err == CMAW_OK) {
        cmaw_manifest_encode(manifest, buf);
        err = buf->err;
    }
    free(manifest);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "names are 1..64 of [a-z0-9_-], the tenant of [a-z0-9-], role ids ascend, each role has an image and a key's ARN");
        return cmaw_diag_set(diag, err, "this does not make a valid manifest (PROTOCOL.md section 4)");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_manifest_add_image(struct cmaw_manifest_role_spec *role, const char *path, struct cmaw_diag *diag)
{
    if (role->measurement_count == CMAW_MEASUREMENTS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "role %s: at most %d images", role->name, CMAW_MEASUREMENTS_MAX);
    }
    CMAW_BUF_AUTO(file, EIF_MAX);
    CMAW_TRY(cmaw_file_read(path, &file, diag));
    struct cmaw_eif eif;
    const char *field = NULL;
    enum cmaw_err err = cmaw_eif_parse(cmaw_buf_slice(&file), &eif, &field);
    struct cmaw_eif_pcrs pcrs;
    err = err != CMAW_OK ? err : cmaw_eif_measure(&eif, &pcrs);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw-image build makes one");
        return cmaw_diag_set(diag, err, "%s is not an enclave image: %s", path, field == NULL ? cmaw_err_text(err) : field);
    }
    const uint8_t *const values[CMAW_MEASURED_PCRS] = {pcrs.pcr0, pcrs.pcr1, pcrs.pcr2, pcrs.pcr8};
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        memcpy(role->pcrs[role->measurement_count][i], values[i], CMAW_PCR_SIZE);
        role->given[role->measurement_count][i] = i < 3 || pcrs.is_signed;
    }
    role->measurement_count++;
    return CMAW_OK;
}

enum cmaw_err cmaw_manifest_root_of_file(const char *path, struct cmaw_bytes32 *ret_root, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(der, CERTIFICATE_MAX);
    CMAW_TRY(cmaw_file_read(path, &der, diag));
    cmaw_sha256(cmaw_buf_slice(&der), ret_root->bytes);
    return CMAW_OK;
}

static enum cmaw_err set_slice(json_t *object, const char *key, struct cmaw_slice text)
{
    return cmaw_json_set(object, key, json_stringn((const char *)text.data, text.size));
}

static enum cmaw_err role_json(const struct cmaw_role *role, json_t *json)
{
    static const char *const names[CMAW_MEASURED_PCRS] = {"pcr0", "pcr1", "pcr2", "pcr8"};
    json_t *measurements = json_array();
    CMAW_TRY(cmaw_json_set_u64(json, "id", role->id));
    CMAW_TRY(set_slice(json, "name", role->name));
    CMAW_TRY(set_slice(json, "kms_key_arn", role->kms_key_arn));
    CMAW_TRY(cmaw_json_set(json, "measurements", measurements));
    for (size_t i = 0; i < role->measurement_count; i++) {
        json_t *measurement = json_object();
        CMAW_TRY(cmaw_json_append(measurements, measurement));
        for (size_t pcr = 0; pcr < CMAW_MEASURED_PCRS; pcr++) {
            if (role->measurements[i].pcrs[pcr].size > 0) {
                CMAW_TRY(cmaw_json_set_hex(measurement, names[pcr], role->measurements[i].pcrs[pcr]));
            }
        }
    }
    return CMAW_OK;
}

static enum cmaw_err fill_json(const struct cmaw_manifest *manifest, json_t *json)
{
    json_t *roles = json_array();
    CMAW_TRY(cmaw_json_set_hex(json, "hash", cmaw_bytes32_slice(&manifest->mh)));
    CMAW_TRY(set_slice(json, "tenant", manifest->tenant));
    CMAW_TRY(cmaw_json_set_u64(json, "serial", manifest->serial));
    CMAW_TRY(cmaw_json_set_u64(json, "epoch", manifest->epoch));
    CMAW_TRY(cmaw_json_set_hex(json, "attestation_root", manifest->attestation_root));
    CMAW_TRY(cmaw_json_set_u64(json, "not_before_ms", manifest->not_before_ms));
    CMAW_TRY(cmaw_json_set_u64(json, "not_after_ms", manifest->not_after_ms));
    CMAW_TRY(cmaw_json_set(json, "roles", roles));
    for (size_t i = 0; i < manifest->role_count; i++) {
        json_t *role = json_object();
        CMAW_TRY(cmaw_json_append(roles, role));
        CMAW_TRY(role_json(&manifest->roles[i], role));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_manifest_json(const struct cmaw_manifest *manifest, json_t **ret_json)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(fill_json(manifest, json));
    *ret_json = json;
    json = NULL;
    return CMAW_OK;
}
