#include "lib/crypto/seal_keys.h"

static enum cmaw_err open_chunks(EVP_CIPHER_CTX *ctx, const uint8_t *base, struct cmaw_slice chunks, uint8_t *dst)
{
    struct cmaw_reader reader = cmaw_reader_of(chunks);
    for (uint32_t index = 0; reader.rest.size > 0; index++) {
        const size_t sealed = reader.rest.size < CMAW_SEAL_CHUNK_SEALED ? reader.rest.size : CMAW_SEAL_CHUNK_SEALED;
        const struct cmaw_slice text = cmaw_read_bytes(&reader, sealed - CMAW_GCM_TAG_SIZE);
        const struct cmaw_slice tag = cmaw_read_bytes(&reader, CMAW_GCM_TAG_SIZE);
        uint8_t nonce[CMAW_GCM_NONCE_SIZE];
        cmaw_seal_nonce(base, index, nonce);
        CMAW_TRY(cmaw_gcm_begin(ctx, nonce));
        CMAW_TRY(cmaw_gcm_update(ctx, text, dst));
        CMAW_TRY(cmaw_gcm_finish_open(ctx, tag.data));
        dst += text.size;
    }
    return CMAW_OK;
}

/* The last chunk must be shorter than a full one; whatever precedes it is full chunks. */
static bool chunks_well_formed(struct cmaw_slice chunks)
{
    return chunks.size <= UINT32_MAX && chunks.size % CMAW_SEAL_CHUNK_SEALED >= CMAW_GCM_TAG_SIZE;
}

enum cmaw_err cmaw_seal_open(const struct cmaw_secret *key, struct cmaw_slice context, struct cmaw_slice sealed,
                             struct cmaw_buf *out)
{
    struct cmaw_reader reader = cmaw_reader_of(sealed);
    const struct cmaw_slice salt = cmaw_read_bytes(&reader, CMAW_SEAL_SALT_SIZE);
    const struct cmaw_slice commitment = cmaw_read_bytes(&reader, CMAW_SEAL_COMMITMENT_SIZE);
    CMAW_REQUIRE(reader.err == CMAW_OK && chunks_well_formed(reader.rest), CMAW_E_AUTH);
    const struct cmaw_slice chunks = reader.rest;

    CMAW_SECRET_AUTO(keys);
    CMAW_TRY(cmaw_seal_derive(key, context, salt.data, &keys));
    CMAW_REQUIRE(cmaw_ct_eq(commitment, cmaw_slice_of(keys.bytes + CMAW_SEAL_AT_COMMITMENT, CMAW_SEAL_COMMITMENT_SIZE)),
                 CMAW_E_AUTH);
    CMAW_CIPHER_CTX_AUTO(ctx) = cmaw_gcm_new(keys.bytes, false);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);

    const size_t before = out->size;
    const size_t tags = CMAW_GCM_TAG_SIZE * (chunks.size / CMAW_SEAL_CHUNK_SEALED + 1);
    uint8_t *dst = cmaw_buf_extend(out, chunks.size - tags);
    CMAW_TRY(out->err);
    const enum cmaw_err err = open_chunks(ctx, keys.bytes + CMAW_SEAL_AT_NONCE, chunks, dst);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(out, before);
    }
    return err;
}
