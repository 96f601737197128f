#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/addr.h"
#include "tests/unit/launch_rig.h"

enum { TEXT_MAX = 1 << 20, WAIT_MS = 60000 };

static void enclave_runs_alone_in_its_own_root(void **state)
{
    struct rig *rig = *state;
    rig_launch_ready(rig, NULL);
    CMAW_BUF_AUTO(world, TEXT_MAX);
    rig_read_world(rig, &world);
    assert_true(rig_has(&world, "pid=1 uid=0 gid=0 death=9\n"));
    assert_true(rig_has(&world, "conf mode=100640 size=12 uid=0\n"));
    assert_true(rig_has(&world, "root=init\n") && rig_has(&world, "root=link\n") && rig_has(&world, "root=mode\n"));
    assert_true(rig_has(&world, "null=1\n"));
    const char *const absent[] = {"root=home", "root=usr", "root=tmp", rig->dir, "mount=/dev/vda", "ext4", "overlay", "net=  eth", "veth", "fd=5\n", "fd=6\n", "fd=7\n"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        if (rig_has(&world, absent[i])) {
            fail_msg("%s in: %.*s", absent[i], (int)world.size, world.data);
        }
    }
    assert_true(rig_has(&world, "fd=3\n") && rig_has(&world, "fd=4\n"));
}

static void measurements_reach_the_nsm_simulator(void **state)
{
    struct rig *rig = *state;
    static const char *const extra[] = {"--parent-role", "arn:aws:iam::111122223333:role/enclave-parent", "--parent-id", "i-0123456789abcdef0", NULL};
    rig_launch_ready(rig, extra);
    CMAW_BUF_AUTO(out, TEXT_MAX);
    const char *const describe[] = {"describe", "--state-dir", rig->state, NULL};
    assert_int_equal(rig_command(describe, &out), 0);
    char id[100], pcrs[6][100], expected[128];
    int debug = -1;
    assert_int_equal(sscanf(rig_nsm_new(rig), "NEW %99s %d %99s %99s %99s %99s %99s %99s", id, &debug, pcrs[0], pcrs[1], pcrs[2], pcrs[3], pcrs[4], pcrs[5]), 8);
    assert_int_equal(debug, 0);
    assert_int_equal(strlen(id), strlen("i-0123456789abcdef0-enc0123456789abcdef"));
    assert_int_equal(strncmp(id, "i-0123456789abcdef0-enc", 23), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(strlen(pcrs[i]), 96);
        (void)snprintf(expected, sizeof expected, "\"PCR%zu\": \"%s\"", i, pcrs[i]);
        assert_true(rig_has(&out, expected));
    }
    /* (head -c 48 /dev/zero; printf ARN) | sha384sum */
    assert_string_equal(pcrs[3],
                        "014ebe06477d52f7185d7b23bcbe0daa8824525f86d111b5e397c8dd1644236ec57882b6f39e5ad01c673b76c6887567");
    assert_int_equal(strlen(pcrs[4]), 96);
    assert_string_equal(pcrs[5], "-");
    (void)snprintf(expected, sizeof expected, "\"EnclaveID\": \"%s\"", id);
    assert_true(rig_has(&out, expected) && rig_has(&out, "\"State\": \"RUNNING\"") && rig_has(&out, "\"Flags\": \"NONE\""));
}

static void many_connections_at_once_are_kept_apart(void **state)
{
    struct rig *rig = *state;
    enum { MANY = 100 };
    int fds[MANY];
    rig_launch_ready(rig, NULL);
    for (int i = 0; i < MANY; i++) {
        fds[i] = rig_connect(rig, 5000);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++) {
            char text[64];
            (void)snprintf(text, sizeof text, "round %d of connection %d", round, i);
            rig_exchange(fds[i], text);
        }
    }
    for (int i = 0; i < MANY; i++) {
        cmaw_fd_close(&fds[i]);
    }
}

static int connect_raw(const struct rig *rig)
{
    int fd = -1;
    assert_int_equal(cmaw_unix_connect(rig->socket, WAIT_MS, &fd), CMAW_OK);
    return fd;
}

static void bytes_behind_the_request_reach_the_enclave(void **state)
{
    struct rig *rig = *state;
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(fd);
    CMAW_BUF_AUTO(text, TEXT_MAX);
    fd = connect_raw(rig);
    assert_int_equal(write(fd, "CONN", 4), 4); /* and in pieces */
    assert_int_equal(write(fd, "ECT 5000\nearly bird", 19), 19);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    rig_read_all(fd, &text);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "OK 5000\nearly bird"));
}

static void malformed_requests_are_closed_and_harm_nobody(void **state)
{
    struct rig *rig = *state;
    static const char *const bad[] = {"\n", "CONNECT\n", "CONNECT \n", "CONNECT -1\n", "CONNECT 4294967296\n", "CONNECT 05000\n", "connect 5000\n",
                                      "CONNECT 5000 \n", "CONNECT 5000\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", "CONNECT 50000000000000000000000000000000"};
    rig_launch_ready(rig, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_FD_AUTO(fd);
        char byte;
        fd = connect_raw(rig);
        assert_true(write(fd, bad[i], strlen(bad[i])) > 0);
        /* bytes that nobody read turn the end into a reset */
        assert_true(read(fd, &byte, 1) <= 0);
    }
    CMAW_FD_AUTO(half); /* says half a request and stays: others are served meanwhile */
    half = connect_raw(rig);
    assert_int_equal(write(half, "CONNECT 50", 10), 10);
    CMAW_FD_AUTO(other);
    other = rig_connect(rig, 5000);
    rig_exchange(other, "still served");
}

/* What one connection through the enclave to a host's port says. */
static void relay(const struct rig *rig, uint32_t port, const char *text, struct cmaw_buf *answer)
{
    CMAW_FD_AUTO(fd);
    const uint8_t wire[4] = {(uint8_t)(port >> 24), (uint8_t)(port >> 16), (uint8_t)(port >> 8), (uint8_t)port};
    fd = rig_connect(rig, 5002);
    assert_int_equal(write(fd, wire, 4), 4);
    if (text[0] != '\0') { /* the enclave may have closed already, where its call was refused */
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    }
    rig_read_all(fd, answer);
}

static void enclave_reaches_the_nsm_simulator_and_again_after_its_restart(void **state)
{
    struct rig *rig = *state;
    rig_launch_ready(rig, NULL);
    for (unsigned round = 1; round <= 2; round++) {
        CMAW_BUF_AUTO(answer, TEXT_MAX);
        relay(rig, 0, "request to the module", &answer);
        assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "errno=0\nrequest to the module"));
        assert_int_equal(rig->nsm_resumes, round);
        rig_nsm_stop(rig);
        CMAW_BUF_AUTO(refused, TEXT_MAX);
        relay(rig, 0, "", &refused);
        assert_true(rig_has(&refused, "errno=111\n"));
        rig_nsm_start(rig);
    }
}

static void enclave_reaches_host_ports_by_their_sockets(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(refused, TEXT_MAX);
    rig_launch_ready(rig, NULL);
    relay(rig, 8000, "", &refused);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&refused), "errno=111\n"));
    struct cmaw_addr addr = {.port = 8000};
    (void)snprintf(addr.path, sizeof addr.path, "%s", rig->socket);
    CMAW_FD_AUTO(listener);
    assert_int_equal(cmaw_addr_listen(&addr, &listener), CMAW_OK);
    CMAW_FD_AUTO(fd);
    CMAW_FD_AUTO(host);
    fd = rig_connect(rig, 5002);
    assert_int_equal(write(fd, "\0\0\x1f\x40ping", 8), 8);
    host = accept(listener, NULL, NULL);
    char block[16] = "";
    assert_int_equal(read(host, block, sizeof block), 4);
    assert_string_equal(block, "ping");
    assert_int_equal(write(host, "pong", 4), 4);
    CMAW_BUF_AUTO(answer, TEXT_MAX);
    rig_read_all(fd, &answer);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "errno=0\npong"));
}

static void logs_are_bounded_and_harmless(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(done, TEXT_MAX);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(fd);
    fd = rig_connect(rig, 5003);
    rig_read_all(fd, &done);
    assert_true(rig_has(&done, "done\n"));
    assert_int_equal(kill(rig->launcher.pid, SIGTERM), 0);
    assert_int_equal(rig_wait(rig), 0);
    rig_read_file(rig->log, &log);
    assert_true(rig_has(&log, "name=test line=\"line 0 ?[31m0000"));
    assert_false(rig_has(&log, "\033"));
    assert_true(log.size > 30000 && log.size < 120000); /* of some 420,000 */
    assert_true(rig_has(&log, "this is a simulation"));
}

static void debug_mode_has_a_console(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(out, TEXT_MAX);
    static const char *const extra[] = {"--debug-mode", NULL};
    rig_launch_ready(rig, extra);
    assert_int_equal(strncmp(strchr(rig_nsm_new(rig) + 4, ' '), " 1 ", 3), 0);
    const char *const console[] = {"console", "--state-dir", rig->state, "--name", "test", NULL};
    CMAW_PROC_AUTO(reader);
    CMAW_FD_AUTO(output);
    static const char hello[] = "hello from the console\n";
    char text[sizeof hello] = "";
    rig_start(console, &output, &reader);
    for (size_t used = 0; used < sizeof hello - 1; used++) {
        assert_int_equal(read(output, text + used, 1), 1);
    }
    assert_string_equal(text, hello);
    assert_int_equal(kill(rig->launcher.pid, SIGTERM), 0);
    int status = -1;
    rig_read_all(output, &out);
    assert_int_equal(out.size, 0);
    assert_int_equal(cmaw_proc_wait(&reader, WAIT_MS, &status), CMAW_OK);
    assert_int_equal(status, 0);
    assert_int_equal(rig_wait(rig), 0);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_read_file(rig->log, &log);
    assert_true(rig_has(&log, "name=test line=\"hello from the console\""));
}

static void a_deaf_enclave_does_not_stop_the_launcher(void **state)
{
    struct rig *rig = *state;
    enum { MANY = 2000 };
    rig_image(rig, "deaf", false, CMAW_SLICE_EMPTY);
    rig_launch_ready(rig, NULL);
    for (int i = 0; i < MANY; i++) {
        CMAW_FD_AUTO(fd);
        fd = -1;
        if (cmaw_unix_connect(rig->socket, 1, &fd) == CMAW_OK) {
            assert_int_equal(send(fd, "CONNECT 5000\n", 13, MSG_NOSIGNAL), 13);
        }
    }
    assert_int_equal(kill(rig->launcher.pid, SIGTERM), 0);
    assert_int_equal(rig_wait(rig), 0);
}

int main(void)
{
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(enclave_runs_alone_in_its_own_root),
        RIG_TEST(measurements_reach_the_nsm_simulator),
        RIG_TEST(many_connections_at_once_are_kept_apart),
        RIG_TEST(bytes_behind_the_request_reach_the_enclave),
        RIG_TEST(malformed_requests_are_closed_and_harm_nobody),
        RIG_TEST(enclave_reaches_the_nsm_simulator_and_again_after_its_restart),
        RIG_TEST(enclave_reaches_host_ports_by_their_sockets),
        RIG_TEST(logs_are_bounded_and_harmless),
        RIG_TEST(debug_mode_has_a_console),
        RIG_TEST(a_deaf_enclave_does_not_stop_the_launcher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
