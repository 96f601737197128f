#include "lib/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cmaw_slice cmaw_slice_of_cstr(const char *text)
{
    return text == NULL ? CMAW_SLICE_EMPTY : cmaw_slice_of(text, strlen(text));
}

bool cmaw_slice_eq(struct cmaw_slice a, struct cmaw_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool cmaw_slice_eq_cstr(struct cmaw_slice a, const char *text)
{
    return cmaw_slice_eq(a, cmaw_slice_of_cstr(text));
}

int cmaw_slice_cmp(struct cmaw_slice a, struct cmaw_slice b)
{
    const size_t common = a.size < b.size ? a.size : b.size;
    const int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

bool cmaw_slice_is_zero(struct cmaw_slice a)
{
    uint8_t any = 0;
    for (size_t i = 0; i < a.size; i++) {
        any |= a.data[i];
    }
    return any == 0;
}

struct cmaw_slice cmaw_slice_sub(struct cmaw_slice a, size_t from, size_t size)
{
    if (size == 0 || from > a.size || size > a.size - from) {
        return CMAW_SLICE_EMPTY;
    }
    return cmaw_slice_of(a.data + from, size);
}

enum cmaw_err cmaw_slice_to_cstr(struct cmaw_slice a, char *dst, size_t capacity)
{
    CMAW_REQUIRE(a.size < capacity, CMAW_E_TOO_LARGE);
    if (a.size > 0) {
        CMAW_REQUIRE(memchr(a.data, 0, a.size) == NULL, CMAW_E_MALFORMED);
        memcpy(dst, a.data, a.size);
    }
    dst[a.size] = '\0';
    return CMAW_OK;
}

void cmaw_wipe(void *data, size_t size)
{
    if (data != NULL && size > 0) {
        explicit_bzero(data, size);
    }
}

bool cmaw_ct_eq(struct cmaw_slice a, struct cmaw_slice b)
{
    if (a.size != b.size) {
        return false;
    }
    volatile uint8_t diff = 0;
    for (size_t i = 0; i < a.size; i++) {
        diff = (uint8_t)(diff | (a.data[i] ^ b.data[i]));
    }
    return diff == 0;
}

void cmaw_buf_free(struct cmaw_buf *buf)
{
    if (buf == NULL) {
        return;
    }
    cmaw_wipe(buf->data, buf->size);
    free(buf->data);
    *buf = CMAW_BUF(buf->max);
}

void cmaw_buf_reset(struct cmaw_buf *buf)
{
    cmaw_wipe(buf->data, buf->size);
    buf->size = 0;
    buf->err = CMAW_OK;
}

/* A fresh block and a wiped old one: realloc would leave a copy behind. */
static enum cmaw_err grow(struct cmaw_buf *buf, size_t need)
{
    size_t cap = buf->cap < 128 ? 256 : buf->cap * 2;
    if (cap < need) {
        cap = need;
    }
    if (cap > buf->max) {
        cap = buf->max;
    }
    uint8_t *data = malloc(cap);
    CMAW_REQUIRE(data != NULL, CMAW_E_NO_MEMORY);
    if (buf->size > 0) {
        memcpy(data, buf->data, buf->size);
        cmaw_wipe(buf->data, buf->size);
    }
    free(buf->data);
    buf->data = data;
    buf->cap = cap;
    return CMAW_OK;
}

enum cmaw_err cmaw_buf_reserve(struct cmaw_buf *buf, size_t n)
{
    CMAW_TRY(buf->err);
    if (n > buf->max || buf->size > buf->max - n) {
        buf->err = CMAW_E_TOO_LARGE;
    } else if (buf->size + n > buf->cap) {
        buf->err = grow(buf, buf->size + n);
    }
    return buf->err;
}

uint8_t *cmaw_buf_extend(struct cmaw_buf *buf, size_t n)
{
    static uint8_t nothing[1];
    if (cmaw_buf_reserve(buf, n) != CMAW_OK) {
        return NULL;
    }
    if (n == 0) {
        return buf->data == NULL ? nothing : buf->data + buf->size;
    }
    uint8_t *start = buf->data + buf->size;
    buf->size += n;
    return start;
}

void cmaw_buf_put(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    uint8_t *dst = cmaw_buf_extend(buf, bytes.size);
    if (dst != NULL && bytes.size > 0) {
        memcpy(dst, bytes.data, bytes.size);
    }
}

void cmaw_buf_put_cstr(struct cmaw_buf *buf, const char *text)
{
    cmaw_buf_put(buf, cmaw_slice_of_cstr(text));
}

static void put_be(struct cmaw_buf *buf, uint64_t value, size_t width)
{
    uint8_t *dst = cmaw_buf_extend(buf, width);
    for (size_t i = 0; dst != NULL && i < width; i++) {
        dst[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

void cmaw_buf_put_u8(struct cmaw_buf *buf, uint8_t value)
{
    put_be(buf, value, 1);
}

void cmaw_buf_put_u16be(struct cmaw_buf *buf, uint16_t value)
{
    put_be(buf, value, 2);
}

void cmaw_buf_put_u32be(struct cmaw_buf *buf, uint32_t value)
{
    put_be(buf, value, 4);
}

void cmaw_buf_put_u64be(struct cmaw_buf *buf, uint64_t value)
{
    put_be(buf, value, 8);
}

void cmaw_buf_put_lp(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    if (bytes.size > UINT32_MAX) {
        buf->err = buf->err == CMAW_OK ? CMAW_E_TOO_LARGE : buf->err;
        return;
    }
    cmaw_buf_put_u32be(buf, (uint32_t)bytes.size);
    cmaw_buf_put(buf, bytes);
}

void cmaw_buf_printf(struct cmaw_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    const int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0) {
        buf->err = buf->err == CMAW_OK ? CMAW_E_NO_MEMORY : buf->err;
        return;
    }
    cmaw_buf_put(buf, cmaw_slice_of(text, (size_t)length));
    cmaw_wipe(text, (size_t)length);
    free(text);
}

void cmaw_buf_truncate(struct cmaw_buf *buf, size_t size)
{
    if (size < buf->size) {
        cmaw_wipe(buf->data + size, buf->size - size);
        buf->size = size;
    }
}

static uint64_t read_be(struct cmaw_reader *reader, size_t width)
{
    const struct cmaw_slice bytes = cmaw_read_bytes(reader, width);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        value = value << 8 | bytes.data[i];
    }
    return value;
}

uint8_t cmaw_read_u8(struct cmaw_reader *reader)
{
    return (uint8_t)read_be(reader, 1);
}

uint16_t cmaw_read_u16be(struct cmaw_reader *reader)
{
    return (uint16_t)read_be(reader, 2);
}

uint32_t cmaw_read_u32be(struct cmaw_reader *reader)
{
    return (uint32_t)read_be(reader, 4);
}

uint64_t cmaw_read_u64be(struct cmaw_reader *reader)
{
    return read_be(reader, 8);
}

struct cmaw_slice cmaw_read_bytes(struct cmaw_reader *reader, size_t size)
{
    if (reader->err != CMAW_OK || size > reader->rest.size) {
        cmaw_reader_fail(reader, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    const struct cmaw_slice bytes = cmaw_slice_of(reader->rest.data, size);
    if (size > 0) {
        reader->rest = cmaw_slice_of(reader->rest.data + size, reader->rest.size - size);
    }
    return bytes;
}

void cmaw_reader_fail(struct cmaw_reader *reader, enum cmaw_err err)
{
    if (reader->err == CMAW_OK) {
        reader->err = err;
        reader->rest = CMAW_SLICE_EMPTY;
    }
}

enum cmaw_err cmaw_reader_end(const struct cmaw_reader *reader)
{
    CMAW_TRY(reader->err);
    return reader->rest.size == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}
