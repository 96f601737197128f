#include "tests/sst1/load.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"

enum { FILE_MAX = 1024 * 1024 * 1024, DIGITS_QUOTED = 18 };

static enum cmaw_err read_all(FILE *file, struct cmaw_buf *text)
{
    static char block[64 * 1024];
    size_t size;
    while ((size = fread(block, 1, sizeof block, file)) > 0) {
        cmaw_buf_put(text, cmaw_slice_of(block, size));
    }
    return ferror(file) ? CMAW_E_IO : cmaw_buf_err(text);
}

static bool is_one_of(uint8_t c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static size_t string_size(struct cmaw_slice text)
{
    size_t at = 1;
    while (at < text.size && text.data[at] != '"') {
        at += text.data[at] == '\\' ? 2 : 1;
    }
    return at < text.size ? at + 1 : text.size;
}

static size_t number_size(struct cmaw_slice text)
{
    size_t at = 0;
    while (at < text.size && is_one_of(text.data[at], "+-.0123456789Ee")) {
        at++;
    }
    return at;
}

static bool is_long_integer(struct cmaw_slice number)
{
    for (size_t i = 0; i < number.size; i++) {
        if (!is_one_of(number.data[i], "0123456789")) {
            return false;
        }
    }
    return number.size > DIGITS_QUOTED;
}

/* Jansson has no integers over 2^63 - 1: the long ones go in as strings, which vec_u64 takes for numbers. */
static void quote_long_integers(struct cmaw_slice text, struct cmaw_buf *quoted)
{
    while (text.size > 0) {
        const size_t number = number_size(text);
        const size_t size = number > 0 ? number : text.data[0] == '"' ? string_size(text) : 1;
        const struct cmaw_slice part = cmaw_slice_sub(text, 0, size);
        const struct cmaw_slice quote = is_long_integer(part) ? CMAW_SLICE_LIT("\"") : CMAW_SLICE_EMPTY;
        cmaw_buf_put(quoted, quote);
        cmaw_buf_put(quoted, part);
        cmaw_buf_put(quoted, quote);
        text = cmaw_slice_sub(text, size, text.size - size);
    }
    cmaw_buf_put_u8(quoted, '\n'); /* an empty file is text, too */
}

json_t *vec_load(const char *path, json_error_t *ret_error)
{
    CMAW_BUF_AUTO(text, FILE_MAX);
    CMAW_BUF_AUTO(quoted, FILE_MAX);
    FILE *file = fopen(path, "rb");
    const enum cmaw_err err = file == NULL ? CMAW_E_IO : read_all(file, &text);
    if (file != NULL) {
        (void)fclose(file);
    }
    quote_long_integers(cmaw_buf_slice(&text), &quoted);
    if (err != CMAW_OK || cmaw_buf_err(&quoted) != CMAW_OK) {
        (void)snprintf(ret_error->text, sizeof ret_error->text, "cannot be read: %s", cmaw_err_text(err != CMAW_OK ? err : cmaw_buf_err(&quoted)));
        return NULL;
    }
    return json_loadb((const char *)quoted.data, quoted.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, ret_error);
}
