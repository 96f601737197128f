#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/options.h"

struct parsed {
    enum cmaw_err err;
    const char *file;
    bool json;
    struct cmaw_words inputs;
    struct cmaw_words words;
    struct cmaw_diag diag;
};

static void parse(struct parsed *parsed, char **argv)
{
    *parsed = (struct parsed){.file = NULL};
    const struct cmaw_option options[] = {
        {"file", "FILE", "a file", &parsed->file, NULL, NULL, 'f'},
        {"input", "X", "an input", NULL, &parsed->inputs, NULL},
        CMAW_OPTION_END,
    };
    const struct cmaw_option common[] = {{"json", NULL, "JSON", NULL, NULL, &parsed->json}, CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "test", .words = "WORD", .summary = "", .example = "", .min_words = 1, .max_words = 2,
                                     .options = options, .common = common};
    int argc = 0;
    while (argv[argc] != NULL) {
        argc++;
    }
    bool help = false;
    parsed->err = cmaw_options_parse(&usage, argc, argv, &parsed->words, &help, &parsed->diag);
}

#define ARGV(...) ((char **)(const char *[]){"test", __VA_ARGS__, NULL})

static void options_stand_anywhere(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, ARGV("--json", "one", "--file=a", "--input", "x", "--input=y", "two", "--file", "b"));
    assert_int_equal(parsed.err, CMAW_OK);
    assert_true(parsed.json);
    assert_string_equal(parsed.file, "b");
    assert_int_equal(parsed.inputs.count, 2);
    assert_string_equal(parsed.inputs.items[1], "y");
    assert_int_equal(parsed.words.count, 2);
    assert_string_equal(parsed.words.items[1], "two");
}

static void a_letter_stands_for_its_option(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, ARGV("one", "-f", "a"));
    assert_int_equal(parsed.err, CMAW_OK);
    assert_string_equal(parsed.file, "a");
    parse(&parsed, ARGV("one", "-f"));
    assert_string_equal(parsed.diag.text, "test: --file needs FILE");
    parse(&parsed, ARGV("one", "-fa"));
    assert_string_equal(parsed.diag.text, "test: unknown option -fa");
    parse(&parsed, ARGV("one", "-j"));
    assert_string_equal(parsed.diag.text, "test: unknown option -j");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    struct parsed parsed;
    parse(&parsed, ARGV("--", "--json", "-"));
    assert_int_equal(parsed.err, CMAW_OK);
    assert_false(parsed.json);
    assert_string_equal(parsed.words.items[0], "--json");
    parse(&parsed, ARGV("-"));
    assert_int_equal(parsed.err, CMAW_OK);
}

static void wrong_command_lines_say_why(void **state)
{
    (void)state;
    struct {
        char **argv;
        const char *says;
    } cases[] = {
        {ARGV("--jsn", "x"), "unknown option --jsn"}, {ARGV("-j", "x"), "unknown option -j"},
        {ARGV("x", "--file"), "--file needs FILE"},   {ARGV("--json=1", "x"), "--json takes no value"},
        {ARGV("--json"), "missing WORD"},             {ARGV("a", "b", "c"), "unexpected word c"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct parsed parsed;
        parse(&parsed, cases[i].argv);
        assert_int_equal(parsed.err, CMAW_E_USAGE);
        assert_non_null(strstr(parsed.diag.text, cases[i].says));
        assert_string_equal(parsed.diag.hint, "cmaw test --help");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(a_letter_stands_for_its_option),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_command_lines_say_why),
    };
    return cmocka_run_group_tests_name("client_options", tests, NULL, NULL);
}
