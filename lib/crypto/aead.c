#include "lib/crypto/gcm.h"

#include <limits.h>

EVP_CIPHER_CTX *cmaw_gcm_new(const uint8_t key[CMAW_GCM_KEY_SIZE], bool encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = cmaw_openssl_aes256gcm();
    if (ctx == NULL || cipher == NULL || EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

enum cmaw_err cmaw_gcm_begin(EVP_CIPHER_CTX *ctx, const uint8_t nonce[CMAW_GCM_NONCE_SIZE])
{
    return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, -1, NULL) == 1 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err put_aad(EVP_CIPHER_CTX *ctx, struct cmaw_slice aad)
{
    int size = 0;
    CMAW_REQUIRE(aad.size <= INT_MAX, CMAW_E_TOO_LARGE);
    if (aad.size == 0) {
        return CMAW_OK;
    }
    return EVP_CipherUpdate(ctx, NULL, &size, aad.data, (int)aad.size) == 1 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_gcm_update(EVP_CIPHER_CTX *ctx, struct cmaw_slice bytes, uint8_t *dst)
{
    int size = 0;
    CMAW_REQUIRE(bytes.size <= INT_MAX, CMAW_E_TOO_LARGE);
    if (bytes.size == 0) {
        return CMAW_OK;
    }
    return EVP_CipherUpdate(ctx, dst, &size, bytes.data, (int)bytes.size) == 1 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_gcm_finish_seal(EVP_CIPHER_CTX *ctx, uint8_t ret_tag[CMAW_GCM_TAG_SIZE])
{
    uint8_t nothing[CMAW_GCM_TAG_SIZE];
    int size = 0;
    CMAW_REQUIRE(EVP_CipherFinal_ex(ctx, nothing, &size) == 1, CMAW_E_NO_MEMORY);
    CMAW_REQUIRE(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, CMAW_GCM_TAG_SIZE, ret_tag) == 1, CMAW_E_NO_MEMORY);
    return CMAW_OK;
}

enum cmaw_err cmaw_gcm_finish_open(EVP_CIPHER_CTX *ctx, const uint8_t tag[CMAW_GCM_TAG_SIZE])
{
    uint8_t copy[CMAW_GCM_TAG_SIZE]; /* the control takes a pointer to what it may change */
    for (size_t i = 0; i < sizeof copy; i++) {
        copy[i] = tag[i];
    }
    uint8_t nothing[CMAW_GCM_TAG_SIZE];
    int size = 0;
    CMAW_REQUIRE(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, CMAW_GCM_TAG_SIZE, copy) == 1, CMAW_E_NO_MEMORY);
    return EVP_CipherFinal_ex(ctx, nothing, &size) == 1 ? CMAW_OK : CMAW_E_AUTH;
}

static enum cmaw_err seal_into(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, struct cmaw_slice aad,
                               struct cmaw_slice plaintext, uint8_t *dst)
{
    CMAW_TRY(cmaw_gcm_begin(ctx, nonce));
    CMAW_TRY(put_aad(ctx, aad));
    CMAW_TRY(cmaw_gcm_update(ctx, plaintext, dst));
    return cmaw_gcm_finish_seal(ctx, dst + plaintext.size);
}

static enum cmaw_err open_into(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, struct cmaw_slice aad,
                               struct cmaw_slice ciphertext, const uint8_t *tag, uint8_t *dst)
{
    CMAW_TRY(cmaw_gcm_begin(ctx, nonce));
    CMAW_TRY(put_aad(ctx, aad));
    CMAW_TRY(cmaw_gcm_update(ctx, ciphertext, dst));
    return cmaw_gcm_finish_open(ctx, tag);
}

enum cmaw_err cmaw_gcm_seal(const struct cmaw_secret *key, const uint8_t nonce[CMAW_GCM_NONCE_SIZE],
                            struct cmaw_slice aad, struct cmaw_slice plaintext, struct cmaw_buf *out)
{
    CMAW_REQUIRE(key->size == CMAW_GCM_KEY_SIZE, CMAW_E_BUG);
    CMAW_REQUIRE(plaintext.size <= INT_MAX - CMAW_GCM_TAG_SIZE, CMAW_E_TOO_LARGE);
    CMAW_CIPHER_CTX_AUTO(ctx) = cmaw_gcm_new(key->bytes, true);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);
    const size_t before = out->size;
    uint8_t *dst = cmaw_buf_extend(out, plaintext.size + CMAW_GCM_TAG_SIZE);
    CMAW_TRY(out->err);
    const enum cmaw_err err = seal_into(ctx, nonce, aad, plaintext, dst);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(out, before);
    }
    return err;
}

enum cmaw_err cmaw_gcm_open(const struct cmaw_secret *key, const uint8_t nonce[CMAW_GCM_NONCE_SIZE],
                            struct cmaw_slice aad, struct cmaw_slice sealed, struct cmaw_buf *out)
{
    CMAW_REQUIRE(key->size == CMAW_GCM_KEY_SIZE, CMAW_E_BUG);
    CMAW_REQUIRE(sealed.size >= CMAW_GCM_TAG_SIZE, CMAW_E_AUTH);
    CMAW_CIPHER_CTX_AUTO(ctx) = cmaw_gcm_new(key->bytes, false);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);
    const size_t before = out->size;
    const size_t size = sealed.size - CMAW_GCM_TAG_SIZE;
    uint8_t *dst = cmaw_buf_extend(out, size);
    CMAW_TRY(out->err);
    const enum cmaw_err err = open_into(ctx, nonce, aad, cmaw_slice_of(sealed.data, size), sealed.data + size, dst);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(out, before);
    }
    return err;
}
