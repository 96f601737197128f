#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/launch/qemu.h"
#include "sys/addr.h"
#include "sys/daemon.h"

enum { PATHS = 4, PORT_HEARTBEAT = 9000, PORT_LOGS = 9001, CONNECT_MS = 1000, BETWEEN_BIND_AND_LISTEN_MS = 2, GUEST_CREDIT = 32 * 1024 /* bytes */ };

static void accept_stream(struct launch_loop *loop, const struct launch_source *source, bool heartbeat)
{
    CMAW_FD_AUTO(fd);
    fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        /* one too many is closed at once */
        CMAW_IGNORE(heartbeat ? cmaw_launch_heartbeat_add(loop, &fd) : cmaw_launch_log_add(loop, loop->name, &fd));
    }
}

static void heartbeat_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    accept_stream(loop, source, true);
}

static void logs_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    accept_stream(loop, source, false);
}

static enum cmaw_err split_path(struct launch_qemu *qemu, const char *path)
{
    char copy[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(copy, "%s", path));
    CMAW_TRY(cmaw_path(qemu->folder, "%s", dirname(copy)));
    CMAW_TRY(cmaw_path(copy, "%s", path));
    CMAW_TRY(cmaw_path(qemu->name, "%s", basename(copy)));
    CMAW_TRY(cmaw_path(qemu->heartbeat_path, "%s_%d", path, PORT_HEARTBEAT));
    CMAW_TRY(cmaw_path(qemu->logs_path, "%s_%d", path, PORT_LOGS));
    return cmaw_path(qemu->vhost_path, "%s.vhost", path);
}

/* In the order in which they are claimed. Whoever has the first has the others too, or is about to: nothing of theirs is touched before. */
static void list_paths(const struct launch_run *run, const char *ret_paths[static PATHS])
{
    const struct launch_qemu *qemu = run->state;
    ret_paths[0] = qemu->heartbeat_path;
    ret_paths[1] = qemu->logs_path;
    ret_paths[2] = run->options->socket;
    ret_paths[3] = qemu->vhost_path;
}

static enum cmaw_err listen_to_guest(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    CMAW_FD_AUTO(heartbeat);
    CMAW_FD_AUTO(logs);
    const char *paths[PATHS];
    int *const listeners[PATHS] = {&heartbeat, &logs}; /* the others are for the tool */
    list_paths(run, paths);
    for (; qemu->claimed < PATHS; qemu->claimed++) {
        const char *path = paths[qemu->claimed];
        int *listener = listeners[qemu->claimed];
        CMAW_TRY(listener == NULL ? cmaw_launch_claim(path, diag) : cmaw_launch_listen(path, listener, diag));
    }
    CMAW_TRY(cmaw_launch_source_add(&run->loop, &qemu->heartbeat, &heartbeat, EPOLLIN, heartbeat_ready));
    return cmaw_launch_source_add(&run->loop, &qemu->logs, &logs, EPOLLIN, logs_ready);
}

static enum cmaw_err start_tool(struct launch_run *run, const char *program, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    char vm[CMAW_PATH_MAX];
    /* vhost-device-vsock 0.3.0 drops packets of far more than 32 KiB, which then wait for ever; a guest sends none beyond this credit */
    CMAW_TRY(cmaw_path(vm, "guest-cid=%u,socket=%s.vhost,uds-path=%s,tx-buffer-size=%d", run->enclave.cid, qemu->name, qemu->name, GUEST_CREDIT));
    const char *const argv[] = {program, "--vm", vm, NULL};
    (void)umask(0077); /* its sockets are for this user, as ours are */
    return cmaw_launch_tool_start(run, &qemu->vsock, (struct cmaw_proc_spec){.argv = argv, .folder = qemu->folder, .out = -1}, diag);
}

/* Waits until the tool takes a connection, which is the one for QEMU: nobody else needs its socket. */
static enum cmaw_err await_tool(struct launch_run *run, int changes, int *ret_fd)
{
    struct launch_qemu *qemu = run->state;
    for (;;) {
        const enum cmaw_err err = cmaw_unix_connect(qemu->vhost_path, CONNECT_MS, ret_fd);
        CMAW_REQUIRE(err == CMAW_E_UNAVAILABLE, err);
        const uint64_t now = cmaw_clock_ms(), end = run->loop.heartbeat_deadline;
        CMAW_REQUIRE(now < end, CMAW_E_TIMEOUT);
        /* a socket that is bound but does not listen yet gives no event when it does */
        const int wait = access(qemu->vhost_path, F_OK) == 0 ? BETWEEN_BIND_AND_LISTEN_MS : (int)(end - now);
        struct pollfd events[] = {{.fd = changes, .events = POLLIN}, {.fd = qemu->vsock.proc.pidfd, .events = POLLIN}, {.fd = run->signals, .events = POLLIN}};
        CMAW_REQUIRE(poll(events, 3, wait) >= 0 || errno == EINTR, cmaw_err_of_errno(errno));
        if (((events[1].revents | events[2].revents) & POLLIN) != 0) {
            return CMAW_OK;
        }
        uint8_t block[4096];
        [[maybe_unused]] const ssize_t drained = read(changes, block, sizeof block);
    }
}

enum cmaw_err cmaw_launch_vsock_start(struct launch_run *run, const char *program, int *ret_fd, struct cmaw_diag *diag)
{
    struct launch_qemu *qemu = run->state;
    if (split_path(qemu, run->options->socket) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "path is too long: %s", run->options->socket);
    }
    CMAW_TRY(listen_to_guest(run, diag));
    CMAW_FD_AUTO(changes);
    changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (changes < 0 || inotify_add_watch(changes, qemu->folder, IN_CREATE) < 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot watch %s: %s", qemu->folder, strerror(errno));
    }
    CMAW_TRY(start_tool(run, program, diag));
    const enum cmaw_err err = await_tool(run, changes, ret_fd);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "%s does not serve %s: %s", program, qemu->vhost_path, cmaw_err_text(err));
}

void cmaw_launch_vsock_end(struct launch_run *run)
{
    const struct launch_qemu *qemu = run->state;
    const char *paths[PATHS];
    list_paths(run, paths);
    for (size_t i = 0; i < qemu->claimed; i++) {
        (void)unlink(paths[i]);
    }
}
