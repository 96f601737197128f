#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/cbor/read.h"
#include "lib/cbor/write.h"
#include "tests/unit/vectors.h"

static enum cmaw_err check_hex(const char *hex, enum cmaw_cbor_rules rules)
{
    CMAW_BUF_AUTO(bytes, 4096);
    vectors_unhex(hex, &bytes);
    return cmaw_cbor_check(cmaw_buf_slice(&bytes), rules);
}

/* Reads one item with the typed functions and writes it again. */
static void transcode(struct cmaw_cbor *cbor, struct cmaw_buf *out)
{
    struct cmaw_cbor_map map;
    size_t count, at;
    uint64_t tag = 0;
    switch (cmaw_cbor_peek(cbor)) {
    case CMAW_CBOR_UINT: cmaw_cbor_put_uint(out, cmaw_cbor_uint(cbor)); break;
    case CMAW_CBOR_NINT: cmaw_cbor_put_int(out, cmaw_cbor_int(cbor)); break;
    case CMAW_CBOR_BSTR: cmaw_cbor_put_bstr(out, cmaw_cbor_bstr(cbor)); break;
    case CMAW_CBOR_TSTR: cmaw_cbor_put_tstr(out, cmaw_cbor_tstr(cbor)); break;
    case CMAW_CBOR_ARRAY:
        count = cmaw_cbor_array(cbor);
        cmaw_cbor_put_array(out, count);
        while (count-- > 0) {
            transcode(cbor, out);
        }
        break;
    case CMAW_CBOR_MAP:
        cmaw_cbor_map(cbor, &map);
        cmaw_cbor_put_map(out, map.span.left);
        while (cmaw_cbor_map_next(cbor, &map)) {
            transcode(cbor, out);
            transcode(cbor, out);
        }
        break;
    case CMAW_CBOR_TAG:
        while (!cmaw_cbor_tag(cbor, tag)) {
            tag++;
        }
        at = out->size;
        cmaw_cbor_put_uint(out, tag);
        out->data[at] |= 0xc0; /* the head of an integer but for the major type */
        transcode(cbor, out);
        break;
    case CMAW_CBOR_FALSE:
    case CMAW_CBOR_TRUE: cmaw_cbor_put_bool(out, cmaw_cbor_bool(cbor)); break;
    case CMAW_CBOR_NULL:
        assert_true(cmaw_cbor_null(cbor));
        cmaw_cbor_put_null(out);
        break;
    default: fail();
    }
}

static void appendix_a_example(const char *hex, bool roundtrip)
{
    CMAW_BUF_AUTO(bytes, 4096);
    vectors_unhex(hex, &bytes);
    const uint8_t first = bytes.data[0];
    const bool indefinite_string = first == 0x5f || first == 0x7f;
    const bool ill_formed = strcmp(hex, "f818") == 0; /* RFC 7049 had it, RFC 8949 section 3.3 forbids it */
    const bool accepted = !indefinite_string && !ill_formed;
    assert_int_equal(cmaw_cbor_check(cmaw_buf_slice(&bytes), CMAW_CBOR_PLATFORM),
                     accepted ? CMAW_OK : CMAW_E_MALFORMED);

    const bool other = first == 0xf7 || first == 0xf0 || (first >= 0xf8 && first != 0xff);
    const bool float_inside = first == 0xc1 && bytes.data[1] == 0xfb;
    const bool ours = accepted && roundtrip && !other && !float_inside;
    assert_int_equal(cmaw_cbor_check(cmaw_buf_slice(&bytes), CMAW_CBOR_DETERMINISTIC),
                     ours ? CMAW_OK : CMAW_E_MALFORMED);
    if (!ours || strcmp(hex, "3bffffffffffffffff") == 0) { /* no int64_t holds it */
        return;
    }
    CMAW_BUF_AUTO(again, 4096);
    struct cmaw_cbor cbor = cmaw_cbor_of(cmaw_buf_slice(&bytes), CMAW_CBOR_DETERMINISTIC);
    transcode(&cbor, &again);
    assert_int_equal(cmaw_cbor_end(&cbor), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&bytes), cmaw_buf_slice(&again)));
}

static void appendix_a_of_rfc_8949(void **state)
{
    (void)state;
    VECTORS_OR_SKIP();
    json_t *root = vectors_json("cbor_appendix_a.json");
    assert_int_equal(json_array_size(root), 82);
    size_t i;
    json_t *example;
    json_array_foreach(root, i, example) {
        appendix_a_example(vectors_text(example, "hex"), json_is_true(json_object_get(example, "roundtrip")));
    }
    json_decref(root);
}

/* RFC 8949 appendix F, and what our rules refuse beyond it. */
static void malformed_items_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "18", "19", "1a", "1b", "1901", "1a0102", "1b01020304050607", "38", "58", "78", "98", "9a01ff00", "b8", "d8",
        "f8", "f900", "fa0000", "fb000000", "41", "61", "5affffffff00", "5bffffffffffffffff010203", "7affffffff00",
        "7b7fffffffffffffff010203", "81", "818181818181818181", "8200", "a1", "a20102", "a100", "a2000000", "5f4100",
        "7f6100", "9f", "9f0102", "bf", "bf01020102", "c0", "ff",
        "1c", "1d", "1e", "3c", "5c", "7c", "9c", "bc", "dc", "fc", "fd", "fe", /* reserved lengths */
        "f800", "f801", "f818", "f81f",                                         /* simple values that have a short form */
        "5f00ff", "5f21ff", "5f6100ff", "5fff", "7f4100ff", "7fff",             /* indefinite strings */
        "81ff", "8200ff", "a1ff", "a1ff00", "a100ff", "a20000ff", "9f81ff", "bf00ff", "bf000000ff", "1fff", "1f", "3f", "df",
        "0000", "61ff", "62c080", "63eda080", "64f4908080", "61c3",             /* trailing bytes, UTF-8 */
        "a2010001f4", "a201001801f4", "a2616100616100", "bf010001f4ff", "a28100008000", "a1f600", /* keys */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check_hex(bad[i], CMAW_CBOR_PLATFORM), CMAW_E_MALFORMED);
        assert_int_equal(check_hex(bad[i], CMAW_CBOR_DETERMINISTIC), CMAW_E_MALFORMED);
    }
}

static void deterministic_rules_are_stricter(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "1800", "1817", "190017", "1900ff", "1a0000ffff", "1b00000000ffffffff", /* heads */
        "3817", "5800", "590001aa", "7800", "9800", "b800", "d800f6",
        "9fff", "bfff",                                   /* lengths */
        "a202000100", "a2616200616100", "a218640017f6",   /* order: 2 before 1, b before a, 100 before 23 */
        "a26161002000", "a24200000041ff00",               /* text before negative; longer before shorter */
        "f90000", "fa47c35000", "fb3ff199999999999a", "f7", "f0", "f8ff",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(check_hex(bad[i], CMAW_CBOR_DETERMINISTIC), CMAW_E_MALFORMED);
        assert_int_equal(check_hex(bad[i], CMAW_CBOR_PLATFORM), CMAW_OK);
    }
    /* the order of RFC 8949 section 4.2.1: 10, 100, -1, "z", "aa", [100] is no key here */
    assert_int_equal(check_hex("a50a001864002000617a0062616100", CMAW_CBOR_DETERMINISTIC), CMAW_OK);
    assert_int_equal(check_hex("bf1a00000001f61817f6ff", CMAW_CBOR_PLATFORM), CMAW_OK);
}

static void depth_is_limited(void **state)
{
    (void)state;
    static const char *const levels[] = {"81", "a100", "d864"};
    for (size_t kind = 0; kind < 3; kind++) {
        CMAW_BUF_AUTO(hex, 4096);
        for (int i = 0; i < CMAW_CBOR_DEPTH_MAX; i++) {
            cmaw_buf_put_cstr(&hex, levels[kind]);
        }
        cmaw_buf_put_cstr(&hex, "00");
        cmaw_buf_put_u8(&hex, 0);
        assert_int_equal(check_hex((const char *)hex.data, CMAW_CBOR_PLATFORM), CMAW_OK);
        CMAW_BUF_AUTO(deeper, 4096);
        cmaw_buf_put_cstr(&deeper, levels[kind]);
        cmaw_buf_put(&deeper, cmaw_buf_slice(&hex));
        assert_int_equal(check_hex((const char *)deeper.data, CMAW_CBOR_PLATFORM), CMAW_E_MALFORMED);
    }
    static uint8_t deep[1 << 20];
    memset(deep, 0x9f, sizeof deep);
    assert_int_equal(cmaw_cbor_check(CMAW_SLICE_ARRAY(deep), CMAW_CBOR_PLATFORM), CMAW_E_MALFORMED);
}

static void maps_have_a_limit_of_keys(void **state)
{
    (void)state;
    for (size_t count = CMAW_CBOR_KEYS_MAX; count <= CMAW_CBOR_KEYS_MAX + 1; count++) {
        CMAW_BUF_AUTO(bytes, 4096);
        cmaw_cbor_put_map(&bytes, count);
        for (size_t i = 0; i < count; i++) {
            cmaw_cbor_put_uint(&bytes, i);
            cmaw_cbor_put_null(&bytes);
        }
        assert_int_equal(cmaw_cbor_check(cmaw_buf_slice(&bytes), CMAW_CBOR_PLATFORM),
                         count <= CMAW_CBOR_KEYS_MAX ? CMAW_OK : CMAW_E_MALFORMED);
    }
}

static void a_schema_reads_as_a_list(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(bytes, 100);
    cmaw_cbor_put_map(&bytes, 4);
    cmaw_cbor_put_int(&bytes, 1);
    cmaw_cbor_put_uint(&bytes, 500);
    cmaw_cbor_put_int(&bytes, 2);
    cmaw_cbor_put_bstr(&bytes, CMAW_SLICE_LIT("ab"));
    cmaw_cbor_put_int(&bytes, -1);
    cmaw_cbor_put_cstr(&bytes, "text");
    cmaw_cbor_put_cstr(&bytes, "k");
    cmaw_cbor_put_int(&bytes, INT64_MIN);
    for (size_t size = 0; size <= bytes.size; size++) { /* every prefix fails, and fails once */
        struct cmaw_cbor cbor = cmaw_cbor_of(cmaw_slice_of(bytes.data, size), CMAW_CBOR_DETERMINISTIC);
        cmaw_cbor_map_exact(&cbor, 4);
        cmaw_cbor_expect_int(&cbor, 1);
        const uint64_t number = cmaw_cbor_uint_max(&cbor, 500);
        cmaw_cbor_expect_int(&cbor, 2);
        const struct cmaw_slice string = cmaw_cbor_bstr_exact(&cbor, 2);
        cmaw_cbor_expect_int(&cbor, -1);
        cmaw_cbor_expect_tstr(&cbor, "text");
        cmaw_cbor_expect_tstr(&cbor, "k");
        const int64_t least = cmaw_cbor_int(&cbor);
        if (size < bytes.size) {
            assert_int_equal(cmaw_cbor_end(&cbor), CMAW_E_MALFORMED);
            continue;
        }
        assert_int_equal(cmaw_cbor_end(&cbor), CMAW_OK);
        assert_int_equal(number, 500);
        assert_true(cmaw_slice_eq_cstr(string, "ab"));
        assert_true(least == INT64_MIN);
    }
}

static void typed_readers_refuse_other_types(void **state)
{
    (void)state;
    static const char *const items[] = {"00", "20", "40", "60", "80", "a0", "c000", "f4", "f6", "f7"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        CMAW_BUF_AUTO(bytes, 16);
        vectors_unhex(items[i], &bytes);
        const struct cmaw_cbor fresh = cmaw_cbor_of(cmaw_buf_slice(&bytes), CMAW_CBOR_PLATFORM);
        struct cmaw_cbor cbor[9];
        for (size_t k = 0; k < 9; k++) {
            cbor[k] = fresh;
        }
        (void)cmaw_cbor_uint(&cbor[0]);
        (void)cmaw_cbor_int(&cbor[1]);
        (void)cmaw_cbor_bstr(&cbor[2]);
        (void)cmaw_cbor_tstr(&cbor[3]);
        (void)cmaw_cbor_array(&cbor[4]);
        cmaw_cbor_map_exact(&cbor[5], 0);
        (void)cmaw_cbor_tag(&cbor[6], 0);
        (void)cmaw_cbor_bool(&cbor[7]);
        (void)cmaw_cbor_null(&cbor[8]);
        static const uint8_t readable[10][9] = {{1, 1}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}, {0, 0, 0, 0, 1}, {[5] = 1},
                                                {[6] = 0}, {[7] = 1}, {[8] = 1}, {0}};
        for (size_t k = 0; k < 9; k++) {
            assert_int_equal(cmaw_cbor_end(&cbor[k]) == CMAW_OK, readable[i][k]);
        }
    }
}

static void declared_counts_reserve_nothing(void **state)
{
    (void)state;
    struct cmaw_cbor cbor = cmaw_cbor_of(CMAW_SLICE_LIT("\x9b\xff\xff\xff\xff\xff\xff\xff\xff\x00"), CMAW_CBOR_PLATFORM);
    assert_int_equal(cmaw_cbor_array(&cbor), 0);
    assert_int_equal(cbor.err, CMAW_E_MALFORMED);
}

static void one_item_is_skipped(void **state)
{
    (void)state;
    struct cmaw_cbor cbor = cmaw_cbor_of(CMAW_SLICE_LIT("\x82\x01\xa1\x02\x03\x04"), CMAW_CBOR_DETERMINISTIC);
    cmaw_cbor_skip(&cbor);
    assert_int_equal(cbor.rest.size, 1);
    assert_int_equal(cmaw_cbor_uint(&cbor), 4);
    assert_int_equal(cmaw_cbor_end(&cbor), CMAW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appendix_a_of_rfc_8949),
        cmocka_unit_test(malformed_items_are_refused),
        cmocka_unit_test(deterministic_rules_are_stricter),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(maps_have_a_limit_of_keys),
        cmocka_unit_test(a_schema_reads_as_a_list),
        cmocka_unit_test(typed_readers_refuse_other_types),
        cmocka_unit_test(declared_counts_reserve_nothing),
        cmocka_unit_test(one_item_is_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
