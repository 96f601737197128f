#include "dev/kms_blob.h"

#include <stdlib.h>
#include <string.h>

#include "lib/crypto/aead.h"
#include "lib/crypto/hmac.h"
#include "lib/crypto/random.h"

enum { SALT_SIZE = 16, PREFIX_SIZE = 5, HEADER_SIZE = PREFIX_SIZE + CMAW_KMS_MATERIAL_SIZE + 1 + SALT_SIZE, CONTEXT_PAIRS_MAX = 1024 };

static const uint8_t prefix[PREFIX_SIZE] = {0x01, 0x02, 0x02, 0x00, 0x78};
/* KMS encrypts 11 bytes more than the plaintext; what they are is not public */
static const char inner_mark[] = "cmaw-dev/01";
static const uint8_t oid_encrypted_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06};
static const uint8_t oid_data[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};
static const uint8_t oid_aes_gcm[] = {0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e};
static const uint8_t version_0[] = {0x02, 0x01, 0x00};
static const uint8_t tag_length[] = {0x02, 0x01, CMAW_GCM_TAG_SIZE};

static int by_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

void cmaw_kms_context_put(struct cmaw_buf *buf, json_t *context)
{
    const char *names[CONTEXT_PAIRS_MAX], *name = NULL;
    size_t count = 0;
    json_t *value = NULL;
    if (json_object_size(context) > CONTEXT_PAIRS_MAX) {
        buf->err = CMAW_E_TOO_LARGE;
        return;
    }
    json_object_foreach(context, name, value) {
        names[count++] = name;
    }
    qsort(names, count, sizeof names[0], by_name);
    for (size_t i = 0; i < count; i++) {
        cmaw_buf_put_lp(buf, cmaw_slice_of_cstr(names[i]));
        cmaw_buf_put_lp(buf, cmaw_slice_of_cstr(json_string_value(json_object_get(context, names[i]))));
    }
}

/* Puts tag and length before what stands at [from, end): DER is written from the inside out. */
static void wrap(struct cmaw_buf *buf, uint8_t tag, size_t from)
{
    const size_t size = buf->size - from;
    uint8_t head[4] = {tag, (uint8_t)size};
    size_t head_size = 2;
    if (size > 0xff) {
        memcpy(head + 1, (const uint8_t[]){0x82, (uint8_t)(size >> 8), (uint8_t)size}, 3);
        head_size = 4;
    } else if (size > 0x7f) {
        memcpy(head + 1, (const uint8_t[]){0x81, (uint8_t)size}, 2);
        head_size = 3;
    }
    if (cmaw_buf_extend(buf, head_size) != NULL) {
        memmove(buf->data + from + head_size, buf->data + from, size);
        memcpy(buf->data + from, head, head_size);
    }
}

static void put_encrypted_data(struct cmaw_buf *buf, const uint8_t nonce[CMAW_GCM_NONCE_SIZE], struct cmaw_slice sealed)
{
    const size_t outer = buf->size;
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(oid_encrypted_data));
    const size_t explicit_0 = buf->size;
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(version_0));
    const size_t info = buf->size;
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(oid_data));
    const size_t algorithm = buf->size;
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(oid_aes_gcm));
    const size_t parameters = buf->size;
    cmaw_buf_put(buf, cmaw_slice_of(nonce, CMAW_GCM_NONCE_SIZE));
    wrap(buf, 0x04, parameters);
    cmaw_buf_put(buf, CMAW_SLICE_ARRAY(tag_length));
    wrap(buf, 0x30, parameters);
    wrap(buf, 0x30, algorithm);
    const size_t content = buf->size;
    cmaw_buf_put(buf, sealed);
    wrap(buf, 0x80, content);
    wrap(buf, 0x30, info);
    wrap(buf, 0x30, explicit_0);
    wrap(buf, 0xa0, explicit_0);
    wrap(buf, 0x30, outer);
}

/* One key for each salt, so that nonces of different blobs never share one. */
static enum cmaw_err message_key(const struct cmaw_secret *material, struct cmaw_slice header,
                                 struct cmaw_secret *ret_key)
{
    CMAW_TRY(cmaw_secret_new(CMAW_GCM_KEY_SIZE, ret_key));
    const struct cmaw_slice salt = cmaw_slice_sub(header, HEADER_SIZE - SALT_SIZE, SALT_SIZE);
    cmaw_hmac_sha256(cmaw_secret_slice(material), &salt, 1, ret_key->bytes);
    return CMAW_OK;
}

static enum cmaw_err put_aad(struct cmaw_buf *aad, struct cmaw_slice header, struct cmaw_slice context)
{
    cmaw_buf_put(aad, header);
    cmaw_buf_put(aad, context);
    return cmaw_buf_err(aad);
}

enum cmaw_err cmaw_kms_blob_seal(const struct cmaw_secret *material, struct cmaw_slice material_id,
                                 struct cmaw_slice context, struct cmaw_slice plaintext, struct cmaw_buf *blob)
{
    CMAW_REQUIRE(material_id.size == CMAW_KMS_MATERIAL_SIZE && plaintext.size >= 1
                 && plaintext.size <= CMAW_KMS_PLAINTEXT_MAX, CMAW_E_BUG);
    CMAW_BUF_AUTO(inner, CMAW_KMS_BLOB_MAX);
    CMAW_BUF_AUTO(sealed, CMAW_KMS_BLOB_MAX);
    CMAW_BUF_AUTO(header, HEADER_SIZE);
    CMAW_BUF_AUTO(data, CMAW_KMS_BLOB_MAX);
    CMAW_BUF_AUTO(aad, HEADER_SIZE + context.size);
    CMAW_SECRET_AUTO(key);
    uint8_t random[SALT_SIZE + CMAW_GCM_NONCE_SIZE];
    CMAW_TRY(cmaw_random(random, sizeof random));
    const uint8_t *nonce = random + SALT_SIZE;
    cmaw_buf_put(&header, CMAW_SLICE_ARRAY(prefix));
    cmaw_buf_put(&header, material_id);
    cmaw_buf_put_u8(&header, 1);
    cmaw_buf_put(&header, cmaw_slice_of(random, SALT_SIZE));
    CMAW_TRY(cmaw_buf_err(&header));
    CMAW_TRY(message_key(material, cmaw_buf_slice(&header), &key));
    CMAW_TRY(put_aad(&aad, cmaw_buf_slice(&header), context));
    cmaw_buf_put(&inner, CMAW_SLICE_LIT(inner_mark));
    cmaw_buf_put(&inner, plaintext);
    CMAW_TRY(cmaw_buf_err(&inner));
    CMAW_TRY(cmaw_gcm_seal(&key, nonce, cmaw_buf_slice(&aad), cmaw_buf_slice(&inner), &sealed));
    put_encrypted_data(&data, nonce, cmaw_buf_slice(&sealed));
    CMAW_TRY(cmaw_buf_err(&data));
    cmaw_buf_put(blob, cmaw_buf_slice(&header));
    cmaw_buf_put_lp(blob, cmaw_buf_slice(&data));
    return cmaw_buf_err(blob);
}

struct parsed {
    struct cmaw_slice header;
    struct cmaw_slice material_id;
    struct cmaw_slice nonce;
    struct cmaw_slice sealed;
};

/* Takes the sealed bytes from where they must be, writes the form anew, and compares all of it. */
static enum cmaw_err parse(struct cmaw_slice blob, struct parsed *ret_parsed)
{
    enum { SEALED_MIN = sizeof inner_mark - 1 + 1 + CMAW_GCM_TAG_SIZE };
    struct cmaw_reader reader = cmaw_reader_of(blob);
    struct parsed parsed = {.header = cmaw_read_bytes(&reader, HEADER_SIZE)};
    const uint32_t size = cmaw_read_u32be(&reader);
    const struct cmaw_slice data = cmaw_read_bytes(&reader, size);
    CMAW_TRY(cmaw_reader_end(&reader));
    CMAW_REQUIRE(blob.size <= CMAW_KMS_BLOB_MAX, CMAW_E_MALFORMED);
    CMAW_REQUIRE(cmaw_slice_eq(cmaw_slice_sub(parsed.header, 0, PREFIX_SIZE), CMAW_SLICE_ARRAY(prefix))
                 && parsed.header.data[PREFIX_SIZE + CMAW_KMS_MATERIAL_SIZE] == 1, CMAW_E_MALFORMED);
    parsed.material_id = cmaw_slice_sub(parsed.header, PREFIX_SIZE, CMAW_KMS_MATERIAL_SIZE);
    /* only the heads of the lengths make the form longer than the content: try each that they can take */
    for (size_t overhead = 67; overhead <= 67 + 5 * 2; overhead++) {
        const size_t sealed_size = data.size - overhead;
        if (data.size < overhead + SEALED_MIN) {
            break;
        }
        const size_t length_head = sealed_size > 0xff ? 4 : sealed_size > 0x7f ? 3 : 2;
        parsed.sealed = cmaw_slice_sub(data, overhead, sealed_size);
        parsed.nonce = cmaw_slice_sub(data, overhead - length_head - sizeof tag_length - CMAW_GCM_NONCE_SIZE, CMAW_GCM_NONCE_SIZE);
        CMAW_BUF_AUTO(again, CMAW_KMS_BLOB_MAX);
        put_encrypted_data(&again, parsed.nonce.data, parsed.sealed);
        if (cmaw_buf_err(&again) == CMAW_OK && cmaw_slice_eq(cmaw_buf_slice(&again), data)) {
            *ret_parsed = parsed;
            return CMAW_OK;
        }
    }
    return CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_kms_blob_material_id(struct cmaw_slice blob, struct cmaw_slice *ret_material_id)
{
    struct parsed parsed;
    CMAW_TRY(parse(blob, &parsed));
    *ret_material_id = parsed.material_id;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_blob_open(const struct cmaw_secret *material, struct cmaw_slice context, struct cmaw_slice blob,
                                 struct cmaw_buf *plaintext)
{
    struct parsed parsed;
    CMAW_BUF_AUTO(aad, HEADER_SIZE + context.size);
    CMAW_BUF_AUTO(inner, CMAW_KMS_BLOB_MAX);
    CMAW_SECRET_AUTO(key);
    CMAW_TRY(parse(blob, &parsed));
    CMAW_TRY(message_key(material, parsed.header, &key));
    CMAW_TRY(put_aad(&aad, parsed.header, context));
    CMAW_TRY(cmaw_gcm_open(&key, parsed.nonce.data, cmaw_buf_slice(&aad), parsed.sealed, &inner));
    const size_t mark = sizeof inner_mark - 1;
    CMAW_REQUIRE(cmaw_slice_eq(cmaw_slice_sub(cmaw_buf_slice(&inner), 0, mark), CMAW_SLICE_LIT(inner_mark)), CMAW_E_AUTH);
    cmaw_buf_put(plaintext, cmaw_slice_sub(cmaw_buf_slice(&inner), mark, inner.size - mark));
    return cmaw_buf_err(plaintext);
}
