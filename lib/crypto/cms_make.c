#include "lib/crypto/cms_make.h"

#include "lib/crypto/cms_form.h"
#include "lib/crypto/der.h"
#include "lib/crypto/openssl.h"
#include "lib/crypto/random.h"
#include "lib/crypto/rsa_key.h"

enum { CEK_SIZE = 32, AES_BLOCK = 16, CONTENT_MAX = 4096 };

static enum cmaw_err encrypt_content(const struct cmaw_secret *cek, const uint8_t *iv, struct cmaw_slice content,
                                     struct cmaw_buf *out)
{
    CMAW_CIPHER_CTX_AUTO(ctx) = EVP_CIPHER_CTX_new();
    CMAW_REQUIRE(ctx != NULL && EVP_EncryptInit_ex2(ctx, cmaw_openssl_aes256cbc(), cek->bytes, iv, NULL) == 1,
                 CMAW_E_NO_MEMORY);
    uint8_t *dst = cmaw_buf_extend(out, content.size + AES_BLOCK);
    CMAW_TRY(out->err);
    int size = 0, last = 0;
    CMAW_REQUIRE(content.size == 0 || EVP_EncryptUpdate(ctx, dst, &size, content.data, (int)content.size) == 1,
                 CMAW_E_NO_MEMORY);
    CMAW_REQUIRE(EVP_EncryptFinal_ex(ctx, dst + size, &last) == 1, CMAW_E_NO_MEMORY);
    cmaw_buf_truncate(out, (size_t)size + (size_t)last);
    return CMAW_OK;
}

static void put_element(struct cmaw_buf *out, uint8_t tag, struct cmaw_slice bytes)
{
    cmaw_buf_put_u8(out, tag);
    if (bytes.size >= 0x100) {
        cmaw_buf_put_u8(out, 0x82);
        cmaw_buf_put_u16be(out, (uint16_t)bytes.size);
    } else {
        if (bytes.size >= 0x80) {
            cmaw_buf_put_u8(out, 0x81);
        }
        cmaw_buf_put_u8(out, (uint8_t)bytes.size);
    }
    cmaw_buf_put(out, bytes);
}

static void put_content(struct cmaw_buf *out, enum cmaw_cms_form form, struct cmaw_slice encrypted)
{
    if (form == CMAW_CMS_PRIMITIVE) {
        put_element(out, CMAW_CMS_TAG_PRIMITIVE, encrypted);
        return;
    }
    cmaw_buf_put(out, CMAW_CMS_BEFORE_SEGMENTS);
    for (size_t at = 0; at < encrypted.size; at += CMAW_CMS_SEGMENT_SIZE) {
        const size_t left = encrypted.size - at;
        const size_t size = left < CMAW_CMS_SEGMENT_SIZE ? left : CMAW_CMS_SEGMENT_SIZE;
        put_element(out, CMAW_DER_OCTET_STRING, cmaw_slice_sub(encrypted, at, size));
    }
    cmaw_buf_put(out, CMAW_CMS_AFTER_SEGMENTS);
}

enum cmaw_err cmaw_cms_make(const struct cmaw_rsa_key *key, enum cmaw_cms_form form, struct cmaw_slice content,
                            struct cmaw_buf *out)
{
    CMAW_REQUIRE(content.size <= CONTENT_MAX, CMAW_E_TOO_LARGE);
    uint8_t id[CMAW_CMS_ID_SIZE], iv[CMAW_CMS_IV_SIZE];
    CMAW_SECRET_AUTO(cek);
    CMAW_BUF_AUTO(encrypted, CONTENT_MAX + AES_BLOCK);
    cmaw_sha256(CMAW_SLICE_ARRAY(key->spki), id);
    CMAW_TRY(cmaw_random(iv, sizeof iv));
    CMAW_TRY(cmaw_random_secret(CEK_SIZE, &cek));
    CMAW_TRY(encrypt_content(&cek, iv, content, &encrypted));

    cmaw_buf_put(out, CMAW_CMS_BEFORE_ID);
    cmaw_buf_put(out, CMAW_SLICE_ARRAY(id));
    cmaw_buf_put(out, CMAW_CMS_BEFORE_WRAPPED);
    CMAW_TRY(cmaw_rsa_oaep_encrypt(key, cmaw_secret_slice(&cek), out));
    cmaw_buf_put(out, CMAW_CMS_BEFORE_IV);
    cmaw_buf_put(out, CMAW_SLICE_ARRAY(iv));
    put_content(out, form, cmaw_buf_slice(&encrypted));
    cmaw_buf_put(out, CMAW_CMS_END);
    return cmaw_buf_err(out);
}
