#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "client/proof/unpack.h"

enum { GZIP = 16 + MAX_WBITS, ZLIB = MAX_WBITS, SMALL_WINDOW = 9, RAW = -MAX_WBITS };

/* Appends bytes, compressed. */
static void pack(struct cmaw_buf *buf, struct cmaw_slice bytes, int level, int window)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    const size_t bound = deflateBound(&z, bytes.size);
    uint8_t *out = cmaw_buf_extend(buf, bound);
    assert_non_null(out);
    z.next_in = (Bytef *)(uintptr_t)bytes.data;
    z.avail_in = (uInt)bytes.size;
    z.next_out = out;
    z.avail_out = (uInt)bound;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    cmaw_buf_truncate(buf, buf->size - z.avail_out);
    assert_int_equal(deflateEnd(&z), Z_OK);
}

struct hits {
    size_t packed, plain;
    uint64_t offset; /* of the last */
};

static void keep_hit(void *context, const struct cmaw_hit *hit)
{
    struct hits *hits = context;
    hits->packed += hit->packed;
    hits->plain += !hit->packed;
    hits->offset = hit->offset;
}

static struct hits search(struct cmaw_slice bytes, size_t piece, struct cmaw_unpack_totals *totals)
{
    struct hits hits = {0};
    uint64_t size;
    CMAW_MATCHER_AUTO(matcher);
    CMAW_UNPACK_AUTO(unpack);
    assert_int_equal(cmaw_matcher_new(&matcher), CMAW_OK);
    assert_int_equal(cmaw_matcher_add(matcher, CMAW_SLICE_LIT("nightingale"), 0, false), CMAW_OK);
    assert_int_equal(cmaw_unpack_new(matcher, keep_hit, &hits, totals, &unpack), CMAW_OK);
    for (size_t at = 0; at < bytes.size; at += piece) {
        const size_t step = bytes.size - at < piece ? bytes.size - at : piece;
        assert_int_equal(cmaw_unpack_bytes(unpack, cmaw_slice_sub(bytes, at, step)), CMAW_OK);
    }
    assert_int_equal(cmaw_unpack_end(unpack, &size), CMAW_OK);
    assert_int_equal(size, bytes.size);
    return hits;
}

static struct cmaw_unpack_totals budget(void)
{
    return (struct cmaw_unpack_totals){.left = CMAW_UNPACK_BUDGET};
}

static const char text[] = "the project's name is nightingale, and the project is secret; the project";

static void streams_are_found_wherever_they_start(void **state)
{
    (void)state;
    static const int windows[] = {GZIP, ZLIB, SMALL_WINDOW, SMALL_WINDOW + 3};
    for (size_t i = 0; i < 4 * sizeof windows / sizeof windows[0]; i++) {
        for (size_t before = 0; before < 5; before++) {
            CMAW_BUF_AUTO(bytes, 4096);
            cmaw_buf_put(&bytes, cmaw_slice_of("\0log: ", before));
            pack(&bytes, CMAW_SLICE_LIT(text), (int)(i / 4) * 3, windows[i % 4]);
            cmaw_buf_put_cstr(&bytes, "\nand more");
            for (size_t piece = 1; piece < 40; piece += 6) {
                struct cmaw_unpack_totals totals = budget();
                const struct hits hits = search(cmaw_buf_slice(&bytes), piece, &totals);
                assert_int_equal(hits.packed, 1);
                assert_int_equal(totals.streams, 1);
                assert_int_equal(totals.cut, 0);
                assert_true(hits.plain > 0 || hits.offset == before);
            }
        }
    }
}

static void what_a_broken_stream_holds_is_found(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 4096);
    pack(&bytes, CMAW_SLICE_LIT(text), 0, GZIP);
    cmaw_buf_truncate(&bytes, bytes.size - 20);
    struct cmaw_unpack_totals totals = budget();
    assert_int_equal(search(cmaw_buf_slice(&bytes), 7, &totals).packed, 1);
    assert_int_equal(totals.streams, 0);
}

static void streams_in_streams_are_found_to_the_depth_that_is_named(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 4096);
    pack(&bytes, CMAW_SLICE_LIT(text), 6, GZIP);
    for (unsigned depth = 1; depth <= CMAW_UNPACK_DEPTH + 1; depth++) {
        struct cmaw_unpack_totals totals = budget();
        assert_int_equal(search(cmaw_buf_slice(&bytes), 11, &totals).packed, depth <= CMAW_UNPACK_DEPTH);
        CMAW_BUF_AUTO(content, 8192); /* repetitions, so that what is packed is not stored as it is */
        for (size_t i = 0; i < 100; i++) {
            cmaw_buf_put_cstr(&content, "again and ");
        }
        cmaw_buf_put(&content, cmaw_buf_slice(&bytes));
        cmaw_buf_reset(&bytes);
        pack(&bytes, cmaw_buf_slice(&content), 6, depth % 2 == 0 ? GZIP : ZLIB);
    }
}

/* Streams that follow each other, and one begun inside the bytes of another. */
static void many_streams(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 64 * 1024);
    for (size_t i = 0; i < 40; i++) {
        pack(&bytes, CMAW_SLICE_LIT(text), 6, i % 2 == 0 ? GZIP : ZLIB);
    }
    struct cmaw_unpack_totals totals = budget();
    assert_int_equal(search(cmaw_buf_slice(&bytes), 100, &totals).packed, 40);
    assert_int_equal(totals.streams, 40);
    assert_int_equal(totals.cut, 0);
}

static void a_bomb_is_bounded_and_told(void **state)
{
    (void)state;
    enum { MEGABYTE = 1024 * 1024 };
    CMAW_BUF_AUTO(zeros, (size_t)CMAW_UNPACK_STREAM_MAX + MEGABYTE);
    memset(cmaw_buf_extend(&zeros, (size_t)CMAW_UNPACK_STREAM_MAX + MEGABYTE), 0, (size_t)CMAW_UNPACK_STREAM_MAX + MEGABYTE);
    CMAW_BUF_AUTO(bomb, 2 * (size_t)CMAW_UNPACK_STREAM_MAX); /* while it is made */
    pack(&bomb, cmaw_buf_slice(&zeros), 9, GZIP);
    cmaw_buf_put_cstr(&bomb, "nightingale");
    struct cmaw_unpack_totals totals = budget();
    const struct hits hits = search(cmaw_buf_slice(&bomb), 4096, &totals);
    assert_int_equal(totals.cut, 1);
    assert_int_equal(totals.streams, 0);
    assert_int_equal(hits.plain, 1); /* the rest is searched all the same */
    totals = (struct cmaw_unpack_totals){.left = 1000};
    (void)search(cmaw_buf_slice(&bomb), 4096, &totals);
    assert_int_equal(totals.left, 0);
    assert_true(totals.cut > 0);
}

/* More streams at once than there is room for. */
static void streams_that_never_end(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 4096);
    for (size_t i = 0; i <= CMAW_UNPACK_ACTIVE; i++) {
        cmaw_buf_put(&bytes, CMAW_SLICE_LIT("\x1f\x8b\x08\x08\1\1\1\1\1\1name")); /* a file name without end */
    }
    struct cmaw_unpack_totals totals = budget();
    (void)search(cmaw_buf_slice(&bytes), 4096, &totals);
    assert_int_equal(totals.streams, 0);
    assert_int_equal(totals.cut, 1);
}

static void plain_bytes_hold_no_stream(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 1024 * 1024);
    uint32_t seed = 1;
    while (bytes.size < 1000 * 1000) {
        seed = seed * 1664525u + 1013904223u;
        cmaw_buf_put_u8(&bytes, (uint8_t)(seed >> 24));
    }
    struct cmaw_unpack_totals totals = budget();
    const struct hits hits = search(cmaw_buf_slice(&bytes), 65536, &totals);
    assert_int_equal(hits.packed + hits.plain, 0);
    assert_int_equal(totals.streams, 0);
    assert_int_equal(totals.cut, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_found_wherever_they_start),
        cmocka_unit_test(what_a_broken_stream_holds_is_found),
        cmocka_unit_test(streams_in_streams_are_found_to_the_depth_that_is_named),
        cmocka_unit_test(many_streams),
        cmocka_unit_test(a_bomb_is_bounded_and_told),
        cmocka_unit_test(streams_that_never_end),
        cmocka_unit_test(plain_bytes_hold_no_stream),
    };
    return cmocka_run_group_tests_name("client_unpack", tests, NULL, NULL);
}
