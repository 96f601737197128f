/* Project Wycheproof on what a verifier needs, which two libraries of cryptography give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/hmac.h"
#include "tests/unit/wycheproof.h"

static void hkdf(const struct wycheproof *vector, enum cmaw_hash_alg alg)
{
    CMAW_BUF_AUTO(ikm, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(salt, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(info, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(okm, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->test, "ikm", &ikm);
    vectors_hex(vector->test, "salt", &salt);
    vectors_hex(vector->test, "info", &info);
    vectors_hex(vector->test, "okm", &okm);
    const size_t size = (size_t)json_integer_value(json_object_get(vector->test, "size"));
    uint8_t got[255 * CMAW_HASH_SIZE_MAX];
    const struct cmaw_slice part = cmaw_buf_slice(&info);
    wycheproof_assert(vector, cmaw_hkdf(alg, cmaw_buf_slice(&salt), cmaw_buf_slice(&ikm), &part, 1, got, size),
               vector->valid ? CMAW_OK : CMAW_E_BUG);
    if (vector->valid) {
        assert_true(cmaw_slice_eq(cmaw_slice_of(got, size), cmaw_buf_slice(&okm)));
    }
}

static void hkdf_sha256(const struct wycheproof *vector)
{
    hkdf(vector, CMAW_SHA256);
}

static void hkdf_sha384(const struct wycheproof *vector)
{
    hkdf(vector, CMAW_SHA384);
}

static void hkdf_sha512(const struct wycheproof *vector)
{
    hkdf(vector, CMAW_SHA512);
}

static void hkdf_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(wycheproof_for_each("wycheproof/hkdf_sha256_test.json", hkdf_sha256), 86);
    (void)wycheproof_for_each("wycheproof/hkdf_sha384_test.json", hkdf_sha384);
    (void)wycheproof_for_each("wycheproof/hkdf_sha512_test.json", hkdf_sha512);
}

static void hmac_sha384(const struct wycheproof *vector)
{
    CMAW_BUF_AUTO(key, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(msg, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(tag, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->test, "key", &key);
    vectors_hex(vector->test, "msg", &msg);
    vectors_hex(vector->test, "tag", &tag);
    struct cmaw_hmac hmac;
    uint8_t got[CMAW_SHA384_SIZE];
    cmaw_hmac_init(CMAW_SHA384, cmaw_buf_slice(&key), &hmac);
    cmaw_hmac_update(&hmac, cmaw_buf_slice(&msg));
    cmaw_hmac_finish(&hmac, got);
    /* some groups cut the tag */
    assert_int_equal(cmaw_ct_eq(cmaw_slice_of(got, tag.size), cmaw_buf_slice(&tag)), vector->valid);
}

static void hmac_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(wycheproof_for_each("wycheproof/hmac_sha384_test.json", hmac_sha384), 174);
}

/* Nettle cannot add a point to itself on its way, and then refuses a good signature. Such a one does not occur by chance: it takes the private key to
 * make it (ADR 0006). */
static bool is_beyond_nettle(const struct wycheproof *vector)
{
#ifdef CMAW_TEST_NETTLE
    return cmaw_slice_eq_cstr(cmaw_slice_of_cstr(vectors_text(vector->test, "comment")), "point duplication during verification");
#else
    (void)vector;
    return false;
#endif
}

static void es384(const struct wycheproof *vector,
                  enum cmaw_err (*verify)(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                          struct cmaw_slice signature))
{
    CMAW_BUF_AUTO(spki, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(message, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(signature, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->group, "publicKeyDer", &spki);
    vectors_hex(vector->test, "msg", &message);
    vectors_hex(vector->test, "sig", &signature);
    CMAW_EC_KEY_AUTO(key);
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P384, cmaw_buf_slice(&spki), &key), CMAW_OK);
    const struct cmaw_slice part = cmaw_buf_slice(&message);
    wycheproof_assert(vector, verify(key, &part, 1, cmaw_buf_slice(&signature)), vector->valid && !is_beyond_nettle(vector) ? CMAW_OK : CMAW_E_AUTH);
}

static void es384_raw(const struct wycheproof *vector)
{
    es384(vector, cmaw_es384_verify);
}

static void es384_der(const struct wycheproof *vector)
{
    es384(vector, cmaw_es384_verify_der);
}

static void es384_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(wycheproof_for_each("wycheproof/ecdsa_secp384r1_sha384_p1363_test.json", es384_raw), 280);
    assert_int_equal(wycheproof_for_each("wycheproof/ecdsa_secp384r1_sha384_test.json", es384_der), 504);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hkdf_vectors),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(es384_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
