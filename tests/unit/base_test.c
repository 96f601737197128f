#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/base/diag.h"
#include "lib/base/secret.h"
#include "lib/base/text.h"

static void buf_latches_its_first_error(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, 10);
    cmaw_buf_put_u64be(&buf, 0x0102030405060708u);
    cmaw_buf_put_u32be(&buf, 1);
    cmaw_buf_put_u8(&buf, 9);
    assert_int_equal(cmaw_buf_err(&buf), CMAW_E_TOO_LARGE);
    assert_int_equal(buf.size, 8);
    cmaw_buf_reset(&buf);
    cmaw_buf_put_lp(&buf, CMAW_SLICE_LIT("abc"));
    assert_int_equal(cmaw_buf_err(&buf), CMAW_OK);
    assert_memory_equal(buf.data, "\0\0\0\3abc", 7);
}

static void reader_stops_at_the_end(void **state)
{
    (void)state;
    struct cmaw_reader reader = cmaw_reader_of(CMAW_SLICE_LIT("\1\2\3\4\5"));
    assert_int_equal(cmaw_read_u32be(&reader), 0x01020304);
    assert_int_equal(cmaw_reader_end(&reader), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_read_u16be(&reader), 0);
    assert_int_equal(cmaw_read_u8(&reader), 0);
    assert_int_equal(reader.err, CMAW_E_MALFORMED);
}

static void hex_is_strict(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, 100);
    assert_int_equal(cmaw_hex_decode(CMAW_SLICE_LIT("00ff7a"), &buf), CMAW_OK);
    assert_memory_equal(buf.data, "\x00\xff\x7a", 3);
    static const char *const bad[] = {"0", "0g", "FF", " 00", "0x00"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_hex_decode(cmaw_slice_of_cstr(bad[i]), &buf), CMAW_E_MALFORMED);
        assert_int_equal(buf.size, 3);
    }
    char text[7];
    assert_int_equal(cmaw_hex_to_cstr(cmaw_buf_slice(&buf), text, sizeof text), CMAW_OK);
    assert_string_equal(text, "00ff7a");
    assert_int_equal(cmaw_hex_to_cstr(cmaw_buf_slice(&buf), text, sizeof text - 1), CMAW_E_BUG);
}

static void base64_is_strict(void **state)
{
    (void)state;
    static const struct { const char *plain, *text; } good[] = { /* RFC 4648 section 10 */
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CMAW_BUF_AUTO(buf, 100);
        cmaw_buf_put_base64(&buf, cmaw_slice_of_cstr(good[i].plain));
        assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&buf), good[i].text));
        cmaw_buf_reset(&buf);
        assert_int_equal(cmaw_base64_decode(cmaw_slice_of_cstr(good[i].text), &buf), CMAW_OK);
        assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&buf), good[i].plain));
    }
    static const char *const bad[] = {"Zg", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9", "Zm9-"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_BUF_AUTO(buf, 100);
        assert_int_equal(cmaw_base64_decode(cmaw_slice_of_cstr(bad[i]), &buf), CMAW_E_MALFORMED);
        assert_int_equal(buf.size, 0);
    }
}

static void utf8_follows_rfc_3629(void **state)
{
    (void)state;
    static const char *const good[] = {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x92\xa9", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xc3(", "\xff"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(cmaw_utf8_valid(cmaw_slice_of_cstr(good[i])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(cmaw_utf8_valid(cmaw_slice_of_cstr(bad[i])));
    }
}

static void terminals_obey_no_text(void **state)
{
    (void)state;
    static const struct { const char *text, *tame; } cases[] = {
        {"", ""}, {"plain ~ \xc3\xa9\xe2\x82\xac", "plain ~ \xc3\xa9\xe2\x82\xac"}, {"a\x1b[2Jb", "a?[2Jb"}, {"a\nb\tc\r", "a?b?c?"}, {"\x7f", "?"},
        {"\xc2\x9b" "2J", "??2J"}, {"\xc2\xa0", "\xc2\xa0"}, {"\x9b" "2J", "?2J"}, {"cut \xe2\x82", "cut ??"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[32] = "";
        memcpy(text, cases[i].text, strlen(cases[i].text));
        assert_int_equal(cmaw_text_is_tame(cmaw_slice_of_cstr(text)), strcmp(cases[i].text, cases[i].tame) == 0);
        cmaw_text_tame(text);
        assert_string_equal(text, cases[i].tame);
        assert_true(cmaw_text_is_tame(cmaw_slice_of_cstr(text)));
    }
    assert_false(cmaw_text_is_tame(CMAW_SLICE_LIT("a\0b")));
    uint8_t lines[] = "a\tb\r\nc\rd\n\0\x1b[m\xc2\x9bm \xc3\xa9\r";
    cmaw_lines_tame(lines, sizeof lines - 1);
    assert_string_equal((const char *)lines, "a\tb\r\nc?d\n??[m??m \xc3\xa9?");
}

static void numbers_are_plain_decimals(void **state)
{
    (void)state;
    uint64_t value = 7;
    assert_int_equal(cmaw_parse_u64("18446744073709551615", UINT64_MAX, &value), CMAW_OK);
    assert_true(value == UINT64_MAX);
    assert_int_equal(cmaw_parse_u64("18446744073709551616", UINT64_MAX, &value), CMAW_E_TOO_LARGE);
    assert_int_equal(cmaw_parse_u64("11", 10, &value), CMAW_E_TOO_LARGE);
    static const char *const bad[] = {"", "-1", "+1", "01", "1 ", " 1", "0x1", "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_parse_u64(bad[i], UINT64_MAX, &value), CMAW_E_MALFORMED);
    }
}

static void secrets_are_wiped_and_reused(void **state)
{
    (void)state;
    CMAW_SECRET_AUTO(one);
    CMAW_SECRET_AUTO(two);
    assert_int_equal(cmaw_secret_copy(CMAW_SLICE_LIT("a secret of the test"), &one), CMAW_OK);
    assert_int_equal(cmaw_secret_copy(CMAW_SLICE_LIT("a secret of the tesT"), &two), CMAW_OK);
    assert_false(cmaw_secret_eq(&one, &two));
    const uint8_t *slot = one.bytes;
    cmaw_secret_release(&one);
    assert_true(cmaw_slice_is_zero(cmaw_slice_of(slot, CMAW_SECRET_MAX)));
    assert_int_equal(cmaw_secret_new(CMAW_SECRET_MAX, &one), CMAW_OK);
    assert_ptr_equal(one.bytes, slot);
    struct cmaw_secret none = {NULL, 0};
    assert_int_equal(cmaw_secret_new(CMAW_SECRET_MAX + 1, &none), CMAW_E_BUG);
    assert_int_equal(cmaw_secret_new(0, &none), CMAW_E_BUG);
}

static void more_secrets_than_one_arena_holds(void **state)
{
    (void)state;
    enum { MANY = 1200 };
    static struct cmaw_secret secrets[MANY];
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(cmaw_secret_new(32, &secrets[i]), CMAW_OK);
        memset(secrets[i].bytes, (int)(i & 0xff), 32);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(secrets[i].bytes[31], i & 0xff);
        cmaw_secret_release(&secrets[i]);
    }
}

static void diag_reads_from_outside_in(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    const enum cmaw_err err = cmaw_diag_wrap(&diag, cmaw_diag_set(&diag, CMAW_E_NOT_FOUND, "no run %s", "x"), "open");
    assert_int_equal(err, CMAW_E_NOT_FOUND);
    assert_string_equal(diag.text, "open: no run x");
    cmaw_diag_hint(&diag, "first");
    cmaw_diag_hint(&diag, "second");
    assert_string_equal(diag.hint, "first");
    assert_int_equal(cmaw_exit_code(CMAW_E_USAGE), 2);
    assert_int_equal(cmaw_exit_code(CMAW_E_UNAVAILABLE), 3);
    assert_int_equal(cmaw_exit_code(err), 1);
    assert_int_equal(cmaw_err_of_errno(ENOSPC), CMAW_E_NO_SPACE);
}

static void words_of_peers_cannot_steer_the_terminal(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    char shown[64] = "";
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const int before = dup(STDERR_FILENO);
    assert_true(before >= 0 && dup2(ends[1], STDERR_FILENO) >= 0);
    cmaw_diag_hint(&diag, "\x1b[1A");
    cmaw_diag_print(&diag, "x", cmaw_diag_set(&diag, CMAW_E_PEER, "it said %s", "a\x1b[2J\nb"));
    assert_true(dup2(before, STDERR_FILENO) >= 0);
    assert_true(read(ends[0], shown, sizeof shown - 1) > 0);
    assert_string_equal(shown, "x: it said a?[2J?b\nhint: ?[1A\n");
    assert_int_equal(close(before) | close(ends[0]) | close(ends[1]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_latches_its_first_error),
        cmocka_unit_test(reader_stops_at_the_end),
        cmocka_unit_test(hex_is_strict),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(utf8_follows_rfc_3629),
        cmocka_unit_test(terminals_obey_no_text),
        cmocka_unit_test(numbers_are_plain_decimals),
        cmocka_unit_test(secrets_are_wiped_and_reused),
        cmocka_unit_test(more_secrets_than_one_arena_holds),
        cmocka_unit_test(diag_reads_from_outside_in),
        cmocka_unit_test(words_of_peers_cannot_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
