#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/daemon.h"
#include "sys/proc.h"

static enum cmaw_err start_shell(const char *script, int out, int extra, struct cmaw_proc *ret_proc)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct cmaw_proc_spec spec = {.path = "/bin/sh", .argv = argv, .in = -1, .out = out, .err = -1,
                                        .fds = {extra}, .fd_count = extra < 0 ? 0 : 1, .die_with_parent = true};
    struct cmaw_diag diag = {0};
    return cmaw_proc_start(&spec, ret_proc, &diag);
}

static void child_gets_its_descriptors_and_no_other(void **state)
{
    (void)state;
    int out[2], extra[2];
    assert_int_equal(pipe(out), 0); /* inheritable on purpose: they must not reach the child */
    assert_int_equal(pipe(extra), 0);
    CMAW_PROC_AUTO(proc);
    assert_int_equal(start_shell("echo ready >&3; for n in $(seq 0 40); do [ -e /proc/$$/fd/$n ] && printf '%s ' $n; done; exit 0", out[1], extra[1], &proc), CMAW_OK);
    assert_int_equal(close(out[1]) | close(extra[1]), 0);
    assert_int_equal(cmaw_proc_await_ready(extra[0], 60000), CMAW_OK);
    CMAW_BUF_AUTO(text, 1000);
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_file_read_fd(out[0], "pipe", &text, &diag), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&text), "0 1 2 3 "));
    int status = -1;
    assert_int_equal(cmaw_proc_wait(&proc, 60000, &status), CMAW_OK);
    assert_int_equal(status, 0);
    assert_int_equal(close(out[0]) | close(extra[0]), 0);
}

static void exec_failure_is_told(void **state)
{
    (void)state;
    const char *const argv[] = {"nothing", NULL};
    const struct cmaw_proc_spec spec = {.path = "/nonexistent/nothing", .argv = argv, .in = -1, .out = -1, .err = -1};
    struct cmaw_proc proc = CMAW_PROC_NONE;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_proc_start(&spec, &proc, &diag), CMAW_E_NOT_FOUND);
    assert_string_equal(diag.text, "cannot start /nonexistent/nothing: No such file or directory");
    assert_int_equal(proc.pid, 0);
}

static void stop_is_gentle_first(void **state)
{
    (void)state;
    int out[2], status = -1;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    CMAW_PROC_AUTO(stubborn);
    assert_int_equal(start_shell("trap '' TERM; echo ready; exec sleep 100", out[1], -1, &stubborn), CMAW_OK);
    assert_int_equal(cmaw_proc_await_ready(out[0], 60000), CMAW_OK);
    assert_int_equal(cmaw_proc_stop(&stubborn, 50, &status), CMAW_OK);
    assert_int_equal(status, 128 + SIGKILL);
    CMAW_PROC_AUTO(plain);
    assert_int_equal(start_shell("echo ready; exec sleep 100", out[1], -1, &plain), CMAW_OK);
    assert_int_equal(cmaw_proc_await_ready(out[0], 60000), CMAW_OK);
    assert_int_equal(cmaw_proc_wait(&plain, 0, &status), CMAW_E_TIMEOUT);
    assert_int_equal(cmaw_proc_stop(&plain, 60000, &status), CMAW_OK);
    assert_int_equal(status, 128 + SIGTERM);
    assert_int_equal(close(out[0]) | close(out[1]), 0);
}

static void await_ready_tells_silence_from_death(void **state)
{
    (void)state;
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(cmaw_proc_await_ready(pipes[0], 10), CMAW_E_TIMEOUT);
    assert_int_equal(write(pipes[1], "rea", 3), 3);
    cmaw_fd_close(&pipes[1]);
    assert_int_equal(cmaw_proc_await_ready(pipes[0], 60000), CMAW_E_CLOSED);
    cmaw_fd_close(&pipes[0]);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    cmaw_ready_notify(&pipes[1]);
    assert_int_equal(pipes[1], -1);
    assert_int_equal(cmaw_proc_await_ready(pipes[0], 60000), CMAW_OK);
    cmaw_fd_close(&pipes[0]);
}

static void programs_are_found_in_the_order_promised(void **state)
{
    (void)state;
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    assert_int_equal(setenv("CMAW_BIN", "/nonexistent:/bin", 1), 0);
    assert_int_equal(cmaw_proc_find("sh", path, &diag), CMAW_OK);
    assert_string_equal(path, "/bin/sh");
    assert_int_equal(unsetenv("CMAW_BIN"), 0);
    assert_int_equal(cmaw_proc_find("proc_test", path, &diag), CMAW_OK);
    assert_non_null(strstr(path, "/./proc_test"));
    assert_int_equal(cmaw_proc_find("cmaw-no-such-program", path, &diag), CMAW_E_NOT_FOUND);
    assert_string_equal(diag.text, "cannot find the program cmaw-no-such-program");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(child_gets_its_descriptors_and_no_other),
        cmocka_unit_test(exec_failure_is_told),
        cmocka_unit_test(stop_is_gentle_first),
        cmocka_unit_test(await_ready_tells_silence_from_death),
        cmocka_unit_test(programs_are_found_in_the_order_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
