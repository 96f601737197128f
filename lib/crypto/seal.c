#include "lib/crypto/seal_keys.h"

static const uint8_t zero_bytes[CMAW_SEAL_CHUNK_SIZE];

/* What is still to be sealed: the rest of the first part, the other parts, and zeros. */
struct source {
    struct cmaw_slice head;
    const struct cmaw_slice *parts;
    size_t count;
    size_t zeros;
};

/* The next run of at most max bytes that lie together; max is at most a chunk. */
static struct cmaw_slice source_take(struct source *source, size_t max)
{
    while (source->head.size == 0 && source->count > 0) {
        source->head = *source->parts++;
        source->count--;
    }
    if (source->head.size == 0) {
        const size_t size = source->zeros < max ? source->zeros : max;
        source->zeros -= size;
        return cmaw_slice_of(zero_bytes, size);
    }
    const size_t size = source->head.size < max ? source->head.size : max;
    const struct cmaw_slice run = cmaw_slice_of(source->head.data, size);
    source->head = cmaw_slice_of(source->head.data + size, source->head.size - size);
    return run;
}

static enum cmaw_err seal_chunk(EVP_CIPHER_CTX *ctx, struct source *source, size_t size, uint8_t *dst)
{
    for (size_t done = 0; done < size;) {
        const struct cmaw_slice run = source_take(source, size - done);
        CMAW_REQUIRE(run.size > 0, CMAW_E_BUG);
        CMAW_TRY(cmaw_gcm_update(ctx, run, dst + done));
        done += run.size;
    }
    return cmaw_gcm_finish_seal(ctx, dst + size);
}

/* A full chunk is never the last: a plaintext of whole chunks ends with an empty one. */
static enum cmaw_err seal_chunks(EVP_CIPHER_CTX *ctx, const uint8_t *base, struct source *source, size_t left,
                                 uint8_t *dst)
{
    uint32_t index = 0;
    size_t size;
    do {
        size = left < CMAW_SEAL_CHUNK_SIZE ? left : CMAW_SEAL_CHUNK_SIZE;
        uint8_t nonce[CMAW_GCM_NONCE_SIZE];
        cmaw_seal_nonce(base, index++, nonce);
        CMAW_TRY(cmaw_gcm_begin(ctx, nonce));
        CMAW_TRY(seal_chunk(ctx, source, size, dst));
        dst += size + CMAW_GCM_TAG_SIZE;
        left -= size;
    } while (size == CMAW_SEAL_CHUNK_SIZE);
    return CMAW_OK;
}

static enum cmaw_err total_size(const struct cmaw_slice *parts, size_t count, size_t zeros, size_t *ret_total)
{
    size_t total = zeros;
    for (size_t i = 0; i < count; i++) {
        CMAW_REQUIRE(parts[i].size <= UINT32_MAX && total <= UINT32_MAX, CMAW_E_TOO_LARGE);
        total += parts[i].size;
    }
    CMAW_REQUIRE(total <= UINT32_MAX, CMAW_E_TOO_LARGE);
    *ret_total = total;
    return CMAW_OK;
}

enum cmaw_err cmaw_seal_parts(const struct cmaw_secret *key, struct cmaw_slice context,
                              const uint8_t salt[CMAW_SEAL_SALT_SIZE], const struct cmaw_slice *parts, size_t count,
                              size_t zeros, struct cmaw_buf *out)
{
    size_t total;
    CMAW_TRY(total_size(parts, count, zeros, &total));
    CMAW_SECRET_AUTO(keys);
    CMAW_TRY(cmaw_seal_derive(key, context, salt, &keys));
    CMAW_CIPHER_CTX_AUTO(ctx) = cmaw_gcm_new(keys.bytes, true);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);
    const size_t before = out->size;
    CMAW_TRY(cmaw_buf_reserve(out, cmaw_sealed_size(total)));
    cmaw_buf_put(out, cmaw_slice_of(salt, CMAW_SEAL_SALT_SIZE));
    cmaw_buf_put(out, cmaw_slice_of(keys.bytes + CMAW_SEAL_AT_COMMITMENT, CMAW_SEAL_COMMITMENT_SIZE));
    uint8_t *dst = cmaw_buf_extend(out, cmaw_sealed_size(total) - CMAW_SEAL_SALT_SIZE - CMAW_SEAL_COMMITMENT_SIZE);
    struct source source = {CMAW_SLICE_EMPTY, parts, count, zeros};
    const enum cmaw_err err = seal_chunks(ctx, keys.bytes + CMAW_SEAL_AT_NONCE, &source, total, dst);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(out, before);
    }
    return err;
}

enum cmaw_err cmaw_seal(const struct cmaw_secret *key, struct cmaw_slice context,
                        const uint8_t salt[CMAW_SEAL_SALT_SIZE], struct cmaw_slice plaintext, struct cmaw_buf *out)
{
    return cmaw_seal_parts(key, context, salt, &plaintext, 1, 0, out);
}
