#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "host/launch/nitro.h"
#include "host/launch/nitro_answer.h"
#include "host/launch/nitro_call.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

#define ZERO_PCR "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define ID "i-0abc-enc0123"
#define HEAD "{\"EnclaveName\":\"a\",\"EnclaveID\":\"" ID "\",\"ProcessID\":77,\"EnclaveCID\":16,\"NumberOfCPUs\":2,\"CPUIDs\":[1,3],\"MemoryMiB\":256"

static struct cmaw_slice text_of(const char *text)
{
    return cmaw_slice_of_cstr(text);
}

static void the_answer_of_run_enclave_is_read(void **state)
{
    (void)state;
    struct launch_nitro_seen seen;
    assert_int_equal(cmaw_launch_nitro_read_run(text_of(HEAD "}"), &seen), CMAW_OK);
    assert_string_equal(seen.enclave.id, ID);
    assert_string_equal(seen.name, "a");
    assert_true(seen.enclave.process == 77 && seen.enclave.cid == 16 && seen.enclave.memory_mib == 256 && seen.enclave.cpu_count == 2);
    assert_true(seen.enclave.cpus_used == 2 && seen.enclave.cpus[0] == 1 && seen.enclave.cpus[1] == 3);
    assert_true(seen.running && !seen.debug && !seen.measured);
    /* unknown keys come with newer versions, and a name is missing in old ones */
    assert_int_equal(cmaw_launch_nitro_read_run(text_of(HEAD ",\"New\":{\"x\":[1]}}\n"), &seen), CMAW_OK);
    assert_int_equal(cmaw_launch_nitro_read_run(text_of("{\"EnclaveID\":\"" ID "\",\"ProcessID\":77,\"EnclaveCID\":16,\"NumberOfCPUs\":2,\"CPUIDs\":[],\"MemoryMiB\":256}"), &seen), CMAW_OK);
    assert_string_equal(seen.name, "");
}

static void other_answers_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " ", "{}", "[]", "null", "true", "{", HEAD, HEAD "},", HEAD "} trailing", HEAD ",\"EnclaveCID\":17}",
        "[" HEAD "}]",
#define WITH(id, process, cid, count, cpus, memory) "{\"EnclaveID\":" id ",\"ProcessID\":" process ",\"EnclaveCID\":" cid ",\"NumberOfCPUs\":" count ",\"CPUIDs\":" cpus ",\"MemoryMiB\":" memory "}"
        WITH("7", "77", "16", "2", "[1]", "256"), WITH("\"\"", "77", "16", "2", "[1]", "256"), WITH("\"--all\"", "77", "16", "2", "[1]", "256"),
        WITH("\"i-0abc\"", "77", "16", "2", "[1]", "256"), WITH("\"i-0abc-enc\"", "77", "16", "2", "[1]", "256"),
        WITH("\"i-0abc-enc0 x\"", "77", "16", "2", "[1]", "256"), WITH("\"i--enc0\"", "77", "16", "2", "[1]", "256"),
        WITH("\"i-0abc-enc0\\u001b\"", "77", "16", "2", "[1]", "256"), WITH("\"i-0abc-enc0\\u0000\"", "77", "16", "2", "[1]", "256"),
        WITH("\"i-0abcdef0123456789-enc0123456789012345678901234567890123456789012345678901234567890123456789012345\"", "77", "16", "2", "[1]", "256"),
        WITH("\"" ID "\"", "-1", "16", "2", "[1]", "256"), WITH("\"" ID "\"", "0", "16", "2", "[1]", "256"), WITH("\"" ID "\"", "1", "16", "2", "[1]", "256"),
        WITH("\"" ID "\"", "2147483648", "16", "2", "[1]", "256"), WITH("\"" ID "\"", "77.0", "16", "2", "[1]", "256"),
        WITH("\"" ID "\"", "\"77\"", "16", "2", "[1]", "256"), WITH("\"" ID "\"", "77", "3", "2", "[1]", "256"), WITH("\"" ID "\"", "77", "0", "2", "[1]", "256"),
        WITH("\"" ID "\"", "77", "4294967295", "2", "[1]", "256"), WITH("\"" ID "\"", "77", "4294967312", "2", "[1]", "256"),
        WITH("\"" ID "\"", "77", "16", "0", "[1]", "256"), WITH("\"" ID "\"", "77", "16", "1025", "[1]", "256"), WITH("\"" ID "\"", "77", "16", "2", "1", "256"),
        WITH("\"" ID "\"", "77", "16", "2", "[-1]", "256"), WITH("\"" ID "\"", "77", "16", "2", "[65536]", "256"), WITH("\"" ID "\"", "77", "16", "2", "[\"1\"]", "256"),
        WITH("\"" ID "\"", "77", "16", "2", "[1]", "0"), WITH("\"" ID "\"", "77", "16", "2", "[1]", "18446744073709551616"),
    };
    struct launch_nitro_seen seen;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (cmaw_launch_nitro_read_run(text_of(bad[i]), &seen) != CMAW_E_PEER) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    CMAW_BUF_AUTO(large, 2 * LAUNCH_NITRO_ANSWER_MAX);
    cmaw_buf_put_cstr(&large, HEAD "}");
    while (large.size <= LAUNCH_NITRO_ANSWER_MAX) {
        cmaw_buf_put_u8(&large, ' ');
    }
    assert_int_equal(cmaw_launch_nitro_read_run(cmaw_buf_slice(&large), &seen), CMAW_E_PEER);
    cmaw_buf_truncate(&large, LAUNCH_NITRO_ANSWER_MAX);
    assert_int_equal(cmaw_launch_nitro_read_run(cmaw_buf_slice(&large), &seen), CMAW_OK);
}

static void describe_enclaves_is_read_in_either_spelling(void **state)
{
    (void)state;
    static const struct { const char *text; bool running, debug; } cases[] = {
        {"\"State\":\"RUNNING\",\"Flags\":\"NONE\"", true, false},   {"\"State\":\"running\",\"Flags\":\"Debug\"", true, true},
        {"\"State\":\"RUNNING\",\"Flags\":\"DEBUG_MODE\"", true, true}, {"\"State\":\"TERMINATING\",\"Flags\":\"NONE\"", false, false},
        {"\"State\":\"EMPTY\",\"Flags\":\"NONE\"", false, false},    {"\"State\":7,\"Flags\":7", false, false},
    };
    struct launch_nitro_seen seen[LAUNCH_NITRO_SEEN_MAX];
    size_t count = 7;
    char text[2048];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(text, sizeof text, "[" HEAD ",%s,\"Measurements\":{\"PCR0\":\"" ZERO_PCR "\",\"PCR1\":\"" ZERO_PCR "\",\"PCR2\":\"" ZERO_PCR "\"}}]", cases[i].text);
        assert_int_equal(cmaw_launch_nitro_read_all(text_of(text), seen, &count), CMAW_OK);
        assert_true(count == 1 && seen[0].running == cases[i].running && seen[0].debug == cases[i].debug && seen[0].measured);
    }
    assert_int_equal(cmaw_launch_nitro_read_all(text_of("[]"), seen, &count), CMAW_OK);
    assert_int_equal(count, 0);
    assert_int_equal(cmaw_launch_nitro_read_all(text_of("[" HEAD ",\"Measurements\":{\"PCR0\":\"00\"}}]"), seen, &count), CMAW_OK);
    assert_true(count == 1 && !seen[0].measured);
    assert_int_equal(cmaw_launch_nitro_read_all(text_of(HEAD "}"), seen, &count), CMAW_E_PEER);
    assert_int_equal(cmaw_launch_nitro_read_all(text_of("[{}]"), seen, &count), CMAW_E_PEER);
    CMAW_BUF_AUTO(many, LAUNCH_NITRO_ANSWER_MAX);
    for (size_t i = 0; i <= LAUNCH_NITRO_SEEN_MAX; i++) {
        cmaw_buf_put_cstr(&many, i == 0 ? "[" HEAD "}" : "," HEAD "}");
    }
    cmaw_buf_put_u8(&many, ']');
    assert_int_equal(cmaw_launch_nitro_read_all(cmaw_buf_slice(&many), seen, &count), CMAW_E_PEER);
}

static void only_true_means_terminated(void **state)
{
    (void)state;
    assert_true(cmaw_launch_nitro_read_terminated(text_of("{\"EnclaveID\":\"" ID "\",\"Terminated\":true}")));
    static const char *const others[] = {"", "{}", "[]", "{\"Terminated\":false}", "{\"Terminated\":\"true\"}", "{\"Terminated\":1}", "true"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(cmaw_launch_nitro_read_terminated(text_of(others[i])));
    }
}

static void codes_are_found_in_their_order(void **state)
{
    (void)state;
    uint8_t codes[LAUNCH_NITRO_CODES];
    static const char text[] = "Start allocating memory...\n[ E36 ] Enclave boot failure.\n[ E39 ] x [ E36 ] [ E11 ]";
    assert_int_equal(cmaw_launch_nitro_codes(CMAW_SLICE_LIT(text), codes), 3);
    assert_true(codes[0] == 36 && codes[1] == 39 && codes[2] == 11);
    static const char *const none[] = {"", "[", "[ E3", "[ E36", "[E36]", "[ e36 ]", "[ E3x ]", "[ E36] ", "see #E36"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_int_equal(cmaw_launch_nitro_codes(text_of(none[i]), codes), 0);
    }
    CMAW_BUF_AUTO(all, 4096);
    for (unsigned i = 0; i < 200; i++) {
        cmaw_buf_printf(&all, "[ E%02u ]", i % 100);
    }
    assert_int_equal(cmaw_launch_nitro_codes(cmaw_buf_slice(&all), codes), LAUNCH_NITRO_CODES);
}

static void the_cause_is_told_not_its_consequence(void **state)
{
    (void)state;
    static const struct { const char *text; int status; bool is_signed; const char *line, *hint; } cases[] = {
        {"[ E22 ] a", 22, false, "has not enough CPUs (E22)", "cpu_count"},
        {"[ E26 ] a", 26, false, "four times the image (E26)", "--memory"},
        {"[ E27 ] a\nFailed connections: 1\n[ E39 ] b", 39, false, "reserved memory is not enough (E27)", "memory_mib"},
        {"[ E39 ] b\n[ E29 ] a", 39, false, "the driver refused (E29)", "dmesg"},
        {"[ E35 ] a [ E39 ] b", 39, false, "could not read the image", "cmaw image describe"},
        {"[ E36 ] a [ E39 ] b", 39, false, "no heartbeat came (E36)", "--debug-mode"},
        {"[ E36 ] a [ E39 ] b [ E11 ] c", 39, true, "no heartbeat came (E36)", "certificate expired"},
        {"[ E36 ] a [ E39 ] b [ E11 ] c", 39, false, "no heartbeat came (E36)", "--debug-mode"},
        {"[ E39 ] b [ E11 ] c", 39, false, "cannot be reached (E39)", "start it again"},
        {"[ E19 ] a\nFile: '/dev/nitro_enclaves', failing operation: 'Open'.", 39, false, "could not open or read a file", "group ne"},
        {"[ E59 ] a", 59, true, "signature is not valid (E59)", "sign it again"},
        {"[ E77 ] a", 77, false, "failed with E77", "explain"},
        {"no code at all", 39, false, "cannot be reached (E39)", "start it again"},
        {"thread panicked", 101, false, "ended with status 101 and named no error", "start it again"},
        {"", 137, false, "ended with status 137 and named no error", "start it again"},
        {"usage", 1, false, "ended with status 1 and named no error", "start it again"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_diag diag = {0};
        const struct launch_nitro_failure failure = {cases[i].status, text_of(cases[i].text), cases[i].is_signed};
        assert_int_equal(cmaw_launch_nitro_explain("run-enclave", &failure, &diag), CMAW_E_DENIED);
        if (strncmp(diag.text, "nitro-cli run-enclave", 21) != 0 || strstr(diag.text, cases[i].line) == NULL || strstr(diag.hint, cases[i].hint) == NULL) {
            fail_msg("%s: %s (%s)", cases[i].text, diag.text, diag.hint);
        }
    }
}

static void every_documented_code_has_its_line(void **state)
{
    (void)state;
    for (unsigned code = 1; code <= 59; code++) {
        char text[16];
        struct cmaw_diag diag = {0};
        (void)snprintf(text, sizeof text, "[ E%02u ]", code);
        const struct launch_nitro_failure failure = {(int)code, text_of(text), false};
        assert_int_equal(cmaw_launch_nitro_explain("run-enclave", &failure, &diag), CMAW_E_DENIED);
        assert_true(diag.hint[0] != '\0' && strchr(diag.text, '\n') == NULL);
        const bool of_builds = code >= 48 && code <= 52;
        assert_true(of_builds == (strstr(diag.text, "failed with") != NULL));
    }
}

/* Programs of the system that do what nitro-cli should not. */
static void a_call_ends_in_time_and_within_bounds(void **state)
{
    (void)state;
    enum { SHORT_MS = 200, LONG_MS = 60000 };
    static const struct { const char *path, *words[4]; uint32_t timeout_ms; enum cmaw_err err; int status; } cases[] = {
        {"/bin/sh", {"-c", "echo out; echo err >&2; exit 7"}, LONG_MS, CMAW_OK, 7},
        {"/bin/sh", {"-c", "kill -9 $$"}, LONG_MS, CMAW_OK, 137},
        {"/bin/sh", {"-c", "sleep 30 & exit 0"}, LONG_MS / 3, CMAW_OK, 0}, /* what stays in the background holds the output open */
        {"/bin/sh", {"-c", "exec sleep 60"}, SHORT_MS, CMAW_E_TIMEOUT, 0},
        {"/bin/sh", {"-c", "exec yes"}, SHORT_MS, CMAW_E_TIMEOUT, 0},
        {"/bin/sh", {"-c", "head -c 65537 /dev/zero"}, LONG_MS, CMAW_E_PEER, 0},
        {"/bin/sh", {"-c", "head -c 65536 /dev/zero; head -c 1000000 /dev/zero >&2"}, LONG_MS, CMAW_OK, 0},
        {"/nowhere", {"-c"}, LONG_MS, CMAW_E_NOT_FOUND, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        LAUNCH_NITRO_OUTPUT_AUTO(output);
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_launch_nitro_call(cases[i].path, cases[i].words, cases[i].timeout_ms, &output, &diag), cases[i].err);
        assert_int_equal(output.status, cases[i].status);
        assert_true(output.err.size <= LAUNCH_NITRO_ANSWER_MAX && output.out.size <= LAUNCH_NITRO_ANSWER_MAX);
        if (i == 0) {
            assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&output.out), "out\n") && cmaw_slice_eq_cstr(cmaw_buf_slice(&output.err), "err\n"));
        }
    }
}

static void logs_are_taken_from_enclaves_only(void **state)
{
    (void)state;
    static const struct { uint32_t cid; const char *label; } cases[] = {
        {16, "mine"}, {4, "cid-4"}, {17, "cid-17"}, {4294967294, "cid-4294967294"}, {0, NULL}, {1, NULL}, {2, NULL}, {3, NULL}, {UINT32_MAX, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char label[LAUNCH_LABEL_MAX] = "";
        assert_int_equal(cmaw_launch_nitro_label(cases[i].cid, 16, "mine", label), cases[i].label != NULL);
        assert_string_equal(label, cases[i].label == NULL ? "" : cases[i].label);
    }
}

static enum cmaw_err add_log(struct launch_loop *loop, const char *label, int *ret_peer)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    const enum cmaw_err err = cmaw_launch_log_add(loop, label, &pair[0]);
    cmaw_fd_close(&pair[0]);
    *ret_peer = pair[1];
    return err;
}

/* One launcher logs for all enclaves of a parent. */
static void an_enclave_cannot_take_the_others_place_in_the_log(void **state)
{
    (void)state;
    struct launch_loop loop;
    int peers[LAUNCH_STREAMS_MAX] = {0}, other = -1;
    CMAW_FD_AUTO(signals);
    assert_int_equal(cmaw_signals_open(false, &signals), CMAW_OK);
    assert_int_equal(cmaw_launch_loop_open(&loop, "mine", 1000, signals), CMAW_OK);
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        assert_int_equal(add_log(&loop, "cid-17", &peers[i]), i < LAUNCH_LOGS_EACH ? CMAW_OK : CMAW_E_BUSY);
    }
    assert_int_equal(add_log(&loop, "cid-18", &other), CMAW_OK);
    cmaw_fd_close(&other);
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        cmaw_fd_close(&peers[i]);
    }
    cmaw_launch_loop_close(&loop);
}

static char logged[1024];

static void keep_logged(const char *line, size_t size)
{
    (void)snprintf(logged, sizeof logged, "%.*s", (int)size, line);
}

static void a_line_cannot_pretend_to_have_more_fields(void **state)
{
    (void)state;
    struct launch_loop loop;
    CMAW_FD_AUTO(signals);
    CMAW_FD_AUTO(peer);
    assert_int_equal(cmaw_signals_open(false, &signals), CMAW_OK);
    assert_int_equal(cmaw_launch_loop_open(&loop, "mine", 100, signals), CMAW_OK);
    assert_int_equal(add_log(&loop, "cid-17", &peer), CMAW_OK);
    assert_int_equal(cmaw_fd_write(peer, CMAW_SLICE_LIT("x\" name=mine line=\"y\n")), CMAW_OK);
    cmaw_log_to(keep_logged);
    cmaw_launch_loop_boot(&loop); /* until it misses the heartbeat */
    cmaw_log_to(NULL);
    assert_non_null(strstr(logged, "name=cid-17 line=\"x' name=mine line='y\"\n"));
    cmaw_launch_loop_close(&loop);
}

static void the_name_of_another_is_shown_as_text(void **state)
{
    (void)state;
    struct launch_nitro_seen seen;
    static const char text[] = "{\"EnclaveName\":\"a\\u001b[2J\\u00e4\",\"EnclaveID\":\"" ID "\",\"ProcessID\":77,\"EnclaveCID\":16,"
                               "\"NumberOfCPUs\":2,\"CPUIDs\":[1,3],\"MemoryMiB\":256}";
    assert_int_equal(cmaw_launch_nitro_read_run(text_of(text), &seen), CMAW_OK);
    assert_string_equal(seen.name, "a?[2J??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_of_run_enclave_is_read),
        cmocka_unit_test(other_answers_are_refused),
        cmocka_unit_test(describe_enclaves_is_read_in_either_spelling),
        cmocka_unit_test(only_true_means_terminated),
        cmocka_unit_test(codes_are_found_in_their_order),
        cmocka_unit_test(the_cause_is_told_not_its_consequence),
        cmocka_unit_test(every_documented_code_has_its_line),
        cmocka_unit_test(a_call_ends_in_time_and_within_bounds),
        cmocka_unit_test(logs_are_taken_from_enclaves_only),
        cmocka_unit_test(an_enclave_cannot_take_the_others_place_in_the_log),
        cmocka_unit_test(a_line_cannot_pretend_to_have_more_fields),
        cmocka_unit_test(the_name_of_another_is_shown_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
