/* SHA-2. No function here allocates or fails. */
#ifndef CMAW_CRYPTO_HASH_H
#define CMAW_CRYPTO_HASH_H

#include "lib/base/bytes.h"

enum cmaw_hash_alg { CMAW_SHA256, CMAW_SHA384, CMAW_SHA512 };
enum { CMAW_SHA256_SIZE = 32, CMAW_SHA384_SIZE = 48, CMAW_SHA512_SIZE = 64, CMAW_HASH_SIZE_MAX = 64 }; /* bytes */

size_t cmaw_hash_size(enum cmaw_hash_alg alg);

/* One shot, over one slice and over the concatenation of count parts. */
void cmaw_sha256(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA256_SIZE]);
void cmaw_sha384(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA384_SIZE]);
void cmaw_sha512(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA512_SIZE]);
void cmaw_sha256_parts(const struct cmaw_slice *parts, size_t count, uint8_t ret_digest[CMAW_SHA256_SIZE]);
void cmaw_sha384_parts(const struct cmaw_slice *parts, size_t count, uint8_t ret_digest[CMAW_SHA384_SIZE]);

/* Streaming; may be copied by assignment to fork a prefix. */
struct cmaw_hash {
    enum cmaw_hash_alg alg;
    uint64_t state[28]; /* private to hash.c */
};
void cmaw_hash_init(enum cmaw_hash_alg alg, struct cmaw_hash *ret_hash);
void cmaw_hash_update(struct cmaw_hash *hash, struct cmaw_slice bytes);
/* Writes cmaw_hash_size(alg) bytes and wipes the state. */
void cmaw_hash_finish(struct cmaw_hash *hash, uint8_t *ret_digest);

#endif
