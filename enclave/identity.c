/* Who this enclave is: measurements and time from the platform, the role lock, the attestation key. */
#include <string.h>

#include "enclave/clock.h"
#include "enclave/enclave.h"
#include "enclave/logs.h"
#include "enclave/platform/platform.h"
#include "lib/base/log.h"
#include "lib/rpc/frame.h"

enum { PCR_ROLE = 16, LAST_WORDS_MS = 2000, ROLE_LOCK_MAX = 256 };

static const uint32_t measured[CMAW_MEASURED_PCRS] = {0, 1, 2, 8};

/* A fresh document about nothing, in buf; the clock is set by it. */
static enum cmaw_err ask(const struct cmaw_enclave *enclave, struct cmaw_buf *buf, struct cmaw_doc *ret_doc)
{
    const uint64_t asked_ms = cmaw_monotonic_ms();
    CMAW_TRY(cmaw_nsm_attest(&enclave->nsm, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, buf));
    const uint64_t answered_ms = cmaw_monotonic_ms();
    CMAW_TRY(cmaw_doc_parse_trusting(cmaw_buf_slice(buf), cmaw_platform_doc_trust(), ret_doc));
    cmaw_clock_set(ret_doc->timestamp_ms, asked_ms, answered_ms);
    return CMAW_OK;
}

enum cmaw_err cmaw_enclave_read_identity(struct cmaw_enclave *enclave)
{
    CMAW_BUF_AUTO(document, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    CMAW_TRY(ask(enclave, &document, &doc));
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        const struct cmaw_slice value = cmaw_doc_pcr(&doc, measured[i]);
        CMAW_REQUIRE(value.size == CMAW_NSM_PCR_SIZE, CMAW_E_PEER);
        memcpy(enclave->pcrs[i], value.data, CMAW_NSM_PCR_SIZE);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_enclave_renew_time(const struct cmaw_enclave *enclave)
{
    CMAW_BUF_AUTO(document, CMAW_DOC_SIZE_MAX);
    struct cmaw_doc doc;
    return ask(enclave, &document, &doc);
}

/* Whether PCR16 was extended is not known any more, and nobody must be able to make use of that. */
[[gnu::noreturn]] static void end_unlocked(enum cmaw_err err)
{
    cmaw_log(CMAW_LOG_ERROR, "role.lock_failed", "err=%s", cmaw_err_text(err));
    cmaw_logs_flush(LAST_WORDS_MS);
    cmaw_platform_end(1);
}

static enum cmaw_err lock_pcr(struct cmaw_enclave *enclave, const struct cmaw_manifest *manifest, uint32_t role)
{
    CMAW_BUF_AUTO(data, ROLE_LOCK_MAX);
    struct cmaw_nsm_pcr pcr;
    cmaw_role_lock_data(&manifest->mh, role, &data);
    CMAW_TRY(cmaw_buf_err(&data));
    CMAW_TRY(cmaw_role_lock_pcr(&manifest->mh, role, &enclave->lock_pcr));
    CMAW_TRY(cmaw_nsm_extend_pcr(&enclave->nsm, PCR_ROLE, cmaw_buf_slice(&data)));
    CMAW_TRY(cmaw_nsm_lock_pcr(&enclave->nsm, PCR_ROLE));
    CMAW_TRY(cmaw_nsm_describe_pcr(&enclave->nsm, PCR_ROLE, &pcr));
    const struct cmaw_slice value = CMAW_SLICE_ARRAY(pcr.value);
    return pcr.locked && cmaw_slice_eq(value, cmaw_pcr_slice(&enclave->lock_pcr)) ? CMAW_OK : CMAW_E_PEER;
}

static enum cmaw_err become_role(struct cmaw_enclave *enclave, const struct cmaw_manifest *manifest, uint32_t role)
{
    CMAW_TRY(lock_pcr(enclave, manifest, role));
    CMAW_TRY(cmaw_ec_generate(CMAW_EC_P256, &enclave->ak));
    memcpy(enclave->manifest_bytes, manifest->bytes.data, manifest->bytes.size);
    CMAW_TRY(cmaw_manifest_parse(cmaw_slice_of(enclave->manifest_bytes, manifest->bytes.size), &enclave->manifest));
    enclave->role = cmaw_manifest_role(&enclave->manifest, role);
    CMAW_REQUIRE(enclave->role != NULL, CMAW_E_BUG);
    atomic_store(&enclave->state, CMAW_ENCLAVE_LOCKED);
    cmaw_log(CMAW_LOG_INFO, "role.locked", "role=%u", role);
    return CMAW_OK;
}

static void fill_lock_self(const struct cmaw_enclave *enclave, struct cmaw_lock_self *ret_self)
{
    *ret_self = (struct cmaw_lock_self){.now_ms = cmaw_clock_now_ms()};
    for (size_t i = 0; i < CMAW_MEASURED_PCRS; i++) {
        ret_self->pcrs[i] = CMAW_SLICE_ARRAY(enclave->pcrs[i]);
    }
    memcpy(ret_self->attestation_root.bytes, enclave->conf.attestation_root, sizeof ret_self->attestation_root.bytes);
}

enum cmaw_code cmaw_enclave_lock_role(struct cmaw_enclave *enclave, struct cmaw_slice manifest, uint32_t role)
{
    static struct cmaw_manifest wanted; /* 34 KiB, used under the lock only */
    struct cmaw_lock_self self;
    const struct cmaw_role *own = NULL;
    fill_lock_self(enclave, &self);
    const enum cmaw_code code = cmaw_lock_check(&self, manifest, role, &wanted, &own);
    if (code != CMAW_CODE_OK) {
        return code;
    }
    if (atomic_load(&enclave->state) == CMAW_ENCLAVE_NEW) {
        const enum cmaw_err err = become_role(enclave, &wanted, role);
        if (err != CMAW_OK) {
            end_unlocked(err);
        }
    }
    const bool same = role == enclave->role->id && cmaw_bytes32_eq(&enclave->manifest.mh, cmaw_bytes32_slice(&wanted.mh));
    return same ? CMAW_CODE_OK : CMAW_CODE_DENIED;
}

enum cmaw_err cmaw_enclave_attest(struct cmaw_enclave *enclave, struct cmaw_slice nonce, struct cmaw_buf *document)
{
    CMAW_BUF_AUTO(spki, CMAW_P256_SPKI_SIZE);
    struct cmaw_bytes32 user_data;
    cmaw_ec_put_spki(enclave->ak, &spki);
    CMAW_TRY(cmaw_buf_err(&spki));
    CMAW_TRY(cmaw_ak_user_data(&enclave->manifest.mh, enclave->role->id, &user_data));
    return cmaw_nsm_attest(&enclave->nsm, cmaw_bytes32_slice(&user_data), nonce, cmaw_buf_slice(&spki), document);
}
