/* Inside lib/crypto only: what sealing and opening share. */
#ifndef CMAW_CRYPTO_SEAL_KEYS_H
#define CMAW_CRYPTO_SEAL_KEYS_H

#include "lib/crypto/gcm.h"
#include "lib/crypto/seal.h"

enum { CMAW_SEAL_CHUNK_SEALED = CMAW_SEAL_CHUNK_SIZE + CMAW_GCM_TAG_SIZE };

/* Offsets into the derived bytes: the AEAD key, the nonce base, the commitment. */
enum { CMAW_SEAL_AT_NONCE = 32, CMAW_SEAL_AT_COMMITMENT = 44, CMAW_SEAL_KEYS_SIZE = 76 };

/* BUG if the key is not 32 bytes. */
enum cmaw_err cmaw_seal_derive(const struct cmaw_secret *key, struct cmaw_slice context, const uint8_t *salt,
                               struct cmaw_secret *ret_keys);
/* Nonce of chunk index: base XOR index. */
void cmaw_seal_nonce(const uint8_t *base, uint32_t index, uint8_t ret_nonce[CMAW_GCM_NONCE_SIZE]);

#endif
