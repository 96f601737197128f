#include "host/launch/board.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sys/daemon.h"
#include "sys/file.h"

enum { MAX_WAIT_MS = 60 * 60 * 1000 };

enum cmaw_err cmaw_launch_source_add(struct launch_board *board, struct launch_source *source, int fd, uint32_t events,
                                     void (*ready)(struct launch_board *, struct launch_source *, uint32_t))
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    CMAW_REQUIRE(epoll_ctl(board->epoll, EPOLL_CTL_ADD, fd, &event) == 0, cmaw_err_of_errno(errno));
    *source = (struct launch_source){fd, ready};
    return CMAW_OK;
}

void cmaw_launch_source_watch(struct launch_board *board, struct launch_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (source->fd >= 0) {
        (void)epoll_ctl(board->epoll, EPOLL_CTL_MOD, source->fd, &event);
    }
}

void cmaw_launch_source_close(struct launch_board *board, struct launch_source *source)
{
    /* closing is not enough: the connection lives on wherever its descriptor was sent, and so would its registration */
    if (source->fd >= 0) {
        (void)epoll_ctl(board->epoll, EPOLL_CTL_DEL, source->fd, NULL);
        cmaw_fd_close(&source->fd);
    }
}

static void death_ready(struct launch_board *board, [[maybe_unused]] struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    board->end = LAUNCH_DIED;
}

static void signals_ready(struct launch_board *board, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    if (cmaw_signals_next(source->fd) != 0) {
        board->end = LAUNCH_STOPPED;
    }
}

static void clear(struct launch_board *board)
{
    board->signals.fd = board->death.fd = board->listener.fd = board->incoming.fd = board->outgoing.fd = board->nsm.fd = -1;
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        board->calls[i].source.fd = -1;
    }
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        board->streams[i].source.fd = -1;
    }
    board->console_file = -1;
}

/* A source owns its descriptor; the enclave's and the caller's are watched through duplicates. */
static enum cmaw_err add_copy(struct launch_board *board, struct launch_source *source, int fd, uint32_t events,
                              void (*ready)(struct launch_board *, struct launch_source *, uint32_t))
{
    CMAW_FD_AUTO(copy);
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CMAW_REQUIRE(copy >= 0, cmaw_err_of_errno(errno));
    CMAW_TRY(cmaw_launch_source_add(board, source, copy, events, ready));
    copy = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_board_open(struct launch_board *board, const struct launch_options *options, const struct launch_module *module,
                                     const struct launch_enclave *enclave, int listener, int signals)
{
    *board = (struct launch_board){.options = options, .module = module};
    clear(board);
    board->heartbeat_deadline = cmaw_clock_ms() + options->boot_timeout_ms;
    board->epoll = epoll_create1(EPOLL_CLOEXEC);
    CMAW_REQUIRE(board->epoll >= 0, cmaw_err_of_errno(errno));
    CMAW_TRY(add_copy(board, &board->signals, signals, EPOLLIN, signals_ready));
    CMAW_TRY(add_copy(board, &board->death, enclave->pidfd, EPOLLIN, death_ready));
    CMAW_TRY(add_copy(board, &board->incoming, enclave->incoming, 0, cmaw_launch_incoming_ready));
    CMAW_TRY(add_copy(board, &board->outgoing, enclave->outgoing, EPOLLIN, cmaw_launch_outgoing_ready));
    /* hosts wait in the backlog until the enclave is up */
    return add_copy(board, &board->listener, listener, 0, cmaw_launch_listener_ready);
}

void cmaw_launch_board_close(struct launch_board *board)
{
    cmaw_launch_source_close(board, &board->signals);
    cmaw_launch_source_close(board, &board->death);
    cmaw_launch_source_close(board, &board->listener);
    cmaw_launch_source_close(board, &board->incoming);
    cmaw_launch_source_close(board, &board->outgoing);
    cmaw_launch_source_close(board, &board->nsm);
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        cmaw_launch_source_close(board, &board->calls[i].source);
    }
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        cmaw_launch_source_close(board, &board->streams[i].source);
    }
    cmaw_fd_close(&board->console_file);
    cmaw_fd_close(&board->epoll);
}

static void sooner(uint64_t *next, uint64_t deadline)
{
    *next = deadline < *next ? deadline : *next;
}

static uint64_t next_deadline(const struct launch_board *board)
{
    uint64_t next = UINT64_MAX;
    if (!board->alive) {
        sooner(&next, board->heartbeat_deadline);
    }
    if (board->nsm.fd >= 0) {
        sooner(&next, board->nsm_deadline);
    }
    for (size_t i = 0; i < LAUNCH_CALLS_MAX; i++) {
        if (board->calls[i].source.fd >= 0) {
            sooner(&next, board->calls[i].deadline);
        }
    }
    return next;
}

static int wait_ms(const struct launch_board *board)
{
    const uint64_t next = next_deadline(board), now = cmaw_clock_ms();
    if (next == UINT64_MAX) {
        return -1;
    }
    return next <= now ? 0 : next - now > MAX_WAIT_MS ? MAX_WAIT_MS : (int)(next - now);
}

static void expire(struct launch_board *board)
{
    const uint64_t now = cmaw_clock_ms();
    if (!board->alive && now >= board->heartbeat_deadline && board->end == LAUNCH_RUNS) {
        board->end = LAUNCH_SILENT;
    }
    cmaw_launch_nsm_expire(board, now);
    cmaw_launch_calls_expire(board, now);
}

/* One event at a time: what its handler closes cannot be in a later event of the same batch. */
static void turn(struct launch_board *board)
{
    struct epoll_event event;
    if (epoll_wait(board->epoll, &event, 1, wait_ms(board)) == 1) {
        struct launch_source *source = event.data.ptr;
        source->ready(board, source, event.events);
    }
    expire(board);
}

void cmaw_launch_board_boot(struct launch_board *board)
{
    while (board->end == LAUNCH_RUNS && !board->alive) {
        turn(board);
    }
}

void cmaw_launch_board_serve(struct launch_board *board)
{
    cmaw_launch_source_watch(board, &board->listener, EPOLLIN);
    while (board->end == LAUNCH_RUNS) {
        turn(board);
    }
}
