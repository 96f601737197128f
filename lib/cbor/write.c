#include "lib/cbor/write.h"

enum { UINT = 0x00, NINT = 0x20, BSTR = 0x40, TSTR = 0x60, ARRAY = 0x80, MAP = 0xa0 };

static void put_head(struct cmaw_buf *buf, uint8_t major, uint64_t value)
{
    if (value < 24) {
        cmaw_buf_put_u8(buf, (uint8_t)(major | value));
    } else if (value <= UINT8_MAX) {
        cmaw_buf_put_u8(buf, major | 24);
        cmaw_buf_put_u8(buf, (uint8_t)value);
    } else if (value <= UINT16_MAX) {
        cmaw_buf_put_u8(buf, major | 25);
        cmaw_buf_put_u16be(buf, (uint16_t)value);
    } else if (value <= UINT32_MAX) {
        cmaw_buf_put_u8(buf, major | 26);
        cmaw_buf_put_u32be(buf, (uint32_t)value);
    } else {
        cmaw_buf_put_u8(buf, major | 27);
        cmaw_buf_put_u64be(buf, value);
    }
}

void cmaw_cbor_put_uint(struct cmaw_buf *buf, uint64_t value)
{
    put_head(buf, UINT, value);
}

void cmaw_cbor_put_int(struct cmaw_buf *buf, int64_t value)
{
    if (value < 0) {
        put_head(buf, NINT, (uint64_t)(-1 - value));
    } else {
        put_head(buf, UINT, (uint64_t)value);
    }
}

void cmaw_cbor_put_bstr(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    put_head(buf, BSTR, bytes.size);
    cmaw_buf_put(buf, bytes);
}

void cmaw_cbor_put_tstr(struct cmaw_buf *buf, struct cmaw_slice text)
{
    put_head(buf, TSTR, text.size);
    cmaw_buf_put(buf, text);
}

void cmaw_cbor_put_cstr(struct cmaw_buf *buf, const char *text)
{
    cmaw_cbor_put_tstr(buf, cmaw_slice_of_cstr(text));
}

void cmaw_cbor_put_array(struct cmaw_buf *buf, size_t count)
{
    put_head(buf, ARRAY, count);
}

void cmaw_cbor_put_map(struct cmaw_buf *buf, size_t count)
{
    put_head(buf, MAP, count);
}

void cmaw_cbor_put_bool(struct cmaw_buf *buf, bool value)
{
    cmaw_buf_put_u8(buf, value ? 0xf5 : 0xf4);
}

void cmaw_cbor_put_null(struct cmaw_buf *buf)
{
    cmaw_buf_put_u8(buf, 0xf6);
}

void cmaw_cbor_put_map_indefinite(struct cmaw_buf *buf)
{
    cmaw_buf_put_u8(buf, 0xbf);
}

void cmaw_cbor_put_break(struct cmaw_buf *buf)
{
    cmaw_buf_put_u8(buf, 0xff);
}
