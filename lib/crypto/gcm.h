/* Inside lib/crypto only: AES-256-GCM with the key schedule kept for many messages, in steps. */
#ifndef CMAW_CRYPTO_GCM_H
#define CMAW_CRYPTO_GCM_H

#include "lib/crypto/aead.h"
#include "lib/crypto/openssl.h"

/* NULL if there is no memory. The caller frees (CMAW_CIPHER_CTX_AUTO); the key is wiped with it. */
EVP_CIPHER_CTX *cmaw_gcm_new(const uint8_t key[CMAW_GCM_KEY_SIZE], bool encrypt);
/* Begins a message under a nonce. */
enum cmaw_err cmaw_gcm_begin(EVP_CIPHER_CTX *ctx, const uint8_t nonce[CMAW_GCM_NONCE_SIZE]);
/* Writes bytes.size bytes to dst, which may be bytes.data. */
enum cmaw_err cmaw_gcm_update(EVP_CIPHER_CTX *ctx, struct cmaw_slice bytes, uint8_t *dst);
enum cmaw_err cmaw_gcm_finish_seal(EVP_CIPHER_CTX *ctx, uint8_t ret_tag[CMAW_GCM_TAG_SIZE]);
/* AUTH if the tag is wrong. */
enum cmaw_err cmaw_gcm_finish_open(EVP_CIPHER_CTX *ctx, const uint8_t tag[CMAW_GCM_TAG_SIZE]);

#endif
