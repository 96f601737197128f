/* Birth and configuration of a role's key: PROTOCOL.md section 6, points 3 and 4. */
#include <malloc.h>
#include <string.h>

#include "enclave/clock.h"
#include "enclave/enclave.h"
#include "enclave/platform/platform.h"
#include "lib/base/log.h"
#include "lib/rpc/frame.h"

static struct cmaw_kms_key key_of(const struct cmaw_enclave *enclave, const struct cmaw_credentials *credentials)
{
    return (struct cmaw_kms_key){
        .arn = enclave->role->kms_key_arn,
        .tenant = enclave->manifest.tenant,
        .role = enclave->role->id,
        .mh = cmaw_bytes32_slice(&enclave->manifest.mh),
        .credentials = {credentials->access_key_id, credentials->secret_access_key, credentials->session_token},
        .deadline_ms = cmaw_deadline_in(enclave->conf.kms_deadline_s * 1000),
    };
}

/* What the host may learn: that KMS or the way to it failed, that it refused, or that the answer was not one to trust. */
static enum cmaw_code code_of_kms(enum cmaw_err err)
{
    switch (err) {
    case CMAW_OK: return CMAW_CODE_OK;
    case CMAW_E_UNAVAILABLE:
    case CMAW_E_AUTH: return CMAW_CODE_KMS_UNAVAILABLE; /* TLS did not come to the endpoint of the image */
    case CMAW_E_DENIED:
    case CMAW_E_PEER: return CMAW_CODE_DENIED;
    case CMAW_E_MALFORMED: return CMAW_CODE_BAD_REQUEST;
    default: return CMAW_CODE_INTERNAL;
    }
}

static bool kms_failed(struct cmaw_enclave *enclave, struct cmaw_reply *reply, enum cmaw_err err, const char *event)
{
    if (err == CMAW_OK) {
        return false;
    }
    cmaw_log(CMAW_LOG_WARN, event, "err=%s http=%u", cmaw_err_text(err), reply->kms_failure.http_status);
    cmaw_reply_kms_failure(enclave, reply, code_of_kms(err));
    return true;
}

static bool in_debug_mode(const struct cmaw_enclave *enclave)
{
    return cmaw_slice_is_zero(CMAW_SLICE_ARRAY(enclave->pcrs[0])) && cmaw_slice_is_zero(CMAW_SLICE_ARRAY(enclave->pcrs[1])) &&
           cmaw_slice_is_zero(CMAW_SLICE_ARRAY(enclave->pcrs[2]));
}

/* False, with the answer in reply, where the role is not this enclave's. The manifest is the host's and the measurements are public: they may
 * stand side by side. */
static bool lock_role(struct cmaw_enclave *enclave, struct cmaw_slice manifest, uint32_t role, struct cmaw_reply *reply)
{
    const enum cmaw_code code = cmaw_enclave_lock_role(enclave, manifest, role);
    if (code == CMAW_CODE_DENIED) {
        const bool debug = in_debug_mode(enclave);
        cmaw_kms_failure_set(&reply->kms_failure, debug ? "DebugMode" : "RoleRefused",
                             debug ? "this enclave runs in debug mode: its measurements are zero"
                                   : "the manifest does not give this role to this enclave, or it has another one already");
        cmaw_reply_kms_failure(enclave, reply, code);
    } else if (code != CMAW_CODE_OK) {
        cmaw_reply_code(reply, code);
    }
    return code == CMAW_CODE_OK;
}

/* A birth that is not this role's, or a key that is not that birth's: the host brought the one and whoever answered for KMS the other. */
static void refuse_birth(struct cmaw_enclave *enclave, struct cmaw_reply *reply, const char *type, const char *message)
{
    cmaw_kms_failure_set(&reply->kms_failure, type, message);
    cmaw_reply_kms_failure(enclave, reply, CMAW_CODE_DENIED);
}

static enum cmaw_err make_certificate(struct cmaw_enclave *enclave, struct cmaw_slice tsk, struct cmaw_reply *reply)
{
    [[gnu::cleanup(cmaw_role_keys_release)]] struct cmaw_role_keys keys = {0};
    struct cmaw_birth_claims claims = {
        .manifest = enclave->manifest.mh,
        .role = enclave->role->id,
        .key_arn = enclave->role->kms_key_arn,
        .created_ms = cmaw_clock_now_ms(),
    };
    CMAW_TRY(cmaw_role_keys_derive(tsk, &enclave->manifest.mh, enclave->role->id, &keys));
    claims.tsk_commit = keys.tsk_commit;
    claims.pk_role = keys.pk;
    CMAW_TRY(cmaw_kms_blob_hash(cmaw_buf_slice(&reply->kms_blob), &claims.blob_hash));
    reply->birth_cert = CMAW_BUF(CMAW_BIRTH_CERT_MAX);
    return cmaw_birth_make(&claims, enclave->ak, &reply->birth_cert);
}

static void provision(struct cmaw_enclave *enclave, const struct cmaw_provision_request *request, struct cmaw_reply *reply)
{
    if (!lock_role(enclave, request->manifest, request->role, reply)) {
        return;
    }
    CMAW_SECRET_AUTO(tsk);
    CMAW_KMS_SESSION_AUTO(session);
    const struct cmaw_kms_key key = key_of(enclave, &request->credentials);
    reply->kms_blob = CMAW_BUF(CMAW_KMS_BLOB_MAX);
    reply->ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX);
    if (kms_failed(enclave, reply, cmaw_kms_open(&enclave->kms, &key, &session, &reply->kms_failure), "birth.failed") ||
        kms_failed(enclave, reply, cmaw_kms_check_key(&session, &reply->kms_failure), "birth.key_refused") ||
        kms_failed(enclave, reply, cmaw_kms_generate(&session, &reply->kms_blob, &tsk, &reply->kms_failure), "birth.failed")) {
        return;
    }
    if (make_certificate(enclave, cmaw_secret_slice(&tsk), reply) != CMAW_OK ||
        cmaw_enclave_attest(enclave, request->nonce, &reply->ak_doc) != CMAW_OK) {
        cmaw_reply_code(reply, CMAW_CODE_INTERNAL);
        return;
    }
    cmaw_enclave_clear_failure(enclave);
    cmaw_log(CMAW_LOG_INFO, "birth.done", "role=%u", enclave->role->id);
    reply->response = (struct cmaw_response){
        .code = CMAW_CODE_OK,
        .verb = CMAW_VERB_PROVISION,
        .provision = {cmaw_buf_slice(&reply->kms_blob), cmaw_buf_slice(&reply->birth_cert), cmaw_buf_slice(&reply->ak_doc)},
    };
}

/* The last step before READY: everything that may fail has been done. */
static void become_ready(struct cmaw_enclave *enclave, struct cmaw_role_keys *keys, struct cmaw_reply *reply)
{
    enclave->keys = *keys;
    *keys = (struct cmaw_role_keys){0};
    enclave->self = (struct cmaw_step_self){
        .manifest = &enclave->manifest, .role = enclave->role, .role_key = &enclave->keys.kem};
    cmaw_enclave_clear_failure(enclave);
    atomic_store(&enclave->state, CMAW_ENCLAVE_READY);
    cmaw_log(CMAW_LOG_INFO, "enclave.ready", "role=%u", enclave->role->id);
    reply->response = (struct cmaw_response){
        .code = CMAW_CODE_OK, .verb = CMAW_VERB_CONFIGURE, .configure = {cmaw_buf_slice(&reply->ak_doc)}};
}

/* What receipts will name. */
static enum cmaw_err make_ak_doc(struct cmaw_enclave *enclave, struct cmaw_slice nonce, struct cmaw_reply *reply)
{
    reply->ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX);
    CMAW_TRY(cmaw_enclave_attest(enclave, nonce, &reply->ak_doc));
    cmaw_buf_reset(&enclave->ak_doc);
    cmaw_buf_put(&enclave->ak_doc, cmaw_buf_slice(&reply->ak_doc));
    return cmaw_buf_err(&enclave->ak_doc);
}

static void configure(struct cmaw_enclave *enclave, const struct cmaw_configure_request *request, struct cmaw_reply *reply)
{
    if (!lock_role(enclave, request->manifest, request->role, reply)) {
        return;
    }
    struct cmaw_birth_claims claims;
    if (cmaw_birth_verify(request->birth_cert, request->ak_doc, request->kms_blob, &enclave->manifest, enclave->role,
                          cmaw_platform_doc_trust(), &claims, NULL) != CMAW_OK) {
        cmaw_log(CMAW_LOG_WARN, "configure.birth_refused", "role=%u", request->role);
        refuse_birth(enclave, reply, "BirthRefused", "the certificate of the birth does not hold for this manifest, role, key and ciphertext");
        return;
    }
    CMAW_SECRET_AUTO(tsk);
    [[gnu::cleanup(cmaw_role_keys_release)]] struct cmaw_role_keys keys = {0};
    CMAW_KMS_SESSION_AUTO(session);
    const struct cmaw_kms_key key = key_of(enclave, &request->credentials);
    if (kms_failed(enclave, reply, cmaw_kms_open(&enclave->kms, &key, &session, &reply->kms_failure), "configure.failed") ||
        kms_failed(enclave, reply, cmaw_kms_decrypt(&session, request->kms_blob, &tsk, &reply->kms_failure), "configure.failed")) {
        return;
    }
    if (cmaw_birth_match_tsk(&claims, cmaw_secret_slice(&tsk), &keys, NULL) != CMAW_OK) {
        cmaw_log(CMAW_LOG_WARN, "configure.key_refused", "role=%u", request->role);
        reply->kms_failure.recipient_sent = true;
        refuse_birth(enclave, reply, "KeyRefused", "the key that came is not the one of the birth");
        return;
    }
    if (make_ak_doc(enclave, request->nonce, reply) != CMAW_OK) {
        cmaw_reply_code(reply, CMAW_CODE_INTERNAL);
        return;
    }
    become_ready(enclave, &keys, reply);
}

/* Only one at a time, and none once READY: the state may have moved while this one waited for nothing. */
static bool begin(struct cmaw_enclave *enclave, struct cmaw_reply *reply)
{
    if (pthread_mutex_trylock(&enclave->lock) != 0) {
        cmaw_reply_code(reply, CMAW_CODE_BUSY);
        return false;
    }
    if (atomic_load(&enclave->state) == CMAW_ENCLAVE_READY) {
        pthread_mutex_unlock(&enclave->lock);
        cmaw_reply_code(reply, CMAW_CODE_DENIED);
        return false;
    }
    return true;
}

static void end(struct cmaw_enclave *enclave)
{
    pthread_mutex_unlock(&enclave->lock);
    (void)malloc_trim(0); /* TLS and JSON are over; what they left on the heap is given back */
}

void cmaw_handle_provision(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply)
{
    if (begin(enclave, reply)) {
        provision(enclave, &request->provision, reply);
        end(enclave);
    }
}

void cmaw_handle_configure(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply)
{
    if (begin(enclave, reply)) {
        configure(enclave, &request->configure, reply);
        end(enclave);
    }
}
