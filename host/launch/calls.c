#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "host/launch/board.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { CALL_TIMEOUT_MS = 10 * 1000, REQUEST_MAX = 32 };

static void end_call(struct launch_loop *loop, struct launch_call *call)
{
    struct launch_board *board = loop->state;
    cmaw_launch_source_close(loop, &call->source);
    call->waiting = false;
    cmaw_launch_source_watch(loop, &board->listener, EPOLLIN); /* a place is free again */
}

static void call_expired(struct launch_loop *loop, struct launch_source *source)
{
    end_call(loop, (struct launch_call *)source);
}

/* "CONNECT PORT\n", looked at without taking it: what follows belongs to the enclave. BUSY: not all there yet. */
static enum cmaw_err read_request(int fd, uint32_t *ret_port)
{
    char line[REQUEST_MAX + 1];
    const ssize_t got = recv(fd, line, REQUEST_MAX, MSG_PEEK | MSG_DONTWAIT);
    CMAW_REQUIRE(got >= 0, errno == EAGAIN || errno == EINTR ? CMAW_E_BUSY : cmaw_err_of_errno(errno));
    CMAW_REQUIRE(got > 0, CMAW_E_CLOSED);
    char *newline = memchr(line, '\n', (size_t)got);
    CMAW_REQUIRE(newline != NULL, got == REQUEST_MAX ? CMAW_E_MALFORMED : CMAW_E_BUSY);
    const size_t size = (size_t)(newline - line) + 1;
    *newline = '\0';
    uint64_t port = 0;
    CMAW_REQUIRE(strncmp(line, "CONNECT ", 8) == 0, CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_parse_u64(line + 8, UINT32_MAX, &port));
    char taken[REQUEST_MAX];
    CMAW_REQUIRE(recv(fd, taken, size, MSG_DONTWAIT) == (ssize_t)size, CMAW_E_IO);
    *ret_port = (uint32_t)port;
    return CMAW_OK;
}

static bool has_room(int queue)
{
    struct pollfd event = {.fd = queue, .events = POLLOUT};
    return poll(&event, 1, 0) == 1 && event.revents == POLLOUT;
}

/* The host hears OK before the enclave has the connection: whatever the enclave says first must come behind it. A host that
 * has gone away leaves the enclave with an ended connection, as it would anyway. */
static void hand_over(struct launch_loop *loop, struct launch_call *call)
{
    struct launch_board *board = loop->state;
    char answer[32];
    if (board->incoming.fd >= 0 && !has_room(board->incoming.fd)) {
        call->waiting = true;
        cmaw_launch_source_watch(loop, &call->source, 0);
        cmaw_launch_source_watch(loop, &board->incoming, EPOLLOUT);
        return;
    }
    if (board->incoming.fd >= 0) {
        const int size = snprintf(answer, sizeof answer, "OK %u\n", call->port);
        [[maybe_unused]] const ssize_t sent = send(call->source.fd, answer, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
        /* a connection that cannot be passed after all ends here, which both sides see */
        CMAW_IGNORE(cmaw_launch_pass(board->incoming.fd, call->port, call->source.fd));
    }
    end_call(loop, call);
}

static void call_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events)
{
    struct launch_call *call = (struct launch_call *)source;
    if (call->waiting) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
            end_call(loop, call);
        }
        return;
    }
    const enum cmaw_err err = read_request(source->fd, &call->port);
    if (err == CMAW_OK) {
        hand_over(loop, call);
    } else if (err != CMAW_E_BUSY || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
        end_call(loop, call);
    }
}

static struct launch_call *free_call(struct launch_board *board)
{
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        if (board->calls[i].source.fd < 0) {
            return &board->calls[i];
        }
    }
    return NULL;
}

void cmaw_launch_listener_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    struct launch_board *board = loop->state;
    struct launch_call *call = free_call(board);
    if (call == NULL) {
        cmaw_launch_source_watch(loop, source, 0); /* the rest waits in the backlog */
        return;
    }
    CMAW_FD_AUTO(fd);
    fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC);
    call->waiting = false;
    /* edge-triggered: half a request stays in the socket and must not wake us again */
    if (fd >= 0 && cmaw_launch_source_add(loop, &call->source, &fd, EPOLLIN | EPOLLRDHUP | EPOLLET, call_ready) == CMAW_OK) {
        call->source.deadline = cmaw_clock_ms() + CALL_TIMEOUT_MS;
        call->source.expired = call_expired;
    }
}

void cmaw_launch_incoming_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events)
{
    struct launch_board *board = loop->state;
    cmaw_launch_source_watch(loop, source, 0);
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        cmaw_log(CMAW_LOG_WARN, "enclave.deaf", "name=%s", board->options->name);
        cmaw_launch_source_close(loop, source);
    }
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        if (board->calls[i].source.fd >= 0 && board->calls[i].waiting) {
            hand_over(loop, &board->calls[i]);
        }
    }
}
