#include "lib/base/text.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void hex_fill(struct cmaw_slice bytes, uint8_t *dst)
{
    for (size_t i = 0; i < bytes.size; i++) {
        dst[2 * i] = (uint8_t)hex_digits[bytes.data[i] >> 4];
        dst[2 * i + 1] = (uint8_t)hex_digits[bytes.data[i] & 15];
    }
}

void cmaw_buf_put_hex(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    if (bytes.size > SIZE_MAX / 2) {
        buf->err = CMAW_E_TOO_LARGE;
        return;
    }
    uint8_t *dst = cmaw_buf_extend(buf, 2 * bytes.size);
    if (dst != NULL) {
        hex_fill(bytes, dst);
    }
}

enum cmaw_err cmaw_hex_to_cstr(struct cmaw_slice bytes, char *dst, size_t capacity)
{
    CMAW_REQUIRE(capacity >= 1 && bytes.size <= (capacity - 1) / 2, CMAW_E_BUG);
    hex_fill(bytes, (uint8_t *)dst);
    dst[2 * bytes.size] = '\0';
    return CMAW_OK;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

enum cmaw_err cmaw_hex_decode_exact(struct cmaw_slice text, uint8_t *dst, size_t size)
{
    CMAW_REQUIRE(text.size % 2 == 0 && text.size / 2 == size, CMAW_E_MALFORMED);
    for (size_t i = 0; i < text.size; i++) {
        CMAW_REQUIRE(hex_value(text.data[i]) >= 0, CMAW_E_MALFORMED);
    }
    for (size_t i = 0; i < size; i++) {
        dst[i] = (uint8_t)(hex_value(text.data[2 * i]) << 4 | hex_value(text.data[2 * i + 1]));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_hex_decode(struct cmaw_slice text, struct cmaw_buf *buf)
{
    const size_t before = buf->size;
    uint8_t *dst = cmaw_buf_extend(buf, text.size / 2);
    CMAW_TRY(buf->err);
    const enum cmaw_err err = cmaw_hex_decode_exact(text, dst, text.size / 2);
    if (err != CMAW_OK) {
        cmaw_buf_truncate(buf, before);
    }
    return err;
}

void cmaw_buf_put_base64(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    if (bytes.size > SIZE_MAX / 2) {
        buf->err = CMAW_E_TOO_LARGE;
        return;
    }
    uint8_t *dst = cmaw_buf_extend(buf, (bytes.size + 2) / 3 * 4);
    for (size_t i = 0; dst != NULL && i < bytes.size; i += 3, dst += 4) {
        const size_t left = bytes.size - i;
        const uint32_t group = (uint32_t)bytes.data[i] << 16 | (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
                               (left > 2 ? bytes.data[i + 2] : 0);
        dst[0] = (uint8_t)base64_digits[group >> 18];
        dst[1] = (uint8_t)base64_digits[group >> 12 & 63];
        dst[2] = left > 1 ? (uint8_t)base64_digits[group >> 6 & 63] : '=';
        dst[3] = left > 2 ? (uint8_t)base64_digits[group & 63] : '=';
    }
}

static int base64_value(uint8_t digit)
{
    const char *at = digit == '\0' ? NULL : strchr(base64_digits, digit);
    return at == NULL ? -1 : (int)(at - base64_digits);
}

/* One group of four characters into one to three bytes. */
static enum cmaw_err base64_group(const uint8_t *text, bool last, struct cmaw_buf *buf)
{
    const size_t pad = last && text[3] == '=' ? (text[2] == '=' ? 2u : 1u) : 0u;
    uint32_t group = 0;
    for (size_t i = 0; i < 4; i++) {
        const int value = i >= 4 - pad ? 0 : base64_value(text[i]);
        CMAW_REQUIRE(value >= 0, CMAW_E_MALFORMED);
        group = group << 6 | (uint32_t)value;
    }
    CMAW_REQUIRE((group & ((1u << 8 * pad) - 1)) == 0, CMAW_E_MALFORMED);
    const uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
    cmaw_buf_put(buf, cmaw_slice_of(bytes, 3 - pad));
    return buf->err;
}

enum cmaw_err cmaw_base64_decode(struct cmaw_slice text, struct cmaw_buf *buf)
{
    CMAW_REQUIRE(text.size % 4 == 0, CMAW_E_MALFORMED);
    const size_t before = buf->size;
    CMAW_TRY(cmaw_buf_reserve(buf, text.size / 4 * 3));
    for (size_t i = 0; i < text.size; i += 4) {
        const enum cmaw_err err = base64_group(text.data + i, i + 4 == text.size, buf);
        if (err != CMAW_OK) {
            cmaw_buf_truncate(buf, before);
            return err;
        }
    }
    return CMAW_OK;
}

void cmaw_buf_put_json_escaped(struct cmaw_buf *buf, struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == '"' || c == '\\') {
            cmaw_buf_put_u8(buf, '\\');
            cmaw_buf_put_u8(buf, c);
        } else if (c < 0x20 || c > 0x7e) {
            cmaw_buf_printf(buf, "\\u%04x", c);
        } else {
            cmaw_buf_put_u8(buf, c);
        }
    }
}

/* The length of the sequence that starts at text, 0 if it is not well-formed (Unicode table 3-7). */
static size_t utf8_sequence(const uint8_t *text, size_t left)
{
    const uint8_t first = text[0];
    if (first < 0x80) {
        return 1;
    }
    const size_t length = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
    if (length == 0 || length > left) {
        return 0;
    }
    const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool cmaw_utf8_valid(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size;) {
        const size_t length = utf8_sequence(text.data + i, text.size - i);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

/* As utf8_sequence, but 0 for a control character too. */
static size_t tame_sequence(const uint8_t *text, size_t left)
{
    const size_t length = utf8_sequence(text, left);
    const bool control = length == 1 ? text[0] < 0x20 || text[0] == 0x7f : length == 2 && text[0] == 0xc2 && text[1] < 0xa0;
    return control ? 0 : length;
}

bool cmaw_text_is_tame(struct cmaw_slice text)
{
    size_t length = 1;
    for (size_t i = 0; i < text.size && length > 0; i += length) {
        length = tame_sequence(text.data + i, text.size - i);
    }
    return length > 0;
}

static bool ends_line(const uint8_t *text, size_t left)
{
    return text[0] == '\n' || (text[0] == '\r' && left > 1 && text[1] == '\n');
}

static void tame(uint8_t *text, size_t size, bool lines)
{
    for (size_t i = 0; i < size;) {
        const size_t length = tame_sequence(text + i, size - i);
        const bool kept = length > 0 || (lines && (text[i] == '\t' || ends_line(text + i, size - i)));
        text[i] = kept ? text[i] : '?';
        i += length == 0 ? 1 : length;
    }
}

void cmaw_text_tame(char *text)
{
    tame((uint8_t *)text, strlen(text), false);
}

void cmaw_lines_tame(uint8_t *text, size_t size)
{
    tame(text, size, true);
}

enum cmaw_err cmaw_parse_u64(const char *text, uint64_t max, uint64_t *ret_value)
{
    CMAW_REQUIRE(text[0] != '\0' && (text[0] != '0' || text[1] == '\0'), CMAW_E_MALFORMED);
    uint64_t value = 0;
    for (const char *at = text; *at != '\0'; at++) {
        CMAW_REQUIRE(*at >= '0' && *at <= '9', CMAW_E_MALFORMED);
        const uint64_t digit = (uint64_t)(*at - '0');
        CMAW_REQUIRE(value <= (UINT64_MAX - digit) / 10, CMAW_E_TOO_LARGE);
        value = value * 10 + digit;
    }
    CMAW_REQUIRE(value <= max, CMAW_E_TOO_LARGE);
    *ret_value = value;
    return CMAW_OK;
}
