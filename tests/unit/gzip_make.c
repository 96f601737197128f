#include "tests/unit/gzip_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <zlib.h>
/* after the standard headers it needs */
#include <cmocka.h>

enum { GZIP_WINDOW = 15 + 16 };

void gzip_make(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t bound = deflateBound(&stream, bytes.size), start = buf->size;
    stream.next_out = cmaw_buf_extend(buf, bound);
    assert_non_null(stream.next_out);
    stream.next_in = (z_const Bytef *)(uintptr_t)bytes.data;
    stream.avail_in = (uInt)bytes.size;
    stream.avail_out = (uInt)bound;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    cmaw_buf_truncate(buf, start + stream.total_out);
    assert_int_equal(deflateEnd(&stream), Z_OK);
}
