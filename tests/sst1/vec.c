#include "tests/sst1/vec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"

enum { BYTES_MAX = 512 * 1024 * 1024, POOL_DEPTH = 4 };

struct vec_block {
    struct vec_block *next;
    struct cmaw_buf buf;
    void *memory;
};

static struct vec_block *block_new(struct vec *v)
{
    struct vec_block *block = calloc(1, sizeof *block);
    if (block == NULL) {
        (void)fprintf(stderr, "sst1-vectors: out of memory\n");
        exit(2);
    }
    block->next = v->blocks;
    v->blocks = block;
    return block;
}

struct cmaw_buf *vec_buf(struct vec *v, size_t max)
{
    struct vec_block *block = block_new(v);
    block->buf = CMAW_BUF(max);
    return &block->buf;
}

void *vec_alloc(struct vec *v, size_t size)
{
    struct vec_block *block = block_new(v);
    block->memory = calloc(1, size);
    if (block->memory == NULL) {
        (void)fprintf(stderr, "sst1-vectors: out of memory\n");
        exit(2);
    }
    return block->memory;
}

static void blocks_free(struct vec *v)
{
    while (v->blocks != NULL) {
        struct vec_block *block = v->blocks;
        v->blocks = block->next;
        cmaw_buf_free(&block->buf);
        free(block->memory);
        free(block);
    }
}

static const char *label_of(const json_t *item)
{
    static const char *const keys[] = {"id", "why", "comment", "label", "message"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = json_string_value(json_object_get(item, keys[i]));
        if (text != NULL) {
            return text;
        }
    }
    return "";
}

void vec_begin(struct vec *v, const char *section, size_t index, const json_t *item)
{
    (void)snprintf(v->name, sizeof v->name, "%s[%zu] %.120s", section, index, label_of(item));
    v->trouble[0] = '\0';
}

void vec_fail(struct vec *v)
{
    char line[512];
    (void)snprintf(line, sizeof line, "FAIL %.100s%s%s: %s", v->file, v->name[0] == '\0' ? "" : " ", v->name, v->trouble);
    cmaw_text_tame(line);
    printf("%s\n", line);
    v->failed++;
}

void vec_end(struct vec *v)
{
    if (v->trouble[0] == '\0') {
        v->passed++;
    } else {
        vec_fail(v);
    }
    blocks_free(v);
}

bool vec_check(struct vec *v, bool ok, const char *what)
{
    if (!ok && v->trouble[0] == '\0') {
        (void)snprintf(v->trouble, sizeof v->trouble, "%s", what);
    }
    return ok;
}

bool vec_ok(struct vec *v, enum cmaw_err err, const char *what)
{
    if (err != CMAW_OK && v->trouble[0] == '\0') {
        (void)snprintf(v->trouble, sizeof v->trouble, "%s: %s", what, cmaw_err_text(err));
    }
    return err == CMAW_OK;
}

bool vec_has(const json_t *object, const char *key)
{
    return json_object_get(object, key) != NULL;
}

static bool put_expanded(struct vec *v, const char *text, size_t size, struct cmaw_buf *hex, unsigned depth);

/* "@N;" at text; returns its length, or 0. */
static size_t put_reference(struct vec *v, const char *text, size_t size, struct cmaw_buf *hex, unsigned depth)
{
    const char *end = memchr(text, ';', size);
    char number[16];
    uint64_t index;
    if (end == NULL || depth == POOL_DEPTH ||
        cmaw_slice_to_cstr(cmaw_slice_of(text + 1, (size_t)(end - text) - 1), number, sizeof number) != CMAW_OK ||
        cmaw_parse_u64(number, UINT32_MAX, &index) != CMAW_OK) {
        return 0;
    }
    const json_t *entry = json_array_get(json_object_get(v->root, "pool"), (size_t)index);
    if (!json_is_string(entry) || !put_expanded(v, json_string_value(entry), json_string_length(entry), hex, depth + 1)) {
        return 0;
    }
    return (size_t)(end - text) + 1;
}

static bool put_expanded(struct vec *v, const char *text, size_t size, struct cmaw_buf *hex, unsigned depth)
{
    size_t at = 0;
    while (at < size) {
        if (text[at] == '@') {
            const size_t used = put_reference(v, text + at, size - at, hex, depth);
            if (used == 0) {
                return false;
            }
            at += used;
            continue;
        }
        const char *next = memchr(text + at, '@', size - at);
        const size_t plain = next == NULL ? size - at : (size_t)(next - text) - at;
        cmaw_buf_put(hex, cmaw_slice_of(text + at, plain));
        at += plain;
    }
    return true;
}

struct cmaw_slice vec_decode(struct vec *v, const json_t *string, const char *what)
{
    CMAW_BUF_AUTO(hex, BYTES_MAX);
    struct cmaw_buf *bytes = vec_buf(v, BYTES_MAX);
    if (!json_is_string(string) || !put_expanded(v, json_string_value(string), json_string_length(string), &hex, 0) ||
        cmaw_hex_decode(cmaw_buf_slice(&hex), bytes) != CMAW_OK) {
        (void)vec_check(v, false, what);
        return CMAW_SLICE_EMPTY;
    }
    return cmaw_buf_slice(bytes);
}

struct cmaw_slice vec_bytes(struct vec *v, const json_t *object, const char *key)
{
    char what[96];
    (void)snprintf(what, sizeof what, "the file has no hex in %s", key);
    return vec_decode(v, json_object_get(object, key), what);
}

struct cmaw_bytes32 vec_bytes32(struct vec *v, const json_t *object, const char *key)
{
    struct cmaw_bytes32 value = {0};
    (void)vec_ok(v, cmaw_bytes32_of(vec_bytes(v, object, key), &value), key);
    return value;
}

struct cmaw_slice vec_text(struct vec *v, const json_t *object, const char *key)
{
    const json_t *text = json_object_get(object, key);
    return vec_check(v, json_is_string(text), key) ? cmaw_slice_of(json_string_value(text), json_string_length(text))
                                                   : CMAW_SLICE_EMPTY;
}

uint64_t vec_u64(struct vec *v, const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    uint64_t value = 0;
    if (json_is_integer(number) && json_integer_value(number) >= 0) {
        return (uint64_t)json_integer_value(number);
    }
    const bool is_long = json_is_string(number) && cmaw_parse_u64(json_string_value(number), UINT64_MAX, &value) == CMAW_OK; /* load.h */
    return vec_check(v, is_long, key) ? value : 0;
}

uint32_t vec_u32(struct vec *v, const json_t *object, const char *key)
{
    const uint64_t value = vec_u64(v, object, key);
    return vec_check(v, value <= UINT32_MAX, key) ? (uint32_t)value : 0;
}

struct cmaw_slice vec_repeat(struct vec *v, struct cmaw_slice unit, uint64_t length)
{
    if (!vec_check(v, length <= BYTES_MAX && (unit.size > 0 || length == 0), "a length that no memory holds")) {
        return CMAW_SLICE_EMPTY;
    }
    struct cmaw_buf *buf = vec_buf(v, BYTES_MAX);
    while (buf->size < length && cmaw_buf_err(buf) == CMAW_OK) {
        const size_t left = (size_t)length - buf->size;
        cmaw_buf_put(buf, cmaw_slice_sub(unit, 0, left < unit.size ? left : unit.size));
    }
    (void)vec_ok(v, cmaw_buf_err(buf), "memory");
    return cmaw_buf_slice(buf);
}

void vec_equal(struct vec *v, const json_t *object, const char *key, struct cmaw_slice bytes)
{
    char what[96];
    (void)snprintf(what, sizeof what, "%s differs", key);
    (void)vec_check(v, cmaw_slice_eq(vec_bytes(v, object, key), bytes), what);
}

void vec_equal_u64(struct vec *v, const json_t *object, const char *key, uint64_t value)
{
    char what[96];
    (void)snprintf(what, sizeof what, "%s differs", key);
    (void)vec_check(v, vec_u64(v, object, key) == value, what);
}

void vec_equal_sha256(struct vec *v, const json_t *object, const char *key, struct cmaw_slice bytes)
{
    struct cmaw_bytes32 digest;
    cmaw_sha256(bytes, digest.bytes);
    vec_equal(v, object, key, cmaw_bytes32_slice(&digest));
}

void vec_secrets(struct vec *v, const json_t *object, const char *key, struct cmaw_edge_secrets *ret_secrets)
{
    const char *edge_text;
    json_t *value;
    json_t *map = json_object_get(object, key);
    (void)vec_check(v, json_is_object(map), key);
    json_object_foreach(map, edge_text, value) {
        uint64_t edge = 0;
        (void)vec_ok(v, cmaw_parse_u64(edge_text, UINT32_MAX, &edge), "edge id of a secret");
        (void)vec_ok(v, cmaw_edge_secrets_put(ret_secrets, (uint32_t)edge, vec_decode(v, value, "secret")), "secret");
    }
}

bool vec_expects_accept(struct vec *v, const json_t *item)
{
    const struct cmaw_slice expect = vec_text(v, item, "expect");
    const bool accept = cmaw_slice_eq_cstr(expect, "accept");
    (void)vec_check(v, accept || cmaw_slice_eq_cstr(expect, "reject"), "expect is neither accept nor reject");
    return accept;
}
