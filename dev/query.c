#include "dev/query.h"

#include <string.h>

#include "lib/base/text.h"

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Appends what is behind + and %XX. */
static enum cmaw_err decode(struct cmaw_slice text, struct cmaw_buf *buf)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i] == '+' ? ' ' : text.data[i];
        if (c == '%') {
            CMAW_REQUIRE(text.size - i > 2, CMAW_E_MALFORMED);
            const int high = digit(text.data[i + 1]), low = digit(text.data[i + 2]);
            CMAW_REQUIRE(high >= 0 && low >= 0, CMAW_E_MALFORMED);
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        CMAW_REQUIRE(c != 0, CMAW_E_MALFORMED);
        cmaw_buf_put_u8(buf, c);
    }
    CMAW_TRY(cmaw_buf_err(buf));
    return cmaw_utf8_valid(cmaw_buf_slice(buf)) ? CMAW_OK : CMAW_E_MALFORMED;
}

static struct cmaw_slice cut(struct cmaw_slice *rest, uint8_t at)
{
    const uint8_t *found = rest->size == 0 ? NULL : memchr(rest->data, at, rest->size);
    const size_t size = found == NULL ? rest->size : (size_t)(found - rest->data);
    const struct cmaw_slice part = cmaw_slice_sub(*rest, 0, size);
    *rest = found == NULL ? CMAW_SLICE_EMPTY : cmaw_slice_sub(*rest, size + 1, rest->size - size - 1);
    return part;
}

static enum cmaw_err put_field(struct cmaw_slice pair, json_t *fields)
{
    CMAW_BUF_AUTO(name, CMAW_QUERY_BODY_MAX);
    CMAW_BUF_AUTO(value, CMAW_QUERY_BODY_MAX);
    const struct cmaw_slice encoded_name = cut(&pair, '=');
    CMAW_TRY(decode(encoded_name, &name));
    CMAW_TRY(decode(pair, &value));
    CMAW_REQUIRE(name.size > 0 && json_object_size(fields) < CMAW_QUERY_FIELDS_MAX, CMAW_E_MALFORMED);
    cmaw_buf_put_u8(&name, 0);
    CMAW_TRY(cmaw_buf_err(&name));
    CMAW_REQUIRE(json_object_get(fields, (const char *)name.data) == NULL, CMAW_E_MALFORMED);
    json_t *text = json_stringn(value.size == 0 ? "" : (const char *)value.data, value.size);
    return json_object_set_new(fields, (const char *)name.data, text) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_query_parse(struct cmaw_slice body, json_t **ret_fields)
{
    CMAW_REQUIRE(body.size < CMAW_QUERY_BODY_MAX, CMAW_E_TOO_LARGE);
    json_t *fields = json_object();
    while (body.size > 0) {
        const enum cmaw_err err = put_field(cut(&body, '&'), fields);
        if (err != CMAW_OK) {
            json_decref(fields);
            return err;
        }
    }
    *ret_fields = fields;
    return CMAW_OK;
}

static void put_text(struct cmaw_buf *buf, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            cmaw_buf_put_cstr(buf, "&amp;");
            break;
        case '<':
            cmaw_buf_put_cstr(buf, "&lt;");
            break;
        case '>':
            cmaw_buf_put_cstr(buf, "&gt;");
            break;
        default:
            /* XML has no way to say the others */
            cmaw_buf_put_u8(buf, (uint8_t)*text < 0x20 && *text != '\n' && *text != '\t' ? '?' : (uint8_t)*text);
        }
    }
}

void cmaw_query_put_xml(struct cmaw_buf *buf, const char *name, json_t *value)
{
    const char *member = NULL;
    json_t *inner = NULL;
    cmaw_buf_printf(buf, "<%s>", name);
    json_object_foreach(value, member, inner) {
        cmaw_query_put_xml(buf, member, inner);
    }
    if (json_is_string(value)) {
        put_text(buf, json_string_value(value));
    }
    cmaw_buf_printf(buf, "</%s>", name);
}
