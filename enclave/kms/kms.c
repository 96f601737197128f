#include "enclave/kms/kms.h"

#include <time.h>

#include "enclave/kms/exchange.h"
#include "lib/base/text.h"
#include "lib/crypto/cms.h"
#include "lib/crypto/random.h"
#include "lib/crypto/rsa.h"
#include "lib/rpc/frame.h"

enum { BODY_MAX = 64 * 1024, DOCUMENT_MAX = 24 * 1024, BACKOFF_MS = 200, LEAST_MS = 1000 /* an attempt with less time than that is not begun */ };

static enum cmaw_err failed(struct cmaw_kms_failure *failure, enum cmaw_err err, const char *type, const char *message)
{
    const bool sent = failure->recipient_sent;
    cmaw_kms_failure_set(failure, type, message);
    failure->recipient_sent = sent;
    return err;
}

/* Every value is ours or of the checked manifest: characters that JSON would escape cannot occur. */
static void put_key(struct cmaw_buf *body, const struct cmaw_kms_key *key)
{
    cmaw_buf_put_cstr(body, "{\"KeyId\":\"");
    cmaw_buf_put(body, key->arn);
    cmaw_buf_put_cstr(body, "\"");
}

static void put_context(struct cmaw_buf *body, const struct cmaw_kms_key *key)
{
    cmaw_buf_put_cstr(body, ",\"EncryptionContext\":{\"sst\":\"1\",\"tenant\":\"");
    cmaw_buf_put(body, key->tenant);
    cmaw_buf_printf(body, "\",\"role\":\"%u\",\"manifest\":\"", key->role);
    cmaw_buf_put_hex(body, key->mh);
    cmaw_buf_put_cstr(body, "\"}");
}

/* user_data and nonce are null: KMS does not look at them, and what the host might put there has no place here. */
static enum cmaw_err put_recipient(const struct cmaw_kms *kms, const struct cmaw_rsa_key *rsa, struct cmaw_buf *body)
{
    CMAW_BUF_AUTO(spki, CMAW_RSA_SPKI_SIZE);
    CMAW_BUF_AUTO(document, DOCUMENT_MAX);
    cmaw_rsa_put_spki(rsa, &spki);
    CMAW_TRY(cmaw_buf_err(&spki));
    CMAW_TRY(cmaw_nsm_attest(kms->nsm, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, cmaw_buf_slice(&spki), &document));
    cmaw_buf_put_cstr(body, ",\"Recipient\":{\"KeyEncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\",\"AttestationDocument\":\"");
    cmaw_buf_put_base64(body, cmaw_buf_slice(&document));
    cmaw_buf_put_cstr(body, "\"}");
    return cmaw_buf_err(body);
}

uint64_t cmaw_kms_wait_ms(int attempt, uint16_t chance)
{
    return chance % ((uint64_t)BACKOFF_MS << (2 * attempt));
}

/* A deadline that would pass meanwhile ends the wait. */
static bool back_off(const struct cmaw_kms_key *key, int attempt)
{
    uint16_t random = 0;
    if (cmaw_random((uint8_t *)&random, sizeof random) != CMAW_OK) {
        return false;
    }
    const uint64_t wait_ms = cmaw_kms_wait_ms(attempt, random);
    if (cmaw_monotonic_ms() + wait_ms + LEAST_MS >= key->deadline_ms) {
        return false;
    }
    const struct timespec wait = {(time_t)(wait_ms / 1000), (long)(wait_ms % 1000) * 1000000L};
    return nanosleep(&wait, NULL) == 0;
}

/* What one operation adds to the request, and what it takes from a good response. */
struct operation {
    const char *target;
    bool recipient;
    struct cmaw_slice blob; /* of Decrypt; else empty */
    struct cmaw_buf *ret_blob;
    struct cmaw_secret *ret_tsk;
};

static enum cmaw_err put_body(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, const struct operation *operation,
                              const struct cmaw_rsa_key *rsa, struct cmaw_buf *body)
{
    put_key(body, key);
    if (operation->recipient) {
        put_context(body, key);
        if (operation->blob.size > 0) {
            cmaw_buf_put_cstr(body, ",\"CiphertextBlob\":\"");
            cmaw_buf_put_base64(body, operation->blob);
            cmaw_buf_put_cstr(body, "\"");
        } else {
            cmaw_buf_put_cstr(body, ",\"KeySpec\":\"AES_256\"");
        }
        CMAW_TRY(put_recipient(kms, rsa, body));
    }
    cmaw_buf_put_cstr(body, "}");
    return cmaw_buf_err(body);
}

enum cmaw_err cmaw_kms_take_data(const struct cmaw_rsa_key *rsa, struct cmaw_slice key_arn, struct cmaw_slice body, struct cmaw_buf *blob,
                                 struct cmaw_secret *ret_tsk, struct cmaw_kms_failure *failure)
{
    [[gnu::cleanup(cmaw_kms_data_reply_free)]] struct cmaw_kms_data_reply reply = {0};
    CMAW_SECRET_AUTO(tsk);
    if (cmaw_kms_parse_data(body, key_arn, &reply) != CMAW_OK) {
        return failed(failure, CMAW_E_PEER, "BadAnswer", "another key, a plaintext in clear, or no envelope for this enclave");
    }
    if (blob != NULL && reply.blob.size == 0) {
        return failed(failure, CMAW_E_PEER, "BadAnswer", "no ciphertext of the new key");
    }
    if (cmaw_cms_open_secret(rsa, cmaw_buf_slice(&reply.envelope), CMAW_KMS_TSK_SIZE, &tsk) != CMAW_OK) {
        return failed(failure, CMAW_E_PEER, "BadAnswer", "the envelope does not open");
    }
    if (blob != NULL) {
        cmaw_buf_put(blob, cmaw_buf_slice(&reply.blob));
        CMAW_TRY(cmaw_buf_err(blob));
    }
    *ret_tsk = tsk;
    tsk = (struct cmaw_secret){0};
    return CMAW_OK;
}

/* KMS's time, once, for signatures only. */
static bool correct_skew(struct cmaw_kms_session *session, const struct cmaw_http_response *response)
{
    int64_t server_s = 0;
    if (session->skew_corrected || cmaw_http_date(response->date, &server_s) != CMAW_OK) {
        return false;
    }
    session->skew_corrected = true;
    session->skew_s = server_s - (int64_t)(session->kms->now_ms() / 1000);
    return true;
}

/* How to go on after a failed attempt. */
enum next { NEXT_END, NEXT_WAIT, NEXT_AT_ONCE };

static enum cmaw_err refused(struct cmaw_kms_session *session, const struct cmaw_http_response *response,
                             struct cmaw_kms_failure *failure, enum next *ret_next)
{
    if (response->status < 400) {
        return failed(failure, CMAW_E_PEER, "BadAnswer", "neither success nor an error; redirects are not followed");
    }
    const enum cmaw_kms_class class = cmaw_kms_failure_of(response, failure);
    *ret_next = class == CMAW_KMS_RETRY                                      ? NEXT_WAIT
                : class == CMAW_KMS_SKEW && correct_skew(session, response) ? NEXT_AT_ONCE
                                                                            : NEXT_END;
    return class == CMAW_KMS_FINAL ? CMAW_E_DENIED : CMAW_E_UNAVAILABLE;
}

static enum cmaw_err attempt(struct cmaw_kms_session *session, const struct operation *operation, const struct cmaw_rsa_key *rsa,
                             struct cmaw_kms_failure *failure, enum next *ret_next)
{
    *ret_next = NEXT_END;
    CMAW_BUF_AUTO(body, BODY_MAX);
    CMAW_BUF_AUTO(answer, CMAW_HTTP_RESPONSE_MAX);
    failure->recipient_sent = false;
    if (put_body(session->kms, &session->key, operation, rsa, &body) != CMAW_OK) {
        return failed(failure, CMAW_E_UNAVAILABLE, "NoDocument", "no attestation document from the NSM");
    }
    struct cmaw_http_response response;
    const enum cmaw_err err = cmaw_kms_exchange(session, operation->target, cmaw_buf_slice(&body), &answer, &response, failure);
    failure->recipient_sent = session->sent && operation->recipient;
    CMAW_TRY(err); /* the way there is the host's: it may ask again */
    if (response.status != 200) {
        return refused(session, &response, failure, ret_next);
    }
    if (operation->recipient) {
        return cmaw_kms_take_data(rsa, session->key.arn, response.body, operation->ret_blob, operation->ret_tsk, failure);
    }
    return cmaw_kms_parse_key(response.body, session->key.arn) == CMAW_OK
               ? CMAW_OK
               : failed(failure, CMAW_E_DENIED, "UnsuitableKey", "the key may be known or usable outside KMS, or is not enabled");
}

static enum cmaw_err perform(struct cmaw_kms_session *session, const struct operation *operation, struct cmaw_kms_failure *ret_failure)
{
    CMAW_RSA_KEY_AUTO(rsa);
    *ret_failure = (struct cmaw_kms_failure){0};
    if (operation->recipient && cmaw_rsa_generate(&rsa) != CMAW_OK) {
        return failed(ret_failure, CMAW_E_UNAVAILABLE, "NoKey", "no RSA key could be made");
    }
    for (int i = 0;;) {
        enum next next = NEXT_END;
        const enum cmaw_err err = attempt(session, operation, rsa, ret_failure, &next);
        if (next == NEXT_AT_ONCE) {
            continue; /* once in a session */
        }
        if (next == NEXT_END || i + 1 == CMAW_KMS_TRIES || !back_off(&session->key, i)) {
            return err;
        }
        i++;
    }
}

enum cmaw_err cmaw_kms_generate(struct cmaw_kms_session *session, struct cmaw_buf *blob, struct cmaw_secret *ret_tsk,
                                struct cmaw_kms_failure *ret_failure)
{
    const struct operation operation = {"TrentService.GenerateDataKey", true, CMAW_SLICE_EMPTY, blob, ret_tsk};
    return perform(session, &operation, ret_failure);
}

enum cmaw_err cmaw_kms_decrypt(struct cmaw_kms_session *session, struct cmaw_slice blob, struct cmaw_secret *ret_tsk,
                               struct cmaw_kms_failure *ret_failure)
{
    const struct operation operation = {"TrentService.Decrypt", true, blob, NULL, ret_tsk};
    return perform(session, &operation, ret_failure);
}

enum cmaw_err cmaw_kms_check_key(struct cmaw_kms_session *session, struct cmaw_kms_failure *ret_failure)
{
    const struct operation operation = {"TrentService.DescribeKey", false, CMAW_SLICE_EMPTY, NULL, NULL};
    return perform(session, &operation, ret_failure);
}
