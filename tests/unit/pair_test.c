#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/crypto/pair.h"
#include "lib/crypto/random.h"

struct pair {
    struct cmaw_buf private_der;
    struct cmaw_buf public_der;
};

static void pair_free(struct pair *pair)
{
    cmaw_buf_free(&pair->private_der);
    cmaw_buf_free(&pair->public_der);
}
#define PAIR_AUTO(name, kind) [[gnu::cleanup(pair_free)]] struct pair name = generate(kind)

static struct pair generate(enum cmaw_pair_kind kind)
{
    struct pair pair = {CMAW_BUF(CMAW_PAIR_PRIVATE_MAX), CMAW_BUF(CMAW_PAIR_PUBLIC_MAX)};
    assert_int_equal(cmaw_pair_generate(kind, &pair.private_der, &pair.public_der), CMAW_OK);
    return pair;
}

static const struct {
    enum cmaw_pair_kind kind;
    enum cmaw_pair_scheme scheme;
    enum cmaw_hash_alg hash;
} cases[] = {
    {CMAW_PAIR_P256, CMAW_PAIR_ECDSA, CMAW_SHA256},
    {CMAW_PAIR_P384, CMAW_PAIR_ECDSA, CMAW_SHA384},
    {CMAW_PAIR_P521, CMAW_PAIR_ECDSA, CMAW_SHA512},
    {CMAW_PAIR_SECP256K1, CMAW_PAIR_ECDSA, CMAW_SHA256},
    {CMAW_PAIR_RSA_2048, CMAW_PAIR_PKCS1, CMAW_SHA512},
    {CMAW_PAIR_RSA_2048, CMAW_PAIR_PSS, CMAW_SHA384},
};

static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[CMAW_HASH_SIZE_MAX];
    assert_int_equal(cmaw_random(bytes, sizeof bytes), CMAW_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        PAIR_AUTO(pair, cases[i].kind);
        PAIR_AUTO(other, cases[i].kind);
        CMAW_BUF_AUTO(signature, CMAW_PAIR_SIGNATURE_MAX);
        const struct cmaw_slice digest = cmaw_slice_of(bytes, cmaw_hash_size(cases[i].hash));
        const struct cmaw_slice public_der = cmaw_buf_slice(&pair.public_der);
        assert_int_equal(cmaw_pair_sign(cases[i].scheme, cases[i].hash, cmaw_buf_slice(&pair.private_der), digest, &signature), CMAW_OK);
        assert_int_equal(cmaw_pair_verify(cases[i].scheme, cases[i].hash, public_der, digest, cmaw_buf_slice(&signature)), CMAW_OK);
        assert_int_equal(cmaw_pair_verify(cases[i].scheme, cases[i].hash, cmaw_buf_slice(&other.public_der), digest,
                                          cmaw_buf_slice(&signature)), CMAW_E_AUTH);
        for (size_t bit = 0; bit < 8 * signature.size; bit += 3) {
            signature.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_equal(cmaw_pair_verify(cases[i].scheme, cases[i].hash, public_der, digest, cmaw_buf_slice(&signature)), CMAW_E_AUTH);
            signature.data[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
        assert_int_equal(cmaw_pair_verify(cases[i].scheme, cases[i].hash, public_der, digest, CMAW_SLICE_EMPTY), CMAW_E_AUTH);
    }
}

static void keys_and_schemes_that_do_not_fit(void **state)
{
    (void)state;
    static const uint8_t digest[CMAW_SHA256_SIZE] = {1};
    PAIR_AUTO(curve, CMAW_PAIR_P256);
    PAIR_AUTO(rsa, CMAW_PAIR_RSA_2048);
    CMAW_BUF_AUTO(signature, CMAW_PAIR_SIGNATURE_MAX);
    const struct {
        enum cmaw_pair_scheme scheme;
        struct cmaw_slice private_der;
        size_t size;
    } wrong[] = {
        {CMAW_PAIR_PSS, cmaw_buf_slice(&curve.private_der), sizeof digest},
        {CMAW_PAIR_PKCS1, cmaw_buf_slice(&curve.private_der), sizeof digest},
        {CMAW_PAIR_ECDSA, cmaw_buf_slice(&rsa.private_der), sizeof digest},
        {CMAW_PAIR_ECDSA, cmaw_buf_slice(&curve.private_der), sizeof digest - 1},
        {CMAW_PAIR_ECDSA, cmaw_buf_slice(&curve.public_der), sizeof digest},
        {CMAW_PAIR_ECDSA, cmaw_slice_sub(cmaw_buf_slice(&curve.private_der), 0, curve.private_der.size - 1), sizeof digest},
        {CMAW_PAIR_ECDSA, CMAW_SLICE_EMPTY, sizeof digest},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(cmaw_pair_sign(wrong[i].scheme, CMAW_SHA256, wrong[i].private_der, cmaw_slice_of(digest, wrong[i].size),
                                        &signature), CMAW_E_BUG);
        assert_int_equal(signature.size, 0);
    }
}

static void the_largest_pair_fits(void **state)
{
    (void)state;
    PAIR_AUTO(pair, CMAW_PAIR_RSA_4096);
    assert_true(pair.private_der.size > 2300 && pair.public_der.size == 550);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
        cmocka_unit_test(keys_and_schemes_that_do_not_fit),
        cmocka_unit_test(the_largest_pair_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
