#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/cpio.h"
#include "tests/unit/launch_rig.h"

enum { TEXT_MAX = 1 << 20, WAIT_MS = 60000 };

static void terminate_leaves_nothing_behind(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(before, TEXT_MAX);
    CMAW_BUF_AUTO(after, TEXT_MAX);
    CMAW_BUF_AUTO(out, TEXT_MAX);
    rig_read_file("/proc/self/mounts", &before);
    rig_launch_ready(rig, NULL);
    CMAW_FD_AUTO(pidfd);
    pidfd = rig_watch_init(rig);
    const char *const terminate[] = {"terminate", "--state-dir", rig->state, "--name", "test", NULL};
    assert_int_equal(rig_command(terminate, &out), 0);
    assert_true(rig_has(&out, "\"EnclaveName\": \"test\"") && rig_has(&out, "\"Terminated\": true"));
    assert_int_equal(rig_wait(rig), 0);
    assert_true(rig_ends_within(pidfd, 0));
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
    rig_exchange(connection, "before");
    CMAW_FD_AUTO(pidfd);
    pidfd = rig_watch_init(rig);
    assert_int_equal(kill(rig->launcher.pid, SIGKILL), 0);
    assert_int_equal(rig_wait(rig), 128 + SIGKILL);
    assert_true(rig_ends_within(pidfd, WAIT_MS));
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
    rig_exchange(again, "after");
}

static void a_dead_enclave_ends_its_launcher(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(log, TEXT_MAX);
    rig_launch_ready(rig, NULL);
    assert_int_equal(kill(rig_init_of(rig->launcher.pid), SIGKILL), 0);
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
    rig_exchange(fd, "undisturbed");
}

static void runs_without_privileges(void **state)
{
    struct rig *rig = *state;
    if (getuid() == 0) {
        rig_give_up_root(rig);
    }
    rig_launch_ready(rig, NULL);
    CMAW_BUF_AUTO(world, TEXT_MAX);
    rig_read_world(rig, &world);
    assert_true(rig_has(&world, "pid=1 uid=0 gid=0 death=9\n"));
    assert_true(rig_has(&world, "conf mode=100640 size=12 uid=0\n") && rig_has(&world, "null=1\n"));
    CMAW_FD_AUTO(pidfd);
    pidfd = rig_watch_init(rig);
    assert_int_equal(kill(rig->launcher.pid, SIGKILL), 0);
    assert_true(rig_ends_within(pidfd, WAIT_MS));
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
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        RIG_TEST(terminate_leaves_nothing_behind),
        RIG_TEST(a_killed_launcher_takes_its_enclave_along),
        RIG_TEST(a_dead_enclave_ends_its_launcher),
        RIG_TEST(boots_that_fail_say_why),
        RIG_TEST(entries_that_reach_outside_are_refused),
        RIG_TEST(names_and_sockets_that_are_taken_are_refused),
        RIG_TEST(runs_without_privileges),
        cmocka_unit_test(wrong_usage_is_exit_code_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
