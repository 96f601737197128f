/* ECDSA: ES256 (P-256, SHA-256) for our own objects, ES384 (P-384, SHA-384) for the platform's. A key is parsed once and
 * used often; one key may be used by several threads at once. */
#ifndef CMAW_CRYPTO_ECDSA_H
#define CMAW_CRYPTO_ECDSA_H

#include "lib/base/bytes.h"

enum cmaw_ec_curve { CMAW_EC_P256, CMAW_EC_P384 };
enum {
    CMAW_ES256_SIZE = 64, /* bytes of a signature r ‖ s */
    CMAW_ES384_SIZE = 96,
    CMAW_P256_SPKI_SIZE = 91,
    CMAW_P384_SPKI_SIZE = 120,
};

struct cmaw_ec_key; /* public, or public and private */
#define CMAW_EC_KEY_AUTO(name) [[gnu::cleanup(cmaw_ec_key_release)]] struct cmaw_ec_key *name = NULL
void cmaw_ec_key_free(struct cmaw_ec_key *key);
static inline void cmaw_ec_key_release(struct cmaw_ec_key **key)
{
    cmaw_ec_key_free(*key);
    *key = NULL;
}

enum cmaw_err cmaw_ec_generate(enum cmaw_ec_curve curve, struct cmaw_ec_key **ret_key);
/* SubjectPublicKeyInfo in DER: named curve, uncompressed point on the curve, nothing behind it; AUTH for anything else.
 * Hostile input. */
enum cmaw_err cmaw_ec_from_spki(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_ec_key **ret_key);
/* Appends exactly CMAW_P256_SPKI_SIZE or CMAW_P384_SPKI_SIZE bytes. */
void cmaw_ec_put_spki(const struct cmaw_ec_key *key, struct cmaw_buf *buf);
/* PKCS#8 DER, for keys that live in a store. MALFORMED if it is no such key of this curve; BUG without a private key. */
enum cmaw_err cmaw_ec_from_private_der(enum cmaw_ec_curve curve, struct cmaw_slice der, struct cmaw_ec_key **ret_key);
/* The first private key in a PEM text, PKCS#8 or as `openssl ecparam -genkey` writes it. MALFORMED, as above, also for one that is encrypted. */
enum cmaw_err cmaw_ec_from_private_pem(enum cmaw_ec_curve curve, struct cmaw_slice pem, struct cmaw_ec_key **ret_key);
enum cmaw_err cmaw_ec_put_private_der(const struct cmaw_ec_key *key, struct cmaw_buf *buf);

/* Signs the concatenation of count parts. Nonces are hedged: derived from the key, the message and fresh randomness.
 * ES256 signatures have s <= n/2. BUG if the key is public only or of the other curve. */
enum cmaw_err cmaw_es256_sign(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                              uint8_t ret_signature[CMAW_ES256_SIZE]);
enum cmaw_err cmaw_es384_sign(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                              uint8_t ret_signature[CMAW_ES384_SIZE]);
/* AUTH unless the signature is r ‖ s of exactly the right size with 1 <= r, s < n, and verifies; for ES256 also s <= n/2. */
enum cmaw_err cmaw_es256_verify(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                struct cmaw_slice signature);
enum cmaw_err cmaw_es384_verify(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                struct cmaw_slice signature);
/* As cmaw_es384_verify for a signature in DER, as X.509 has it: AUTH for anything but the one DER encoding. */
enum cmaw_err cmaw_es384_verify_der(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                    struct cmaw_slice signature);

#endif
