#include "lib/crypto/pem.h"

#include <stdio.h>

#include "lib/base/text.h"

enum { MARK_MAX = 64 };

void cmaw_pem_put(struct cmaw_buf *buf, const char *label, struct cmaw_slice der)
{
    enum { BYTES_PER_LINE = 48 };
    cmaw_buf_printf(buf, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < der.size; at += BYTES_PER_LINE) {
        const size_t left = der.size - at;
        cmaw_buf_put_base64(buf, cmaw_slice_sub(der, at, left < BYTES_PER_LINE ? left : BYTES_PER_LINE));
        cmaw_buf_put_u8(buf, '\n');
    }
    cmaw_buf_printf(buf, "-----END %s-----\n", label);
}

/* "-----BEGIN LABEL-----" and the like. */
static struct cmaw_slice mark_of(const char *what, const char *label, char text[static MARK_MAX])
{
    const int size = snprintf(text, MARK_MAX, "-----%s %s-----", what, label);
    return size > 0 && size < MARK_MAX ? cmaw_slice_of(text, (size_t)size) : CMAW_SLICE_EMPTY;
}

enum cmaw_err cmaw_pem_read(struct cmaw_slice text, const char *label, struct cmaw_buf *der)
{
    char begin_text[MARK_MAX], end_text[MARK_MAX];
    const struct cmaw_slice begin = mark_of("BEGIN", label, begin_text), end = mark_of("END", label, end_text);
    CMAW_BUF_AUTO(body, text.size);
    struct cmaw_reader reader = cmaw_reader_of(text);
    CMAW_REQUIRE(begin.size > 0 && cmaw_slice_eq(cmaw_read_bytes(&reader, begin.size), begin), CMAW_E_MALFORMED);
    CMAW_REQUIRE(cmaw_read_u8(&reader) == '\n', CMAW_E_MALFORMED);
    while (reader.rest.size > 0 && reader.rest.data[0] != '-') {
        const uint8_t letter = cmaw_read_u8(&reader);
        if (letter != '\n') {
            cmaw_buf_put_u8(&body, letter);
        }
    }
    CMAW_REQUIRE(cmaw_slice_eq(cmaw_read_bytes(&reader, end.size), end), CMAW_E_MALFORMED);
    CMAW_REQUIRE(reader.rest.size == 0 || cmaw_slice_eq_cstr(reader.rest, "\n"), CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_buf_err(&body));
    CMAW_REQUIRE(body.size > 0, CMAW_E_MALFORMED);
    return cmaw_base64_decode(cmaw_buf_slice(&body), der);
}
