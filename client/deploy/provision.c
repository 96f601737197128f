#include "client/deploy/provision.h"

#include <stdlib.h>

#include "client/settings.h"
#include "lib/crypto/random.h"
#include "lib/rpc/call.h"
#include "lib/rpc/diagnosis.h"
#include "sys/addr.h"

enum { CONNECT_MS = 10000, BIRTH_MS = 60000, NONCE_SIZE = 32 };

/* Everything of one birth; the answer lives in frame. */
struct birth {
    struct cmaw_buf frame;
    struct cmaw_request request;
    struct cmaw_response response;
};

static void free_births(struct birth *births, size_t count)
{
    for (size_t i = 0; births != NULL && i < count; i++) {
        cmaw_buf_free(&births[i].frame);
    }
    free(births);
}

static enum cmaw_err connect_enclave(const struct cmaw_enclave_at *enclave, int *ret_fd, struct cmaw_diag *diag)
{
    struct cmaw_addr addr;
    CMAW_TRY(cmaw_addr_parse(enclave->addr, &addr, diag));
    const enum cmaw_err err = cmaw_addr_connect(&addr, CONNECT_MS, ret_fd);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw status shows whether it runs; its log says what it waits for");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "the enclave of role %s is not ready: %s", enclave->role, cmaw_err_text(err));
    }
    return CMAW_OK;
}

static enum cmaw_err refused(const struct cmaw_enclave_at *enclave, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                             const struct cmaw_response *response, struct cmaw_diag *diag)
{
    const bool again = response->code == CMAW_CODE_NOT_READY || response->code == CMAW_CODE_BUSY || response->code == CMAW_CODE_KMS_UNAVAILABLE;
    CMAW_BUF_AUTO(said, 1024);
    CMAW_BUF_AUTO(measured, 1024);
    if (response->has_kms_error) {
        cmaw_kms_error_say(&response->kms_error, &said);
        cmaw_kms_error_compare(&response->kms_error, manifest, role, &measured);
    }
    if (measured.size > 0) {
        cmaw_diag_hint(diag, "%.*s", (int)measured.size, (const char *)measured.data);
    } else if (again) {
        cmaw_diag_hint(diag, "the enclave is not ready; try again when cmaw status shows it so");
    }
    return cmaw_diag_set(diag, again ? CMAW_E_UNAVAILABLE : CMAW_E_DENIED, "the enclave of role %s answered %s%s%.*s", enclave->role,
                         cmaw_code_name(response->code), said.size > 0 ? ": " : "", (int)said.size, said.size > 0 ? (const char *)said.data : "");
}

static enum cmaw_err give_birth(const struct cmaw_manifest *manifest, const struct cmaw_role *role, const struct cmaw_enclave_at *enclave,
                                const struct cmaw_credentials *credentials, struct birth *birth, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(fd);
    CMAW_TRY(connect_enclave(enclave, &fd, diag));
    uint8_t nonce[NONCE_SIZE];
    CMAW_TRY(cmaw_random(nonce, sizeof nonce));
    birth->frame = CMAW_BUF(CMAW_FRAME_MAX);
    birth->request.verb = CMAW_VERB_PROVISION;
    birth->request.provision = (struct cmaw_provision_request){.manifest = manifest->bytes, .role = role->id, .credentials = *credentials,
                                                               .nonce = CMAW_SLICE_ARRAY(nonce)};
    const enum cmaw_err err = cmaw_rpc_call(fd, &birth->request, cmaw_deadline_in(BIRTH_MS), &birth->frame, &birth->response);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw status shows whether it runs");
        return cmaw_diag_set(diag, err == CMAW_E_CLOSED ? CMAW_E_UNAVAILABLE : err, "the enclave of role %s is not ready: %s", enclave->role,
                             cmaw_err_text(err));
    }
    return birth->response.code == CMAW_CODE_OK ? CMAW_OK : refused(enclave, manifest, role, &birth->response, diag);
}

static enum cmaw_err verify(const struct cmaw_buf *bundle, enum cmaw_doc_trust trust, struct cmaw_diag *diag)
{
    struct cmaw_deployment *deployment = calloc(1, sizeof *deployment);
    CMAW_REQUIRE(deployment != NULL, CMAW_E_NO_MEMORY);
    struct cmaw_finding finding = {0};
    const enum cmaw_err err = cmaw_bundle_verify(cmaw_buf_slice(bundle), NULL, trust, deployment, &finding);
    free(deployment);
    CMAW_REQUIRE(err != CMAW_OK, CMAW_OK);
    cmaw_unsigned_hint(&finding, diag);
    return cmaw_diag_set(diag, err, "what the enclaves gave does not verify: %s", finding.text);
}

static enum cmaw_err births_of(const struct cmaw_manifest *manifest, const struct cmaw_enclave_at *enclaves, size_t count,
                               const struct cmaw_credentials *credentials, struct birth *births, struct cmaw_bundle *made,
                               struct cmaw_diag *diag)
{
    /* roles of a bundle ascend, enclaves come in any order */
    for (size_t r = 0; r < manifest->role_count; r++) {
        for (size_t i = 0; i < count; i++) {
            if (!cmaw_slice_eq_cstr(manifest->roles[r].name, enclaves[i].role)) {
                continue;
            }
            cmaw_progress("birth of the key of role %s", enclaves[i].role);
            CMAW_TRY(give_birth(manifest, &manifest->roles[r], &enclaves[i], credentials, &births[r], diag));
            const struct cmaw_provision_response *answer = &births[r].response.provision;
            made->roles[made->role_count++] = (struct cmaw_role_key){
                .role = manifest->roles[r].id, .birth_cert = answer->birth_cert, .ak_doc = answer->ak_doc, .kms_blob = answer->kms_blob};
            break;
        }
    }
    return made->role_count == count ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "an enclave is of a role that the manifest does not have");
}

enum cmaw_err cmaw_provision(struct cmaw_slice manifest, const struct cmaw_enclave_at *enclaves, size_t count,
                             const struct cmaw_credentials *credentials, enum cmaw_doc_trust trust, struct cmaw_buf *bundle,
                             struct cmaw_diag *diag)
{
    struct cmaw_manifest *parsed = calloc(1, sizeof *parsed);
    struct birth *births = calloc(CMAW_ROLES_MAX, sizeof *births);
    struct cmaw_bundle *made = calloc(1, sizeof *made);
    enum cmaw_err err = parsed == NULL || births == NULL || made == NULL ? CMAW_E_NO_MEMORY : cmaw_manifest_parse(manifest, parsed);
    if (err == CMAW_OK) {
        made->manifest = manifest;
        err = births_of(parsed, enclaves, count, credentials, births, made, diag);
    }
    if (err == CMAW_OK) {
        cmaw_bundle_encode(made, bundle);
        err = bundle->err != CMAW_OK ? bundle->err : verify(bundle, trust, diag);
    }
    free_births(births, CMAW_ROLES_MAX);
    free(parsed);
    free(made);
    return err;
}
