#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/hpke.h"
#include "lib/crypto/random.h"
#include "tests/unit/vectors.h"

static void assert_hex(struct cmaw_slice got, const char *hex)
{
    CMAW_BUF_AUTO(want, 4096);
    vectors_unhex(hex, &want);
    assert_int_equal(got.size, want.size);
    assert_memory_equal(got.data, want.data, want.size);
}

static void hashes_are_those_of_fips_180(void **state)
{
    (void)state;
    uint8_t digest[CMAW_HASH_SIZE_MAX];
    cmaw_sha256(CMAW_SLICE_LIT("abc"), digest);
    assert_hex(cmaw_slice_of(digest, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cmaw_sha384(CMAW_SLICE_LIT("abc"), digest);
    assert_hex(cmaw_slice_of(digest, 48), "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                                          "8086072ba1e7cc2358baeca134c825a7");
    cmaw_sha512(CMAW_SLICE_LIT("abc"), digest);
    assert_hex(cmaw_slice_of(digest, 64), "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                                          "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    cmaw_sha256(CMAW_SLICE_EMPTY, digest);
    assert_hex(cmaw_slice_of(digest, 32), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const struct cmaw_slice parts[] = {CMAW_SLICE_LIT("a"), CMAW_SLICE_EMPTY, CMAW_SLICE_LIT("bc")};
    cmaw_sha256_parts(parts, 3, digest);
    assert_hex(cmaw_slice_of(digest, 32), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void hash_state_forks_by_assignment(void **state)
{
    (void)state;
    struct cmaw_hash hash;
    cmaw_hash_init(CMAW_SHA384, &hash);
    cmaw_hash_update(&hash, CMAW_SLICE_LIT("ab"));
    struct cmaw_hash fork = hash;
    cmaw_hash_update(&fork, CMAW_SLICE_LIT("zzz"));
    cmaw_hash_update(&hash, CMAW_SLICE_LIT("c"));
    uint8_t digest[CMAW_SHA384_SIZE], other[CMAW_SHA384_SIZE];
    cmaw_hash_finish(&hash, digest);
    cmaw_hash_finish(&fork, other);
    assert_hex(CMAW_SLICE_ARRAY(digest), "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
                                         "8086072ba1e7cc2358baeca134c825a7");
    assert_memory_not_equal(digest, other, sizeof digest);
}

static void hmac_sha256_is_that_of_rfc_4231(void **state)
{
    (void)state;
    uint8_t tag[CMAW_SHA256_SIZE];
    struct cmaw_slice part = CMAW_SLICE_LIT("what do ya want for nothing?");
    cmaw_hmac_sha256(CMAW_SLICE_LIT("Jefe"), &part, 1, tag);
    assert_hex(CMAW_SLICE_ARRAY(tag), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    uint8_t key[131];
    memset(key, 0xaa, sizeof key);
    part = CMAW_SLICE_LIT("Test Using Larger Than Block-Size Key - Hash Key First");
    cmaw_hmac_sha256(CMAW_SLICE_ARRAY(key), &part, 1, tag);
    assert_hex(CMAW_SLICE_ARRAY(tag), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void random_bytes_differ(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0};
    assert_int_equal(cmaw_random(a, sizeof a), CMAW_OK);
    assert_int_equal(cmaw_random(b, sizeof b), CMAW_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

/* The value of the n-th field of that name. */
static void hpke_field(const json_t *entry, const char *name, size_t n, struct cmaw_buf *ret_bytes)
{
    size_t i;
    json_t *field;
    json_array_foreach(json_object_get(entry, "fields"), i, field) {
        const char *key = json_string_value(json_array_get(field, 0));
        if (cmaw_slice_eq_cstr(cmaw_slice_of_cstr(key), name) && n-- == 0) {
            vectors_unhex(json_string_value(json_array_get(field, 1)), ret_bytes);
            return;
        }
    }
    fail_msg("no field %s", name);
}

static void hpke_key(const json_t *entry, const char *ikm_name, const char *sk_name, const char *pk_name,
                     struct cmaw_hpke_key *ret_key)
{
    CMAW_BUF_AUTO(ikm, 64);
    CMAW_BUF_AUTO(sk, 64);
    CMAW_BUF_AUTO(pk, 64);
    hpke_field(entry, ikm_name, 0, &ikm);
    hpke_field(entry, sk_name, 0, &sk);
    hpke_field(entry, pk_name, 0, &pk);
    assert_int_equal(cmaw_hpke_derive_key_pair(cmaw_buf_slice(&ikm), ret_key), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_secret_slice(&ret_key->private_key), cmaw_buf_slice(&sk)));
    assert_true(cmaw_slice_eq(CMAW_SLICE_ARRAY(ret_key->public_key), cmaw_buf_slice(&pk)));
}

static void hpke_exports(const json_t *entry, const struct cmaw_secret *exporter)
{
    for (size_t i = 0; i < 3; i++) {
        CMAW_BUF_AUTO(context, 64);
        CMAW_BUF_AUTO(want, 64);
        CMAW_SECRET_AUTO(exported);
        hpke_field(entry, "exporter_context", i, &context);
        hpke_field(entry, "exported_value", i, &want);
        assert_int_equal(cmaw_hpke_export(exporter, cmaw_buf_slice(&context), 32, &exported), CMAW_OK);
        assert_true(cmaw_slice_eq(cmaw_secret_slice(&exported), cmaw_buf_slice(&want)));
    }
}

static void hpke_vectors_of_rfc_9180(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *root = vectors_json("hpke.json");
    const json_t *entry = json_array_get(root, 2); /* export-only, base mode */
    CMAW_HPKE_KEY_AUTO(ephemeral);
    CMAW_HPKE_KEY_AUTO(recipient);
    hpke_key(entry, "ikmE", "skEm", "pkEm", &ephemeral);
    hpke_key(entry, "ikmR", "skRm", "pkRm", &recipient);
    CMAW_BUF_AUTO(info, 64);
    CMAW_BUF_AUTO(want, 64);
    hpke_field(entry, "info", 0, &info);
    hpke_field(entry, "exporter_secret", 0, &want);

    uint8_t enc[CMAW_HPKE_ENC_SIZE];
    CMAW_SECRET_AUTO(sender);
    CMAW_SECRET_AUTO(receiver);
    assert_int_equal(
        cmaw_hpke_setup_sender_with(&ephemeral, recipient.public_key, cmaw_buf_slice(&info), enc, &sender), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_secret_slice(&sender), cmaw_buf_slice(&want)));
    assert_memory_equal(enc, ephemeral.public_key, sizeof enc);
    assert_int_equal(
        cmaw_hpke_setup_recipient(&recipient, CMAW_SLICE_ARRAY(enc), cmaw_buf_slice(&info), &receiver), CMAW_OK);
    assert_true(cmaw_secret_eq(&sender, &receiver));
    hpke_exports(entry, &receiver);
    json_decref(root);
}

static void hpke_binds_info_and_refuses_small_order(void **state)
{
    (void)state;
    static const uint8_t ikm[32] = {7};
    static const uint8_t zero[32];
    CMAW_HPKE_KEY_AUTO(key);
    uint8_t enc[CMAW_HPKE_ENC_SIZE];
    CMAW_SECRET_AUTO(sender);
    CMAW_SECRET_AUTO(receiver);
    CMAW_SECRET_AUTO(none);
    assert_int_equal(cmaw_hpke_derive_key_pair(CMAW_SLICE_ARRAY(ikm), &key), CMAW_OK);
    assert_int_equal(cmaw_hpke_setup_sender(key.public_key, CMAW_SLICE_LIT("a"), enc, &sender), CMAW_OK);
    assert_int_equal(cmaw_hpke_setup_recipient(&key, CMAW_SLICE_ARRAY(enc), CMAW_SLICE_LIT("b"), &receiver), CMAW_OK);
    assert_false(cmaw_secret_eq(&sender, &receiver));
    assert_int_equal(cmaw_hpke_setup_recipient(&key, CMAW_SLICE_ARRAY(zero), CMAW_SLICE_EMPTY, &none), CMAW_E_AUTH);
    assert_int_equal(cmaw_hpke_setup_recipient(&key, cmaw_slice_of(enc, 31), CMAW_SLICE_EMPTY, &none), CMAW_E_AUTH);
    assert_int_equal(cmaw_hpke_setup_sender(zero, CMAW_SLICE_EMPTY, enc, &none), CMAW_E_AUTH);
    assert_null(none.bytes);
}

/* n - s, computed here the slow way. */
static void negate_s(uint8_t signature[CMAW_ES256_SIZE])
{
    CMAW_BUF_AUTO(order, 32);
    vectors_unhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", &order);
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        const int diff = order.data[i] - signature[32 + i] - borrow;
        borrow = diff < 0 ? 1 : 0;
        signature[32 + i] = (uint8_t)(diff & 0xff);
    }
}

static void es256_signs_low_and_verifies_strictly(void **state)
{
    (void)state;
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(other);
    CMAW_EC_KEY_AUTO(public_only);
    CMAW_BUF_AUTO(spki, 200);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &key), CMAW_OK);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &other), CMAW_OK);
    cmaw_ec_put_spki(key, &spki);
    assert_int_equal(spki.size, CMAW_P256_SPKI_SIZE);
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P256, cmaw_buf_slice(&spki), &public_only), CMAW_OK);
    const struct cmaw_slice whole = CMAW_SLICE_LIT("message");
    const struct cmaw_slice parts[] = {CMAW_SLICE_LIT("mess"), CMAW_SLICE_LIT("age")};
    uint8_t signature[CMAW_ES256_SIZE];
    for (int i = 0; i < 64; i++) { /* half of all nonces give a high s before it is made low */
        assert_int_equal(cmaw_es256_sign(key, parts, 2, signature), CMAW_OK);
        assert_int_equal(cmaw_es256_verify(public_only, &whole, 1, CMAW_SLICE_ARRAY(signature)), CMAW_OK);
        negate_s(signature);
        assert_int_equal(cmaw_es256_verify(public_only, &whole, 1, CMAW_SLICE_ARRAY(signature)), CMAW_E_AUTH);
        negate_s(signature);
    }
    assert_int_equal(cmaw_es256_verify(other, &whole, 1, CMAW_SLICE_ARRAY(signature)), CMAW_E_AUTH);
    assert_int_equal(cmaw_es256_verify(key, parts, 1, CMAW_SLICE_ARRAY(signature)), CMAW_E_AUTH);
    assert_int_equal(cmaw_es256_verify(key, &whole, 1, cmaw_slice_of(signature, 63)), CMAW_E_AUTH);
    for (size_t i = 0; i < sizeof signature; i++) {
        signature[i] ^= 1;
        assert_int_equal(cmaw_es256_verify(key, &whole, 1, CMAW_SLICE_ARRAY(signature)), CMAW_E_AUTH);
        signature[i] ^= 1;
    }
    static const uint8_t zeros[CMAW_ES256_SIZE];
    assert_int_equal(cmaw_es256_verify(key, &whole, 1, CMAW_SLICE_ARRAY(zeros)), CMAW_E_AUTH);
    assert_int_equal(cmaw_es256_sign(public_only, &whole, 1, signature), CMAW_E_BUG);
}

static void spki_is_read_strictly(void **state)
{
    (void)state;
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(none);
    CMAW_BUF_AUTO(spki, 200);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &key), CMAW_OK);
    cmaw_ec_put_spki(key, &spki);
    for (size_t i = 0; i < spki.size; i++) { /* a changed coordinate is off the curve */
        spki.data[i] ^= 1;
        assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P256, cmaw_buf_slice(&spki), &none), CMAW_E_AUTH);
        spki.data[i] ^= 1;
        assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P256, cmaw_slice_of(spki.data, i), &none), CMAW_E_AUTH);
    }
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P384, cmaw_buf_slice(&spki), &none), CMAW_E_AUTH);
    cmaw_buf_put_u8(&spki, 0);
    assert_int_equal(cmaw_ec_from_spki(CMAW_EC_P256, cmaw_buf_slice(&spki), &none), CMAW_E_AUTH);
}

static void private_keys_survive_a_store(void **state)
{
    (void)state;
    static const enum cmaw_ec_curve curves[] = {CMAW_EC_P256, CMAW_EC_P384};
    for (size_t i = 0; i < 2; i++) {
        CMAW_EC_KEY_AUTO(key);
        CMAW_EC_KEY_AUTO(again);
        CMAW_EC_KEY_AUTO(none);
        CMAW_BUF_AUTO(der, 400);
        CMAW_BUF_AUTO(spki, 400);
        CMAW_BUF_AUTO(spki_again, 400);
        assert_int_equal(cmaw_ec_generate(curves[i], &key), CMAW_OK);
        assert_int_equal(cmaw_ec_put_private_der(key, &der), CMAW_OK);
        assert_int_equal(cmaw_ec_from_private_der(curves[i], cmaw_buf_slice(&der), &again), CMAW_OK);
        assert_int_equal(cmaw_ec_from_private_der(curves[1 - i], cmaw_buf_slice(&der), &none), CMAW_E_MALFORMED);
        cmaw_ec_put_spki(key, &spki);
        cmaw_ec_put_spki(again, &spki_again);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&spki), cmaw_buf_slice(&spki_again)));
    }
}

static void es384_round_trips(void **state)
{
    (void)state;
    CMAW_EC_KEY_AUTO(key);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P384, &key), CMAW_OK);
    const struct cmaw_slice text = CMAW_SLICE_LIT("text");
    uint8_t signature[CMAW_ES384_SIZE], short_signature[CMAW_ES256_SIZE];
    assert_int_equal(cmaw_es384_sign(key, &text, 1, signature), CMAW_OK);
    assert_int_equal(cmaw_es384_verify(key, &text, 1, CMAW_SLICE_ARRAY(signature)), CMAW_OK);
    signature[50] ^= 4;
    assert_int_equal(cmaw_es384_verify(key, &text, 1, CMAW_SLICE_ARRAY(signature)), CMAW_E_AUTH);
    assert_int_equal(cmaw_es256_sign(key, &text, 1, short_signature), CMAW_E_BUG);
}

struct signer_job {
    const struct cmaw_ec_key *key;
    uint8_t first;
    size_t verified;
};

static void *sign_and_verify(void *argument)
{
    struct signer_job *job = argument;
    for (uint8_t i = 0; i < 50; i++) {
        const uint8_t text[] = {job->first, i};
        const struct cmaw_slice part = CMAW_SLICE_ARRAY(text);
        uint8_t signature[CMAW_ES256_SIZE];
        job->verified += cmaw_es256_sign(job->key, &part, 1, signature) == CMAW_OK &&
                         cmaw_es256_verify(job->key, &part, 1, CMAW_SLICE_ARRAY(signature)) == CMAW_OK;
    }
    return NULL;
}

static void one_key_serves_many_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    CMAW_EC_KEY_AUTO(key);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &key), CMAW_OK);
    struct signer_job jobs[THREADS];
    pthread_t threads[THREADS];
    for (uint8_t i = 0; i < THREADS; i++) {
        jobs[i] = (struct signer_job){key, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, sign_and_verify, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(jobs[i].verified, 50);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_those_of_fips_180),
        cmocka_unit_test(hash_state_forks_by_assignment),
        cmocka_unit_test(hmac_sha256_is_that_of_rfc_4231),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(hpke_vectors_of_rfc_9180),
        cmocka_unit_test(hpke_binds_info_and_refuses_small_order),
        cmocka_unit_test(es256_signs_low_and_verifies_strictly),
        cmocka_unit_test(spki_is_read_strictly),
        cmocka_unit_test(private_keys_survive_a_store),
        cmocka_unit_test(es384_round_trips),
        cmocka_unit_test(one_key_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
