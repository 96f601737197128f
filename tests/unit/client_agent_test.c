/* What cmaw agent new and test are made of: folders from templates, the list of cases, messages with ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/agent/cases.h"
#include "client/agent/ports.h"
#include "client/agent/template.h"
#include "sys/folder.h"

enum { TEXT_MAX = 64 * 1024 };

static char work[] = "/tmp/cmaw-client-agent-XXXXXX";

static int enter(void **state)
{
    (void)state;
    return mkdtemp(work) == NULL || chdir(work) != 0 ? -1 : 0;
}

static int leave(void **state)
{
    (void)state;
    struct cmaw_diag diag = {.text = ""};
    return chdir("/") == 0 && cmaw_folder_remove(work, &diag) == CMAW_OK ? 0 : -1;
}

static void write_text(const char *path, const char *text)
{
    struct cmaw_diag diag = {.text = ""};
    assert_int_equal(cmaw_file_write(path, cmaw_slice_of_cstr(text), 0644, &diag), CMAW_OK);
}

static void assert_holds(const char *path, const char *text)
{
    struct cmaw_diag diag = {.text = ""};
    CMAW_BUF_AUTO(content, TEXT_MAX);
    assert_int_equal(cmaw_file_read(path, &content, &diag), CMAW_OK);
    assert_non_null(memmem(content.data, content.size, text, strlen(text)));
    assert_null(memmem(content.data, content.size, "@NAME@", strlen("@NAME@")));
}

static void every_language_makes_a_folder(void **state)
{
    (void)state;
    static const char *const langs[][2] = {{"c", "agent.c"}, {"python", "agent.py"}, {"go", "main.go"}, {"sh", "agent.sh"}};
    for (size_t i = 0; i < sizeof langs / sizeof langs[0]; i++) {
        char name[32];
        char path[64];
        struct cmaw_diag diag = {.text = ""};
        (void)snprintf(name, sizeof name, "mine-%s", langs[i][0]);
        assert_int_equal(cmaw_agent_create(name, langs[i][0], &diag), CMAW_OK);
        (void)snprintf(path, sizeof path, "%s/%s", name, langs[i][1]);
        assert_holds(path, name);
        (void)snprintf(path, sizeof path, "%s/image.yaml", name);
        assert_holds(path, name);
        assert_int_equal(cmaw_agent_create(name, langs[i][0], &diag), CMAW_E_EXISTS);
    }
    struct stat info;
    assert_int_equal(stat("mine-python/agent-rootfs", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
}

static void bad_names_and_languages_make_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"", "c"}, {"a/b", "c"}, {"..", "c"}, {"A", "c"}, {"a-", "c"}, {"1a", "c"}, {"a b", "c"},
                                         {"abcdefghijabcdefghijabcdefghijabcdefghija", "c"}, {"good", "all"}, {"good", ""}, {"good", "perl"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cmaw_diag diag = {.text = ""};
        assert_int_equal(cmaw_agent_create(bad[i][0], bad[i][1], &diag), CMAW_E_USAGE);
        assert_true(diag.hint[0] != '\0');
    }
    assert_int_not_equal(access("good", F_OK), 0);
}

static void cases_are_listed_by_name(void **state)
{
    (void)state;
    struct cmaw_diag diag = {.text = ""};
    CMAW_CASES_AUTO(none);
    CMAW_CASES_AUTO(cases);
    assert_int_equal(mkdir("listed", 0755), 0);
    assert_int_equal(cmaw_cases_load("listed", &none, &diag), CMAW_E_NOT_FOUND);
    assert_int_equal(mkdir("listed/tests", 0755), 0);
    static const char *const files[] = {"b.in", "a.in", "a.out", ".in", "c.input", "in"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "listed/tests/%s", files[i]);
        write_text(path, "");
    }
    assert_int_equal(cmaw_cases_load("listed", &cases, &diag), CMAW_OK);
    assert_int_equal(cases.count, 2);
    assert_string_equal(cases.list[0].name, "a");
    assert_string_equal(cases.list[1].name, "b");
    write_text("listed/tests/\033[2J.in", "");
    CMAW_CASES_AUTO(odd);
    assert_int_equal(cmaw_cases_load("listed", &odd, &diag), CMAW_E_TOO_LARGE);
}

/* AgentInput and AgentOutput have the same form, so one is read back as the other. */
static void ports_go_there_and_back(void **state)
{
    (void)state;
    struct cmaw_diag diag = {.text = ""};
    CMAW_BUF_AUTO(message, TEXT_MAX);
    CMAW_BUF_AUTO(shown, TEXT_MAX);
    CMAW_BUF_AUTO(again, TEXT_MAX);
    CMAW_BUF_AUTO(empty, TEXT_MAX);
    char large[400];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    assert_int_equal(mkdir("ports", 0755), 0);
    assert_int_equal(cmaw_ports_put_input("ports", &empty, &diag), CMAW_E_NOT_FOUND);
    write_text("ports/letter", large);
    write_text("ports/claim", "");
    assert_true(cmaw_ports_are("ports") && !cmaw_ports_are("ports/claim") && !cmaw_ports_are("none"));
    assert_int_equal(cmaw_ports_put_input("ports", &message, &diag), CMAW_OK);
    assert_int_equal(cmaw_ports_write("written", cmaw_buf_slice(&message), &diag), CMAW_OK);
    assert_int_equal(cmaw_ports_write("written", cmaw_buf_slice(&message), &diag), CMAW_OK);
    assert_int_equal(cmaw_ports_show_folder("written", &shown, &diag), CMAW_OK);
    assert_int_equal(cmaw_ports_show_output(cmaw_buf_slice(&message), &again), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&shown), cmaw_buf_slice(&again)));
    assert_int_equal(memcmp(shown.data, "== claim\n\n== letter\nxxx", strlen("== claim\n\n== letter\nxxx")), 0);
}

static void other_outputs_are_refused(void **state)
{
    (void)state;
    static const struct cmaw_slice bad[] = {
        CMAW_SLICE_LIT(""),                                              /* no length */
        CMAW_SLICE_LIT("\x80\x80\x80\x80\x80\x80\x80"),                  /* one without end */
        CMAW_SLICE_LIT("\x05\x0a\x02\x0a"),                              /* more than is there */
        CMAW_SLICE_LIT("\x05\x0a\x03\x0a\x01" "a!"),                     /* less */
        CMAW_SLICE_LIT("\x02\x0a\x00"),                                  /* a port without name */
        CMAW_SLICE_LIT("\x0a\x0a\x03\x0a\x01" "a\x0a\x03\x0a\x01" "a"),  /* a port twice */
        CMAW_SLICE_LIT("\x06\x0a\x04\x0a\x02" ".a"),                     /* what no edge is called */
        CMAW_SLICE_LIT("\x09\x0a\x07\x0a\x05" "../ab"),
        CMAW_SLICE_LIT("\x07\x0a\x05\x0a\x03" "a/b"),
        CMAW_SLICE_LIT("\x06\x0a\x04\x0a\x02" "a\n"),
        CMAW_SLICE_LIT("\x02\x0a\x7f"),                                  /* a port that is cut off */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cmaw_diag diag = {.text = ""};
        CMAW_BUF_AUTO(text, TEXT_MAX);
        print_message("# %zu\n", i);
        assert_int_equal(cmaw_ports_show_output(bad[i], &text), CMAW_E_MALFORMED);
        assert_int_equal(cmaw_ports_write("refused", bad[i], &diag), CMAW_E_MALFORMED);
    }
    assert_int_not_equal(access("refused", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_language_makes_a_folder),
        cmocka_unit_test(bad_names_and_languages_make_nothing),
        cmocka_unit_test(cases_are_listed_by_name),
        cmocka_unit_test(ports_go_there_and_back),
        cmocka_unit_test(other_outputs_are_refused),
    };
    return cmocka_run_group_tests_name("client_agent", tests, enter, leave);
}
