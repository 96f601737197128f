#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/attest/document.h"
#include "client/when.h"
#include "lib/base/text.h"
#include "lib/crypto/x509.h"
#include "lib/crypto/x509_make.h"

static void reads_back(uint64_t time_ms)
{
    char text[CMAW_WHEN_SIZE];
    uint64_t ms = 0;
    struct cmaw_diag diag = {0};
    cmaw_when_text(time_ms, text);
    assert_int_equal(cmaw_when_parse(text, "--at", &ms, &diag), CMAW_OK);
    assert_int_equal(ms, time_ms);
}

static void times_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const uint64_t good[] = {0, 1, 951782400000, 1665651482136, 4102444799999, 253402300799999};
    enum { DAY_MS = 86400000, DAYS_TO_THE_YEAR_2400 = 157055 };
    char text[CMAW_WHEN_SIZE] = "x";
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        reads_back(good[i]);
    }
    for (uint64_t day = 0; day < DAYS_TO_THE_YEAR_2400; day++) {
        reads_back(day * DAY_MS + day);
    }
    cmaw_when_text(951782400000, text);
    assert_string_equal(text, "2000-02-29T00:00:00.000Z");
    cmaw_when_text(UINT64_MAX, text);
    assert_string_equal(text, "");
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "now", "2026-03-14", "2026-03-14T09:26:53", "2026-03-14T09:26:53.Z", "2026-03-14T09:26:53.1234Z",
                                      "2026-03-14T09:26:53ZZ", "2026-13-14T09:26:53Z", "2026-03-14T09:26:53+01:00", "1969-12-31T23:59:59Z",
                                      "2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "2026-3-14T9:26:53Z", " 2026-03-14T09:26:53Z", "2026-03-14T 09:26:53Z",
                                      "2026-03-14T09:26:60Z", "2026-03-14T24:00:00Z", "2026-03-14t09:26:53Z", "+026-03-14T09:26:53Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ms = 7;
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_when_parse(bad[i], "--at", &ms, &diag), CMAW_E_USAGE);
        assert_int_equal(ms, 7);
    }
}

static void documents_come_raw_or_in_base64(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t size; /* 0: refused */
    } table[] = {{"\x84xyz", 4}, {"\xd2\x84", 2}, {"hEQ=", 2}, {" hE\r\nQ=\t\n", 2}, {"hEQ", 0}, {"", 0}, {"\xa9", 0}, {"{}", 0}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        CMAW_BUF_AUTO(bytes, 100);
        const enum cmaw_err err = cmaw_document_bytes(cmaw_slice_of_cstr(table[i].file), &bytes);
        assert_int_equal(err, table[i].size == 0 ? CMAW_E_MALFORMED : CMAW_OK);
        assert_int_equal(bytes.size, table[i].size);
    }
}

static void bytes_that_are_no_document_do_not_hold(void **state)
{
    (void)state;
    const struct cmaw_document_policy policy = {.any_pcr = true, .allow_debug = true};
    CMAW_JSON_AUTO(json);
    assert_int_equal(cmaw_document_judge(CMAW_SLICE_LIT("\x84\x44"), &policy, &json), CMAW_OK);
    assert_true(json_is_false(json_object_get(json, "holds")));
    assert_null(json_object_get(json, "document"));
}

/* A subject is printed: what it holds is somebody else's. */
static void subjects_are_safe_to_print(void **state)
{
    (void)state;
    CMAW_EC_KEY_AUTO(key);
    CMAW_BUF_AUTO(der, 4096);
    CMAW_BUF_AUTO(subject, 4096);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P384, &key), CMAW_OK);
    const struct cmaw_x509_spec spec = {.common_name = "a\x1b[31m\"b", .not_before_s = 1700000000, .not_after_s = 1700000001};
    assert_int_equal(cmaw_x509_make(&spec, key, CMAW_SLICE_EMPTY, key, &der), CMAW_OK);
    assert_int_equal(cmaw_x509_subject(cmaw_buf_slice(&der), &subject), CMAW_OK);
    assert_non_null(memmem(subject.data, subject.size, "CN=a\\u001b[31m\\\"b", 17));
    for (size_t size = 0; size < der.size; size++) {
        cmaw_buf_reset(&subject);
        assert_int_equal(cmaw_x509_subject(cmaw_slice_of(der.data, size), &subject), CMAW_E_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_they_are_written), cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(documents_come_raw_or_in_base64),    cmocka_unit_test(bytes_that_are_no_document_do_not_hold),
        cmocka_unit_test(subjects_are_safe_to_print),
    };
    return cmocka_run_group_tests_name("client_attest", tests, NULL, NULL);
}
