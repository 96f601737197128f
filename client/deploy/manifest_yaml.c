#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/deploy/manifest_file.h"
#include "client/settings.h"
#include "client/store/store.h"
#include "lib/base/text.h"
#include "sys/yaml.h"

struct measurement_yaml {
    char *pcrs[CMAW_MEASURED_PCRS];
};

struct role_yaml {
    uint32_t id;
    char *name;
    char *kms_key_arn;
    char **images;
    unsigned images_count;
    struct measurement_yaml *measurements;
    unsigned measurements_count;
};

struct manifest_yaml {
    uint32_t version;
    char *tenant;
    uint64_t serial, epoch;
    char *attestation_root;
    uint64_t not_before_ms, not_after_ms;
    uint32_t validity_days;
    struct role_yaml *roles;
    unsigned roles_count;
};

#define OPTIONAL_TEXT (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
enum { PCR_TEXT = 2 * CMAW_PCR_SIZE };

static const cyaml_schema_field_t measurement_fields[] = {
    CYAML_FIELD_STRING_PTR("pcr0", CYAML_FLAG_POINTER, struct measurement_yaml, pcrs[0], PCR_TEXT, PCR_TEXT),
    CYAML_FIELD_STRING_PTR("pcr1", OPTIONAL_TEXT, struct measurement_yaml, pcrs[1], PCR_TEXT, PCR_TEXT),
    CYAML_FIELD_STRING_PTR("pcr2", OPTIONAL_TEXT, struct measurement_yaml, pcrs[2], PCR_TEXT, PCR_TEXT),
    CYAML_FIELD_STRING_PTR("pcr8", OPTIONAL_TEXT, struct measurement_yaml, pcrs[3], PCR_TEXT, PCR_TEXT),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t measurement_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct measurement_yaml, measurement_fields)};
static const cyaml_schema_value_t image_schema = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CMAW_PATH_MAX - 1)};
static const cyaml_schema_field_t role_fields[] = {
    CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct role_yaml, id),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct role_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("kms_key_arn", CYAML_FLAG_POINTER, struct role_yaml, kms_key_arn, 1, CMAW_ARN_MAX),
    CYAML_FIELD_SEQUENCE("images", OPTIONAL_TEXT, struct role_yaml, images, &image_schema, 0, CMAW_MEASUREMENTS_MAX),
    CYAML_FIELD_SEQUENCE("measurements", OPTIONAL_TEXT, struct role_yaml, measurements, &measurement_schema, 0, CMAW_MEASUREMENTS_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t role_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct role_yaml, role_fields)};
static const cyaml_schema_field_t manifest_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct manifest_yaml, version),
    CYAML_FIELD_STRING_PTR("tenant", CYAML_FLAG_POINTER, struct manifest_yaml, tenant, 1, CMAW_NAME_MAX),
    CYAML_FIELD_UINT("serial", CYAML_FLAG_DEFAULT, struct manifest_yaml, serial),
    CYAML_FIELD_UINT("epoch", CYAML_FLAG_DEFAULT, struct manifest_yaml, epoch),
    CYAML_FIELD_STRING_PTR("attestation_root", CYAML_FLAG_POINTER, struct manifest_yaml, attestation_root, 1, CMAW_PATH_MAX - 1),
    CYAML_FIELD_UINT("not_before_ms", CYAML_FLAG_OPTIONAL, struct manifest_yaml, not_before_ms),
    CYAML_FIELD_UINT("not_after_ms", CYAML_FLAG_OPTIONAL, struct manifest_yaml, not_after_ms),
    CYAML_FIELD_UINT("validity_days", CYAML_FLAG_OPTIONAL, struct manifest_yaml, validity_days),
    CYAML_FIELD_SEQUENCE("roles", CYAML_FLAG_POINTER, struct manifest_yaml, roles, &role_schema, 1, CMAW_ROLES_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t manifest_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct manifest_yaml, manifest_fields)};

static enum cmaw_err beside(const char *folder, const char *path, char ret_path[static CMAW_PATH_MAX])
{
    return path[0] == '/' ? cmaw_path(ret_path, "%s", path) : cmaw_path(ret_path, "%s/%s", folder, path);
}

static enum cmaw_err take_measurement(const struct measurement_yaml *from, struct cmaw_manifest_role_spec *role, struct cmaw_diag *diag)
{
    if (role->measurement_count == CMAW_MEASUREMENTS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "role %s: at most %d images", role->name, CMAW_MEASUREMENTS_MAX);
    }
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        role->given[role->measurement_count][i] = from->pcrs[i] != NULL;
        if (from->pcrs[i] != NULL && cmaw_hex_decode_exact(cmaw_slice_of_cstr(from->pcrs[i]), role->pcrs[role->measurement_count][i],
                                                           CMAW_PCR_SIZE) != CMAW_OK) {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "role %s: a PCR is not 96 lower-case hex digits", role->name);
        }
    }
    role->measurement_count++;
    return CMAW_OK;
}

static enum cmaw_err take_role(const struct role_yaml *from, const char *folder, struct cmaw_manifest_role_spec *role,
                               struct cmaw_diag *diag)
{
    role->id = from->id;
    (void)snprintf(role->name, sizeof role->name, "%s", from->name);
    (void)snprintf(role->kms_key_arn, sizeof role->kms_key_arn, "%s", from->kms_key_arn);
    for (unsigned i = 0; i < from->images_count; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(beside(folder, from->images[i], path));
        CMAW_TRY(cmaw_manifest_add_image(role, path, diag));
    }
    for (unsigned i = 0; i < from->measurements_count; i++) {
        CMAW_TRY(take_measurement(&from->measurements[i], role, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err take_times(const struct manifest_yaml *from, struct cmaw_manifest_spec *spec)
{
    enum { DAY_MS = 86400 * 1000, DEFAULT_DAYS = 365 };
    const uint64_t days = from->validity_days == 0 ? DEFAULT_DAYS : from->validity_days;
    spec->not_before_ms = from->not_before_ms == 0 ? cmaw_wall_clock_ms() : from->not_before_ms;
    spec->not_after_ms = from->not_after_ms == 0 ? spec->not_before_ms + days * DAY_MS : from->not_after_ms;
    return CMAW_OK;
}

static enum cmaw_err take(const struct manifest_yaml *from, const char *path, struct cmaw_manifest_spec *spec, struct cmaw_diag *diag)
{
    if (from->version != 1) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s: version %u is not supported", path, from->version);
    }
    char own[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path_absolute(path, own, diag));
    const char *folder = dirname(own);
    (void)snprintf(spec->tenant, sizeof spec->tenant, "%s", from->tenant);
    spec->serial = from->serial;
    spec->epoch = from->epoch;
    CMAW_TRY(take_times(from, spec));
    if (cmaw_hex_decode_exact(cmaw_slice_of_cstr(from->attestation_root), spec->attestation_root.bytes, CMAW_HASH_SIZE) != CMAW_OK) {
        char root[CMAW_PATH_MAX];
        CMAW_TRY(beside(folder, from->attestation_root, root));
        CMAW_TRY(cmaw_manifest_root_of_file(root, &spec->attestation_root, diag));
    }
    for (; spec->role_count < from->roles_count; spec->role_count++) {
        CMAW_TRY(take_role(&from->roles[spec->role_count], folder, &spec->roles[spec->role_count], diag));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_manifest_from_yaml(const char *path, struct cmaw_buf *manifest, struct cmaw_diag *diag)
{
    void *data = NULL;
    const enum cmaw_err read = cmaw_yaml_load(path, &manifest_schema, &data, diag);
    if (read == CMAW_E_MALFORMED) {
        cmaw_diag_otherwise(diag, "it wants version, tenant, serial, epoch, attestation_root, validity_days and roles");
    }
    CMAW_TRY(read);
    struct cmaw_manifest_spec *spec = calloc(1, sizeof *spec);
    enum cmaw_err err = spec == NULL ? CMAW_E_NO_MEMORY : take(data, path, spec, diag);
    err = err != CMAW_OK ? err : cmaw_manifest_make(spec, manifest, diag);
    free(spec);
    cmaw_yaml_free(&manifest_schema, data);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "%s", path);
}
