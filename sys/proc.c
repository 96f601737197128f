#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/daemon.h"

/* The child's descriptors are first moved up here, so that none of them is overwritten before it is in its place. */
enum { FD_FLOOR = 64 };

static int move_up(int fd)
{
    return fcntl(fd, F_DUPFD, FD_FLOOR);
}

static bool place(int fd, int target)
{
    return dup2(fd, target) == target;
}

static bool arrange_descriptors(const struct cmaw_proc_spec *spec, int *report)
{
    const int null = open("/dev/null", O_RDWR);
    const int standard[3] = {spec->in >= 0 ? spec->in : null, spec->out >= 0 ? spec->out : STDOUT_FILENO,
                             spec->err >= 0 ? spec->err : STDERR_FILENO};
    int moved[3 + CMAW_PROC_FDS_MAX];
    for (size_t i = 0; i < 3 + spec->fd_count; i++) {
        moved[i] = move_up(i < 3 ? standard[i] : spec->fds[i - 3]);
        if (moved[i] < 0) {
            return false;
        }
    }
    *report = move_up(*report);
    for (size_t i = 0; i < 3 + spec->fd_count; i++) {
        if (!place(moved[i], (int)i)) {
            return false;
        }
    }
    const int last = 3 + (int)spec->fd_count;
    return place(*report, last) && (*report = last) && fcntl(last, F_SETFD, FD_CLOEXEC) == 0 &&
           close_range((unsigned)last + 1, ~0u, 0) == 0;
}

void cmaw_proc_default_signals(void)
{
    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Does not return. Whatever fails is told to the parent as an errno through the report pipe. */
[[gnu::noreturn]] static void run_child(const struct cmaw_proc_spec *spec, int report, pid_t parent)
{
    cmaw_proc_default_signals();
    if (spec->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)) {
        _exit(127);
    }
    if (spec->new_session) {
        (void)setsid();
    }
    if (arrange_descriptors(spec, &report) && (spec->folder == NULL || chdir(spec->folder) == 0)) {
        (void)execve(spec->path, (char *const *)spec->argv, spec->env == NULL ? environ : (char *const *)spec->env);
    }
    const int errnum = errno;
    [[maybe_unused]] const ssize_t told = write(report, &errnum, sizeof errnum);
    _exit(127);
}

static void reap(struct cmaw_proc *proc, int *ret_status)
{
    int status = 0;
    while (waitpid(proc->pid, &status, 0) < 0 && errno == EINTR) {
    }
    cmaw_fd_close(&proc->pidfd);
    proc->pid = 0;
    *ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the child reported; 0 once its descriptor is closed by a successful exec. */
static int read_report(int fd)
{
    int errnum = 0;
    for (;;) {
        const ssize_t got = read(fd, &errnum, sizeof errnum);
        if (got >= 0 || errno != EINTR) {
            return got < 0 ? errno : errnum;
        }
    }
}

enum cmaw_err cmaw_proc_start(const struct cmaw_proc_spec *spec, struct cmaw_proc *ret_proc, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(report_read);
    CMAW_FD_AUTO(report_write);
    int pipes[2];
    CMAW_REQUIRE(spec->fd_count <= CMAW_PROC_FDS_MAX, CMAW_E_BUG);
    if (pipe2(pipes, O_CLOEXEC) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot start %s: %s", spec->path, strerror(errno));
    }
    report_read = pipes[0];
    report_write = pipes[1];
    const pid_t parent = getpid();
    struct cmaw_proc proc = CMAW_PROC_NONE;
    proc.pid = fork();
    if (proc.pid == 0) {
        run_child(spec, report_write, parent);
    }
    if (proc.pid < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot start %s: %s", spec->path, strerror(errno));
    }
    cmaw_fd_close(&report_write);
    proc.pidfd = (int)syscall(SYS_pidfd_open, proc.pid, 0);
    const int errnum = proc.pidfd < 0 ? errno : read_report(report_read);
    if (errnum != 0) {
        int status;
        (void)kill(proc.pid, SIGKILL);
        reap(&proc, &status);
        return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot start %s: %s", spec->path, strerror(errnum));
    }
    *ret_proc = proc;
    return CMAW_OK;
}

/* True once fd is readable; false after the time given. */
static bool await_readable(int fd, uint32_t timeout_ms)
{
    const uint64_t end = cmaw_clock_ms() + timeout_ms;
    for (;;) {
        const uint64_t now = cmaw_clock_ms();
        const uint64_t left = now < end ? end - now : 0;
        struct pollfd event = {.fd = fd, .events = POLLIN};
        const int ready = poll(&event, 1, timeout_ms == UINT32_MAX ? -1 : left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready > 0 || (ready == 0 && left <= INT32_MAX) || (ready < 0 && errno != EINTR)) {
            return ready > 0;
        }
    }
}

enum cmaw_err cmaw_proc_wait(struct cmaw_proc *proc, uint32_t timeout_ms, int *ret_status)
{
    CMAW_REQUIRE(proc->pid > 0, CMAW_E_NOT_FOUND);
    CMAW_REQUIRE(await_readable(proc->pidfd, timeout_ms), CMAW_E_TIMEOUT);
    reap(proc, ret_status);
    return CMAW_OK;
}

enum cmaw_err cmaw_proc_stop(struct cmaw_proc *proc, uint32_t grace_ms, int *ret_status)
{
    CMAW_REQUIRE(proc->pid > 0, CMAW_E_NOT_FOUND);
    (void)kill(proc->pid, SIGTERM);
    if (!await_readable(proc->pidfd, grace_ms)) {
        (void)kill(proc->pid, SIGKILL);
    }
    reap(proc, ret_status);
    return CMAW_OK;
}

void cmaw_proc_kill(struct cmaw_proc *proc)
{
    if (proc->pid > 0) {
        int status;
        (void)kill(proc->pid, SIGKILL);
        reap(proc, &status);
    }
}

enum cmaw_err cmaw_proc_await_ready(int fd, uint32_t timeout_ms)
{
    static const char expected[] = "ready\n";
    for (size_t used = 0; used < sizeof expected - 1; used++) {
        char byte;
        CMAW_REQUIRE(await_readable(fd, timeout_ms), CMAW_E_TIMEOUT);
        CMAW_REQUIRE(read(fd, &byte, 1) == 1, CMAW_E_CLOSED);
        CMAW_REQUIRE(byte == expected[used], CMAW_E_PEER);
    }
    return CMAW_OK;
}
