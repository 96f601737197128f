#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/cert.h"
#include "lib/crypto/ecdsa_form.h"
#include "lib/crypto/pem.h"
#include "lib/crypto/x509.h"
#include "lib/crypto/x509_make.h"
#include "tests/unit/vectors.h"

enum { ROOT, REGION, ZONE, INSTANCE, LEAF, CERTS };
enum { BEGIN = 1700000000, END = 1700010000, NOW = 1700005000 };

/* One chain with the platform's shape; a test changes specs and keys, issues it, and verifies. */
struct chain {
    struct cmaw_x509_spec specs[CERTS];
    struct cmaw_ec_key *keys[CERTS];
    struct cmaw_ec_key *signers[CERTS]; /* who signs certificate i */
    struct cmaw_buf der[CERTS];
};

static struct cmaw_ec_key *keys[CERTS];
static struct cmaw_ec_key *stranger;

static int make_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < CERTS; i++) {
        assert_int_equal(cmaw_ec_generate(CMAW_EC_P384, &keys[i]), CMAW_OK);
    }
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P384, &stranger), CMAW_OK);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (size_t i = 0; i < CERTS; i++) {
        cmaw_ec_key_free(keys[i]);
    }
    cmaw_ec_key_free(stranger);
    return 0;
}

static void chain_init(struct chain *chain)
{
    static const char *const names[] = {"root", "region", "zone", "instance", "leaf"};
    *chain = (struct chain){0};
    for (size_t i = 0; i < CERTS; i++) {
        chain->specs[i] = (struct cmaw_x509_spec){
            .common_name = names[i], .organization = "test", .country = "US", .not_before_s = BEGIN, .not_after_s = END,
            .ca = i != LEAF, .path_length = i == ROOT || i == LEAF ? -1 : INSTANCE - (int)i, .key_ids = i < INSTANCE};
        chain->keys[i] = keys[i];
        chain->signers[i] = keys[i == ROOT ? ROOT : i - 1];
        chain->der[i] = CMAW_BUF(4096);
    }
}

static void chain_issue(struct chain *chain)
{
    for (size_t i = 0; i < CERTS; i++) {
        const struct cmaw_slice issuer = i == ROOT ? CMAW_SLICE_EMPTY : cmaw_buf_slice(&chain->der[i - 1]);
        cmaw_buf_reset(&chain->der[i]);
        assert_int_equal(
            cmaw_x509_make(&chain->specs[i], chain->keys[i], issuer, chain->signers[i], &chain->der[i]), CMAW_OK);
    }
}

static void chain_free(struct chain *chain)
{
    for (size_t i = 0; i < CERTS; i++) {
        cmaw_buf_free(&chain->der[i]);
    }
}

/* Authorities that have verified before never change the verdict. */
static struct cmaw_x509_cache seen;

static enum cmaw_err chain_verify_at(const struct chain *chain, int64_t time_s)
{
    struct cmaw_slice der[CERTS];
    for (size_t i = 0; i < CERTS; i++) {
        der[i] = cmaw_buf_slice(&chain->der[i]);
    }
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(same);
    const enum cmaw_err err = cmaw_x509_verify_chain(der, CERTS, time_s, NULL, &key);
    assert_int_equal(cmaw_x509_verify_chain(der, CERTS, time_s, &seen, &same), err);
    return err;
}

#define CHAIN_AUTO(name) [[gnu::cleanup(chain_free)]] struct chain name

/* Issues the changed chain and says what becomes of it. */
static enum cmaw_err verdict(struct chain *chain)
{
    chain_issue(chain);
    return chain_verify_at(chain, NOW);
}

static void the_platforms_shape_is_accepted(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    chain_init(&chain);
    assert_int_equal(verdict(&chain), CMAW_OK);
    struct cmaw_slice der[CERTS];
    for (size_t i = 0; i < CERTS; i++) {
        der[i] = cmaw_buf_slice(&chain.der[i]);
    }
    CMAW_EC_KEY_AUTO(key);
    CMAW_BUF_AUTO(got, 200);
    CMAW_BUF_AUTO(want, 200);
    assert_int_equal(cmaw_x509_verify_chain(der, CERTS, NOW, NULL, &key), CMAW_OK);
    cmaw_ec_put_spki(key, &got);
    cmaw_ec_put_spki(keys[LEAF], &want);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&got), cmaw_buf_slice(&want)));
}

static void authorities_are_remembered(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    chain_init(&chain);
    seen.count = 0;
    assert_int_equal(verdict(&chain), CMAW_OK);
    assert_int_equal(seen.count, CERTS - 2); /* neither the root nor the leaf */
    assert_int_equal(chain_verify_at(&chain, NOW), CMAW_OK);
    assert_int_equal(seen.count, CERTS - 2);
}

static void a_wrong_signer_is_refused(void **state)
{
    (void)state;
    for (size_t i = REGION; i <= LEAF; i++) { /* the root's own signature is not looked at: the root is pinned */
        CHAIN_AUTO(chain);
        chain_init(&chain);
        chain.signers[i] = stranger;
        assert_int_equal(verdict(&chain), CMAW_E_AUTH);
    }
}

static void issuers_must_be_authorities(void **state)
{
    (void)state;
    for (size_t i = ROOT; i <= INSTANCE; i++) {
        CHAIN_AUTO(chain);
        chain_init(&chain);
        chain.specs[i].ca = false;
        assert_int_equal(verdict(&chain), CMAW_E_AUTH);
    }
}

static void a_leaf_must_be_none(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    chain_init(&chain);
    chain.specs[LEAF].ca = true;
    assert_int_equal(verdict(&chain), CMAW_E_AUTH);
}

static void path_lengths_count(void **state)
{
    (void)state;
    for (size_t i = ROOT; i < INSTANCE; i++) { /* i has INSTANCE - i authorities below it */
        CHAIN_AUTO(chain);
        chain_init(&chain);
        chain.specs[i].path_length = INSTANCE - (int)i;
        assert_int_equal(verdict(&chain), CMAW_OK);
        chain.specs[i].path_length--;
        assert_int_equal(verdict(&chain), CMAW_E_AUTH);
    }
}

static void names_must_chain(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    CHAIN_AUTO(other);
    chain_init(&chain);
    chain_init(&other);
    other.specs[ZONE].common_name = "another zone"; /* same key, other name */
    chain_issue(&chain);
    chain_issue(&other);
    cmaw_buf_reset(&chain.der[ZONE]);
    cmaw_buf_put(&chain.der[ZONE], cmaw_buf_slice(&other.der[ZONE]));
    assert_int_equal(chain_verify_at(&chain, NOW), CMAW_E_AUTH);
}

static void every_window_counts(void **state)
{
    (void)state;
    for (size_t i = ROOT; i <= LEAF; i++) {
        CHAIN_AUTO(chain);
        chain_init(&chain);
        chain.specs[i].not_before_s = NOW;
        chain.specs[i].not_after_s = NOW;
        assert_int_equal(verdict(&chain), CMAW_OK);
        assert_int_equal(chain_verify_at(&chain, NOW - 1), CMAW_E_EXPIRED);
        assert_int_equal(chain_verify_at(&chain, NOW + 1), CMAW_E_EXPIRED);
    }
}

static void validity_is_read_in_both_forms(void **state)
{
    (void)state;
    static const struct {
        int64_t begin, end;
    } cases[] = {{0, 1}, {951782400, 951868800} /* 2000-02-29 */, {2524607999, 2524608000} /* the end of 2049 */,
                 {4107542400, 7258118400} /* 2100, no leap year */};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(der, 4096);
        const struct cmaw_x509_spec spec = {
            .common_name = "x", .not_before_s = cases[i].begin, .not_after_s = cases[i].end, .path_length = -1};
        int64_t begin, end;
        assert_int_equal(cmaw_x509_make(&spec, keys[0], CMAW_SLICE_EMPTY, keys[0], &der), CMAW_OK);
        assert_int_equal(cmaw_x509_validity(cmaw_buf_slice(&der), &begin, &end), CMAW_OK);
        assert_int_equal(begin, cases[i].begin);
        assert_int_equal(end, cases[i].end);
    }
}

static void other_curves_and_hashes_are_refused(void **state)
{
    (void)state;
    CMAW_EC_KEY_AUTO(p256);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &p256), CMAW_OK);
    CHAIN_AUTO(chain);
    chain_init(&chain);
    chain.keys[LEAF] = p256;
    assert_int_equal(verdict(&chain), CMAW_E_AUTH);
    chain.keys[LEAF] = keys[LEAF];
    assert_int_equal(verdict(&chain), CMAW_OK);
    chain.keys[INSTANCE] = p256;
    chain.signers[LEAF] = p256;
    assert_int_equal(verdict(&chain), CMAW_E_AUTH);
}

static void put_element(struct cmaw_buf *out, uint8_t tag, struct cmaw_slice bytes)
{
    cmaw_buf_put_u8(out, tag);
    if (bytes.size >= 0x100) {
        cmaw_buf_put_u8(out, 0x82);
        cmaw_buf_put_u16be(out, (uint16_t)bytes.size);
    } else {
        if (bytes.size >= 0x80) {
            cmaw_buf_put_u8(out, 0x81);
        }
        cmaw_buf_put_u8(out, (uint8_t)bytes.size);
    }
    cmaw_buf_put(out, bytes);
}

/* Replaces bytes in the signed part of certificate i by as many others, and signs it again: what is refused then, is
 * refused for what it says. */
static void change(struct chain *chain, size_t i, const char *from_hex, const char *to_hex)
{
    CMAW_BUF_AUTO(from, 64);
    CMAW_BUF_AUTO(to, 64);
    struct cmaw_cert cert;
    vectors_unhex(from_hex, &from);
    vectors_unhex(to_hex, &to);
    assert_int_equal(from.size, to.size);
    assert_int_equal(cmaw_cert_parse(cmaw_buf_slice(&chain->der[i]), &cert), CMAW_OK);
    CMAW_BUF_AUTO(tbs, 4096);
    cmaw_buf_put(&tbs, cert.signed_part);
    uint8_t *at = memmem(tbs.data, tbs.size, from.data, from.size);
    assert_non_null(at);
    memcpy(at, to.data, to.size);

    uint8_t raw[CMAW_ES384_SIZE], der[CMAW_ECDSA_DER_MAX];
    const struct cmaw_slice part = cmaw_buf_slice(&tbs);
    assert_int_equal(cmaw_es384_sign(chain->signers[i], &part, 1, raw), CMAW_OK);
    CMAW_BUF_AUTO(bits, 200);
    cmaw_buf_put_u8(&bits, 0);
    cmaw_buf_put(&bits, cmaw_slice_of(der, cmaw_ecdsa_to_der(CMAW_EC_P384, raw, der)));
    CMAW_BUF_AUTO(parts, 4096);
    cmaw_buf_put(&parts, part);
    vectors_unhex("300a06082a8648ce3d040303", &parts);
    put_element(&parts, 0x03, cmaw_buf_slice(&bits));
    cmaw_buf_reset(&chain->der[i]);
    put_element(&chain->der[i], 0x30, cmaw_buf_slice(&parts));
}

static void what_a_certificate_says_is_checked(void **state)
{
    (void)state;
    static const struct {
        size_t cert;
        const char *from, *to;
        enum cmaw_err want;
    } cases[] = {
        {LEAF, "03020780", "03020780", CMAW_OK},                  /* nothing: signing again works */
        {LEAF, "03020780", "03020308", CMAW_E_AUTH},              /* keyAgreement alone */
        {LEAF, "03020780", "03020680", CMAW_OK},                 /* unused bits are not looked at */
        {ZONE, "03020106", "03020102", CMAW_E_AUTH},              /* cRLSign alone */
        {ZONE, "03020106", "03020186", CMAW_OK},                  /* more than is needed */
        {ZONE, "0603551d0f0101ff", "0603551d1e0101ff", CMAW_E_AUTH}, /* an unknown critical extension */
        {ZONE, "0603551d130101ff", "0603551d240101ff", CMAW_E_AUTH},
        {LEAF, "0603551d0f0404", "0603551d1e0404", CMAW_E_AUTH},  /* no key usage */
        {ZONE, "0603551d0e04", "0603551d2004", CMAW_OK},          /* an unknown one that is not critical */
        {ZONE, "0603551d0f0101ff", "0603551d130101ff", CMAW_E_AUTH}, /* basic constraints twice */
        {ZONE, "0603551d130101ff", "0603551d13010101", CMAW_E_AUTH}, /* TRUE is ff in DER */
        {ZONE, "a003020102", "a003020101", CMAW_E_AUTH},          /* version 2 */
        {ZONE, "300a06082a8648ce3d040303", "300a06082a8648ce3d040302", CMAW_E_AUTH}, /* SHA-256 inside */
        {ZONE, "06052b81040022", "06052b8104000a", CMAW_E_AUTH},  /* secp256k1 */
        {LEAF, "170d", "170e", CMAW_E_AUTH},
        {LEAF, "5a170d", "2b170d", CMAW_E_AUTH},                  /* a time that does not end with Z */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHAIN_AUTO(chain);
        chain_init(&chain);
        chain_issue(&chain);
        change(&chain, cases[i].cert, cases[i].from, cases[i].to);
        if (chain_verify_at(&chain, NOW) != cases[i].want) {
            fail_msg("case %zu: %s to %s", i, cases[i].from, cases[i].to);
        }
    }
}

static void a_chain_has_two_to_nine_certificates(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    chain_init(&chain);
    chain_issue(&chain);
    struct cmaw_slice der[CMAW_X509_CHAIN_MAX + 1];
    for (size_t i = 0; i <= CMAW_X509_CHAIN_MAX; i++) {
        der[i] = cmaw_buf_slice(&chain.der[ROOT]);
    }
    CMAW_EC_KEY_AUTO(key);
    for (size_t count = 0; count <= CMAW_X509_CHAIN_MAX + 1; count++) { /* a root again and again is no chain either */
        assert_int_equal(cmaw_x509_verify_chain(der, count, NOW, NULL, &key), CMAW_E_AUTH);
    }
    assert_null(key);
}

static void every_flipped_byte_is_refused(void **state)
{
    (void)state;
    CHAIN_AUTO(chain);
    chain_init(&chain);
    chain_issue(&chain);
    for (size_t cert = REGION; cert <= LEAF; cert++) {
        for (size_t i = 0; i < chain.der[cert].size; i += 13) {
            chain.der[cert].data[i] ^= 1;
            assert_int_equal(chain_verify_at(&chain, NOW), CMAW_E_AUTH);
            chain.der[cert].data[i] ^= 1;
        }
        cmaw_buf_put_u8(&chain.der[cert], 0);
        assert_int_equal(chain_verify_at(&chain, NOW), CMAW_E_AUTH);
        cmaw_buf_truncate(&chain.der[cert], chain.der[cert].size - 1);
    }
    assert_int_equal(chain_verify_at(&chain, NOW), CMAW_OK);
}

static void pem_has_lines_of_64(void **state)
{
    (void)state;
    uint8_t der[49] = {0};
    CMAW_BUF_AUTO(pem, 4096);
    cmaw_pem_put(&pem, "CERTIFICATE", CMAW_SLICE_ARRAY(der));
    cmaw_buf_put_u8(&pem, 0);
    assert_string_equal((const char *)pem.data,
                        "-----BEGIN CERTIFICATE-----\n"
                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAA==\n"
                        "-----END CERTIFICATE-----\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_platforms_shape_is_accepted),
        cmocka_unit_test(authorities_are_remembered),
        cmocka_unit_test(a_wrong_signer_is_refused),
        cmocka_unit_test(issuers_must_be_authorities),
        cmocka_unit_test(a_leaf_must_be_none),
        cmocka_unit_test(path_lengths_count),
        cmocka_unit_test(names_must_chain),
        cmocka_unit_test(every_window_counts),
        cmocka_unit_test(validity_is_read_in_both_forms),
        cmocka_unit_test(other_curves_and_hashes_are_refused),
        cmocka_unit_test(what_a_certificate_says_is_checked),
        cmocka_unit_test(a_chain_has_two_to_nine_certificates),
        cmocka_unit_test(every_flipped_byte_is_refused),
        cmocka_unit_test(pem_has_lines_of_64),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
