#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/cbor/cose.h"
#include "lib/cbor/write.h"
#include "lib/crypto/ecdsa.h"
#include "tests/unit/vectors.h"

static void put_tbs(struct cmaw_slice protected_header, struct cmaw_slice payload, struct cmaw_buf *out)
{
    struct cmaw_cose_tbs tbs;
    cmaw_cose_tbs_of(protected_header, payload, &tbs);
    for (size_t i = 0; i < CMAW_COSE_TBS_PARTS; i++) {
        cmaw_buf_put(out, tbs.parts[i]);
    }
}

/* The parts are the Sig_structure that the writer would write, at every size of head. */
static void tbs_is_the_sig_structure(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 23, 24, 255, 256, 65535, 65536};
    static uint8_t bytes[65536];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const struct cmaw_slice big = cmaw_slice_of(bytes, sizes[i]);
        CMAW_BUF_AUTO(want, 1 << 20);
        CMAW_BUF_AUTO(got, 1 << 20);
        cmaw_cbor_put_array(&want, 4);
        cmaw_cbor_put_cstr(&want, "Signature1");
        cmaw_cbor_put_bstr(&want, big);
        cmaw_cbor_put_bstr(&want, CMAW_SLICE_EMPTY);
        cmaw_cbor_put_bstr(&want, big);
        put_tbs(big, big, &got);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&want), cmaw_buf_slice(&got)));
    }
}

static void sign1_vector(const json_t *part)
{
    CMAW_BUF_AUTO(cose, 1 << 16);
    CMAW_BUF_AUTO(protected_header, 1 << 16);
    CMAW_BUF_AUTO(payload, 1 << 16);
    CMAW_BUF_AUTO(sig_structure, 1 << 16);
    CMAW_BUF_AUTO(spki, 1 << 16);
    CMAW_BUF_AUTO(tbs_bytes, 1 << 16);
    vectors_hex(part, "cose", &cose);
    vectors_hex(part, "protected", &protected_header);
    vectors_hex(part, "payload", &payload);
    vectors_hex(part, "sig_structure", &sig_structure);
    vectors_hex(part, "public_key_spki", &spki);
    struct cmaw_cose_sign1 sign1;
    assert_int_equal(cmaw_cose_sign1_parse(cmaw_buf_slice(&cose), CMAW_CBOR_DETERMINISTIC, &sign1), CMAW_OK);
    assert_true(cmaw_slice_eq(sign1.protected_header, cmaw_buf_slice(&protected_header)));
    assert_true(cmaw_slice_eq(sign1.payload, cmaw_buf_slice(&payload)));
    put_tbs(sign1.protected_header, sign1.payload, &tbs_bytes);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&tbs_bytes), cmaw_buf_slice(&sig_structure)));
    CMAW_EC_KEY_AUTO(key);
    struct cmaw_cose_tbs tbs;
    cmaw_cose_tbs_of(sign1.protected_header, sign1.payload, &tbs);
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P256, cmaw_buf_slice(&spki), &key), CMAW_OK);
    assert_int_equal(cmaw_es256_verify(key, tbs.parts, CMAW_COSE_TBS_PARTS, sign1.signature), CMAW_OK);
    CMAW_BUF_AUTO(again, 1 << 16);
    cmaw_cose_put_sign1(&again, &sign1);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&again), cmaw_buf_slice(&cose)));
}

static void sign1_vectors_of_the_protocol(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *birth = vectors_json("sst1/birth.json");
    sign1_vector(birth);
    json_decref(birth);
    json_t *receipt = vectors_json("sst1/receipt.json");
    size_t i;
    json_t *part;
    json_array_foreach(json_object_get(receipt, "receipts"), i, part) {
        sign1_vector(part);
    }
    json_decref(receipt);
}

static enum cmaw_err parse_hex(const char *hex, enum cmaw_cbor_rules rules)
{
    CMAW_BUF_AUTO(bytes, 100);
    struct cmaw_cose_sign1 sign1;
    vectors_unhex(hex, &bytes);
    return cmaw_cose_sign1_parse(cmaw_buf_slice(&bytes), rules, &sign1);
}

static void the_frame_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "84", "8440a040", "8440a0404000", "8340a040", "8540a0404000", "8440a101024040",
        "8440f64040", "8440a0f640", "8440a04060", "84a0a04040", "8440a05f4100ff40", "9f40a04040ff", "d38440a04040",
        "d2d28440a04040", "8440bfff4040", "d2",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse_hex(bad[i], CMAW_CBOR_PLATFORM), CMAW_E_MALFORMED);
        assert_int_equal(parse_hex(bad[i], CMAW_CBOR_DETERMINISTIC), CMAW_E_MALFORMED);
    }
    assert_int_equal(parse_hex("8440a04040", CMAW_CBOR_DETERMINISTIC), CMAW_OK);
    assert_int_equal(parse_hex("8440a04040", CMAW_CBOR_PLATFORM), CMAW_OK);
    assert_int_equal(parse_hex("d28440a04040", CMAW_CBOR_PLATFORM), CMAW_OK);
    assert_int_equal(parse_hex("d28440a04040", CMAW_CBOR_DETERMINISTIC), CMAW_E_MALFORMED);
    assert_int_equal(parse_hex("980440a04040", CMAW_CBOR_PLATFORM), CMAW_OK);
    assert_int_equal(parse_hex("980440a04040", CMAW_CBOR_DETERMINISTIC), CMAW_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tbs_is_the_sig_structure),
        cmocka_unit_test(sign1_vectors_of_the_protocol),
        cmocka_unit_test(the_frame_is_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
