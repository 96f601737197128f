#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/addr.h"
#include "sys/cpio.h"
#include "sys/daemon.h"
#include "tests/unit/launch_rig.h"

enum { TEXT_MAX = 1 << 20, WAIT_MS = 30000 };

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    rig_open(rig);
    rig_nsm_start(rig);
    rig_image(rig, "echo", true, CMAW_SLICE_EMPTY);
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    rig_close(*state);
    free(*state);
    return 0;
}

/* The enclave's /init as the host sees it: the launcher's only child. */
static pid_t init_of(pid_t launcher)
{
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    assert_non_null(processes);
    for (const struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[300];
        int parent = 0;
        (void)snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *stat = fopen(path, "re");
        if (stat != NULL && fscanf(stat, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == launcher) {
            found = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        if (stat != NULL) {
            (void)fclose(stat);
        }
    }
    (void)closedir(processes);
    assert_true(found > 0);
    return found;
}

static bool ends_within(int pidfd, int timeout_ms)
{
    struct pollfd event = {.fd = pidfd, .events = POLLIN};
    return poll(&event, 1, timeout_ms) == 1;
}

static void exchange(int fd, const char *text)
{
    char back[256] = "";
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    for (size_t used = 0; used < strlen(text);) {
        const ssize_t got = read(fd, back + used, sizeof back - 1 - used);
        assert_true(got > 0);
        used += (size_t)got;
    }
    assert_string_equal(back, text);
}

static void enclave_runs_alone_in_its_own_root(void **state)
{
    struct rig *rig = *state;
    rig_launch_ready(rig, NULL);
    CMAW_BUF_AUTO(world, TEXT_MAX);
    CMAW_FD_AUTO(fd);
    fd = rig_connect(rig, 5001);
    rig_read_all(fd, &world);
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
            exchange(fds[i], text);
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
    exchange(other, "still served");
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

static void terminate_leaves_nothing_behind(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(before, TEXT_MAX);
    CMAW_BUF_AUTO(after, TEXT_MAX);
    CMAW_BUF_AUTO(out, TEXT_MAX);
    rig_read_file("/proc/self/mounts", &before);
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(pidfd);
    pidfd = (int)syscall(SYS_pidfd_open, init_of(rig->launcher.pid), 0);
    assert_true(pidfd >= 0);
    const char *const terminate[] = {"terminate", "--state-dir", rig->state, "--name", "test", NULL};
    assert_int_equal(rig_command(terminate, &out), 0);
    assert_true(rig_has(&out, "\"EnclaveName\": \"test\"") && rig_has(&out, "\"Terminated\": true"));
    assert_int_equal(rig_wait(rig), 0);
    assert_true(ends_within(pidfd, 0));
    rig_read_file("/proc/self/mounts", &after);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&before), cmaw_buf_slice(&after)));
    assert_int_equal(access(rig->socket, F_OK), -1);
    cmaw_buf_reset(&out);
    const char *const describe[] = {"describe", "--state-dir", rig->state, NULL};
    assert_int_equal(rig_command(describe, &out), 0);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&out), "[]\n"));
    cmaw_buf_reset(&out);
    assert_int_equal(rig_command(terminate, &out), 1);
    assert_true(rig_has(&out, "no enclave test runs\nhint: "));
}

static void a_killed_launcher_takes_its_enclave_along(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(before, TEXT_MAX);
    CMAW_BUF_AUTO(after, TEXT_MAX);
    CMAW_BUF_AUTO(out, TEXT_MAX);
    rig_read_file("/proc/self/mounts", &before);
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(connection); /* served by a child of /init: it has to go, too */
    connection = rig_connect(rig, 5000);
    exchange(connection, "before");
    CMAW_FD_AUTO(pidfd);
    pidfd = (int)syscall(SYS_pidfd_open, init_of(rig->launcher.pid), 0);
    assert_int_equal(kill(rig->launcher.pid, SIGKILL), 0);
    assert_int_equal(rig_wait(rig), 128 + SIGKILL);
    assert_true(ends_within(pidfd, WAIT_MS));
    char byte;
    assert_true(read(connection, &byte, 1) <= 0);
    rig_read_file("/proc/self/mounts", &after);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&before), cmaw_buf_slice(&after)));
    const char *const describe[] = {"describe", "--state-dir", rig->state, NULL};
    assert_int_equal(rig_command(describe, &out), 0);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&out), "[]\n"));
    rig_launch_ready(rig, NULL); /* what the dead one left is taken over */
    CMAW_FD_AUTO(again);
    again = rig_connect(rig, 5000);
    exchange(again, "after");
}

static void a_dead_enclave_ends_its_launcher(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_launch_ready(rig, NULL);
    assert_int_equal(kill(init_of(rig->launcher.pid), SIGKILL), 0);
    assert_int_equal(rig_wait(rig), 1);
    rig_read_file(rig->log, &log);
    assert_true(rig_has(&log, "cmaw-launch: the enclave test has ended\nhint: "));
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(fd);
    fd = rig_connect(rig, 5004); /* by itself */
    assert_int_equal(rig_wait(rig), 1);
}

/* Starts what cannot come up and returns its exit code, with its log appended. */
static int failing_run(struct rig *rig, const char *const *extra, struct cmaw_buf *log)
{
    CMAW_FD_AUTO(ready);
    rig_launch(rig, extra, &ready);
    assert_int_equal(cmaw_proc_await_ready(ready, WAIT_MS), CMAW_E_CLOSED);
    const int status = rig_wait(rig);
    cmaw_buf_reset(log);
    rig_read_file(rig->log, log);
    return status;
}

static void boots_that_fail_say_why(void **state)
{
    struct rig *rig = *state;
    static const char *const quick[] = {"--boot-timeout", "1", NULL};
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_image(rig, "silent", false, CMAW_SLICE_EMPTY);
    assert_int_equal(failing_run(rig, quick, &log), 1);
    assert_true(rig_has(&log, "cmaw-launch: no heartbeat from test within 1 s\nhint: "));
    rig_image(rig, "dies", false, CMAW_SLICE_EMPTY);
    assert_int_equal(failing_run(rig, NULL, &log), 1);
    assert_true(rig_has(&log, "cmaw-launch: the enclave test has ended before its heartbeat\n"));
    rig->nsm_refuses = true;
    assert_int_equal(failing_run(rig, NULL, &log), 1);
    assert_true(rig_has(&log, "cmaw-launch: the NSM simulator refused: ERR no more modules\n"));
    rig->nsm_refuses = false;
    rig_nsm_stop(rig);
    assert_int_equal(failing_run(rig, NULL, &log), 1);
    assert_true(rig_has(&log, "nsm.sock: cannot be reached\nhint: start cmaw-devd"));
    assert_int_equal(truncate(rig->eif, 1000), 0);
    assert_int_equal(failing_run(rig, NULL, &log), 1);
    assert_true(rig_has(&log, "test.eif is not an enclave image: bad section size\nhint: "));
    assert_int_equal(access(rig->socket, F_OK), -1);
}

static void entries_that_reach_outside_are_refused(void **state)
{
    struct rig *rig = *state;
    static const struct { const char *name, *expected; uint32_t mode; } bad[] = {
        {"link/passwd", "cannot unpack link/passwd: it lies behind a symbolic link", S_IFREG | 0644},
        {"sys/kernel/x", "cannot unpack sys/kernel/x: it lies on another mount", S_IFREG | 0644},
        {"proc/sys/kernel/hostname", "cannot unpack proc/sys/kernel/hostname: it lies on another mount", S_IFREG | 0644},
        {"dev/null/x", "cannot unpack dev/null/x", S_IFREG | 0644},
        {"mode", "cannot unpack mode: File exists", S_IFREG | 0644},
        {"link", "cannot unpack link", S_IFDIR | 0755},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CMAW_BUF_AUTO(entries, TEXT_MAX);
        CMAW_BUF_AUTO(log, TEXT_MAX);
        struct cmaw_cpio_entry entry = {.mode = bad[i].mode};
        (void)snprintf(entry.name, sizeof entry.name, "%s", bad[i].name);
        assert_int_equal(cmaw_cpio_put(&entries, &entry, 9), CMAW_OK);
        rig_image(rig, "echo", false, cmaw_buf_slice(&entries));
        assert_int_equal(failing_run(rig, NULL, &log), 1);
        assert_true(rig_has(&log, bad[i].expected));
    }
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_image(rig, "echo", true, CMAW_SLICE_LIT("070701 and then nothing of the kind"));
    assert_int_equal(failing_run(rig, NULL, &log), 1);
    assert_true(rig_has(&log, "ramdisk entry 8: not a good cpio archive"));
}

static void names_and_sockets_that_are_taken_are_refused(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(out, TEXT_MAX);
    rig_launch_ready(rig, NULL);
    const char *const same_socket[] = {"run", "--eif", rig->eif, "--socket", rig->socket, "--nsm", rig->nsm, NULL};
    assert_int_equal(rig_command(same_socket, &out), 1);
    assert_true(rig_has(&out, "is taken\nhint: "));
    char other[160];
    (void)snprintf(other, sizeof other, "%s/other.sock", rig->dir);
    const char *const same_name[] = {"run", "--eif", rig->eif, "--socket", other, "--nsm", rig->nsm, "--state-dir", rig->state, NULL};
    cmaw_buf_reset(&out);
    assert_int_equal(rig_command(same_name, &out), 1);
    assert_true(rig_has(&out, "an enclave test runs already\nhint: "));
    const char *const a_file[] = {"run", "--eif", rig->eif, "--socket", rig->eif, "--nsm", rig->nsm, NULL};
    cmaw_buf_reset(&out);
    assert_int_equal(rig_command(a_file, &out), 1);
    assert_true(rig_has(&out, "is taken\nhint: "));
    CMAW_FD_AUTO(fd); /* and the first one did not notice */
    fd = rig_connect(rig, 5000);
    exchange(fd, "undisturbed");
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

static void runs_without_privileges(void **state)
{
    struct rig *rig = *state;
    if (getuid() != 0) {
        skip(); /* then every other test here is this one */
    }
    rig_give_up_root(rig);
    rig_launch_ready(rig, NULL);
    CMAW_BUF_AUTO(world, TEXT_MAX);
    CMAW_FD_AUTO(fd);
    fd = rig_connect(rig, 5001);
    rig_read_all(fd, &world);
    assert_true(rig_has(&world, "pid=1 uid=0 gid=0 death=9\n"));
    assert_true(rig_has(&world, "conf mode=100640 size=12 uid=0\n") && rig_has(&world, "null=1\n"));
    CMAW_FD_AUTO(pidfd);
    pidfd = (int)syscall(SYS_pidfd_open, init_of(rig->launcher.pid), 0);
    assert_int_equal(kill(rig->launcher.pid, SIGKILL), 0);
    assert_true(ends_within(pidfd, WAIT_MS));
}

static void wrong_usage_is_exit_code_2(void **state)
{
    (void)state;
    static const char *const lines[][8] = {{NULL}, {"fly"}, {"run"}, {"run", "--eif", "x", "--socket", "y"}, {"describe"}, {"terminate", "--state-dir", "x"},
                                           {"run", "--eif", "x", "--socket", "y", "--nsm", "z", "--bogus"}, {"describe", "--state-dir"},
                                           {"run", "--name", "a/b"}, {"run", "--name", ".."}, {"run", "--ready-fd", "x"}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        CMAW_BUF_AUTO(out, TEXT_MAX);
        const char *argv[9] = {NULL};
        memcpy(argv, lines[i], sizeof lines[i]);
        assert_int_equal(rig_command(argv, &out), 2);
        assert_true(rig_has(&out, "hint: "));
    }
    CMAW_BUF_AUTO(out, TEXT_MAX);
    static const char *const help[] = {"--help", NULL};
    assert_int_equal(rig_command(help, &out), 0);
    assert_true(rig_has(&out, "example: cmaw-launch run"));
}

int main(void)
{
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        RIG_TEST(enclave_runs_alone_in_its_own_root),
        RIG_TEST(measurements_reach_the_nsm_simulator),
        RIG_TEST(many_connections_at_once_are_kept_apart),
        RIG_TEST(bytes_behind_the_request_reach_the_enclave),
        RIG_TEST(malformed_requests_are_closed_and_harm_nobody),
        RIG_TEST(enclave_reaches_the_nsm_simulator_and_again_after_its_restart),
        RIG_TEST(enclave_reaches_host_ports_by_their_sockets),
        RIG_TEST(logs_are_bounded_and_harmless),
        RIG_TEST(terminate_leaves_nothing_behind),
        RIG_TEST(a_killed_launcher_takes_its_enclave_along),
        RIG_TEST(a_dead_enclave_ends_its_launcher),
        RIG_TEST(boots_that_fail_say_why),
        RIG_TEST(entries_that_reach_outside_are_refused),
        RIG_TEST(names_and_sockets_that_are_taken_are_refused),
        RIG_TEST(debug_mode_has_a_console),
        RIG_TEST(a_deaf_enclave_does_not_stop_the_launcher),
        RIG_TEST(runs_without_privileges),
        cmocka_unit_test(wrong_usage_is_exit_code_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
