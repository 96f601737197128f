/* Content encryption, PROTOCOL.md section 3: C2SP chunked encryption with AES-256-GCM (Cobblestone-256), key-committing.
 * Output: salt 24 bytes, commitment 32 bytes, chunks of 16,384 bytes with a 16-byte tag each, the last one shorter. */
#ifndef CMAW_CRYPTO_SEAL_H
#define CMAW_CRYPTO_SEAL_H

#include "lib/base/secret.h"

enum {
    CMAW_SEAL_KEY_SIZE = 32,
    CMAW_SEAL_SALT_SIZE = 24,
    CMAW_SEAL_COMMITMENT_SIZE = 32,
    CMAW_SEAL_CHUNK_SIZE = 16384,
    CMAW_SEAL_TAG_SIZE = 16,
}; /* bytes */

/* Bytes that sealing a plaintext of size bytes makes. */
static inline size_t cmaw_sealed_size(size_t size)
{
    return CMAW_SEAL_SALT_SIZE + CMAW_SEAL_COMMITMENT_SIZE + size + CMAW_SEAL_TAG_SIZE * (size / CMAW_SEAL_CHUNK_SIZE + 1);
}

/* Appends the sealed form. The salt must never repeat for another plaintext under this key: hedge it (PROTOCOL.md
 * section 3). BUG if the key is not 32 bytes; the buffer's error if it does not fit; nothing is appended then. */
enum cmaw_err cmaw_seal(const struct cmaw_secret *key, struct cmaw_slice context,
                        const uint8_t salt[CMAW_SEAL_SALT_SIZE], struct cmaw_slice plaintext, struct cmaw_buf *out);
/* As cmaw_seal, for the plaintext parts[0] ‖ … ‖ parts[count - 1] ‖ zeros (a count of zero bytes): a padded state needs
 * no copy. */
enum cmaw_err cmaw_seal_parts(const struct cmaw_secret *key, struct cmaw_slice context,
                              const uint8_t salt[CMAW_SEAL_SALT_SIZE], const struct cmaw_slice *parts, size_t count,
                              size_t zeros, struct cmaw_buf *out);

/* Appends the plaintext once every tag has verified, or nothing. AUTH for every failure of the sealed bytes, also of their
 * form; TOO_LARGE or NO_MEMORY of the buffer. Hostile input; at most the sealed size is reserved. */
enum cmaw_err cmaw_seal_open(const struct cmaw_secret *key, struct cmaw_slice context, struct cmaw_slice sealed,
                             struct cmaw_buf *out);

#endif
