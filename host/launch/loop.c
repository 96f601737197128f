#include "host/launch/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "sys/daemon.h"
#include "sys/file.h"

enum { MAX_WAIT_MS = 60 * 60 * 1000 };

enum cmaw_err cmaw_launch_source_add(struct launch_loop *loop, struct launch_source *source, int *fd, uint32_t events,
                                     void (*ready)(struct launch_loop *, struct launch_source *, uint32_t))
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    CMAW_REQUIRE(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, *fd, &event) == 0, cmaw_err_of_errno(errno));
    *source = (struct launch_source){.fd = *fd, .ready = ready, .deadline = UINT64_MAX, .next = loop->first};
    loop->first = source;
    *fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_source_add_copy(struct launch_loop *loop, struct launch_source *source, int fd, uint32_t events,
                                          void (*ready)(struct launch_loop *, struct launch_source *, uint32_t))
{
    CMAW_FD_AUTO(copy);
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    CMAW_REQUIRE(copy >= 0, cmaw_err_of_errno(errno));
    return cmaw_launch_source_add(loop, source, &copy, events, ready);
}

void cmaw_launch_source_watch(struct launch_loop *loop, struct launch_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (source->fd >= 0) {
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, source->fd, &event);
    }
}

void cmaw_launch_source_close(struct launch_loop *loop, struct launch_source *source)
{
    if (source->fd < 0) {
        return;
    }
    for (struct launch_source **at = &loop->first; *at != NULL; at = &(*at)->next) {
        if (*at == source) {
            *at = source->next;
            break;
        }
    }
    /* closing is not enough: the connection lives on wherever its descriptor was sent, and so would its registration */
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    cmaw_fd_close(&source->fd);
}

void cmaw_launch_death_ready(struct launch_loop *loop, [[maybe_unused]] struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    loop->end = loop->end == LAUNCH_RUNS ? LAUNCH_DIED : loop->end;
}

static void signals_ready(struct launch_loop *loop, struct launch_source *source, [[maybe_unused]] uint32_t events)
{
    if (cmaw_signals_next(source->fd) != 0) {
        loop->end = LAUNCH_STOPPED;
    }
}

enum cmaw_err cmaw_launch_loop_open(struct launch_loop *loop, const char *name, uint32_t boot_timeout_ms, int signals)
{
    *loop = (struct launch_loop){.name = name, .signals = LAUNCH_SOURCE_NONE, .console_file = -1};
    for (size_t i = 0; i < LAUNCH_STREAMS_MAX; i++) {
        loop->streams[i].source = LAUNCH_SOURCE_NONE;
    }
    loop->heartbeat_deadline = cmaw_clock_ms() + boot_timeout_ms;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    CMAW_REQUIRE(loop->epoll >= 0, cmaw_err_of_errno(errno));
    return cmaw_launch_source_add_copy(loop, &loop->signals, signals, EPOLLIN, signals_ready);
}

void cmaw_launch_loop_close(struct launch_loop *loop)
{
    while (loop->first != NULL) {
        cmaw_launch_source_close(loop, loop->first);
    }
    cmaw_fd_close(&loop->console_file);
    cmaw_fd_close(&loop->epoll);
}

static void sooner(uint64_t *next, uint64_t deadline)
{
    *next = deadline < *next ? deadline : *next;
}

static int wait_ms(const struct launch_loop *loop)
{
    uint64_t next = loop->alive ? UINT64_MAX : loop->heartbeat_deadline;
    for (const struct launch_source *source = loop->first; source != NULL; source = source->next) {
        sooner(&next, source->deadline);
    }
    const uint64_t now = cmaw_clock_ms();
    if (next == UINT64_MAX) {
        return -1;
    }
    return next <= now ? 0 : next - now > MAX_WAIT_MS ? MAX_WAIT_MS : (int)(next - now);
}

/* One whose time is over, or NULL. */
static struct launch_source *late_source(const struct launch_loop *loop, uint64_t now)
{
    for (struct launch_source *source = loop->first; source != NULL; source = source->next) {
        if (now >= source->deadline) {
            return source;
        }
    }
    return NULL;
}

static void expire(struct launch_loop *loop)
{
    const uint64_t now = cmaw_clock_ms();
    if (!loop->alive && now >= loop->heartbeat_deadline && loop->end == LAUNCH_RUNS) {
        loop->end = LAUNCH_SILENT;
    }
    /* a handler may close any source: look from the start again */
    for (struct launch_source *source; (source = late_source(loop, now)) != NULL;) {
        source->deadline = UINT64_MAX;
        source->expired(loop, source);
    }
}

/* One event at a time: what its handler closes cannot be in a later event of the same batch. */
static void turn(struct launch_loop *loop)
{
    struct epoll_event event;
    if (epoll_wait(loop->epoll, &event, 1, wait_ms(loop)) == 1) {
        struct launch_source *source = event.data.ptr;
        source->ready(loop, source, event.events);
    }
    expire(loop);
}

void cmaw_launch_loop_boot(struct launch_loop *loop)
{
    while (loop->end == LAUNCH_RUNS && !loop->alive) {
        turn(loop);
    }
}

void cmaw_launch_loop_serve(struct launch_loop *loop)
{
    while (loop->end == LAUNCH_RUNS) {
        turn(loop);
    }
}
