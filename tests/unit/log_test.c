/* The two forms of a log line: what is in a value cannot add a field, end a line or spoil the JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/base/log.h"
#include "lib/base/log_json.h"

static char last[CMAW_LOG_JSON_MAX + 1];

static void keep(const char *line, size_t size)
{
    assert_in_range(size, 2, CMAW_LOG_JSON_MAX);
    assert_int_equal(line[size - 1], '\n');
    assert_null(memchr(line, '\n', size - 1));
    memcpy(last, line, size - 1);
    last[size - 1] = '\0';
}

static int begin(void **state)
{
    cmaw_log_init("tester", CMAW_LOG_INFO);
    cmaw_log_to(keep);
    return cmaw_log_set_format(state == NULL ? "text" : "json") == CMAW_OK ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    cmaw_log_to(NULL);
    return cmaw_log_set_format("text") == CMAW_OK ? 0 : -1;
}

/* The fields of the last line; free with json_decref. */
static json_t *fields(void)
{
    json_t *line = json_loads(last, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_int_equal(json_object_size(line), 5);
    assert_string_equal(json_string_value(json_object_get(line, "program")), "tester");
    assert_int_equal(json_string_length(json_object_get(line, "time")), 24);
    json_t *found = json_incref(json_object_get(line, "fields"));
    json_decref(line);
    return found;
}

static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    assert_non_null(text);
    return text;
}

static void test_formats_are_named(void **state)
{
    (void)state;
    assert_int_equal(cmaw_log_set_format("xml"), CMAW_E_USAGE);
    assert_int_equal(cmaw_log_set_format(""), CMAW_E_USAGE);
    assert_true(cmaw_log_is_json());
}

static void test_types_of_fields(void **state)
{
    (void)state;
    cmaw_log(CMAW_LOG_WARN, "a.b", "n=%u big=%llu minus=%d size=%zu word=%s both=%s:%u text=\"%s %d\" empty=%s none=\"\"", 7U, 5000000000ULL, -3,
             sizeof(int), "12", "h", 80U, "two words", 5, "");
    json_t *json = fields();
    assert_int_equal(json_object_size(json), 9);
    assert_int_equal(json_integer_value(json_object_get(json, "n")), 7);
    assert_int_equal(json_integer_value(json_object_get(json, "minus")), -3);
    assert_int_equal(json_integer_value(json_object_get(json, "size")), sizeof(int));
    assert_string_equal(text_of(json, "word"), "12");
    assert_string_equal(text_of(json, "both"), "h:80");
    assert_string_equal(text_of(json, "text"), "two words 5");
    assert_string_equal(text_of(json, "empty"), "");
    assert_string_equal(text_of(json, "none"), "");
    json_decref(json);
    assert_non_null(strstr(last, "\"level\":\"warn\",\"program\":\"tester\",\"event\":\"a.b\""));
}

static void test_a_format_without_fields(void **state)
{
    (void)state;
    cmaw_log(CMAW_LOG_INFO, "plain", "these are %s words", "some");
    json_t *json = fields();
    assert_string_equal(text_of(json, "text"), "these are some words");
    json_decref(json);
}

static void test_a_value_adds_no_field(void **state)
{
    (void)state;
    static const char *const hostile[] = {"x admin=1", "x\" admin=\"1", "\",\"admin\":\"1", "}}\n{\"admin\":1}", "\\", "\\\"", "\x1f\x7f\x01", "=", "\"\""};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        cmaw_log(CMAW_LOG_INFO, "e", "a=%s b=\"%s\" c=%u", hostile[i], hostile[i], 1U);
        json_t *json = fields();
        assert_int_equal(json_object_size(json), 3);
        assert_int_equal(strlen(text_of(json, "a")), strlen(hostile[i]));
        assert_string_equal(text_of(json, "a"), text_of(json, "b"));
        assert_int_equal(json_integer_value(json_object_get(json, "c")), 1);
        json_decref(json);
    }
}

static void test_every_byte(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char value[] = {'a', (char)byte, 'b', '\0'};
        char expected[] = {'a', byte < 0x20 || byte >= 0x7f ? '?' : (char)byte, 'b', '\0'};
        cmaw_log(CMAW_LOG_INFO, "e", "v=%s", value);
        json_t *json = fields();
        assert_string_equal(text_of(json, "v"), expected);
        json_decref(json);
    }
    cmaw_log(CMAW_LOG_INFO, "e", "v=\"%s\"", "gr\xc3\xbc\xc3\x9f" "e");
    json_t *json = fields();
    assert_string_equal(text_of(json, "v"), "gr\xc3\xbc\xc3\x9f" "e");
    json_decref(json);
}

static void test_long_values_are_cut(void **state)
{
    (void)state;
    static char quotes[5000];
    memset(quotes, '"', sizeof quotes - 1);
    for (size_t before = 1000; before < 1040; before++) {
        cmaw_log(CMAW_LOG_INFO, "e", "a=\"%.*s\" n=%u m=%d z=%s", (int)before, quotes, 12345U, -1, "tail");
        json_t *json = fields();
        assert_int_equal(json_object_size(json), 4);
        json_decref(json);
    }
    cmaw_log(CMAW_LOG_INFO, "e", "a=%s", quotes);
    json_t *json = fields();
    assert_int_equal(strlen(text_of(json, "a")), CMAW_LOG_VALUES_MAX - 1 - 2);
    json_decref(json);
}

static void test_text_lines(void **state)
{
    (void)state;
    static char dots[5000];
    memset(dots, '.', sizeof dots - 1);
    assert_int_equal(cmaw_log_set_format("text"), CMAW_OK);
    cmaw_log(CMAW_LOG_INFO, "e.f", "a=%s", "1\n2");
    assert_string_equal(last + 24, " info tester e.f a=1?2");
    cmaw_log(CMAW_LOG_INFO, "e.f", "a=%s", "\x1b[2J\x7f \xc2\x9b" "2J \x9b \xff gr\xc3\xbc\xc3\x9f" "e \xe2\x82");
    assert_string_equal(last + 24, " info tester e.f a=?[2J? ??2J ? ? gr\xc3\xbc\xc3\x9f" "e ??");
    cmaw_log(CMAW_LOG_INFO, "e.f", "a=%s", "1\n2");
    cmaw_log(CMAW_LOG_DEBUG, "hidden", "a=%u", 1U);
    assert_string_equal(last + 24, " info tester e.f a=1?2");
    cmaw_log(CMAW_LOG_INFO, "e", "a=%s", dots);
    assert_int_equal(strlen(last), CMAW_LOG_VALUES_MAX - 2);
    assert_int_equal(cmaw_log_set_format("json"), CMAW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_are_named),      cmocka_unit_test(test_types_of_fields),
        cmocka_unit_test(test_a_format_without_fields), cmocka_unit_test(test_a_value_adds_no_field),
        cmocka_unit_test(test_every_byte),             cmocka_unit_test(test_long_values_are_cut),
        cmocka_unit_test(test_text_lines),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
