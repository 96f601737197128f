/* Documents that are built here, one malformation each, and the policy on their values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/doc.h"
#include "lib/cbor/write.h"

/* A document whose form alone is right: a flag for each malformation. */
enum fault {
    NONE, ALG_ES256, ALG_TWICE, UNPROTECTED, SIGNATURE_95, SIGNATURE_97, NO_MODULE_ID, TPM_MODULE_ID, DIGEST_SHA256,
    TIMESTAMP_0, TIMESTAMP_NEGATIVE, NO_PCRS, TPM_PCRS, PCR_32_BYTES, PCR_INDEX_32, PCR_3_MISSING, PCR_TWICE,
    PCRS_INDEFINITE, CERTIFICATE_EMPTY, CERTIFICATE_1025, BUNDLE_1, BUNDLE_9, PUBLIC_KEY_EMPTY, PUBLIC_KEY_1025,
    USER_DATA_1025, NONCE_TEXT, DUPLICATE_KEY, INTEGER_KEY, TRAILING, TOO_DEEP, FAULTS,
};

static const uint8_t filler[1025];

static void put_pcrs(struct cmaw_buf *buf, enum fault fault)
{
    static const uint8_t indexes[] = {0, 1, 2, 4, 8, 3};
    if (fault == PCRS_INDEFINITE) {
        cmaw_cbor_put_map_indefinite(buf);
    } else {
        cmaw_cbor_put_map(buf, fault == PCR_3_MISSING ? 5 : fault == PCR_INDEX_32 || fault == PCR_TWICE ? 7 : 6);
    }
    for (size_t i = 0; i < (fault == PCR_3_MISSING ? 5 : 6); i++) {
        cmaw_cbor_put_uint(buf, indexes[i]);
        cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, fault == PCR_32_BYTES && i == 5 ? 32 : 48));
    }
    if (fault == PCR_INDEX_32 || fault == PCR_TWICE) {
        cmaw_cbor_put_uint(buf, fault == PCR_TWICE ? 8 : 32);
        cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, 48));
    }
    if (fault == PCRS_INDEFINITE) {
        cmaw_cbor_put_break(buf);
    }
}

static void put_certificates(struct cmaw_buf *buf, enum fault fault)
{
    cmaw_cbor_put_cstr(buf, "certificate");
    cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, fault == CERTIFICATE_EMPTY ? 0 : fault == CERTIFICATE_1025 ? 1025 : 9));
    cmaw_cbor_put_cstr(buf, "cabundle");
    const size_t count = fault == BUNDLE_1 ? 1 : fault == BUNDLE_9 ? 9 : 2;
    cmaw_cbor_put_array(buf, count);
    for (size_t i = 0; i < count; i++) {
        cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, 9));
    }
}

static void put_free_fields(struct cmaw_buf *buf, enum fault fault)
{
    cmaw_cbor_put_cstr(buf, "public_key");
    if (fault == PUBLIC_KEY_EMPTY || fault == PUBLIC_KEY_1025) {
        cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, fault == PUBLIC_KEY_EMPTY ? 0 : 1025));
    } else {
        cmaw_cbor_put_null(buf);
    }
    cmaw_cbor_put_cstr(buf, "user_data");
    cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, fault == USER_DATA_1025 ? 1025 : 0));
    cmaw_cbor_put_cstr(buf, fault == DUPLICATE_KEY ? "user_data" : "nonce");
    if (fault == NONCE_TEXT) {
        cmaw_cbor_put_cstr(buf, "text");
    } else {
        cmaw_cbor_put_null(buf);
    }
}

static void put_unknown(struct cmaw_buf *buf, enum fault fault)
{
    if (fault == INTEGER_KEY) {
        cmaw_cbor_put_uint(buf, 1);
    } else {
        cmaw_cbor_put_cstr(buf, "a key of tomorrow");
    }
    for (int i = 0; i < (fault == TOO_DEEP ? 8 : 7); i++) {
        cmaw_cbor_put_array(buf, 1);
    }
    cmaw_cbor_put_null(buf);
}

static void put_payload(struct cmaw_buf *buf, enum fault fault)
{
    cmaw_cbor_put_map_indefinite(buf);
    if (fault != NO_MODULE_ID) {
        cmaw_cbor_put_cstr(buf, "module_id");
        cmaw_cbor_put_cstr(buf, fault == TPM_MODULE_ID ? "i-01-tpm0000000000000000" : "i-01-enc02");
    }
    cmaw_cbor_put_cstr(buf, "digest");
    cmaw_cbor_put_cstr(buf, fault == DIGEST_SHA256 ? "SHA256" : "SHA384");
    cmaw_cbor_put_cstr(buf, "timestamp");
    cmaw_cbor_put_int(buf, fault == TIMESTAMP_0 ? 0 : fault == TIMESTAMP_NEGATIVE ? -5 : 5);
    if (fault != NO_PCRS) {
        cmaw_cbor_put_cstr(buf, fault == TPM_PCRS ? "nitrotpm_pcrs" : "pcrs");
        put_pcrs(buf, fault);
    }
    put_certificates(buf, fault);
    put_free_fields(buf, fault);
    put_unknown(buf, fault);
    cmaw_cbor_put_break(buf);
    if (fault == TRAILING) {
        cmaw_cbor_put_null(buf);
    }
}

static void put_document(struct cmaw_buf *buf, enum fault fault)
{
    CMAW_BUF_AUTO(payload, 1 << 16);
    put_payload(&payload, fault);
    cmaw_cbor_put_array(buf, 4);
    cmaw_cbor_put_bstr(buf, fault == ALG_ES256 ? CMAW_SLICE_LIT("\xa1\x01\x20") :
                            fault == ALG_TWICE ? CMAW_SLICE_LIT("\xa2\x01\x38\x22\x01\x38\x22") :
                                                 CMAW_SLICE_LIT("\xa1\x01\x38\x22"));
    cmaw_cbor_put_map(buf, fault == UNPROTECTED ? 1 : 0);
    if (fault == UNPROTECTED) {
        cmaw_cbor_put_uint(buf, 4);
        cmaw_cbor_put_null(buf);
    }
    cmaw_cbor_put_bstr(buf, cmaw_buf_slice(&payload));
    cmaw_cbor_put_bstr(buf, cmaw_slice_of(filler, fault == SIGNATURE_95 ? 95 : fault == SIGNATURE_97 ? 97 : 96));
}

static void every_fault_of_form_is_refused(void **state)
{
    (void)state;
    for (enum fault fault = NONE; fault < FAULTS; fault++) {
        CMAW_BUF_AUTO(bytes, 1 << 16);
        struct cmaw_doc doc;
        put_document(&bytes, fault);
        if (cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc) != (fault == NONE ? CMAW_OK : CMAW_E_MALFORMED)) {
            fail_msg("fault %d", (int)fault);
        }
    }
    static const uint8_t huge[CMAW_DOC_SIZE_MAX + 1];
    struct cmaw_doc doc;
    assert_int_equal(cmaw_doc_parse(CMAW_SLICE_ARRAY(huge), &doc), CMAW_E_TOO_LARGE);
}

static void form_says_nothing_of_authenticity(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 1 << 16);
    struct cmaw_doc doc;
    put_document(&bytes, NONE);
    assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_OK);
    static const uint8_t no_root[CMAW_SHA256_SIZE];
    assert_int_equal(cmaw_doc_verify_at(&doc, no_root, doc.timestamp_ms, NULL), CMAW_E_AUTH);
    uint8_t digest[CMAW_SHA256_SIZE]; /* its own root pinned: 9 zero bytes are no certificate */
    cmaw_sha256(doc.cabundle[0], digest);
    assert_int_equal(cmaw_doc_verify_at(&doc, digest, doc.timestamp_ms, NULL), CMAW_E_AUTH);
}

static void any_zero_measurement_is_debug_mode(void **state)
{
    (void)state;
    static uint8_t one[CMAW_PCR_SIZE] = {1}, zero[CMAW_PCR_SIZE];
    const struct cmaw_slice a = CMAW_SLICE_ARRAY(one);
    const struct cmaw_doc doc = {.pcrs = {[0] = a, [1] = a, [2] = a, [8] = CMAW_SLICE_ARRAY(zero)}};
    assert_false(cmaw_doc_is_debug(&doc));
    for (size_t i = 0; i < 3; i++) {
        struct cmaw_doc peer = doc;
        peer.pcrs[i] = CMAW_SLICE_ARRAY(zero);
        assert_true(cmaw_doc_is_debug(&peer));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_form_is_refused),
        cmocka_unit_test(form_says_nothing_of_authenticity),
        cmocka_unit_test(any_zero_measurement_is_debug_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
