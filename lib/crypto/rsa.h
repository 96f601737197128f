/* RSA-2048 with OAEP, SHA-256 for both hashes and no label: RSAES_OAEP_SHA_256 of KMS. */
#ifndef CMAW_CRYPTO_RSA_H
#define CMAW_CRYPTO_RSA_H

#include "lib/base/secret.h"

enum { CMAW_RSA_SPKI_SIZE = 294, CMAW_RSA_BLOCK_SIZE = 256 }; /* bytes; the SPKI for the exponent 65537 */

struct cmaw_rsa_key; /* public, or public and private */
#define CMAW_RSA_KEY_AUTO(name) [[gnu::cleanup(cmaw_rsa_key_release)]] struct cmaw_rsa_key *name = NULL
void cmaw_rsa_key_free(struct cmaw_rsa_key *key);
static inline void cmaw_rsa_key_release(struct cmaw_rsa_key **key)
{
    cmaw_rsa_key_free(*key);
    *key = NULL;
}

/* Takes a tenth of a second or so. */
enum cmaw_err cmaw_rsa_generate(struct cmaw_rsa_key **ret_key);
/* SubjectPublicKeyInfo in DER of a 2048-bit key with exponent 65537; AUTH for anything else. Hostile input. */
enum cmaw_err cmaw_rsa_from_spki(struct cmaw_slice spki, struct cmaw_rsa_key **ret_key);
/* A private key in PEM, PKCS#1 or PKCS#8; MALFORMED unless it is 2048 bits. For tests. */
enum cmaw_err cmaw_rsa_from_private_pem(struct cmaw_slice pem, struct cmaw_rsa_key **ret_key);
/* Appends CMAW_RSA_SPKI_SIZE bytes. */
void cmaw_rsa_put_spki(const struct cmaw_rsa_key *key, struct cmaw_buf *buf);

/* Appends CMAW_RSA_BLOCK_SIZE bytes; plaintext at most 190 bytes. */
enum cmaw_err cmaw_rsa_oaep_encrypt(const struct cmaw_rsa_key *key, struct cmaw_slice plaintext, struct cmaw_buf *out);
/* AUTH for every failure, and if the plaintext is not exactly size bytes. */
enum cmaw_err cmaw_rsa_oaep_decrypt(const struct cmaw_rsa_key *key, struct cmaw_slice ciphertext, size_t size,
                                    struct cmaw_secret *ret_plaintext);

#endif
