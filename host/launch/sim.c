#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/launch/backend.h"
#include "host/launch/board.h"
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
    return cmaw_launch_pipe(ret_read, ret_write) == CMAW_OK;
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

static enum cmaw_err start_child(struct launch_child *child, struct launch_ends *ends, int *report_read, struct cmaw_diag *diag)
{
    if (!make_pair(&ends->incoming, &child->incoming) || !make_pair(&ends->outgoing, &child->outgoing) ||
        !make_pipe(report_read, &child->report)) {
        return fail(diag, "make sockets");
    }
    ends->pid = fork_apart(child->new_user, &ends->pidfd);
    if (ends->pid == 0) {
        cmaw_launch_child(child);
    }
    if (ends->pid < 0) {
        ends->pid = 0;
        return fail(diag, "make namespaces");
    }
    return CMAW_OK;
}

static enum cmaw_err start_init(const struct launch_run *run, struct launch_ends *ends, struct cmaw_diag *diag)
{
    struct launch_child child = {.image = &run->image, .new_user = geteuid() != 0, .uid = geteuid(), .gid = getegid(),
                                 .incoming = -1, .outgoing = -1, .console = -1, .report = -1};
    CMAW_FD_AUTO(report_read);
    if (run->options->debug_mode && !make_pipe(&ends->console, &child.console)) {
        return fail(diag, "make the console");
    }
    enum cmaw_err err = start_child(&child, ends, &report_read, diag);
    cmaw_fd_close(&child.incoming);
    cmaw_fd_close(&child.outgoing);
    cmaw_fd_close(&child.console);
    cmaw_fd_close(&child.report);
    return err == CMAW_OK ? await_exec(report_read, diag) : err;
}

struct sim {
    struct launch_board board;
    struct launch_ends ends;
    int listener;
};

static enum cmaw_err check(const struct launch_options *options, struct cmaw_diag *diag)
{
    if (options->socket == NULL || options->nsm == NULL) {
        return cmaw_launch_bad_usage(diag, "run --backend sim needs ", "--eif, --socket and --nsm");
    }
    return CMAW_OK;
}

static void describe(struct launch_run *run)
{
    run->enclave.process = getpid(); /* its end is the enclave's */
    run->enclave.memory_mib = run->image.eif.default_mem >> 20;
    cmaw_launch_cpus_shared(&run->enclave);
    run->enclave.cpu_count = (uint32_t)run->enclave.cpus_used;
}

static enum cmaw_err start(struct launch_run *run, struct cmaw_diag *diag)
{
    struct sim *sim = run->state;
    const struct launch_options *options = run->options;
    sim->listener = -1;
    sim->ends = (struct launch_ends){0, -1, -1, -1, -1};
    cmaw_launch_board_init(&sim->board, options);
    CMAW_TRY(cmaw_launch_image_unpack(options->eif, &run->image, diag));
    CMAW_TRY(cmaw_launch_listen(options->socket, &sim->listener, diag));
    CMAW_TRY(cmaw_launch_id_make(options->parent_id, run->enclave.id));
    CMAW_TRY(cmaw_launch_module_make(options, &run->image, run->enclave.id, &sim->board.module, diag));
    CMAW_TRY(start_init(run, &sim->ends, diag));
    describe(run);
    return cmaw_launch_board_open(&sim->board, &run->loop, &sim->ends, sim->listener);
}

static void serve(struct launch_run *run)
{
    struct sim *sim = run->state;
    cmaw_launch_board_serve(&sim->board, &run->loop);
}

/* Kills the enclave with all its processes and waits for its end. */
static void end(struct launch_run *run)
{
    struct sim *sim = run->state;
    if (sim->ends.pid > 0) {
        (void)kill(sim->ends.pid, SIGKILL);
        while (waitpid(sim->ends.pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    cmaw_fd_close(&sim->ends.pidfd);
    cmaw_fd_close(&sim->ends.incoming);
    cmaw_fd_close(&sim->ends.outgoing);
    cmaw_fd_close(&sim->ends.console);
    if (sim->listener >= 0) {
        (void)unlink(run->options->socket);
    }
    cmaw_fd_close(&sim->listener);
}

const struct launch_backend cmaw_launch_sim = {
    .name = "sim",
    .warning = "this is a simulation: the enclave is a process of this host and is not isolated from it",
    .silence = "is /init of the image the one for simulations? --debug-mode shows its console",
    .state_size = sizeof(struct sim),
    .check = check,
    .start = start,
    .serve = serve,
    .end = end,
};
