/* Project Wycheproof and C2SP: what other implementations got wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the standard headers it needs */
#include <cmocka.h>
#include <zlib.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/ecdsa.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/seal.h"
#include "lib/crypto/x25519.h"
#include "tests/unit/vectors.h"

enum { TEXT_MAX = 8 << 20 };

/* One case of a file: its members are read when asked for. */
struct vector {
    const json_t *group;
    const json_t *test;
    bool valid;
};

static size_t for_each(const char *file, void (*check)(const struct vector *vector))
{
    json_t *root = vectors_json(file);
    size_t count = 0;
    size_t g, t;
    json_t *group, *test;
    json_array_foreach(json_object_get(root, "testGroups"), g, group) {
        json_array_foreach(json_object_get(group, "tests"), t, test) {
            const char *result = vectors_text(test, "result");
            const struct vector vector = {group, test, cmaw_slice_eq_cstr(cmaw_slice_of_cstr(result), "valid")};
            check(&vector);
            count++;
        }
    }
    assert_int_equal((json_int_t)count, json_integer_value(json_object_get(root, "numberOfTests")));
    json_decref(root);
    return count;
}

/* An error that is not the right one says which case. */
static void assert_err(const struct vector *vector, enum cmaw_err got, enum cmaw_err want)
{
    if (got != want) {
        fail_msg("case %lld (%s): %s instead of %s",
                 (long long)json_integer_value(json_object_get(vector->test, "tcId")),
                 vectors_text(vector->test, "comment"), cmaw_err_text(got), cmaw_err_text(want));
    }
}

static void hkdf(const struct vector *vector, enum cmaw_hash_alg alg)
{
    CMAW_BUF_AUTO(ikm, TEXT_MAX);
    CMAW_BUF_AUTO(salt, TEXT_MAX);
    CMAW_BUF_AUTO(info, TEXT_MAX);
    CMAW_BUF_AUTO(okm, TEXT_MAX);
    vectors_hex(vector->test, "ikm", &ikm);
    vectors_hex(vector->test, "salt", &salt);
    vectors_hex(vector->test, "info", &info);
    vectors_hex(vector->test, "okm", &okm);
    const size_t size = (size_t)json_integer_value(json_object_get(vector->test, "size"));
    uint8_t got[255 * CMAW_HASH_SIZE_MAX];
    const struct cmaw_slice part = cmaw_buf_slice(&info);
    assert_err(vector, cmaw_hkdf(alg, cmaw_buf_slice(&salt), cmaw_buf_slice(&ikm), &part, 1, got, size),
               vector->valid ? CMAW_OK : CMAW_E_BUG);
    if (vector->valid) {
        assert_true(cmaw_slice_eq(cmaw_slice_of(got, size), cmaw_buf_slice(&okm)));
    }
}

static void hkdf_sha256(const struct vector *vector)
{
    hkdf(vector, CMAW_SHA256);
}

static void hkdf_sha384(const struct vector *vector)
{
    hkdf(vector, CMAW_SHA384);
}

static void hkdf_sha512(const struct vector *vector)
{
    hkdf(vector, CMAW_SHA512);
}

static void hkdf_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(for_each("wycheproof/hkdf_sha256_test.json", hkdf_sha256), 86);
    (void)for_each("wycheproof/hkdf_sha384_test.json", hkdf_sha384);
    (void)for_each("wycheproof/hkdf_sha512_test.json", hkdf_sha512);
}

static void hmac_sha384(const struct vector *vector)
{
    CMAW_BUF_AUTO(key, TEXT_MAX);
    CMAW_BUF_AUTO(msg, TEXT_MAX);
    CMAW_BUF_AUTO(tag, TEXT_MAX);
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
    assert_int_equal(for_each("wycheproof/hmac_sha384_test.json", hmac_sha384), 174);
}

static size_t gcm_run;

static void gcm_open(const struct vector *vector, const struct cmaw_secret *key, const uint8_t *nonce,
                     struct cmaw_slice aad, struct cmaw_slice message, struct cmaw_slice sealed)
{
    CMAW_BUF_AUTO(opened, TEXT_MAX);
    assert_err(vector, cmaw_gcm_open(key, nonce, aad, sealed, &opened), vector->valid ? CMAW_OK : CMAW_E_AUTH);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&opened), vector->valid ? message : CMAW_SLICE_EMPTY));
    CMAW_BUF_AUTO(again, TEXT_MAX);
    assert_int_equal(cmaw_gcm_seal(key, nonce, aad, message, &again), CMAW_OK);
    assert_int_equal(cmaw_slice_eq(cmaw_buf_slice(&again), sealed), vector->valid);
}

static void gcm(const struct vector *vector)
{
    if (json_integer_value(json_object_get(vector->group, "keySize")) != 256 ||
        json_integer_value(json_object_get(vector->group, "ivSize")) != 96 ||
        json_integer_value(json_object_get(vector->group, "tagSize")) != 128) {
        return;
    }
    gcm_run++;
    CMAW_BUF_AUTO(key_bytes, TEXT_MAX);
    CMAW_BUF_AUTO(nonce, TEXT_MAX);
    CMAW_BUF_AUTO(aad, TEXT_MAX);
    CMAW_BUF_AUTO(message, TEXT_MAX);
    CMAW_BUF_AUTO(sealed, TEXT_MAX);
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
    (void)for_each("wycheproof/aes_gcm_test.json", gcm);
    assert_in_range(gcm_run, 60, 316);
}

static void inflate_ct(const json_t *test, struct cmaw_buf *ret_bytes)
{
    CMAW_BUF_AUTO(packed, TEXT_MAX);
    vectors_hex(test, "ct", &packed);
    uLongf size = TEXT_MAX;
    uint8_t *dst = cmaw_buf_extend(ret_bytes, size);
    assert_int_equal(uncompress(dst, &size, packed.data, packed.size), Z_OK);
    cmaw_buf_truncate(ret_bytes, size);
}

static void cobblestone(const struct vector *vector)
{
    CMAW_BUF_AUTO(key_bytes, TEXT_MAX);
    CMAW_BUF_AUTO(context, TEXT_MAX);
    CMAW_BUF_AUTO(sealed, TEXT_MAX);
    CMAW_BUF_AUTO(opened, TEXT_MAX);
    vectors_hex(vector->test, "key", &key_bytes);
    vectors_hex(vector->test, "ctx", &context);
    inflate_ct(vector->test, &sealed);
    CMAW_SECRET_AUTO(key);
    assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&key_bytes), &key), CMAW_OK);
    const enum cmaw_err err = cmaw_seal_open(&key, cmaw_buf_slice(&context), cmaw_buf_slice(&sealed), &opened);
    const enum cmaw_err refused = key.size == CMAW_SEAL_KEY_SIZE ? CMAW_E_AUTH : CMAW_E_BUG;
    assert_err(vector, err, vector->valid ? CMAW_OK : refused);
    if (!vector->valid) {
        assert_int_equal(opened.size, 0);
        return;
    }
    CMAW_BUF_AUTO(want, TEXT_MAX);
    uint8_t digest[CMAW_SHA512_SIZE];
    vectors_hex(vector->test, "msgSha512", &want);
    cmaw_sha512(cmaw_buf_slice(&opened), digest);
    assert_true(cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), cmaw_buf_slice(&want)));
    CMAW_BUF_AUTO(again, TEXT_MAX);
    assert_int_equal(cmaw_seal(&key, cmaw_buf_slice(&context), sealed.data, cmaw_buf_slice(&opened), &again), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&again), cmaw_buf_slice(&sealed)));
}

static void cobblestone_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    (void)for_each("wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json", cobblestone);
}

static void x25519(const struct vector *vector)
{
    CMAW_BUF_AUTO(public_key, TEXT_MAX);
    CMAW_BUF_AUTO(private_bytes, TEXT_MAX);
    CMAW_BUF_AUTO(want, TEXT_MAX);
    vectors_hex(vector->test, "public", &public_key);
    vectors_hex(vector->test, "private", &private_bytes);
    vectors_hex(vector->test, "shared", &want);
    CMAW_SECRET_AUTO(private_key);
    CMAW_SECRET_AUTO(shared);
    assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&private_bytes), &private_key), CMAW_OK);
    /* "acceptable" ones are computed like any other, unless they are all zero */
    const bool zero = cmaw_slice_is_zero(cmaw_buf_slice(&want));
    assert_err(vector, cmaw_x25519(&private_key, public_key.data, &shared), zero ? CMAW_E_AUTH : CMAW_OK);
    if (!zero) {
        assert_true(cmaw_slice_eq(cmaw_secret_slice(&shared), cmaw_buf_slice(&want)));
    }
}

static void x25519_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(for_each("wycheproof/x25519_test.json", x25519), 518);
}

static void es384(const struct vector *vector,
                  enum cmaw_err (*verify)(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                          struct cmaw_slice signature))
{
    CMAW_BUF_AUTO(spki, TEXT_MAX);
    CMAW_BUF_AUTO(message, TEXT_MAX);
    CMAW_BUF_AUTO(signature, TEXT_MAX);
    vectors_hex(vector->group, "publicKeyDer", &spki);
    vectors_hex(vector->test, "msg", &message);
    vectors_hex(vector->test, "sig", &signature);
    CMAW_EC_KEY_AUTO(key);
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P384, cmaw_buf_slice(&spki), &key), CMAW_OK);
    const struct cmaw_slice part = cmaw_buf_slice(&message);
    assert_err(vector, verify(key, &part, 1, cmaw_buf_slice(&signature)), vector->valid ? CMAW_OK : CMAW_E_AUTH);
}

static void es384_raw(const struct vector *vector)
{
    es384(vector, cmaw_es384_verify);
}

static void es384_der(const struct vector *vector)
{
    es384(vector, cmaw_es384_verify_der);
}

static void es384_vectors(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    assert_int_equal(for_each("wycheproof/ecdsa_secp384r1_sha384_p1363_test.json", es384_raw), 280);
    assert_int_equal(for_each("wycheproof/ecdsa_secp384r1_sha384_test.json", es384_der), 504);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hkdf_vectors),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(gcm_vectors),
        cmocka_unit_test(cobblestone_vectors),
        cmocka_unit_test(x25519_vectors),
        cmocka_unit_test(es384_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
