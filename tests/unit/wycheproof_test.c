/* Project Wycheproof and C2SP: what other implementations got wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>
#include <zlib.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/seal.h"
#include "lib/crypto/x25519.h"
#include "tests/unit/wycheproof.h"

static size_t gcm_run;

static void gcm_open(const struct wycheproof *vector, const struct cmaw_secret *key, const uint8_t *nonce,
                     struct cmaw_slice aad, struct cmaw_slice message, struct cmaw_slice sealed)
{
    CMAW_BUF_AUTO(opened, WYCHEPROOF_TEXT_MAX);
    wycheproof_assert(vector, cmaw_gcm_open(key, nonce, aad, sealed, &opened), vector->valid ? CMAW_OK : CMAW_E_AUTH);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&opened), vector->valid ? message : CMAW_SLICE_EMPTY));
    CMAW_BUF_AUTO(again, WYCHEPROOF_TEXT_MAX);
    assert_int_equal(cmaw_gcm_seal(key, nonce, aad, message, &again), CMAW_OK);
    assert_int_equal(cmaw_slice_eq(cmaw_buf_slice(&again), sealed), vector->valid);
}

static void gcm(const struct wycheproof *vector)
{
    if (json_integer_value(json_object_get(vector->group, "keySize")) != 256 ||
        json_integer_value(json_object_get(vector->group, "ivSize")) != 96 ||
        json_integer_value(json_object_get(vector->group, "tagSize")) != 128) {
        return;
    }
    gcm_run++;
    CMAW_BUF_AUTO(key_bytes, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(nonce, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(aad, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(message, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(sealed, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->test, "key", &key_bytes);
    vectors_hex(vector->test, "iv", &nonce);
    vectors_hex(vector->test, "aad", &aad);
    vectors_hex(vector->test, "msg", &message);
    vectors_hex(vector->test, "ct", &sealed);
    vectors_hex(vector->test, "tag", &sealed);
    CMAW_SECRET_AUTO(key);
    assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&key_bytes), &key), CMAW_OK);
    gcm_open(vector, &key, nonce.data, cmaw_buf_slice(&aad), cmaw_buf_slice(&message), cmaw_buf_slice(&sealed));
}

static void gcm_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    (void)wycheproof_for_each("wycheproof/aes_gcm_test.json", gcm);
    assert_in_range(gcm_run, 60, 316);
}

static void inflate_ct(const json_t *test, struct cmaw_buf *ret_bytes)
{
    CMAW_BUF_AUTO(packed, WYCHEPROOF_TEXT_MAX);
    vectors_hex(test, "ct", &packed);
    uLongf size = WYCHEPROOF_TEXT_MAX;
    uint8_t *dst = cmaw_buf_extend(ret_bytes, size);
    assert_int_equal(uncompress(dst, &size, packed.data, packed.size), Z_OK);
    cmaw_buf_truncate(ret_bytes, size);
}

static void cobblestone(const struct wycheproof *vector)
{
    CMAW_BUF_AUTO(key_bytes, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(context, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(sealed, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(opened, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->test, "key", &key_bytes);
    vectors_hex(vector->test, "ctx", &context);
    inflate_ct(vector->test, &sealed);
    CMAW_SECRET_AUTO(key);
    assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&key_bytes), &key), CMAW_OK);
    const enum cmaw_err err = cmaw_seal_open(&key, cmaw_buf_slice(&context), cmaw_buf_slice(&sealed), &opened);
    const enum cmaw_err refused = key.size == CMAW_SEAL_KEY_SIZE ? CMAW_E_AUTH : CMAW_E_BUG;
    wycheproof_assert(vector, err, vector->valid ? CMAW_OK : refused);
    if (!vector->valid) {
        assert_int_equal(opened.size, 0);
        return;
    }
    CMAW_BUF_AUTO(want, WYCHEPROOF_TEXT_MAX);
    uint8_t digest[CMAW_SHA512_SIZE];
    vectors_hex(vector->test, "msgSha512", &want);
    cmaw_sha512(cmaw_buf_slice(&opened), digest);
    assert_true(cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), cmaw_buf_slice(&want)));
    CMAW_BUF_AUTO(again, WYCHEPROOF_TEXT_MAX);
    assert_int_equal(cmaw_seal(&key, cmaw_buf_slice(&context), sealed.data, cmaw_buf_slice(&opened), &again), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&again), cmaw_buf_slice(&sealed)));
}

static void cobblestone_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    (void)wycheproof_for_each("wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json", cobblestone);
}

static void x25519(const struct wycheproof *vector)
{
    CMAW_BUF_AUTO(public_key, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(private_bytes, WYCHEPROOF_TEXT_MAX);
    CMAW_BUF_AUTO(want, WYCHEPROOF_TEXT_MAX);
    vectors_hex(vector->test, "public", &public_key);
    vectors_hex(vector->test, "private", &private_bytes);
    vectors_hex(vector->test, "shared", &want);
    CMAW_SECRET_AUTO(private_key);
    CMAW_SECRET_AUTO(shared);
    assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&private_bytes), &private_key), CMAW_OK);
    /* "acceptable" ones are computed like any other, unless they are all zero */
    const bool zero = cmaw_slice_is_zero(cmaw_buf_slice(&want));
    wycheproof_assert(vector, cmaw_x25519(&private_key, public_key.data, &shared), zero ? CMAW_E_AUTH : CMAW_OK);
    if (!zero) {
        assert_true(cmaw_slice_eq(cmaw_secret_slice(&shared), cmaw_buf_slice(&want)));
    }
}

static void x25519_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(wycheproof_for_each("wycheproof/x25519_test.json", x25519), 518);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcm_vectors),
        cmocka_unit_test(cobblestone_vectors),
        cmocka_unit_test(x25519_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
