#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/launch/backend.h"
#include "host/launch/sim_root.h"
#include "sys/file.h"

static enum cmaw_err fail(struct cmaw_diag *diag, const char *what)
{
    const int errnum = errno;
    if (errnum == EPERM || errnum == ENOSPC || errnum == EUSERS) {
        cmaw_diag_hint(diag, "run as root, or allow user namespaces (user.max_user_namespaces)");
    }
    return cmaw_diag_set(diag, cmaw_err_of_errno(errnum), "cannot %s: %s", what, strerror(errnum));
}

static bool make_pair(int *ours, int *theirs)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    *ours = pair[0];
    *theirs = pair[1];
    return true;
}

static bool make_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return false;
    }
    *ret_read = ends[0];
    *ret_write = ends[1];
    return true;
}

/* As fork, into new namespaces. This process has one thread. */
static pid_t fork_apart(bool new_user, int *ret_pidfd)
{
    uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
    flags |= new_user ? CLONE_NEWUSER : 0;
    struct clone_args args = {.flags = flags, .pidfd = (uint64_t)(uintptr_t)ret_pidfd, .exit_signal = SIGCHLD};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

/* Waits until /init runs, or for what went wrong before. */
static enum cmaw_err await_exec(int report_fd, struct cmaw_diag *diag)
{
    struct launch_report report;
    CMAW_BUF_AUTO(bytes, sizeof report);
    CMAW_TRY(cmaw_file_read_fd(report_fd, "the new process", &bytes, diag));
    if (bytes.size == 0) {
        return CMAW_OK;
    }
    if (bytes.size != sizeof report) {
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "the new process ended before it could start /init");
    }
    memcpy(&report, bytes.data, sizeof report);
    *diag = report.diag;
    return report.err;
}

static enum cmaw_err start_child(struct launch_child *child, struct launch_enclave *enclave, int *report_read, struct cmaw_diag *diag)
{
    if (!make_pair(&enclave->incoming, &child->incoming) || !make_pair(&enclave->outgoing, &child->outgoing) ||
        !make_pipe(report_read, &child->report)) {
        return fail(diag, "make sockets");
    }
    enclave->pid = fork_apart(child->new_user, &enclave->pidfd);
    if (enclave->pid == 0) {
        cmaw_launch_child(child);
    }
    if (enclave->pid < 0) {
        enclave->pid = 0;
        return fail(diag, "make namespaces");
    }
    return CMAW_OK;
}

static enum cmaw_err start(const struct launch_image *image, const struct launch_options *options,
                           struct launch_enclave *ret_enclave, struct cmaw_diag *diag)
{
    struct launch_enclave enclave = LAUNCH_ENCLAVE_NONE;
    struct launch_child child = {.image = image, .new_user = geteuid() != 0, .uid = geteuid(), .gid = getegid(),
                                 .incoming = -1, .outgoing = -1, .console = -1, .report = -1};
    CMAW_FD_AUTO(report_read);
    if (options->debug_mode && !make_pipe(&enclave.console, &child.console)) {
        return fail(diag, "make the console");
    }
    enum cmaw_err err = start_child(&child, &enclave, &report_read, diag);
    cmaw_fd_close(&child.incoming);
    cmaw_fd_close(&child.outgoing);
    cmaw_fd_close(&child.console);
    cmaw_fd_close(&child.report);
    if (err == CMAW_OK) {
        err = await_exec(report_read, diag);
    }
    if (err != CMAW_OK) {
        cmaw_launch_enclave_end(&enclave);
        return err;
    }
    *ret_enclave = enclave;
    return CMAW_OK;
}

const struct launch_backend cmaw_launch_sim = {
    .name = "sim",
    .warning = "this is a simulation: the enclave is a process of this host and is not isolated from it",
    .start = start,
};
