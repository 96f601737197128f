#include "sys/gzip.h"

#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16, STEP = 64 * 1024 };

static void end_inflate(z_stream *stream)
{
    (void)inflateEnd(stream);
}

bool cmaw_gzip_is(struct cmaw_slice bytes)
{
    return bytes.size >= 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b;
}

/* Inflates one member from the front of *bytes and moves past it. */
static enum cmaw_err read_member(struct cmaw_slice *bytes, struct cmaw_buf *buf)
{
    [[gnu::cleanup(end_inflate)]] z_stream stream = {0};
    uint8_t block[STEP];
    CMAW_REQUIRE(inflateInit2(&stream, GZIP_WINDOW) == Z_OK, CMAW_E_NO_MEMORY);
    stream.next_in = (z_const Bytef *)(uintptr_t)bytes->data;
    stream.avail_in = (uInt)bytes->size;
    for (;;) {
        stream.next_out = block;
        stream.avail_out = sizeof block;
        const int result = inflate(&stream, Z_NO_FLUSH);
        CMAW_REQUIRE(result != Z_MEM_ERROR, CMAW_E_NO_MEMORY);
        CMAW_REQUIRE(result == Z_OK || result == Z_STREAM_END, CMAW_E_MALFORMED);
        cmaw_buf_put(buf, cmaw_slice_of(block, sizeof block - stream.avail_out));
        CMAW_TRY(cmaw_buf_err(buf));
        if (result == Z_STREAM_END) {
            *bytes = cmaw_slice_sub(*bytes, bytes->size - stream.avail_in, stream.avail_in);
            return CMAW_OK;
        }
    }
}

enum cmaw_err cmaw_gzip_read(struct cmaw_slice bytes, struct cmaw_buf *buf)
{
    CMAW_REQUIRE(bytes.size <= UINT32_MAX, CMAW_E_TOO_LARGE);
    while (bytes.size > 0) {
        CMAW_TRY(read_member(&bytes, buf));
    }
    return CMAW_OK;
}
