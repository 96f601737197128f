/* AES-256-GCM with a 12-byte nonce and a 16-byte tag. Never use a nonce twice under one key; protocol objects use seal.h. */
#ifndef CMAW_CRYPTO_AEAD_H
#define CMAW_CRYPTO_AEAD_H

#include "lib/base/secret.h"

enum { CMAW_GCM_KEY_SIZE = 32, CMAW_GCM_NONCE_SIZE = 12, CMAW_GCM_TAG_SIZE = 16 }; /* bytes */

/* Appends ciphertext and tag. BUG if the key is not 32 bytes. */
enum cmaw_err cmaw_gcm_seal(const struct cmaw_secret *key, const uint8_t nonce[CMAW_GCM_NONCE_SIZE],
                            struct cmaw_slice aad, struct cmaw_slice plaintext, struct cmaw_buf *out);
/* Appends the plaintext, or nothing: AUTH if the tag is wrong or missing. */
enum cmaw_err cmaw_gcm_open(const struct cmaw_secret *key, const uint8_t nonce[CMAW_GCM_NONCE_SIZE],
                            struct cmaw_slice aad, struct cmaw_slice sealed, struct cmaw_buf *out);

#endif
