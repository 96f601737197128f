#include "dev/kms.h"

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/crypto/cms_make.h"
#include "lib/crypto/x509.h"

enum { DOCUMENT_MAX = 262144 };

/* Parts of Recipient are read as members of a call of their own, for the same complaints. */
static enum cmaw_err read_recipient(struct cmaw_kms_call *call, json_t *recipient)
{
    static const char *const algorithms[] = {"RSAES_OAEP_SHA_256", NULL};
    const char *algorithm = NULL;
    struct cmaw_kms_call part = {.request = recipient};
    enum cmaw_err err = cmaw_kms_arg_choice(&part, "KeyEncryptionAlgorithm", algorithms, &algorithm);
    if (err == CMAW_OK) {
        err = cmaw_kms_arg_bytes(&part, "AttestationDocument", DOCUMENT_MAX, true, &call->recipient.bytes);
    }
    call->fault = part.fault;
    return err;
}

static enum cmaw_err check_age(const struct cmaw_doc *doc, int64_t now_ms)
{
    const int64_t age_ms = now_ms - (int64_t)doc->timestamp_ms;
    CMAW_REQUIRE(age_ms <= CMAW_KMS_RECIPIENT_AGE_MS && age_ms >= -CMAW_KMS_RECIPIENT_AGE_MS, CMAW_E_EXPIRED);
    return CMAW_OK;
}

/* The chain was looked at as of the document's own time only. */
static enum cmaw_err check_certificates_now(const struct cmaw_doc *doc, int64_t now_ms)
{
    for (size_t i = 0; i <= doc->cabundle_count; i++) {
        int64_t not_before_s = 0, not_after_s = 0;
        CMAW_TRY(cmaw_x509_validity(i < doc->cabundle_count ? doc->cabundle[i] : doc->certificate, &not_before_s,
                                    &not_after_s));
        CMAW_REQUIRE(now_ms / 1000 >= not_before_s && now_ms / 1000 <= not_after_s, CMAW_E_EXPIRED);
    }
    return CMAW_OK;
}

/* Of the thread that serves this call. Other enclaves come and go: one that is full of their authorities begins anew. */
static struct cmaw_x509_cache *authorities_seen(void)
{
    static _Thread_local struct cmaw_x509_cache cache;
    if (cache.count == CMAW_X509_CACHE_MAX) {
        cache.count = 0;
    }
    return &cache;
}

/* facts/NITRO.md section 1.3, then that all of it holds now. */
static enum cmaw_err verify_signed(struct cmaw_kms_call *call)
{
    struct cmaw_doc *doc = &call->recipient.doc;
    CMAW_TRY(cmaw_doc_parse(cmaw_buf_slice(&call->recipient.bytes), doc));
    CMAW_TRY(cmaw_doc_verify_at(doc, call->kms->attestation_root, doc->timestamp_ms, authorities_seen()));
    CMAW_TRY(check_age(doc, call->now_ms));
    return check_certificates_now(doc, call->now_ms);
}

/* Nothing in it is proven: the image, the registers and the key are what the sender says. */
static enum cmaw_err accept_unsigned(struct cmaw_kms_call *call)
{
    struct cmaw_doc *doc = &call->recipient.doc;
    CMAW_TRY(cmaw_doc_parse_trusting(cmaw_buf_slice(&call->recipient.bytes), CMAW_DOC_UNSIGNED_QEMU_TOO, doc));
    CMAW_REQUIRE(doc->is_unsigned, CMAW_E_AUTH); /* a signed one has been judged already */
    CMAW_TRY(check_age(doc, call->now_ms));
    call->recipient.is_unsigned = true;
    cmaw_log(CMAW_LOG_WARN, "kms.unsigned", "op=%s note=\"an unsigned attestation document was accepted: anybody can write one\"",
             call->operation);
    return CMAW_OK;
}

static enum cmaw_err verify(struct cmaw_kms_call *call)
{
    const struct cmaw_doc *doc = &call->recipient.doc;
    const enum cmaw_err err = verify_signed(call);
    if (err != CMAW_OK) {
        CMAW_REQUIRE(call->kms->accept_unsigned, err);
        CMAW_TRY(accept_unsigned(call));
    }
    CMAW_REQUIRE(doc->public_key.present, CMAW_E_MALFORMED);
    return cmaw_rsa_from_spki(doc->public_key.bytes, &call->recipient.key);
}

enum cmaw_err cmaw_kms_recipient_check(struct cmaw_kms_call *call)
{
    json_t *recipient = json_object_get(call->request, "Recipient");
    if (recipient == NULL || json_is_null(recipient)) {
        return CMAW_OK;
    }
    CMAW_REQUIRE(json_is_object(recipient),
                 cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the member Recipient has another type"));
    CMAW_TRY(read_recipient(call, recipient));
    /* one answer for every reason: which check failed is nobody's business */
    CMAW_REQUIRE(verify(call) == CMAW_OK,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "The attestation document is not valid."));
    call->recipient.present = true;
    return CMAW_OK;
}

static enum cmaw_cms_form next_form(struct cmaw_kms *kms)
{
    const unsigned number = __atomic_fetch_add(&kms->envelopes, 1, __ATOMIC_RELAXED);
    const bool second = kms->cms_form == CMAW_FORM_ALTERNATE ? number % 2 == 1 : kms->cms_form == CMAW_FORM_SECOND;
    return second ? CMAW_CMS_PRIMITIVE : CMAW_CMS_SEGMENTED;
}

enum cmaw_err cmaw_kms_put_plaintext(struct cmaw_kms_call *call, const char *name, struct cmaw_slice plaintext)
{
    CMAW_BUF_AUTO(envelope, 2 * CMAW_KMS_BLOB_MAX);
    CMAW_BUF_AUTO(text, 4 * CMAW_KMS_BLOB_MAX);
    if (call->recipient.present) {
        CMAW_TRY(cmaw_cms_make(call->recipient.key, next_form(call->kms), plaintext, &envelope));
        cmaw_buf_put_base64(&text, cmaw_buf_slice(&envelope));
    } else {
        cmaw_buf_put_base64(&text, plaintext);
    }
    CMAW_TRY(cmaw_buf_err(&text));
    const char *member = call->recipient.present ? "CiphertextForRecipient" : name;
    const int failed = json_object_set_new(call->response, member, json_stringn((const char *)text.data, text.size));
    return failed == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}
