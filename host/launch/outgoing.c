#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "host/launch/board.h"
#include "lib/base/log.h"
#include "sys/addr.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { PORT_NSM = 0, PORT_HEARTBEAT = 9000, PORT_LOGS = 9001, REQUEST_SIZE = 4 };
enum { NSM_ANSWER_MS = 5 * 1000, AT_ONCE_MS = 1 };

static uint32_t errno_of(enum cmaw_err err)
{
    switch (err) {
    case CMAW_OK:
        return 0;
    case CMAW_E_UNAVAILABLE:
    case CMAW_E_CLOSED:
        return ECONNREFUSED;
    case CMAW_E_TIMEOUT:
    case CMAW_E_BUSY:
        return EAGAIN;
    default:
        return EIO;
    }
}

/* An enclave that does not take its answers loses them. */
static void answer(struct launch_loop *loop, enum cmaw_err err, int fd)
{
    const struct launch_board *board = loop->state;
    if (cmaw_launch_pass(board->outgoing.fd, errno_of(err), err == CMAW_OK ? fd : -1) == CMAW_E_BUSY) {
        cmaw_log(CMAW_LOG_WARN, "enclave.answer_lost", "name=%s", loop->name);
    }
}

/* Requests are answered in their order: none is read while the simulator's answer is awaited. */
static void end_nsm(struct launch_loop *loop, enum cmaw_err err)
{
    struct launch_board *board = loop->state;
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_WARN, "nsm.resume_failed", "name=%s err=%s", loop->name, cmaw_err_text(err));
    }
    answer(loop, err, board->nsm.fd);
    cmaw_launch_source_close(loop, &board->nsm);
    cmaw_launch_source_watch(loop, &board->outgoing, EPOLLIN);
}

static void nsm_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    struct launch_board *board = loop->state;
    const enum cmaw_err err = cmaw_launch_nsm_answer(source->fd, &board->nsm_answer);
    if (err != CMAW_E_BUSY) {
        end_nsm(loop, err);
    }
}

static void nsm_expired(struct launch_loop *loop, [[maybe_unused]] struct launch_source *source)
{
    end_nsm(loop, CMAW_E_TIMEOUT);
}

static enum cmaw_err start_nsm(struct launch_loop *loop)
{
    struct launch_board *board = loop->state;
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_launch_nsm_resume(board->options->nsm, &board->module, &fd));
    CMAW_TRY(cmaw_launch_source_add(loop, &board->nsm, &fd, EPOLLIN, nsm_ready));
    board->nsm_answer.size = 0;
    board->nsm.deadline = cmaw_clock_ms() + NSM_ANSWER_MS;
    board->nsm.expired = nsm_expired;
    cmaw_launch_source_watch(loop, &board->outgoing, 0);
    return CMAW_OK;
}

static enum cmaw_err open_logs(struct launch_loop *loop, int *ours)
{
    return cmaw_launch_log_add(loop, loop->name, ours);
}

/* A pair whose one end is watched here and whose other is for the enclave. */
static enum cmaw_err open_pair(struct launch_loop *loop, enum cmaw_err (*add)(struct launch_loop *, int *), int *ret_fd)
{
    CMAW_FD_AUTO(ours);
    CMAW_FD_AUTO(theirs);
    int pair[2];
    CMAW_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, cmaw_err_of_errno(errno));
    ours = pair[0];
    theirs = pair[1];
    CMAW_TRY(add(loop, &ours));
    *ret_fd = theirs;
    theirs = -1;
    return CMAW_OK;
}

static enum cmaw_err connect_port(struct launch_loop *loop, uint32_t port, int *ret_fd)
{
    const struct launch_board *board = loop->state;
    char path[CMAW_PATH_MAX];
    switch (port) {
    case PORT_HEARTBEAT:
        return open_pair(loop, cmaw_launch_heartbeat_add, ret_fd);
    case PORT_LOGS:
        return open_pair(loop, open_logs, ret_fd);
    default:
        CMAW_TRY(cmaw_path(path, "%s_%u", board->options->socket, port));
        /* the loop must not wait for a listener whose backlog is full */
        return cmaw_unix_connect(path, AT_ONCE_MS, ret_fd);
    }
}

void cmaw_launch_outgoing_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    uint8_t request[REQUEST_SIZE + 1];
    const ssize_t got = recv(source->fd, request, sizeof request, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got != REQUEST_SIZE) { /* closed, or not our protocol */
        cmaw_log(CMAW_LOG_WARN, "enclave.outgoing_closed", "name=%s size=%zd", loop->name, got);
        cmaw_launch_source_close(loop, source);
        return;
    }
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_of(request, REQUEST_SIZE));
    const uint32_t port = cmaw_read_u32be(&reader);
    CMAW_FD_AUTO(fd);
    const enum cmaw_err err = port == PORT_NSM ? start_nsm(loop) : connect_port(loop, port, &fd);
    if (port != PORT_NSM || err != CMAW_OK) {
        answer(loop, err, fd);
    }
}
