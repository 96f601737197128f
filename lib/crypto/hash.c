#include "lib/crypto/hash.h"

size_t cmaw_hash_size(enum cmaw_hash_alg alg)
{
    static const size_t sizes[] = {
        [CMAW_SHA256] = CMAW_SHA256_SIZE, [CMAW_SHA384] = CMAW_SHA384_SIZE, [CMAW_SHA512] = CMAW_SHA512_SIZE};
    return sizes[alg];
}

static void hash_parts(enum cmaw_hash_alg alg, const struct cmaw_slice *parts, size_t count, uint8_t *ret_digest)
{
    struct cmaw_hash hash;
    cmaw_hash_init(alg, &hash);
    for (size_t i = 0; i < count; i++) {
        cmaw_hash_update(&hash, parts[i]);
    }
    cmaw_hash_finish(&hash, ret_digest);
}

void cmaw_sha256(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA256_SIZE])
{
    hash_parts(CMAW_SHA256, &bytes, 1, ret_digest);
}

void cmaw_sha384(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA384_SIZE])
{
    hash_parts(CMAW_SHA384, &bytes, 1, ret_digest);
}

void cmaw_sha512(struct cmaw_slice bytes, uint8_t ret_digest[CMAW_SHA512_SIZE])
{
    hash_parts(CMAW_SHA512, &bytes, 1, ret_digest);
}

void cmaw_sha256_parts(const struct cmaw_slice *parts, size_t count, uint8_t ret_digest[CMAW_SHA256_SIZE])
{
    hash_parts(CMAW_SHA256, parts, count, ret_digest);
}

void cmaw_sha384_parts(const struct cmaw_slice *parts, size_t count, uint8_t ret_digest[CMAW_SHA384_SIZE])
{
    hash_parts(CMAW_SHA384, parts, count, ret_digest);
}
