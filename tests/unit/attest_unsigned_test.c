/* Unsigned documents: exactly the form of QEMU's nitro-enclave machine is taken, and only by whoever asks for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/doc.h"
#include "lib/cbor/write.h"

/* QEMU's document, and what makes each look-alike another one. */
enum fault {
    NONE,
    /* the envelope */
    ALG_ES384, ALG_ES256, ALG_NONE_AT_ALL, ALG_NOT_SHORTEST, ALG_TWICE, TAGGED, UNPROTECTED, ARRAY_NOT_SHORTEST, TRAILING,
    SIGNATURE_EMPTY, SIGNATURE_63, SIGNATURE_65, SIGNATURE_96, SIGNATURE_FIRST_BIT, SIGNATURE_LAST_BIT,
    /* half of a signed document */
    SIGNED_HEADER_AND_SIGNATURE, SIGNED_CERTIFICATE, SIGNED_BUNDLE, SIGNED_CHAIN,
    CERTIFICATE_EMPTY, CERTIFICATE_63, CERTIFICATE_65, CERTIFICATE_FIRST_BIT, CERTIFICATE_LAST_BIT,
    BUNDLE_EMPTY, BUNDLE_TWO, BUNDLE_63, BUNDLE_65, BUNDLE_FIRST_BIT, BUNDLE_LAST_BIT,
    /* what it says */
    TIMESTAMP_MS, TIMESTAMP_0, MAP_INDEFINITE, MAP_NOT_SHORTEST, TENTH_KEY, UNKNOWN_FOR_NONCE, NO_USER_DATA, KEY_TWICE,
    MODULE_OF_NOBODY, MODULE_OF_TPM, PCRS_OF_TPM, NO_PCRS, PCR_3_MISSING, PCR_32_BYTES, DIGEST_SHA256, PUBLIC_KEY_EMPTY, NONCE_TEXT,
    FAULTS,
};

enum { ZEROS = 64 };

/* 64 zero bytes, but for the fault. */
static struct cmaw_slice nothing(enum fault fault, enum fault first_bit, enum fault last_bit, uint8_t bytes[static ZEROS])
{
    memset(bytes, 0, ZEROS);
    bytes[0] = fault == first_bit ? 0x80 : 0;
    bytes[ZEROS - 1] = fault == last_bit ? 1 : 0;
    return cmaw_slice_of(bytes, ZEROS);
}

static const uint8_t zeros[96], noise[96] = {1, 2, 3};

static void put_pcrs(struct cmaw_buf *buf, enum fault fault)
{
    cmaw_cbor_put_cstr(buf, fault == PCRS_OF_TPM ? "nitrotpm_pcrs" : "pcrs");
    cmaw_cbor_put_map(buf, fault == NO_PCRS ? 0 : fault == PCR_3_MISSING ? 16 : 17);
    for (uint32_t i = 0; i <= 16 && fault != NO_PCRS; i++) {
        if (i != 3 || fault != PCR_3_MISSING) {
            cmaw_cbor_put_uint(buf, i);
            cmaw_cbor_put_bstr(buf, cmaw_slice_of(i < 3 ? noise : zeros, fault == PCR_32_BYTES && i == 4 ? 32 : CMAW_PCR_SIZE));
        }
    }
}

static void put_certificates(struct cmaw_buf *buf, enum fault fault)
{
    uint8_t bytes[ZEROS];
    struct cmaw_slice leaf = nothing(fault, CERTIFICATE_FIRST_BIT, CERTIFICATE_LAST_BIT, bytes);
    leaf = fault == CERTIFICATE_EMPTY ? CMAW_SLICE_EMPTY : fault == CERTIFICATE_63 ? cmaw_slice_of(zeros, 63) :
           fault == CERTIFICATE_65 ? cmaw_slice_of(zeros, 65) :
           fault == SIGNED_CERTIFICATE || fault == SIGNED_CHAIN ? CMAW_SLICE_ARRAY(noise) : leaf;
    cmaw_cbor_put_cstr(buf, "certificate");
    cmaw_cbor_put_bstr(buf, leaf);
    struct cmaw_slice root = nothing(fault, BUNDLE_FIRST_BIT, BUNDLE_LAST_BIT, bytes);
    root = fault == BUNDLE_63 ? cmaw_slice_of(zeros, 63) : fault == BUNDLE_65 ? cmaw_slice_of(zeros, 65) :
           fault == SIGNED_BUNDLE || fault == SIGNED_CHAIN ? CMAW_SLICE_ARRAY(noise) : root;
    const size_t count = fault == BUNDLE_EMPTY ? 0 : fault == BUNDLE_TWO || fault == SIGNED_CHAIN ? 2 : 1;
    cmaw_cbor_put_cstr(buf, "cabundle");
    cmaw_cbor_put_array(buf, count);
    for (size_t i = 0; i < count; i++) {
        cmaw_cbor_put_bstr(buf, root);
    }
}

static void put_free_fields(struct cmaw_buf *buf, enum fault fault)
{
    cmaw_cbor_put_cstr(buf, "public_key");
    cmaw_cbor_put_bstr(buf, fault == PUBLIC_KEY_EMPTY ? CMAW_SLICE_EMPTY : CMAW_SLICE_LIT("a key"));
    if (fault != NO_USER_DATA) {
        cmaw_cbor_put_cstr(buf, fault == KEY_TWICE ? "public_key" : "user_data");
        cmaw_cbor_put_bstr(buf, CMAW_SLICE_LIT("u"));
    }
    cmaw_cbor_put_cstr(buf, fault == UNKNOWN_FOR_NONCE ? "a key of tomorrow" : "nonce");
    if (fault == NONCE_TEXT) {
        cmaw_cbor_put_cstr(buf, "text");
    } else {
        cmaw_cbor_put_null(buf);
    }
    if (fault == TENTH_KEY) {
        cmaw_cbor_put_cstr(buf, "a key of tomorrow");
        cmaw_cbor_put_null(buf);
    }
}

static void put_payload(struct cmaw_buf *buf, enum fault fault)
{
    if (fault == MAP_INDEFINITE) {
        cmaw_cbor_put_map_indefinite(buf);
    } else if (fault == MAP_NOT_SHORTEST) {
        cmaw_buf_put(buf, CMAW_SLICE_LIT("\xb8\x09"));
    } else {
        cmaw_cbor_put_map(buf, fault == TENTH_KEY ? 10 : fault == NO_USER_DATA ? 8 : 9);
    }
    cmaw_cbor_put_cstr(buf, "module_id");
    cmaw_cbor_put_cstr(buf, fault == MODULE_OF_NOBODY ? "i-01" : fault == MODULE_OF_TPM ? "i-01-tpm0000000000000000" : "i-234-enc5678");
    cmaw_cbor_put_cstr(buf, "digest");
    cmaw_cbor_put_cstr(buf, fault == DIGEST_SHA256 ? "SHA256" : "SHA384");
    cmaw_cbor_put_cstr(buf, "timestamp");
    cmaw_cbor_put_uint(buf, fault == TIMESTAMP_MS ? 1780000000001 : fault == TIMESTAMP_0 ? 0 : 1780000000000);
    put_pcrs(buf, fault);
    put_certificates(buf, fault);
    put_free_fields(buf, fault);
    if (fault == MAP_INDEFINITE) {
        cmaw_cbor_put_break(buf);
    }
}

static struct cmaw_slice header_of(enum fault fault)
{
    switch (fault) {
    case ALG_ES384:
    case SIGNED_HEADER_AND_SIGNATURE: return CMAW_SLICE_LIT("\xa1\x01\x38\x22");
    case ALG_ES256: return CMAW_SLICE_LIT("\xa1\x01\x26");
    case ALG_NONE_AT_ALL: return CMAW_SLICE_LIT("\xa0");
    case ALG_NOT_SHORTEST: return CMAW_SLICE_ARRAY(((const uint8_t[]){0xa1, 0x01, 0x38, 0x00}));
    case ALG_TWICE: return CMAW_SLICE_LIT("\xa2\x01\x20\x01\x20");
    default: return CMAW_SLICE_LIT("\xa1\x01\x20");
    }
}

static void put_signature(struct cmaw_buf *buf, enum fault fault)
{
    uint8_t bytes[ZEROS];
    const struct cmaw_slice exact = nothing(fault, SIGNATURE_FIRST_BIT, SIGNATURE_LAST_BIT, bytes);
    cmaw_cbor_put_bstr(buf, fault == SIGNATURE_EMPTY ? CMAW_SLICE_EMPTY : fault == SIGNATURE_63 ? cmaw_slice_of(zeros, 63) :
                            fault == SIGNATURE_65 ? cmaw_slice_of(zeros, 65) : fault == SIGNATURE_96 ? CMAW_SLICE_ARRAY(zeros) :
                            fault == SIGNED_HEADER_AND_SIGNATURE ? CMAW_SLICE_ARRAY(noise) : exact);
}

static void put_document(struct cmaw_buf *buf, enum fault fault)
{
    CMAW_BUF_AUTO(payload, 1 << 16);
    put_payload(&payload, fault);
    if (fault == TAGGED) {
        cmaw_buf_put_u8(buf, 0xd2);
    }
    if (fault == ARRAY_NOT_SHORTEST) {
        cmaw_buf_put(buf, CMAW_SLICE_LIT("\x98\x04"));
    } else {
        cmaw_cbor_put_array(buf, 4);
    }
    cmaw_cbor_put_bstr(buf, header_of(fault));
    cmaw_cbor_put_map(buf, fault == UNPROTECTED ? 1 : 0);
    if (fault == UNPROTECTED) {
        cmaw_cbor_put_uint(buf, 4);
        cmaw_cbor_put_null(buf);
    }
    cmaw_cbor_put_bstr(buf, cmaw_buf_slice(&payload));
    put_signature(buf, fault);
    if (fault == TRAILING) {
        cmaw_cbor_put_null(buf);
    }
    assert_int_equal(buf->err, CMAW_OK);
}

static void only_qemus_form_is_taken(void **)
{
    for (enum fault fault = NONE; fault < FAULTS; fault++) {
        CMAW_BUF_AUTO(bytes, 1 << 16);
        struct cmaw_doc doc = {0};
        put_document(&bytes, fault);
        const enum cmaw_err err = cmaw_doc_parse_trusting(cmaw_buf_slice(&bytes), CMAW_DOC_UNSIGNED_QEMU_TOO, &doc);
        if (err != (fault == NONE ? CMAW_OK : CMAW_E_MALFORMED)) {
            fail_msg("fault %d", (int)fault);
        }
        assert_true(doc.is_unsigned == (fault == NONE));
    }
}

/* Without the caller's word, none: the good one neither. */
static void nobody_else_takes_one(void **)
{
    for (enum fault fault = NONE; fault < FAULTS; fault++) {
        CMAW_BUF_AUTO(bytes, 1 << 16);
        struct cmaw_doc doc;
        put_document(&bytes, fault);
        assert_int_equal(cmaw_doc_parse(cmaw_buf_slice(&bytes), &doc), CMAW_E_MALFORMED);
        assert_int_equal(cmaw_doc_parse_trusting(cmaw_buf_slice(&bytes), CMAW_DOC_SIGNED, &doc), CMAW_E_MALFORMED);
    }
}

/* It never passes for verified, its own 64 zero bytes pinned as the root included. */
static void none_ever_verifies(void **)
{
    CMAW_BUF_AUTO(bytes, 1 << 16);
    struct cmaw_doc doc;
    uint8_t root[CMAW_SHA256_SIZE];
    put_document(&bytes, NONE);
    assert_int_equal(cmaw_doc_parse_trusting(cmaw_buf_slice(&bytes), CMAW_DOC_UNSIGNED_QEMU_TOO, &doc), CMAW_OK);
    cmaw_sha256(cmaw_slice_of(zeros, ZEROS), root);
    assert_int_equal(cmaw_doc_verify_at(&doc, root, doc.timestamp_ms, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_doc_verify_at(&doc, root, doc.timestamp_ms, NULL), CMAW_E_AUTH);
    assert_true(cmaw_slice_eq_cstr(doc.module_id, "i-234-enc5678"));
    assert_int_equal(doc.timestamp_ms, 1780000000000);
    assert_true(cmaw_slice_eq_cstr(doc.public_key.bytes, "a key") && !doc.nonce.present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_qemus_form_is_taken),
        cmocka_unit_test(nobody_else_takes_one),
        cmocka_unit_test(none_ever_verifies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
