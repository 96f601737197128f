#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/pb/pb.h"

/* message T { uint32 a = 1; bytes b = 2; repeated bytes c = 3; string d = 4; uint64 e = 20; } */
struct sample {
    uint32_t a;
    struct cmaw_slice b;
    size_t c_count;
    struct cmaw_slice d;
    uint64_t e;
};

static enum cmaw_err sample_read(struct cmaw_slice bytes, struct sample *s)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice element;
    *s = (struct sample){0};
    s->a = cmaw_pb_u32(&r, 1);
    s->b = cmaw_pb_bytes(&r, 2);
    while (cmaw_pb_next(&r, 3, &element)) {
        s->c_count++;
    }
    s->d = cmaw_pb_string(&r, 4);
    s->e = cmaw_pb_u64(&r, 20);
    return cmaw_pb_end(&r);
}

static enum cmaw_err read_hex(const char *hex)
{
    CMAW_BUF_AUTO(bytes, 4096);
    struct sample s;
    assert_int_equal(cmaw_hex_decode(cmaw_slice_of_cstr(hex), &bytes), CMAW_OK);
    return sample_read(cmaw_buf_slice(&bytes), &s);
}

static void reads_what_it_writes(void **)
{
    CMAW_BUF_AUTO(buf, 4096);
    struct sample s;
    cmaw_pb_put_u32(&buf, 1, UINT32_MAX);
    cmaw_pb_put_bytes(&buf, 2, CMAW_SLICE_LIT("bytes"));
    cmaw_pb_put_element(&buf, 3, CMAW_SLICE_EMPTY);
    cmaw_pb_put_element(&buf, 3, CMAW_SLICE_LIT("x"));
    cmaw_pb_put_bytes(&buf, 4, CMAW_SLICE_LIT("gr\xc3\xbc\xc3\x9f"));
    cmaw_pb_put_u64(&buf, 20, UINT64_MAX);
    assert_int_equal(sample_read(cmaw_buf_slice(&buf), &s), CMAW_OK);
    assert_int_equal(s.a, UINT32_MAX);
    assert_true(cmaw_slice_eq_cstr(s.b, "bytes"));
    assert_int_equal(s.c_count, 2);
    assert_true(cmaw_slice_eq_cstr(s.d, "gr\xc3\xbc\xc3\x9f"));
    assert_true(s.e == UINT64_MAX);
}

static void leaves_defaults_out(void **)
{
    CMAW_BUF_AUTO(buf, 64);
    struct sample s;
    cmaw_pb_put_u32(&buf, 1, 0);
    cmaw_pb_put_bytes(&buf, 2, CMAW_SLICE_EMPTY);
    cmaw_pb_put_u64(&buf, 20, 0);
    assert_int_equal(buf.size, 0);
    assert_int_equal(sample_read(CMAW_SLICE_EMPTY, &s), CMAW_OK);
}

/* PROTOCOL.md section 4: one encoding for each value, every other is refused. */
static void refuses_other_encodings(void **)
{
    static const char *const refused[] = {
        "0800",                     /* a default */
        "1200",                     /* an empty field that is not repeated */
        "088100",                   /* a varint in one byte too many */
        "88000" "1",                /* a tag in one byte too many */
        "128100aa",                 /* a length in one byte too many */
        "08010802",                 /* a field twice */
        "12016108011201" "61",      /* order */
        "080112016112" "0162",      /* bytes twice */
        "0d01000000",               /* wire type fixed32 */
        "090100000000000000",       /* wire type fixed64 */
        "0b0c",                     /* a group */
        "0a0161",                   /* bytes where an integer is due */
        "1001",                     /* an integer where bytes are due */
        "08ffffffff1f",             /* more than 32 bits */
        "088080808010",             /* 2^32 */
        "08ffffffffffffffffff01",   /* 64 bits in a field of 32 */
        "a001ffffffffffffffffff02", /* more than 64 bits */
        "a001ffffffffffffffffffff01", /* eleven bytes */
        "2801",                     /* an unknown field */
        "000" "1",                  /* field 0 */
        "08",                       /* truncated */
        "1205" "6161",              /* beyond the end */
        "12ffffffffffffffffff01" "61", /* a length near 2^64 */
        "2202c328",                 /* not UTF-8 */
        "220100",                   /* U+0000 */
        "22026100",                 /* U+0000 at the end */
        "2203eda080",               /* a surrogate */
        "a2010161",                 /* field 20 as bytes */
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (read_hex(refused[i]) == CMAW_OK) {
            fail_msg("accepted %s", refused[i]);
        }
    }
    assert_int_equal(read_hex("08011201611a001a01622201" "61a00101"), CMAW_OK);
}

/* Whatever is accepted is what the writer writes: flips of every bit of a message are refused or read as another value. */
static void accepts_one_encoding_each(void **)
{
    uint8_t message[] = {0x08, 0x96, 0x01, 0x12, 0x02, 'a', 'b', 0x1a, 0x00, 0x22, 0x01, 'c', 0xa0, 0x01, 0x07};
    for (size_t bit = 0; bit < 8 * sizeof message; bit++) {
        struct sample s;
        CMAW_BUF_AUTO(again, 4096);
        message[bit / 8] = (uint8_t)(message[bit / 8] ^ (1u << (bit % 8)));
        if (sample_read(CMAW_SLICE_ARRAY(message), &s) == CMAW_OK) {
            struct cmaw_pb_reader r = cmaw_pb_reader_of(CMAW_SLICE_ARRAY(message));
            struct cmaw_slice element;
            cmaw_pb_put_u32(&again, 1, cmaw_pb_u32(&r, 1));
            cmaw_pb_put_bytes(&again, 2, cmaw_pb_bytes(&r, 2));
            while (cmaw_pb_next(&r, 3, &element)) {
                cmaw_pb_put_element(&again, 3, element);
            }
            cmaw_pb_put_bytes(&again, 4, cmaw_pb_string(&r, 4));
            cmaw_pb_put_u64(&again, 20, cmaw_pb_u64(&r, 20));
            assert_true(cmaw_slice_eq(cmaw_buf_slice(&again), CMAW_SLICE_ARRAY(message)));
        }
        message[bit / 8] = (uint8_t)(message[bit / 8] ^ (1u << (bit % 8)));
    }
}

static void nests_with_any_size(void **)
{
    const size_t sizes[] = {0, 1, 127, 128, 16383, 16384, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CMAW_BUF_AUTO(buf, 200000);
        CMAW_BUF_AUTO(content, 200000);
        struct cmaw_slice nested;
        assert_non_null(cmaw_buf_extend(&content, sizes[i]));
        for (size_t b = 0; b < sizes[i]; b++) {
            content.data[b] = (uint8_t)(b * 7);
        }
        cmaw_pb_put_u32(&buf, 1, 5);
        const size_t mark = cmaw_pb_open(&buf);
        cmaw_pb_put_bytes(&buf, 9, cmaw_buf_slice(&content));
        cmaw_pb_close(&buf, 3, mark);
        assert_int_equal(cmaw_buf_err(&buf), CMAW_OK);
        assert_int_equal(buf.size - mark, cmaw_pb_size_element(3, cmaw_pb_size_bytes(9, sizes[i])));
        struct cmaw_pb_reader r = cmaw_pb_reader_of(cmaw_buf_slice(&buf));
        assert_int_equal(cmaw_pb_u32(&r, 1), 5);
        assert_true(cmaw_pb_next(&r, 3, &nested));
        assert_int_equal(cmaw_pb_end(&r), CMAW_OK);
        struct cmaw_pb_reader inner = cmaw_pb_reader_of(nested);
        assert_true(cmaw_slice_eq(cmaw_pb_bytes(&inner, 9), cmaw_buf_slice(&content)));
        assert_int_equal(cmaw_pb_end(&inner), CMAW_OK);
    }
}

static void writer_latches_its_limit(void **)
{
    CMAW_BUF_AUTO(buf, 4);
    const size_t mark = cmaw_pb_open(&buf);
    cmaw_pb_put_bytes(&buf, 2, CMAW_SLICE_LIT("too long"));
    cmaw_pb_close(&buf, 1, mark);
    assert_int_equal(cmaw_buf_err(&buf), CMAW_E_TOO_LARGE);
}

static void reads_any_encoder(void **)
{
    const uint8_t message[] = {0x28, 0x80, 0x00, 0x0d, 1, 0, 0, 0, 0x11, 2, 0, 0, 0, 0, 0, 0, 0x80, 0x12, 0x81, 0x00, 'x'};
    const uint8_t group[] = {0x0b, 0x0c};
    struct cmaw_pb_reader r = cmaw_pb_reader_of(CMAW_SLICE_ARRAY(message));
    struct cmaw_pb_field field;
    assert_true(cmaw_pb_any(&r, &field) && field.number == 5 && field.value == 0);
    assert_true(cmaw_pb_any(&r, &field) && field.number == 1 && field.wire_type == 5 && field.value == 1);
    assert_true(cmaw_pb_any(&r, &field) && field.number == 2 && field.wire_type == 1 && field.value == 0x8000000000000002);
    assert_true(cmaw_pb_any(&r, &field) && field.number == 2 && cmaw_slice_eq_cstr(field.bytes, "x"));
    assert_false(cmaw_pb_any(&r, &field));
    assert_int_equal(cmaw_pb_end(&r), CMAW_OK);
    r = cmaw_pb_reader_of(CMAW_SLICE_ARRAY(group));
    assert_false(cmaw_pb_any(&r, &field));
    assert_int_equal(cmaw_pb_end(&r), CMAW_E_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(leaves_defaults_out),
        cmocka_unit_test(refuses_other_encodings),
        cmocka_unit_test(accepts_one_encoding_each),
        cmocka_unit_test(nests_with_any_size),
        cmocka_unit_test(writer_latches_its_limit),
        cmocka_unit_test(reads_any_encoder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
