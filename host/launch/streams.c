#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/launch/loop.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum { HEARTBEAT_BYTE = 0xb7, HEARTBEAT_MS = 10 * 1000 };
enum { LOG_BURST = 64 * 1024, LOG_PER_SECOND = 16 * 1024, LOG_LINE_COST = 64, READ_MAX = 4096 }; /* bytes */

static struct launch_stream *free_stream(struct launch_loop *loop)
{
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        if (loop->streams[i].source.fd < 0) {
            loop->streams[i] = (struct launch_stream){.source = LAUNCH_SOURCE_NONE};
            return &loop->streams[i];
        }
    }
    return NULL;
}

/* That of the speaker, whichever of its streams it uses; of who has been silent longest, where there is none left. */
static struct launch_budget *budget_of(struct launch_loop *loop, const char *label)
{
    struct launch_budget *oldest = &loop->budgets[0];
    for (size_t i = 0; i < LAUNCH_SPEAKERS_MAX; i++) {
        struct launch_budget *budget = &loop->budgets[i];
        if (strcmp(budget->label, label) == 0) {
            return budget;
        }
        oldest = budget->refilled_ms < oldest->refilled_ms ? budget : oldest;
    }
    *oldest = (struct launch_budget){.tokens = LOG_BURST, .refilled_ms = cmaw_clock_ms()};
    (void)snprintf(oldest->label, sizeof oldest->label, "%s", label);
    return oldest;
}

/* Whether there is room for a line; if not, it is counted. */
static bool may_log(struct launch_budget *budget, size_t size)
{
    const uint64_t now = cmaw_clock_ms();
    const uint64_t tokens = budget->tokens + (now - budget->refilled_ms) * LOG_PER_SECOND / 1000;
    budget->tokens = tokens > LOG_BURST ? LOG_BURST : tokens;
    budget->refilled_ms = now;
    if (budget->tokens < size + LOG_LINE_COST) {
        budget->dropped++;
        return false;
    }
    budget->tokens -= size + LOG_LINE_COST;
    return true;
}

/* A line of text shows its fields by quotes: the speaker's own must not end one. JSON has them escaped. */
static void soften_quotes(char *line)
{
    for (; *line != '\0'; line++) {
        *line = *line == '"' ? '\'' : *line;
    }
}

static void log_line(const struct launch_loop *loop, struct launch_stream *stream, struct launch_budget *budget)
{
    if (!cmaw_log_is_json()) {
        soften_quotes(stream->line);
    }
    if (budget->dropped > 0) {
        cmaw_log(CMAW_LOG_WARN, "enclave.log_dropped", "name=%s lines=%llu", stream->label, (unsigned long long)budget->dropped);
        budget->dropped = 0;
    }
    if (stream->words != NULL) {
        cmaw_log(CMAW_LOG_WARN, "launch.tool", "name=%s program=%s line=\"%s\"", loop->name, stream->label, stream->line);
    } else {
        cmaw_log(CMAW_LOG_INFO, "enclave.log", "name=%s line=\"%s\"", stream->label, stream->line);
    }
}

static void write_line(struct launch_loop *loop, struct launch_stream *stream)
{
    stream->line[stream->used] = '\0';
    if (stream->used > 0 && stream->words != NULL) {
        memcpy(stream->words->text, stream->line, stream->used + 1);
    }
    struct launch_budget *budget = budget_of(loop, stream->label);
    if (stream->used > 0 && may_log(budget, stream->used)) {
        log_line(loop, stream, budget);
    }
    stream->used = 0;
}

/* A line that is too long is cut; only printable ASCII reaches the host's terminal. A console ends its lines with \r\n. */
static void take_text(struct launch_loop *loop, struct launch_stream *stream, struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t byte = text.data[i];
        if (byte == '\n') {
            write_line(loop, stream);
        } else if (byte != '\r' && stream->used < LAUNCH_LOG_LINE_MAX) {
            stream->line[stream->used++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
        }
    }
}

static void keep_console(struct launch_loop *loop, struct cmaw_slice text)
{
    if (loop->console_file >= 0 && text.size <= loop->console_left) {
        loop->console_left -= text.size;
        /* a full disk costs the console, not the enclave */
        CMAW_IGNORE(cmaw_fd_write(loop->console_file, text));
    }
}

/* Whether there may be more. */
static bool read_text(struct launch_loop *loop, struct launch_stream *stream)
{
    uint8_t block[READ_MAX];
    const ssize_t got = read(stream->source.fd, block, sizeof block);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        write_line(loop, stream);
        cmaw_launch_source_close(loop, &stream->source);
        return false;
    }
    const struct cmaw_slice text = cmaw_slice_of(block, (size_t)got);
    if (stream->console) {
        keep_console(loop, text);
    }
    take_text(loop, stream, text);
    return true;
}

static void text_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    [[maybe_unused]] const bool more = read_text(loop, (struct launch_stream *)source);
}

static enum cmaw_err add_text(struct launch_loop *loop, const char *label, int *fd, struct launch_stream **ret_stream)
{
    struct launch_stream *stream = free_stream(loop);
    CMAW_REQUIRE(stream != NULL, CMAW_E_BUSY);
    CMAW_REQUIRE(fcntl(*fd, F_SETFL, O_NONBLOCK) == 0, cmaw_err_of_errno(errno));
    CMAW_TRY(cmaw_launch_source_add(loop, &stream->source, fd, EPOLLIN, text_ready));
    (void)snprintf(stream->label, sizeof stream->label, "%s", label);
    *ret_stream = stream;
    return CMAW_OK;
}

static size_t count_label(const struct launch_loop *loop, const char *label)
{
    size_t count = 0;
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        count += loop->streams[i].source.fd >= 0 && strcmp(loop->streams[i].label, label) == 0;
    }
    return count;
}

enum cmaw_err cmaw_launch_log_add(struct launch_loop *loop, const char *label, int *fd)
{
    struct launch_stream *unused;
    CMAW_REQUIRE(count_label(loop, label) < LAUNCH_LOGS_EACH, CMAW_E_BUSY);
    return add_text(loop, label, fd, &unused);
}

enum cmaw_err cmaw_launch_console_add(struct launch_loop *loop, int *fd)
{
    struct launch_stream *stream = NULL;
    CMAW_TRY(add_text(loop, loop->name, fd, &stream));
    stream->console = true;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_tool_add(struct launch_loop *loop, const char *program, struct launch_words *words, int *fd)
{
    struct launch_stream *stream = NULL;
    CMAW_TRY(add_text(loop, program, fd, &stream));
    stream->words = words;
    return CMAW_OK;
}

void cmaw_launch_tools_drain(struct launch_loop *loop)
{
    enum { ROUNDS = 64 }; /* of READ_MAX: more than a pipe holds */
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        struct launch_stream *stream = &loop->streams[i];
        for (int round = 0; round < ROUNDS && stream->source.fd >= 0 && stream->words != NULL && read_text(loop, stream); round++) {
        }
        if (stream->words != NULL && stream->source.fd >= 0) {
            write_line(loop, stream);
        }
    }
}

static void heartbeat_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    uint8_t byte = 0;
    if (recv(source->fd, &byte, 1, MSG_DONTWAIT) == 1 && byte == HEARTBEAT_BYTE &&
        send(source->fd, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1) {
        loop->alive = true;
    }
    cmaw_launch_source_close(loop, source);
}

enum cmaw_err cmaw_launch_heartbeat_add(struct launch_loop *loop, int *fd)
{
    struct launch_stream *stream = free_stream(loop);
    CMAW_REQUIRE(stream != NULL, CMAW_E_BUSY);
    CMAW_TRY(cmaw_launch_source_add(loop, &stream->source, fd, EPOLLIN, heartbeat_ready));
    /* a connection that never beats must not keep its place */
    stream->source.deadline = cmaw_clock_ms() + HEARTBEAT_MS;
    stream->source.expired = cmaw_launch_source_close;
    return CMAW_OK;
}
