#include "lib/crypto/hmac.h"

#include <string.h>

enum { BLOCK_MAX = 128 };

static size_t block_size(enum cmaw_hash_alg alg)
{
    return alg == CMAW_SHA256 ? 64 : 128;
}

static void keyed_init(enum cmaw_hash_alg alg, const uint8_t *key_block, uint8_t pad, struct cmaw_hash *ret_hash)
{
    uint8_t block[BLOCK_MAX];
    const size_t size = block_size(alg);
    for (size_t i = 0; i < size; i++) {
        block[i] = key_block[i] ^ pad;
    }
    cmaw_hash_init(alg, ret_hash);
    cmaw_hash_update(ret_hash, cmaw_slice_of(block, size));
    cmaw_wipe(block, sizeof block);
}

void cmaw_hmac_init(enum cmaw_hash_alg alg, struct cmaw_slice key, struct cmaw_hmac *ret_hmac)
{
    uint8_t key_block[BLOCK_MAX] = {0};
    if (key.size > block_size(alg)) {
        struct cmaw_hash hash;
        cmaw_hash_init(alg, &hash);
        cmaw_hash_update(&hash, key);
        cmaw_hash_finish(&hash, key_block);
    } else if (key.size > 0) {
        memcpy(key_block, key.data, key.size);
    }
    keyed_init(alg, key_block, 0x36, &ret_hmac->inner);
    keyed_init(alg, key_block, 0x5c, &ret_hmac->outer);
    cmaw_wipe(key_block, sizeof key_block);
}

void cmaw_hmac_update(struct cmaw_hmac *hmac, struct cmaw_slice bytes)
{
    cmaw_hash_update(&hmac->inner, bytes);
}

void cmaw_hmac_finish(struct cmaw_hmac *hmac, uint8_t *ret_tag)
{
    uint8_t digest[CMAW_HASH_SIZE_MAX];
    const size_t size = cmaw_hash_size(hmac->inner.alg);
    cmaw_hash_finish(&hmac->inner, digest);
    cmaw_hash_update(&hmac->outer, cmaw_slice_of(digest, size));
    cmaw_hash_finish(&hmac->outer, ret_tag);
    cmaw_wipe(digest, sizeof digest);
}

void cmaw_hmac_sha256(struct cmaw_slice key, const struct cmaw_slice *parts, size_t count,
                      uint8_t ret_tag[CMAW_SHA256_SIZE])
{
    struct cmaw_hmac hmac;
    cmaw_hmac_init(CMAW_SHA256, key, &hmac);
    for (size_t i = 0; i < count; i++) {
        cmaw_hmac_update(&hmac, parts[i]);
    }
    cmaw_hmac_finish(&hmac, ret_tag);
}

static void hkdf_extract(enum cmaw_hash_alg alg, struct cmaw_slice salt, struct cmaw_slice ikm, uint8_t *ret_prk)
{
    /* an empty HMAC key is the block of zeros that the RFC's default salt gives too */
    struct cmaw_hmac hmac;
    cmaw_hmac_init(alg, salt, &hmac);
    cmaw_hmac_update(&hmac, ikm);
    cmaw_hmac_finish(&hmac, ret_prk);
}

enum cmaw_err cmaw_hkdf_expand(enum cmaw_hash_alg alg, struct cmaw_slice prk, const struct cmaw_slice *info,
                               size_t count, uint8_t *ret_okm, size_t size)
{
    const size_t step = cmaw_hash_size(alg);
    CMAW_REQUIRE(size <= 255 * step, CMAW_E_BUG);
    uint8_t block[CMAW_HASH_SIZE_MAX];
    struct cmaw_hmac keyed;
    cmaw_hmac_init(alg, prk, &keyed);
    uint8_t counter = 1;
    for (size_t done = 0; done < size; done += step, counter++) {
        struct cmaw_hmac hmac = keyed;
        cmaw_hmac_update(&hmac, cmaw_slice_of(block, done == 0 ? 0 : step));
        for (size_t i = 0; i < count; i++) {
            cmaw_hmac_update(&hmac, info[i]);
        }
        cmaw_hmac_update(&hmac, cmaw_slice_of(&counter, 1));
        cmaw_hmac_finish(&hmac, block);
        memcpy(ret_okm + done, block, size - done < step ? size - done : step);
    }
    cmaw_wipe(&keyed, sizeof keyed);
    cmaw_wipe(block, sizeof block);
    return CMAW_OK;
}

enum cmaw_err cmaw_hkdf(enum cmaw_hash_alg alg, struct cmaw_slice salt, struct cmaw_slice ikm,
                        const struct cmaw_slice *info, size_t count, uint8_t *ret_okm, size_t size)
{
    uint8_t prk[CMAW_HASH_SIZE_MAX];
    hkdf_extract(alg, salt, ikm, prk);
    const enum cmaw_err err = cmaw_hkdf_expand(alg, cmaw_slice_of(prk, cmaw_hash_size(alg)), info, count, ret_okm, size);
    cmaw_wipe(prk, sizeof prk);
    return err;
}
