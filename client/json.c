#include "client/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/terminal.h"
#include "lib/base/text.h"
#include "sys/file.h"

void cmaw_json_release(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

enum cmaw_err cmaw_json_parse(const char *name, struct cmaw_slice text, json_t **ret_json, struct cmaw_diag *diag)
{
    json_error_t error;
    json_t *json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s:%d: not valid JSON", name, error.line < 1 ? 1 : error.line);
    }
    *ret_json = json;
    return CMAW_OK;
}

enum cmaw_err cmaw_json_read(const char *path, json_t **ret_json, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_JSON_FILE_MAX);
    CMAW_TRY(cmaw_file_read(path, &text, diag));
    return cmaw_json_parse(path, cmaw_buf_slice(&text), ret_json, diag);
}

static int put_chunk(const char *chunk, size_t size, void *context)
{
    struct cmaw_buf *buf = context;
    cmaw_buf_put(buf, cmaw_slice_of(chunk, size));
    return buf->err == CMAW_OK ? 0 : -1;
}

enum cmaw_err cmaw_json_put(struct cmaw_buf *buf, const json_t *json)
{
    CMAW_REQUIRE(json_dump_callback(json, put_chunk, buf, JSON_COMPACT | JSON_ENCODE_ANY) == 0, CMAW_E_NO_MEMORY);
    return buf->err;
}

enum cmaw_err cmaw_json_write(const char *path, const json_t *json, unsigned mode, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_JSON_FILE_MAX);
    CMAW_REQUIRE(json_dump_callback(json, put_chunk, &text, JSON_INDENT(2)) == 0, CMAW_E_NO_MEMORY);
    cmaw_buf_put_cstr(&text, "\n");
    CMAW_TRY(text.err);
    return cmaw_file_write(path, cmaw_buf_slice(&text), mode, diag);
}

/* Chunks hold whole characters. */
static int print_chunk(const char *chunk, size_t size, void *stream)
{
    return cmaw_terminal_print(stream, cmaw_slice_of(chunk, size)) == CMAW_OK ? 0 : -1;
}

enum cmaw_err cmaw_json_print(const json_t *json)
{
    CMAW_REQUIRE(json_dump_callback(json, print_chunk, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF, CMAW_E_IO);
    return CMAW_OK;
}

enum cmaw_err cmaw_json_text(const json_t *object, const char *key, char *dst, size_t capacity)
{
    const json_t *value = json_object_get(object, key);
    CMAW_REQUIRE(json_is_string(value), CMAW_E_MALFORMED);
    const struct cmaw_slice text = cmaw_slice_of(json_string_value(value), json_string_length(value));
    CMAW_REQUIRE(cmaw_slice_to_cstr(text, dst, capacity) == CMAW_OK, CMAW_E_MALFORMED);
    return CMAW_OK;
}

enum cmaw_err cmaw_json_u64(const json_t *object, const char *key, uint64_t max, uint64_t *ret_value)
{
    const json_t *value = json_object_get(object, key);
    CMAW_REQUIRE(json_is_integer(value) && json_integer_value(value) >= 0, CMAW_E_MALFORMED);
    CMAW_REQUIRE((uint64_t)json_integer_value(value) <= max, CMAW_E_MALFORMED);
    *ret_value = (uint64_t)json_integer_value(value);
    return CMAW_OK;
}

enum cmaw_err cmaw_json_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_json_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_json_set_text(json_t *object, const char *key, const char *text)
{
    return cmaw_json_set(object, key, json_string(text));
}

enum cmaw_err cmaw_json_set_u64(json_t *object, const char *key, uint64_t value)
{
    return cmaw_json_set(object, key, json_integer((json_int_t)value));
}

enum cmaw_err cmaw_json_set_hex(json_t *object, const char *key, struct cmaw_slice bytes)
{
    CMAW_BUF_AUTO(text, 2 * bytes.size + 1);
    cmaw_buf_put_hex(&text, bytes);
    CMAW_TRY(text.err);
    return cmaw_json_set(object, key, json_stringn(text.size == 0 ? "" : (const char *)text.data, text.size));
}
