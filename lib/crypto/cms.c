#include "lib/crypto/cms.h"

#include "lib/crypto/ber.h"
#include "lib/crypto/cms_form.h"
#include "lib/crypto/openssl.h"
#include "lib/crypto/rsa_key.h"

enum { CEK_SIZE = 32, AES_BLOCK = 16 };

static void expect(struct cmaw_reader *reader, struct cmaw_slice bytes)
{
    if (!cmaw_slice_eq(cmaw_read_bytes(reader, bytes.size), bytes)) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
}

static struct cmaw_slice take_sized(struct cmaw_reader *reader, uint8_t tag, size_t size)
{
    const struct cmaw_slice bytes = cmaw_der_take(reader, tag);
    if (bytes.size != size) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
    return bytes;
}

static void read_recipients(struct cmaw_reader *reader, struct cmaw_cms_parts *parts)
{
    const struct cmaw_ber_scope set = cmaw_ber_enter(reader, CMAW_CMS_TAG_RECIPIENTS);
    const struct cmaw_ber_scope one = cmaw_ber_enter(reader, CMAW_DER_SEQUENCE);
    expect(reader, CMAW_SLICE_LIT(CMAW_CMS_VERSION_2));
    parts->id = take_sized(reader, CMAW_CMS_TAG_PRIMITIVE, CMAW_CMS_ID_SIZE);
    expect(reader, CMAW_SLICE_LIT(CMAW_CMS_OAEP));
    parts->wrapped = take_sized(reader, CMAW_DER_OCTET_STRING, CMAW_CMS_WRAPPED_SIZE);
    cmaw_ber_leave(reader, &one);
    cmaw_ber_leave(reader, &set);
}

static void read_segments(struct cmaw_reader *reader, struct cmaw_buf *content)
{
    const struct cmaw_ber_scope scope = cmaw_ber_enter(reader, CMAW_CMS_TAG_EXPLICIT);
    while (reader->err == CMAW_OK && cmaw_ber_more(reader, &scope)) {
        const struct cmaw_slice segment = cmaw_der_take(reader, CMAW_DER_OCTET_STRING);
        if (segment.size == 0) {
            cmaw_reader_fail(reader, CMAW_E_AUTH);
        }
        cmaw_buf_put(content, segment);
    }
    cmaw_ber_leave(reader, &scope);
}

static void read_content(struct cmaw_reader *reader, struct cmaw_cms_parts *parts, struct cmaw_buf *content)
{
    const struct cmaw_ber_scope scope = cmaw_ber_enter(reader, CMAW_DER_SEQUENCE);
    expect(reader, CMAW_SLICE_LIT(CMAW_CMS_OID_DATA));
    expect(reader, CMAW_SLICE_LIT(CMAW_CMS_AES));
    parts->iv = cmaw_read_bytes(reader, CMAW_CMS_IV_SIZE);
    if (cmaw_der_is(reader, CMAW_CMS_TAG_PRIMITIVE)) {
        cmaw_buf_put(content, cmaw_der_take(reader, CMAW_CMS_TAG_PRIMITIVE));
    } else {
        read_segments(reader, content);
    }
    cmaw_ber_leave(reader, &scope);
}

enum cmaw_err cmaw_cms_parse(struct cmaw_slice envelope, struct cmaw_cms_parts *ret_parts, struct cmaw_buf *ret_content)
{
    CMAW_REQUIRE(envelope.size <= CMAW_CMS_SIZE_MAX, CMAW_E_AUTH);
    struct cmaw_reader reader = cmaw_reader_of(envelope);
    struct cmaw_cms_parts parts;
    const struct cmaw_ber_scope info = cmaw_ber_enter(&reader, CMAW_DER_SEQUENCE);
    expect(&reader, CMAW_SLICE_LIT(CMAW_CMS_OID_ENVELOPED));
    const struct cmaw_ber_scope explicit = cmaw_ber_enter(&reader, CMAW_CMS_TAG_EXPLICIT);
    const struct cmaw_ber_scope data = cmaw_ber_enter(&reader, CMAW_DER_SEQUENCE);
    expect(&reader, CMAW_SLICE_LIT(CMAW_CMS_VERSION_2));
    read_recipients(&reader, &parts);
    read_content(&reader, &parts, ret_content);
    cmaw_ber_leave(&reader, &data);
    cmaw_ber_leave(&reader, &explicit);
    cmaw_ber_leave(&reader, &info);
    CMAW_TRY(cmaw_der_end(&reader));
    CMAW_TRY(cmaw_buf_err(ret_content));
    CMAW_REQUIRE(ret_content->size > 0 && ret_content->size % AES_BLOCK == 0, CMAW_E_AUTH);
    *ret_parts = parts;
    return CMAW_OK;
}

/* AES-256-CBC with PKCS#7 padding. */
static enum cmaw_err decrypt_content(const struct cmaw_secret *cek, struct cmaw_slice iv, struct cmaw_slice content,
                                     struct cmaw_buf *out)
{
    CMAW_CIPHER_CTX_AUTO(ctx) = EVP_CIPHER_CTX_new();
    CMAW_REQUIRE(ctx != NULL && EVP_DecryptInit_ex2(ctx, cmaw_openssl_aes256cbc(), cek->bytes, iv.data, NULL) == 1,
                 CMAW_E_NO_MEMORY);
    const size_t before = out->size;
    uint8_t *dst = cmaw_buf_extend(out, content.size + AES_BLOCK);
    CMAW_TRY(out->err);
    int size = 0, last = 0;
    const bool ok = EVP_DecryptUpdate(ctx, dst, &size, content.data, (int)content.size) == 1 &&
                    EVP_DecryptFinal_ex(ctx, dst + size, &last) == 1;
    cmaw_buf_truncate(out, ok ? before + (size_t)size + (size_t)last : before);
    return ok ? CMAW_OK : cmaw_openssl_refusal();
}

enum cmaw_err cmaw_cms_open(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, struct cmaw_buf *out)
{
    struct cmaw_cms_parts parts;
    CMAW_BUF_AUTO(content, CMAW_CMS_SIZE_MAX);
    CMAW_TRY(cmaw_cms_parse(envelope, &parts, &content));
    uint8_t own_id[CMAW_CMS_ID_SIZE];
    cmaw_sha256(CMAW_SLICE_ARRAY(key->spki), own_id);
    CMAW_REQUIRE(cmaw_slice_eq(parts.id, CMAW_SLICE_ARRAY(own_id)), CMAW_E_AUTH);
    CMAW_SECRET_AUTO(cek);
    CMAW_TRY(cmaw_rsa_oaep_decrypt(key, parts.wrapped, CEK_SIZE, &cek));
    return decrypt_content(&cek, parts.iv, cmaw_buf_slice(&content), out);
}

enum cmaw_err cmaw_cms_open_secret(const struct cmaw_rsa_key *key, struct cmaw_slice envelope, size_t size,
                                   struct cmaw_secret *ret_secret)
{
    CMAW_BUF_AUTO(content, CMAW_CMS_SIZE_MAX);
    CMAW_TRY(cmaw_cms_open(key, envelope, &content));
    CMAW_REQUIRE(content.size == size, CMAW_E_AUTH);
    return cmaw_secret_copy(cmaw_buf_slice(&content), ret_secret);
}
