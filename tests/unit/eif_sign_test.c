#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/attest/eif_sign.h"
#include "lib/cbor/cose.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/pem.h"
#include "tests/unit/eif_make.h"

enum { LATER = 2000000000 };

static const uint8_t pcr0[CMAW_EIF_PCR_SIZE] = {1, 2, 3, 24, 255};

/* A signed section and who signed it. */
struct rig {
    struct eif_signer signer;
    struct cmaw_buf section;
    struct cmaw_eif_signature signature;
};

static void read_again(struct rig *rig)
{
    const char *field = "untouched";
    cmaw_eif_signature_free(&rig->signature);
    assert_int_equal(cmaw_eif_signature_read(cmaw_buf_slice(&rig->section), &rig->signature, &field), CMAW_OK);
    assert_null(field);
}

static int open_rig(void **state)
{
    static struct rig rig;
    rig = (struct rig){.section = CMAW_BUF(EIF_MAKE_MAX)};
    eif_signer_make(CMAW_EC_P384, 0, LATER, &rig.signer);
    assert_int_equal(cmaw_eif_sign(rig.signer.key, cmaw_buf_slice(&rig.signer.certificate), pcr0, &rig.section), CMAW_OK);
    read_again(&rig);
    *state = &rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    eif_signer_free(&rig->signer);
    cmaw_buf_free(&rig->section);
    cmaw_eif_signature_free(&rig->signature);
    return 0;
}

static enum cmaw_err check(const struct rig *rig, const uint8_t pcr[static CMAW_EIF_PCR_SIZE], const char **fault)
{
    return cmaw_eif_signature_check(&rig->signature, pcr, fault);
}

static void a_signature_holds_for_its_pcr0_only(void **state)
{
    struct rig *rig = *state;
    uint8_t other[CMAW_EIF_PCR_SIZE];
    const char *fault = "untouched";
    assert_int_equal(check(rig, pcr0, &fault), CMAW_OK);
    assert_null(fault);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&rig->signature.der), cmaw_buf_slice(&rig->signer.certificate)));
    memcpy(other, pcr0, sizeof other);
    other[47] ^= 1;
    assert_int_equal(check(rig, other, &fault), CMAW_E_AUTH);
    assert_string_equal(fault, "the signature is of another PCR0");
}

/* The published form, NITRO.md 3.3, written out: what the platform and QEMU compare byte for byte. */
static void the_section_has_the_form_of_nitro_cli(void **state)
{
    struct rig *rig = *state;
    struct cmaw_cose_sign1 sign1;
    const struct cmaw_slice section = cmaw_buf_slice(&rig->section);
    static const char begin[] = "\x81\xa2\x73signing_certificate\x99";
    assert_true(cmaw_slice_eq(cmaw_slice_sub(section, 0, sizeof begin - 1), CMAW_SLICE_LIT(begin)));
    /* "-----BEGIN" as integers, behind two bytes of length */
    static const char dashes[] = "\x18\x2d\x18\x2d\x18\x2d\x18\x2d\x18\x2d\x18\x42\x18\x45";
    assert_true(cmaw_slice_eq(cmaw_slice_sub(section, sizeof begin + 1, sizeof dashes - 1), CMAW_SLICE_LIT(dashes)));
    CMAW_BUF_AUTO(pem, EIF_MAKE_MAX);
    cmaw_pem_put(&pem, "CERTIFICATE", cmaw_buf_slice(&rig->signer.certificate));
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&pem), cmaw_buf_slice(&rig->signature.pem)));
    assert_int_equal(rig->signature.cose.data[0], 0x84); /* no tag */
    assert_int_equal(cmaw_cose_sign1_parse(cmaw_buf_slice(&rig->signature.cose), CMAW_CBOR_DETERMINISTIC, &sign1), CMAW_OK);
    assert_true(cmaw_slice_eq(sign1.protected_header, CMAW_SLICE_LIT("\xa1\x01\x38\x22")));
    static const char payload[] = "\xa2\x6eregister_index\x00\x6eregister_value\x98\x30\x01\x02\x03\x18\x18\x18\xff\x00";
    assert_int_equal(sign1.payload.size, sizeof payload - 1 + 42);
    assert_true(cmaw_slice_eq(cmaw_slice_sub(sign1.payload, 0, sizeof payload - 1), CMAW_SLICE_LIT(payload)));
    assert_int_equal(sign1.signature.size, 96);
}

static void two_signatures_of_one_image_differ(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(again, EIF_MAKE_MAX);
    assert_int_equal(cmaw_eif_sign(rig->signer.key, cmaw_buf_slice(&rig->signer.certificate), pcr0, &again), CMAW_OK);
    assert_false(cmaw_slice_eq(cmaw_buf_slice(&rig->section), cmaw_buf_slice(&again)));
    assert_true(cmaw_slice_eq(cmaw_slice_sub(cmaw_buf_slice(&rig->section), 0, 1000), cmaw_slice_sub(cmaw_buf_slice(&again), 0, 1000)));
}

static void no_byte_of_what_is_signed_can_change(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < rig->signature.cose.size; i++) {
        const char *fault = NULL;
        rig->signature.cose.data[i] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(check(rig, pcr0, &fault), CMAW_OK);
        rig->signature.cose.data[i] ^= (uint8_t)(1u << i % 8);
    }
    const char *fault = NULL;
    assert_int_equal(check(rig, pcr0, &fault), CMAW_OK);
}

static void a_stranger_s_certificate_is_found_out(void **state)
{
    struct rig *rig = *state;
    struct eif_signer stranger = {0};
    const char *fault = NULL;
    eif_signer_make(CMAW_EC_P384, 0, LATER, &stranger);
    cmaw_buf_reset(&rig->signature.der);
    cmaw_buf_put(&rig->signature.der, cmaw_buf_slice(&stranger.certificate));
    assert_int_equal(check(rig, pcr0, &fault), CMAW_E_AUTH);
    assert_string_equal(fault, "the signature is not by the key of the signing certificate");
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    assert_int_equal(cmaw_eif_sign(rig->signer.key, cmaw_buf_slice(&stranger.certificate), pcr0, &section), CMAW_E_AUTH);
    assert_int_equal(section.size, 0);
    eif_signer_free(&stranger);
}

/* A key file may carry the public half of another key, which nothing that reads it compares. */
static void a_key_with_another_s_public_half_is_found_out(void **state)
{
    struct rig *rig = *state;
    struct eif_signer stranger = {0};
    CMAW_EC_KEY_AUTO(mixed);
    CMAW_BUF_AUTO(own, EIF_MAKE_MAX);
    CMAW_BUF_AUTO(other, EIF_MAKE_MAX);
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    enum { POINT_SIZE = 97 }; /* the end of the file */
    eif_signer_make(CMAW_EC_P384, 0, LATER, &stranger);
    assert_int_equal(cmaw_ec_put_private_der(rig->signer.key, &own), CMAW_OK);
    assert_int_equal(cmaw_ec_put_private_der(stranger.key, &other), CMAW_OK);
    memcpy(other.data + other.size - POINT_SIZE, own.data + own.size - POINT_SIZE, POINT_SIZE);
    assert_int_equal(cmaw_ec_from_private_der(CMAW_EC_P384, cmaw_buf_slice(&other), &mixed), CMAW_OK);
    assert_int_equal(cmaw_eif_sign(mixed, cmaw_buf_slice(&rig->signer.certificate), pcr0, &section), CMAW_E_AUTH);
    assert_int_equal(section.size, 0);
    eif_signer_free(&stranger);
}

static void keys_of_other_curves_neither_sign_nor_are_checked(void **state)
{
    struct rig *rig = *state;
    struct eif_signer small = {0};
    const char *fault = NULL;
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    eif_signer_make(CMAW_EC_P256, 0, LATER, &small);
    cmaw_buf_reset(&rig->signature.der);
    cmaw_buf_put(&rig->signature.der, cmaw_buf_slice(&small.certificate));
    assert_int_equal(check(rig, pcr0, &fault), CMAW_E_UNSUPPORTED);
    assert_string_equal(fault, "the signing certificate's key is not P-384");
    assert_int_equal(cmaw_eif_sign(small.key, cmaw_buf_slice(&small.certificate), pcr0, &section), CMAW_E_UNSUPPORTED);
    assert_int_equal(cmaw_eif_sign(rig->signer.key, CMAW_SLICE_LIT("no certificate"), pcr0, &section), CMAW_E_MALFORMED);
    eif_signer_free(&small);
}

/* A header that allows another algorithm, signed properly. */
static void another_algorithm_is_refused(void **state)
{
    struct rig *rig = *state;
    struct cmaw_cose_sign1 sign1;
    struct cmaw_cose_tbs tbs;
    uint8_t raw[CMAW_ES384_SIZE];
    const char *fault = NULL;
    CMAW_BUF_AUTO(cose, EIF_MAKE_MAX);
    assert_int_equal(cmaw_cose_sign1_parse(cmaw_buf_slice(&rig->signature.cose), CMAW_CBOR_PLATFORM, &sign1), CMAW_OK);
    sign1.protected_header = CMAW_SLICE_LIT("\xa1\x01\x26");
    cmaw_cose_tbs_of(sign1.protected_header, sign1.payload, &tbs);
    assert_int_equal(cmaw_es384_sign(rig->signer.key, tbs.parts, CMAW_COSE_TBS_PARTS, raw), CMAW_OK);
    sign1.signature = CMAW_SLICE_ARRAY(raw);
    cmaw_cose_put_sign1(&cose, &sign1);
    cmaw_buf_reset(&rig->signature.cose);
    cmaw_buf_put(&rig->signature.cose, cmaw_buf_slice(&cose));
    assert_int_equal(check(rig, pcr0, &fault), CMAW_E_AUTH);
    assert_string_equal(fault, "the signature's algorithm is not ES384");
}

static void the_certificate_is_pcr8(void **state)
{
    struct rig *rig = *state;
    struct cmaw_eif eif = eif_make_content();
    struct cmaw_eif_pcrs pcrs;
    uint8_t padded[96] = {0}, expected[48];
    eif.signature = cmaw_buf_slice(&rig->section);
    assert_int_equal(cmaw_eif_measure(&eif, &pcrs), CMAW_OK);
    assert_true(pcrs.is_signed);
    cmaw_sha384(cmaw_buf_slice(&rig->signer.certificate), padded + 48);
    cmaw_sha384(CMAW_SLICE_ARRAY(padded), expected);
    assert_memory_equal(pcrs.pcr8, expected, 48);
    for (size_t size = 1; size < rig->section.size; size++) {
        eif.signature.size = size;
        assert_int_equal(cmaw_eif_measure(&eif, &pcrs), CMAW_E_MALFORMED);
    }
}

/* A certificate whose PEM just fits into the section, and one of which it does not. */
static void certificates_have_a_largest_size(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(section, 100);
    assert_int_equal(cmaw_eif_sign(rig->signer.key, cmaw_buf_slice(&rig->signer.certificate), pcr0, &section), CMAW_E_TOO_LARGE);
}

static void private_keys_are_read_in_both_forms(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(der, EIF_MAKE_MAX);
    CMAW_BUF_AUTO(pem, EIF_MAKE_MAX);
    assert_int_equal(cmaw_ec_put_private_der(rig->signer.key, &der), CMAW_OK);
    cmaw_pem_put(&pem, "PRIVATE KEY", cmaw_buf_slice(&der));
    CMAW_EC_KEY_AUTO(key);
    assert_int_equal(cmaw_ec_from_private_pem(CMAW_EC_P384, cmaw_buf_slice(&pem), &key), CMAW_OK);
    CMAW_BUF_AUTO(section, EIF_MAKE_MAX);
    assert_int_equal(cmaw_eif_sign(key, cmaw_buf_slice(&rig->signer.certificate), pcr0, &section), CMAW_OK);
    static const char *const bad[] = {"", "x", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cmaw_ec_key *none = NULL;
        assert_int_equal(cmaw_ec_from_private_pem(CMAW_EC_P384, cmaw_slice_of_cstr(bad[i]), &none), CMAW_E_MALFORMED);
        assert_null(none);
    }
    struct cmaw_ec_key *none = NULL;
    assert_int_equal(cmaw_ec_from_private_pem(CMAW_EC_P256, cmaw_buf_slice(&pem), &none), CMAW_E_MALFORMED);
}

int main(void)
{
#define RIG_TEST(test) cmocka_unit_test_setup_teardown(test, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_signature_holds_for_its_pcr0_only), RIG_TEST(the_section_has_the_form_of_nitro_cli),
        RIG_TEST(two_signatures_of_one_image_differ), RIG_TEST(no_byte_of_what_is_signed_can_change),
        RIG_TEST(a_stranger_s_certificate_is_found_out), RIG_TEST(a_key_with_another_s_public_half_is_found_out),
        RIG_TEST(keys_of_other_curves_neither_sign_nor_are_checked),
        RIG_TEST(another_algorithm_is_refused), RIG_TEST(the_certificate_is_pcr8), RIG_TEST(certificates_have_a_largest_size),
        RIG_TEST(private_keys_are_read_in_both_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
