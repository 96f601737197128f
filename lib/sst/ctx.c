#include "lib/sst/ctx.h"

#include <string.h>

#include "lib/crypto/hmac.h"

static const char *const label_texts[CMAW_LABEL_COUNT] = {
#define X(name, text) [CMAW_LABEL_##name] = text,
    CMAW_LABELS(X)
#undef X
};

/* An info string of a KDF, or the head of a ctx() before a large field, is far below this. */
enum { CTX_SMALL_MAX = 512 };

static const char *label_text(enum cmaw_label label)
{
    return (unsigned)label < CMAW_LABEL_COUNT ? label_texts[label] : "";
}

enum cmaw_err cmaw_bytes32_of(struct cmaw_slice bytes, struct cmaw_bytes32 *ret_bytes)
{
    CMAW_REQUIRE(bytes.size == sizeof ret_bytes->bytes, CMAW_E_MALFORMED);
    memcpy(ret_bytes->bytes, bytes.data, bytes.size);
    return CMAW_OK;
}

static void be_put(uint8_t *dst, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        dst[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

/* Where ctx() goes: a buffer or a hash. Both see the same pieces, so there is one definition of ctx(). */
struct sink {
    struct cmaw_buf *buf;
    struct cmaw_hash *hash;
};

static void sink_put(const struct sink *sink, struct cmaw_slice bytes)
{
    if (sink->buf != NULL) {
        cmaw_buf_put(sink->buf, bytes);
    } else {
        cmaw_hash_update(sink->hash, bytes);
    }
}

static void field_put(const struct sink *sink, const struct cmaw_field *field)
{
    uint8_t head[12];
    if (field->is_number) {
        be_put(head, 8, 4);
        be_put(head + 4, field->number, 8);
        sink_put(sink, cmaw_slice_of(head, 12));
        return;
    }
    be_put(head, field->bytes.size, 4);
    sink_put(sink, cmaw_slice_of(head, 4));
    sink_put(sink, field->bytes);
}

static void ctx_put(const struct sink *sink, enum cmaw_label label, struct cmaw_fields fields)
{
    const char *text = label_text(label);
    sink_put(sink, cmaw_slice_of("SST/1", sizeof "SST/1"));
    sink_put(sink, cmaw_slice_of(text, strlen(text) + 1));
    for (size_t i = 0; i < fields.count; i++) {
        field_put(sink, &fields.list[i]);
    }
}

static bool fields_fit(struct cmaw_fields fields)
{
    for (size_t i = 0; i < fields.count; i++) {
        if (fields.list[i].bytes.size > UINT32_MAX) {
            return false;
        }
    }
    return true;
}

void cmaw_ctx_put(struct cmaw_buf *buf, enum cmaw_label label, struct cmaw_fields fields)
{
    if (!fields_fit(fields)) {
        buf->err = buf->err == CMAW_OK ? CMAW_E_TOO_LARGE : buf->err;
        return;
    }
    ctx_put(&(struct sink){.buf = buf}, label, fields);
}

enum cmaw_err cmaw_ctx_hash(enum cmaw_label label, struct cmaw_fields fields, struct cmaw_bytes32 *ret_hash)
{
    CMAW_REQUIRE(fields_fit(fields), CMAW_E_TOO_LARGE);
    struct cmaw_hash hash;
    cmaw_hash_init(CMAW_SHA256, &hash);
    ctx_put(&(struct sink){.hash = &hash}, label, fields);
    cmaw_hash_finish(&hash, ret_hash->bytes);
    return CMAW_OK;
}

static enum cmaw_err kdf(struct cmaw_slice secret, enum cmaw_label label, struct cmaw_fields fields, uint8_t *okm, size_t size)
{
    CMAW_BUF_AUTO(info, CTX_SMALL_MAX);
    cmaw_ctx_put(&info, label, fields);
    CMAW_TRY(cmaw_buf_err(&info));
    const struct cmaw_slice part = cmaw_buf_slice(&info);
    return cmaw_hkdf(CMAW_SHA256, CMAW_SLICE_EMPTY, secret, &part, 1, okm, size);
}

enum cmaw_err cmaw_kdf(struct cmaw_slice secret, enum cmaw_label label, struct cmaw_fields fields, size_t size,
    struct cmaw_secret *ret_secret)
{
    CMAW_SECRET_AUTO(okm);
    CMAW_TRY(cmaw_secret_new(size, &okm));
    CMAW_TRY(kdf(secret, label, fields, okm.bytes, size));
    *ret_secret = cmaw_secret_take(&okm);
    return CMAW_OK;
}

enum cmaw_err cmaw_kdf_public(struct cmaw_slice secret, enum cmaw_label label, struct cmaw_fields fields,
    struct cmaw_bytes32 *ret_value)
{
    return kdf(secret, label, fields, ret_value->bytes, sizeof ret_value->bytes);
}

enum cmaw_err cmaw_hedged_salt(struct cmaw_slice key, enum cmaw_label label, struct cmaw_fields fields,
    const struct cmaw_bytes32 *random32, const struct cmaw_bytes32 *h, struct cmaw_slice context,
    struct cmaw_bytes32 *ret_salt)
{
    CMAW_SECRET_AUTO(hedge);
    CMAW_TRY(cmaw_kdf(key, label, fields, CMAW_KEY_SIZE, &hedge));
    const struct cmaw_slice parts[] = {cmaw_bytes32_slice(random32), cmaw_bytes32_slice(h), context};
    cmaw_hmac_sha256(cmaw_secret_slice(&hedge), parts, sizeof parts / sizeof parts[0], ret_salt->bytes);
    return CMAW_OK;
}
