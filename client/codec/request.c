#include "client/codec/request.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

enum { PARTS_MAX = 64 * 1024, VALUE_MAX = 8 * 1024 * 1024, REAL_DIGITS = 15 };

void cmaw_codec_request_free(struct cmaw_codec_request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        cmaw_buf_free(&request->payloads[i].bytes);
    }
    free(request->payloads);
    cmaw_json_release(&request->root);
    *request = (struct cmaw_codec_request){0};
}

bool cmaw_codec_json_is_modest(struct cmaw_slice text)
{
    size_t parts = 0;
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        parts += c == '{' || c == '[' || c == ',';
    }
    return parts <= PARTS_MAX;
}

struct span {
    size_t from;
    size_t size;
};

/* Appends what the base64 text says; nothing for NULL. */
static enum cmaw_err put_base64(const json_t *text, struct cmaw_buf *bytes, struct span *ret_span)
{
    const size_t from = bytes->size;
    if (text != NULL) {
        CMAW_REQUIRE(json_is_string(text), CMAW_E_MALFORMED);
        CMAW_TRY(cmaw_base64_decode(cmaw_slice_of(json_string_value(text), json_string_length(text)), bytes));
    }
    *ret_span = (struct span){from, bytes->size - from};
    return CMAW_OK;
}

static enum cmaw_err check_metadata(const json_t *metadata)
{
    CMAW_REQUIRE(metadata == NULL || json_is_object(metadata), CMAW_E_MALFORMED);
    CMAW_REQUIRE(json_object_size(metadata) <= CMAW_CODEC_METADATA_MAX, CMAW_E_TOO_LARGE);
    return CMAW_OK;
}

static enum cmaw_err take_payload(json_t *json, struct cmaw_codec_payload *payload)
{
    CMAW_REQUIRE(json_is_object(json), CMAW_E_MALFORMED);
    const json_t *metadata = json_object_get(json, "metadata");
    CMAW_TRY(check_metadata(metadata));
    payload->original = json;
    payload->bytes = CMAW_BUF(CMAW_CODEC_BODY_MAX);
    struct span encoding, type, key, data;
    CMAW_TRY(put_base64(json_object_get(metadata, "encoding"), &payload->bytes, &encoding));
    CMAW_TRY(put_base64(json_object_get(metadata, "messageType"), &payload->bytes, &type));
    CMAW_TRY(put_base64(json_object_get(metadata, "encryption-key-id"), &payload->bytes, &key));
    CMAW_TRY(put_base64(json_object_get(json, "data"), &payload->bytes, &data));
    const struct cmaw_slice all = cmaw_buf_slice(&payload->bytes);
    payload->view = (struct cmaw_temporal_payload){
        .encoding = cmaw_slice_sub(all, encoding.from, encoding.size), .message_type = cmaw_slice_sub(all, type.from, type.size),
        .key_id = cmaw_slice_sub(all, key.from, key.size), .data = cmaw_slice_sub(all, data.from, data.size)};
    return CMAW_OK;
}

enum cmaw_err cmaw_codec_request_parse(struct cmaw_slice body, struct cmaw_codec_request *ret_request)
{
    CMAW_CODEC_REQUEST_AUTO(request);
    struct cmaw_diag none = {0};
    CMAW_REQUIRE(body.size <= CMAW_CODEC_BODY_MAX && cmaw_codec_json_is_modest(body), CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_json_parse("request", body, &request.root, &none));
    const json_t *list = json_object_get(request.root, "payloads");
    CMAW_REQUIRE(json_is_array(list), CMAW_E_MALFORMED);
    const size_t count = json_array_size(list);
    CMAW_REQUIRE(count <= CMAW_CODEC_PAYLOADS_MAX, CMAW_E_TOO_LARGE);
    request.payloads = calloc(count + 1, sizeof *request.payloads);
    CMAW_REQUIRE(request.payloads != NULL, CMAW_E_NO_MEMORY);
    while (request.count < count) {
        json_t *json = json_array_get(list, request.count);
        CMAW_TRY(take_payload(json, &request.payloads[request.count++]));
    }
    *ret_request = request;
    request = (struct cmaw_codec_request){0};
    return CMAW_OK;
}

static int put_chunk(const char *chunk, size_t size, void *context)
{
    cmaw_buf_put(context, cmaw_slice_of(chunk, size));
    return cmaw_buf_err(context) == CMAW_OK ? 0 : -1;
}

static enum cmaw_err set_base64(json_t *object, const char *key, struct cmaw_slice bytes)
{
    CMAW_BUF_AUTO(text, 2 * VALUE_MAX);
    cmaw_buf_put_base64(&text, bytes);
    CMAW_TRY(text.err);
    return cmaw_json_set(object, key, json_stringn(text.size == 0 ? "" : (const char *)text.data, text.size));
}

enum cmaw_err cmaw_codec_payload_of(const json_t *value, json_t **ret_payload)
{
    CMAW_BUF_AUTO(text, VALUE_MAX);
    /* with all its digits 12.34 would come out as 12.339999999999999 */
    if (json_dump_callback(value, put_chunk, &text, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) != 0) {
        return text.err == CMAW_OK ? CMAW_E_NO_MEMORY : text.err;
    }
    CMAW_JSON_AUTO(payload);
    payload = json_object();
    json_t *metadata = json_object();
    CMAW_TRY(cmaw_json_set(payload, "metadata", metadata));
    CMAW_TRY(set_base64(metadata, "encoding", CMAW_SLICE_LIT("json/plain")));
    CMAW_TRY(set_base64(payload, "data", cmaw_buf_slice(&text)));
    *ret_payload = payload;
    payload = NULL;
    return CMAW_OK;
}
