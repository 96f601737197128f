#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/launch/board.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { HEARTBEAT_BYTE = 0xb7 };
enum { LOG_BURST = 64 * 1024, LOG_PER_SECOND = 16 * 1024, LOG_LINE_COST = 64, READ_MAX = 4096 }; /* bytes */

static struct launch_stream *free_stream(struct launch_board *board)
{
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        if (board->streams[i].source.fd < 0) {
            board->streams[i].used = 0;
            return &board->streams[i];
        }
    }
    return NULL;
}

/* A pair whose one end we watch and whose other is for the enclave. */
static enum cmaw_err open_pair(struct launch_board *board, int *ret_fd,
                               void (*ready)(struct launch_board *, struct launch_source *, uint32_t))
{
    struct launch_stream *stream = free_stream(board);
    int pair[2];
    CMAW_REQUIRE(stream != NULL, CMAW_E_BUSY);
    CMAW_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, cmaw_err_of_errno(errno));
    const enum cmaw_err err = cmaw_launch_source_add(board, &stream->source, pair[0], EPOLLIN, ready);
    if (err != CMAW_OK) {
        (void)close(pair[0]);
        (void)close(pair[1]);
        return err;
    }
    *ret_fd = pair[1];
    return CMAW_OK;
}

static void heartbeat_ready(struct launch_board *board, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    uint8_t byte = 0;
    if (recv(source->fd, &byte, 1, MSG_DONTWAIT) == 1 && byte == HEARTBEAT_BYTE &&
        send(source->fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) {
        board->alive = true;
    }
    cmaw_launch_source_close(board, source);
}

enum cmaw_err cmaw_launch_heartbeat_open(struct launch_board *board, int *ret_fd)
{
    return open_pair(board, ret_fd, heartbeat_ready);
}

/* Whether the budget, which refills with time, has room for a line; if not, it is counted. */
static bool may_log(struct launch_board *board, size_t size)
{
    const uint64_t now = cmaw_clock_ms();
    if (board->log_budget.refilled == 0) {
        board->log_budget.tokens = LOG_BURST;
    } else {
        board->log_budget.tokens += (now - board->log_budget.refilled) * LOG_PER_SECOND / 1000;
    }
    board->log_budget.tokens = board->log_budget.tokens > LOG_BURST ? LOG_BURST : board->log_budget.tokens;
    board->log_budget.refilled = now;
    if (board->log_budget.tokens < size + LOG_LINE_COST) {
        board->log_budget.dropped++;
        return false;
    }
    board->log_budget.tokens -= size + LOG_LINE_COST;
    return true;
}

static void write_line(struct launch_board *board, struct launch_stream *stream)
{
    stream->line[stream->used] = '\0';
    if (stream->used > 0 && may_log(board, stream->used)) {
        if (board->log_budget.dropped > 0) {
            cmaw_log(CMAW_LOG_WARN, "enclave.log_dropped", "name=%s lines=%llu", board->options->name,
                     (unsigned long long)board->log_budget.dropped);
            board->log_budget.dropped = 0;
        }
        cmaw_log(CMAW_LOG_INFO, "enclave.log", "name=%s line=\"%s\"", board->options->name, stream->line);
    }
    stream->used = 0;
}

/* A line that is too long is cut; only printable ASCII reaches the host's terminal. */
static void take_text(struct launch_board *board, struct launch_stream *stream, struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte == '\n') {
            write_line(board, stream);
        } else if (stream->used < LAUNCH_LOG_LINE_MAX) {
            stream->line[stream->used++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
        }
    }
}

static void keep_console(struct launch_board *board, struct cmaw_slice text)
{
    if (board->console_file >= 0 && text.size <= board->console_left) {
        board->console_left -= text.size;
        /* a full disk costs the console, not the enclave */
        CMAW_IGNORE(cmaw_fd_write(board->console_file, text));
    }
}

static void read_text(struct launch_board *board, struct launch_source *source, bool console)
{
    struct launch_stream *stream = (struct launch_stream *)source;
    uint8_t block[READ_MAX];
    const ssize_t got = read(source->fd, block, sizeof block);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        write_line(board, stream);
        cmaw_launch_source_close(board, source);
        return;
    }
    const struct cmaw_slice text = cmaw_slice_of(block, (size_t)got);
    if (console) {
        keep_console(board, text);
    }
    take_text(board, stream, text);
}

static void log_ready(struct launch_board *board, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    read_text(board, source, false);
}

static void console_ready(struct launch_board *board, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    read_text(board, source, true);
}

enum cmaw_err cmaw_launch_log_open(struct launch_board *board, int *ret_fd)
{
    return open_pair(board, ret_fd, log_ready);
}

enum cmaw_err cmaw_launch_console_open(struct launch_board *board, int fd)
{
    struct launch_stream *stream = free_stream(board);
    CMAW_REQUIRE(stream != NULL, CMAW_E_BUSY);
    return cmaw_launch_source_add(board, &stream->source, fd, EPOLLIN, console_ready);
}
