#include "lib/crypto/hash.h"

#include <assert.h>
#include <nettle/sha2.h>

static_assert(sizeof(struct sha256_ctx) <= sizeof((struct cmaw_hash *)0)->state);
static_assert(sizeof(struct sha512_ctx) <= sizeof((struct cmaw_hash *)0)->state);

static struct sha256_ctx *small(struct cmaw_hash *hash)
{
    return (struct sha256_ctx *)(void *)hash->state;
}

static struct sha512_ctx *large(struct cmaw_hash *hash)
{
    return (struct sha512_ctx *)(void *)hash->state;
}

void cmaw_hash_init(enum cmaw_hash_alg alg, struct cmaw_hash *ret_hash)
{
    ret_hash->alg = alg;
    switch (alg) {
    case CMAW_SHA256: sha256_init(small(ret_hash)); break;
    case CMAW_SHA384: sha384_init(large(ret_hash)); break;
    case CMAW_SHA512: sha512_init(large(ret_hash)); break;
    }
}

void cmaw_hash_update(struct cmaw_hash *hash, struct cmaw_slice bytes)
{
    if (bytes.size == 0) {
        return;
    }
    if (hash->alg == CMAW_SHA256) {
        sha256_update(small(hash), bytes.size, bytes.data);
    } else {
        sha512_update(large(hash), bytes.size, bytes.data);
    }
}

void cmaw_hash_finish(struct cmaw_hash *hash, uint8_t *ret_digest)
{
    switch (hash->alg) {
    case CMAW_SHA256: sha256_digest(small(hash), CMAW_SHA256_SIZE, ret_digest); break;
    case CMAW_SHA384: sha384_digest(large(hash), CMAW_SHA384_SIZE, ret_digest); break;
    case CMAW_SHA512: sha512_digest(large(hash), CMAW_SHA512_SIZE, ret_digest); break;
    }
    cmaw_wipe(hash->state, sizeof hash->state);
}
