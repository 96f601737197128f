#include "tests/unit/vectors.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

json_t *vectors_json(const char *name)
{
    FILE *file = open_vector(name);
    json_error_t error;
    json_t *json = json_loadf(file, JSON_ALLOW_NUL, &error);
    (void)fclose(file);
    if (json == NULL) {
        fail_msg("%s:%d: %s", name, error.line, error.text);
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
