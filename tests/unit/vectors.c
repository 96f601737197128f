#include "tests/unit/vectors.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/base/text.h"

const char *vectors_dir(void)
{
    static char path[4096];
    static bool told;
    const char *shared = getenv("CMAW_SHARED");
    (void)snprintf(path, sizeof path, "%s/vectors", shared != NULL ? shared : CMAW_SOURCE_ROOT "/../shared");
    if (access(path, R_OK) == 0) {
        return path;
    }
    if (!told) {
        printf("# SKIP vectors: none in %s (set CMAW_SHARED)\n", path);
        told = true;
    }
    return NULL;
}

static FILE *open_vector(const char *name)
{
    char path[4352];
    (void)snprintf(path, sizeof path, "%s/%s", vectors_dir(), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("cannot open %s", path);
    }
    return file;
}

/* "@N;" in a string stands for entry N of the file's pool. */
static void expand(const char *text, const json_t *pool, struct cmaw_buf *out)
{
    for (const char *at; (at = strchr(text, '@')) != NULL;) {
        char *end;
        cmaw_buf_put(out, cmaw_slice_of(text, (size_t)(at - text)));
        const char *entry = json_string_value(json_array_get(pool, strtoul(at + 1, &end, 10)));
        assert_non_null(entry);
        assert_int_equal(*end, ';');
        expand(entry, pool, out);
        text = end + 1;
    }
    cmaw_buf_put_cstr(out, text);
}

static void expand_all(json_t *node, const json_t *pool)
{
    size_t i;
    const char *key;
    json_t *child;
    json_array_foreach(node, i, child) {
        expand_all(child, pool);
    }
    json_object_foreach(node, key, child) {
        if (child != pool) {
            expand_all(child, pool);
        }
    }
    if (json_is_string(node) && strchr(json_string_value(node), '@') != NULL) {
        CMAW_BUF_AUTO(text, 64 << 20);
        expand(json_string_value(node), pool, &text);
        assert_int_equal(json_string_setn(node, (const char *)text.data, text.size), 0);
    }
}

json_t *vectors_json(const char *name)
{
    FILE *file = open_vector(name);
    json_error_t error;
    json_t *json = json_loadf(file, JSON_ALLOW_NUL, &error);
    if (json == NULL) { /* CBOR's own examples hold integers that int64_t does not */
        rewind(file);
        json = json_loadf(file, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    }
    (void)fclose(file);
    if (json == NULL) {
        fail_msg("%s:%d: %s", name, error.line, error.text);
    }
    json_t *pool = json_object_get(json, "pool");
    if (pool != NULL) {
        expand_all(json, pool);
    }
    return json;
}

void vectors_file(const char *name, struct cmaw_buf *ret_bytes)
{
    FILE *file = open_vector(name);
    uint8_t block[4096];
    for (size_t size; (size = fread(block, 1, sizeof block, file)) > 0;) {
        cmaw_buf_put(ret_bytes, cmaw_slice_of(block, size));
    }
    (void)fclose(file);
    assert_int_equal(cmaw_buf_err(ret_bytes), CMAW_OK);
}

const char *vectors_text(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    if (text == NULL) {
        fail_msg("no text member %s", member);
    }
    return text;
}

void vectors_unhex(const char *hex, struct cmaw_buf *ret_bytes)
{
    CMAW_BUF_AUTO(lower, 64 << 20);
    for (; *hex != '\0'; hex++) {
        cmaw_buf_put_u8(&lower, (uint8_t)tolower((unsigned char)*hex));
    }
    assert_int_equal(cmaw_hex_decode(cmaw_buf_slice(&lower), ret_bytes), CMAW_OK);
}

void vectors_hex(const json_t *object, const char *member, struct cmaw_buf *ret_bytes)
{
    vectors_unhex(vectors_text(object, member), ret_bytes);
}
