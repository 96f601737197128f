#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/hash.h"
#include "lib/crypto/seal.h"
#include "tests/unit/vectors.h"

static void key_of(uint8_t first, struct cmaw_secret *ret_key)
{
    assert_int_equal(cmaw_secret_new(32, ret_key), CMAW_OK);
    ret_key->bytes[0] = first;
}

static void sealing_in_parts_is_sealing_the_whole(void **state)
{
    (void)state;
    enum { SIZE = 40000, ZEROS = 20000 };
    static uint8_t text[SIZE + ZEROS];
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = (uint8_t)(i * 7);
    }
    const uint8_t salt[CMAW_SEAL_SALT_SIZE] = {1, 2, 3};
    CMAW_SECRET_AUTO(key);
    key_of(9, &key);
    CMAW_BUF_AUTO(whole, 1 << 20);
    assert_int_equal(cmaw_seal(&key, CMAW_SLICE_LIT("ctx"), salt, CMAW_SLICE_ARRAY(text), &whole), CMAW_OK);
    assert_int_equal(whole.size, cmaw_sealed_size(sizeof text));
    static const size_t cuts[][2] = {{0, 0}, {1, 2}, {4, 16384}, {16384, 32768}, {16383, 16385}, {39999, 40000}};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        const struct cmaw_slice parts[] = {
            cmaw_slice_of(text, cuts[i][0]), CMAW_SLICE_EMPTY, cmaw_slice_of(text + cuts[i][0], cuts[i][1] - cuts[i][0]),
            cmaw_slice_of(text + cuts[i][1], SIZE - cuts[i][1])};
        CMAW_BUF_AUTO(sealed, 1 << 20);
        assert_int_equal(cmaw_seal_parts(&key, CMAW_SLICE_LIT("ctx"), salt, parts, 4, ZEROS, &sealed), CMAW_OK);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&sealed), cmaw_buf_slice(&whole)));
    }
}

/* Sizes around the chunk; every byte of a small one is flipped, every prefix of it is refused. */
static void sealed_bytes_are_all_authenticated(void **state)
{
    (void)state;
    static uint8_t text[2 * CMAW_SEAL_CHUNK_SIZE + 1];
    static const size_t sizes[] = {0, 1, 16383, 16384, 16385, 32767, 32768, 32769};
    const uint8_t salt[CMAW_SEAL_SALT_SIZE] = {0};
    CMAW_SECRET_AUTO(key);
    key_of(1, &key);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(sealed, 1 << 20);
        CMAW_BUF_AUTO(opened, 1 << 20);
        const struct cmaw_slice plaintext = cmaw_slice_of(text, sizes[i]);
        assert_int_equal(cmaw_seal(&key, CMAW_SLICE_EMPTY, salt, plaintext, &sealed), CMAW_OK);
        assert_int_equal(sealed.size, cmaw_sealed_size(sizes[i]));
        assert_int_equal(cmaw_seal_open(&key, CMAW_SLICE_EMPTY, cmaw_buf_slice(&sealed), &opened), CMAW_OK);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&opened), plaintext));
        assert_int_equal(cmaw_seal_open(&key, CMAW_SLICE_LIT("x"), cmaw_buf_slice(&sealed), &opened), CMAW_E_AUTH);
    }
    CMAW_BUF_AUTO(sealed, 1 << 20);
    CMAW_BUF_AUTO(opened, 1 << 20);
    assert_int_equal(cmaw_seal(&key, CMAW_SLICE_EMPTY, salt, cmaw_slice_of(text, 20), &sealed), CMAW_OK);
    for (size_t i = 0; i < sealed.size; i++) {
        sealed.data[i] ^= 0x10;
        assert_int_equal(cmaw_seal_open(&key, CMAW_SLICE_EMPTY, cmaw_buf_slice(&sealed), &opened), CMAW_E_AUTH);
        sealed.data[i] ^= 0x10;
        const struct cmaw_slice prefix = cmaw_slice_of(sealed.data, i);
        assert_int_equal(cmaw_seal_open(&key, CMAW_SLICE_EMPTY, prefix, &opened), CMAW_E_AUTH);
        assert_int_equal(opened.size, 0);
    }
}

/* What opened before a bad chunk must not stay in the buffer. */
static void opening_releases_nothing_of_a_bad_text(void **state)
{
    (void)state;
    static uint8_t text[CMAW_SEAL_CHUNK_SIZE + 10];
    const uint8_t salt[CMAW_SEAL_SALT_SIZE] = {0};
    CMAW_SECRET_AUTO(key);
    key_of(1, &key);
    memset(text, 'x', sizeof text);
    CMAW_BUF_AUTO(sealed, 1 << 20);
    CMAW_BUF_AUTO(opened, 1 << 20);
    assert_int_equal(cmaw_seal(&key, CMAW_SLICE_EMPTY, salt, CMAW_SLICE_ARRAY(text), &sealed), CMAW_OK);
    sealed.data[sealed.size - 1] ^= 1;
    cmaw_buf_put_cstr(&opened, "before");
    assert_int_equal(cmaw_seal_open(&key, CMAW_SLICE_EMPTY, cmaw_buf_slice(&sealed), &opened), CMAW_E_AUTH);
    assert_int_equal(opened.size, 6);
    for (size_t i = 6; i < sizeof text; i++) {
        assert_int_equal(opened.data[i], 0);
    }
}

static void seal_vectors_of_the_protocol(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *root = vectors_json("sst1/seal.json");
    size_t i;
    json_t *test;
    json_array_foreach(json_object_get(root, "cases"), i, test) {
        CMAW_BUF_AUTO(key_bytes, 64);
        CMAW_BUF_AUTO(context, 1 << 16);
        CMAW_BUF_AUTO(unit, 1 << 16);
        CMAW_BUF_AUTO(salt, 64);
        CMAW_BUF_AUTO(want, 64);
        CMAW_BUF_AUTO(text, 8 << 20);
        CMAW_BUF_AUTO(sealed, 8 << 20);
        vectors_hex(test, "key", &key_bytes);
        vectors_hex(test, "context", &context);
        vectors_hex(test, "plaintext_unit", &unit);
        vectors_hex(test, "salt", &salt);
        vectors_hex(test, "sealed_sha256", &want);
        const size_t length = (size_t)json_integer_value(json_object_get(test, "plaintext_length"));
        while (text.size < length) {
            cmaw_buf_put(&text, cmaw_buf_slice(&unit));
        }
        cmaw_buf_truncate(&text, length);
        CMAW_SECRET_AUTO(key);
        assert_int_equal(cmaw_secret_copy(cmaw_buf_slice(&key_bytes), &key), CMAW_OK);
        assert_int_equal(cmaw_seal(&key, cmaw_buf_slice(&context), salt.data, cmaw_buf_slice(&text), &sealed), CMAW_OK);
        uint8_t digest[CMAW_SHA256_SIZE];
        cmaw_sha256(cmaw_buf_slice(&sealed), digest);
        assert_true(cmaw_slice_eq(CMAW_SLICE_ARRAY(digest), cmaw_buf_slice(&want)));
    }
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing_in_parts_is_sealing_the_whole),
        cmocka_unit_test(sealed_bytes_are_all_authenticated),
        cmocka_unit_test(opening_releases_nothing_of_a_bad_text),
        cmocka_unit_test(seal_vectors_of_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
