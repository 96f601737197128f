/* The SHA functions that OpenSSL 3.0 calls deprecated, and still ships: their state lives on the stack, so hashing can
 * neither allocate nor fail, and a fork of a prefix is an assignment. EVP would allocate twice for each digest. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/crypto/hash.h"

#include <assert.h>
#include <openssl/sha.h>

static_assert(sizeof(SHA256_CTX) <= sizeof((struct cmaw_hash *)0)->state);
static_assert(sizeof(SHA512_CTX) <= sizeof((struct cmaw_hash *)0)->state);

static SHA256_CTX *small(struct cmaw_hash *hash)
{
    return (SHA256_CTX *)(void *)hash->state;
}

static SHA512_CTX *large(struct cmaw_hash *hash)
{
    return (SHA512_CTX *)(void *)hash->state;
}

void cmaw_hash_init(enum cmaw_hash_alg alg, struct cmaw_hash *ret_hash)
{
    ret_hash->alg = alg;
    switch (alg) {
    case CMAW_SHA256: (void)SHA256_Init(small(ret_hash)); break;
    case CMAW_SHA384: (void)SHA384_Init(large(ret_hash)); break;
    case CMAW_SHA512: (void)SHA512_Init(large(ret_hash)); break;
    }
}

void cmaw_hash_update(struct cmaw_hash *hash, struct cmaw_slice bytes)
{
    if (bytes.size == 0) {
        return;
    }
    if (hash->alg == CMAW_SHA256) {
        (void)SHA256_Update(small(hash), bytes.data, bytes.size);
    } else {
        (void)SHA512_Update(large(hash), bytes.data, bytes.size);
    }
}

void cmaw_hash_finish(struct cmaw_hash *hash, uint8_t *ret_digest)
{
    if (hash->alg == CMAW_SHA256) {
        (void)SHA256_Final(ret_digest, small(hash));
    } else {
        (void)SHA512_Final(ret_digest, large(hash)); /* cuts to 48 bytes after SHA384_Init */
    }
    cmaw_wipe(hash->state, sizeof hash->state);
}
