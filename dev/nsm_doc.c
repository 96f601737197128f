#include "dev/nsm_doc.h"

#include "lib/cbor/write.h"

enum { PAYLOAD_ENTRIES = 9 };

/* What QEMU has for a certificate and for a signature. */
static const uint8_t qemu_nothing[64];

static void put_field(struct cmaw_buf *buf, const char *name, const struct cmaw_doc_field *field)
{
    cmaw_cbor_put_cstr(buf, name);
    if (field->present) {
        cmaw_cbor_put_bstr(buf, field->bytes);
    } else {
        cmaw_cbor_put_null(buf);
    }
}

static void put_pcrs(struct cmaw_buf *buf, const struct cmaw_nsm_instance *instance)
{
    cmaw_cbor_put_cstr(buf, "pcrs");
    cmaw_cbor_put_map(buf, (size_t)__builtin_popcount(instance->locked));
    for (uint32_t i = 0; i < CMAW_PCR_COUNT; i++) {
        if ((instance->locked >> i & 1) != 0) {
            cmaw_cbor_put_uint(buf, i);
            cmaw_cbor_put_bstr(buf, CMAW_SLICE_ARRAY(instance->pcrs[i]));
        }
    }
}

/* attester NULL: QEMU's. */
static void put_certificates(struct cmaw_buf *buf, const struct cmaw_attester *attester)
{
    if (attester == NULL) {
        cmaw_cbor_put_cstr(buf, "certificate");
        cmaw_cbor_put_bstr(buf, CMAW_SLICE_ARRAY(qemu_nothing));
        cmaw_cbor_put_cstr(buf, "cabundle");
        cmaw_cbor_put_array(buf, 1);
        cmaw_cbor_put_bstr(buf, CMAW_SLICE_ARRAY(qemu_nothing));
        return;
    }
    cmaw_cbor_put_cstr(buf, "certificate");
    cmaw_cbor_put_bstr(buf, cmaw_buf_slice(&attester->leaf.der));
    cmaw_cbor_put_cstr(buf, "cabundle");
    cmaw_cbor_put_array(buf, CMAW_ATTESTER_BUNDLE);
    for (size_t i = 0; i < CMAW_ATTESTER_BUNDLE; i++) {
        cmaw_cbor_put_bstr(buf, cmaw_buf_slice(&attester->bundle[i].der));
    }
}

static enum cmaw_err put_payload(struct cmaw_buf *buf, const struct cmaw_attester *attester,
                                 enum cmaw_nsm_map_form form, const struct cmaw_nsm_instance *instance,
                                 const struct cmaw_nsm_attestation *fields, uint64_t now_ms)
{
    if (form == CMAW_NSM_MAP_INDEFINITE) {
        cmaw_cbor_put_map_indefinite(buf);
    } else {
        cmaw_cbor_put_map(buf, PAYLOAD_ENTRIES);
    }
    cmaw_cbor_put_cstr(buf, "module_id");
    cmaw_cbor_put_cstr(buf, instance->module_id);
    cmaw_cbor_put_cstr(buf, "digest");
    cmaw_cbor_put_cstr(buf, "SHA384");
    cmaw_cbor_put_cstr(buf, "timestamp");
    cmaw_cbor_put_uint(buf, now_ms);
    put_pcrs(buf, instance);
    put_certificates(buf, attester);
    put_field(buf, "public_key", &fields->public_key);
    put_field(buf, "user_data", &fields->user_data);
    put_field(buf, "nonce", &fields->nonce);
    if (form == CMAW_NSM_MAP_INDEFINITE) {
        cmaw_cbor_put_break(buf);
    }
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_nsm_doc_sign(const struct cmaw_attester *attester, enum cmaw_nsm_map_form form,
                                const struct cmaw_nsm_instance *instance, const struct cmaw_nsm_attestation *fields,
                                uint64_t now_ms, struct cmaw_buf *document)
{
    static const uint8_t protected_es384[] = {0xa1, 0x01, 0x38, 0x22}; /* {1: -35} */
    CMAW_BUF_AUTO(payload, CMAW_DOC_PAYLOAD_MAX);
    CMAW_EC_KEY_AUTO(key);
    CMAW_TRY(cmaw_certificate_key(&attester->leaf, &key));
    CMAW_TRY(put_payload(&payload, attester, form, instance, fields, now_ms));
    struct cmaw_cose_tbs tbs;
    uint8_t signature[CMAW_ES384_SIZE];
    cmaw_cose_tbs_of(CMAW_SLICE_ARRAY(protected_es384), cmaw_buf_slice(&payload), &tbs);
    CMAW_TRY(cmaw_es384_sign(key, tbs.parts, CMAW_COSE_TBS_PARTS, signature));
    const struct cmaw_cose_sign1 sign1 = {CMAW_SLICE_ARRAY(protected_es384), cmaw_buf_slice(&payload),
                                          CMAW_SLICE_ARRAY(signature)};
    cmaw_cose_put_sign1(document, &sign1);
    return cmaw_buf_err(document);
}

enum cmaw_err cmaw_nsm_doc_unsigned(const struct cmaw_nsm_instance *instance, const struct cmaw_nsm_attestation *fields, uint64_t now_ms,
                                    struct cmaw_buf *document)
{
    static const uint8_t protected_none[] = {0xa1, 0x01, 0x20}; /* {1: -1} */
    CMAW_BUF_AUTO(payload, CMAW_DOC_PAYLOAD_MAX);
    CMAW_TRY(put_payload(&payload, NULL, CMAW_NSM_MAP_DEFINITE, instance, fields, now_ms / 1000 * 1000));
    const struct cmaw_cose_sign1 sign1 = {CMAW_SLICE_ARRAY(protected_none), cmaw_buf_slice(&payload), CMAW_SLICE_ARRAY(qemu_nothing)};
    cmaw_cose_put_sign1(document, &sign1);
    return cmaw_buf_err(document);
}
