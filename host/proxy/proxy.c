#include "host/proxy/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sys/daemon.h"
#include "sys/file.h"

enum { TICK_MS = 1000 };

enum cmaw_err cmaw_proxy_watch(struct proxy *proxy, struct proxy_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    CMAW_REQUIRE(epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, source->fd, &event) == 0, cmaw_err_of_errno(errno));
    return CMAW_OK;
}

static enum cmaw_err open_port(struct proxy *proxy, size_t index, struct cmaw_diag *diag)
{
    const struct proxy_forward *forward = &proxy->options->forwards[index];
    struct proxy_port *port = &proxy->ports[index];
    port->index = index;
    const enum cmaw_err err = cmaw_addr_listen(&forward->from, &port->listener.fd);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "cannot listen on %s port %u: %s", forward->from.vsock ? "vsock" : forward->from.path,
                             forward->from.port, cmaw_err_text(err));
    }
    (void)fcntl(port->listener.fd, F_SETFL, O_NONBLOCK);
    return cmaw_proxy_watch(proxy, &port->listener, EPOLLIN);
}

static bool is_ready(void *context, struct cmaw_buf *reason)
{
    const struct proxy *proxy = context;
    bool ready = true;
    for (size_t i = 0; i < proxy->options->forward_count; i++) {
        if (proxy->ports[i].paused) {
            cmaw_buf_printf(reason, "forward %zu: no descriptor is left for a connection\n", i);
            ready = false;
        }
    }
    return ready;
}

static void put_metrics(void *context, struct cmaw_buf *text)
{
    cmaw_proxy_metrics(context, text);
}

static enum cmaw_err open_health(struct proxy *proxy, struct cmaw_diag *diag)
{
    const struct cmaw_health_source source = {is_ready, put_metrics, proxy};
    CMAW_TRY(cmaw_health_start(proxy->options->http, &source, false, &proxy->health, diag));
    proxy->watched.fd = cmaw_health_fd(proxy->health);
    return cmaw_proxy_watch(proxy, &proxy->watched, EPOLLIN);
}

enum cmaw_err cmaw_proxy_open(struct proxy *proxy, const struct proxy_options *options, struct cmaw_diag *diag)
{
    *proxy = (struct proxy){.options = options, .epoll = -1, .signals = {PROXY_SIGNALS, -1, NULL}, .notify = {PROXY_RESOLVER, -1, NULL},
                             .watched = {PROXY_HEALTH, -1, NULL}};
    for (size_t i = 0; i < PROXY_FORWARDS_MAX; i++) {
        proxy->ports[i].listener = (struct proxy_source){PROXY_LISTENER, -1, &proxy->ports[i]};
    }
    proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
    CMAW_REQUIRE(proxy->epoll >= 0, cmaw_err_of_errno(errno));
    CMAW_TRY(cmaw_signals_open(true, &proxy->signals.fd));
    CMAW_TRY(cmaw_proxy_watch(proxy, &proxy->signals, EPOLLIN));
    CMAW_TRY(cmaw_proxy_resolver_new(options, &proxy->resolver, &proxy->notify.fd));
    CMAW_TRY(cmaw_proxy_watch(proxy, &proxy->notify, EPOLLIN));
    for (size_t i = 0; i < options->forward_count; i++) {
        CMAW_TRY(open_port(proxy, i, diag));
    }
    return proxy->options->http == NULL ? CMAW_OK : open_health(proxy, diag);
}

static void remove_socket(const struct proxy_forward *forward)
{
    char path[CMAW_PATH_MAX];
    if (!forward->from.vsock && cmaw_path(path, "%s_%u", forward->from.path, forward->from.port) == CMAW_OK) {
        (void)unlink(path);
    }
}

void cmaw_proxy_close(struct proxy *proxy)
{
    while (proxy->first != NULL) {
        cmaw_proxy_link_end(proxy, proxy->first, &proxy->first->port->counters.failed);
    }
    for (size_t i = 0; i < proxy->options->forward_count; i++) {
        if (proxy->ports[i].listener.fd >= 0) {
            remove_socket(&proxy->options->forwards[i]);
            cmaw_fd_close(&proxy->ports[i].listener.fd);
        }
    }
    cmaw_health_stop(&proxy->health);
    cmaw_fd_close(&proxy->signals.fd);
    cmaw_fd_close(&proxy->epoll);
}

static void take_signals(struct proxy *proxy)
{
    for (int number; (number = cmaw_signals_next(proxy->signals.fd)) != 0;) {
        if (number == SIGUSR1) {
            cmaw_proxy_log_counters(proxy);
        } else {
            proxy->stopped = true;
        }
    }
}

static void run_links(struct proxy *proxy, bool (*wanted)(const struct proxy_link *))
{
    struct proxy_link *next = NULL;
    for (struct proxy_link *link = proxy->first; link != NULL; link = next) {
        next = link->next; /* the link may end; no other does */
        if (wanted(link)) {
            cmaw_proxy_link_run(proxy, link);
        }
    }
}

static bool is_resolving(const struct proxy_link *link)
{
    return link->stage == PROXY_RESOLVING;
}

static bool has_more(const struct proxy_link *link)
{
    return link->more;
}

static bool any_more(const struct proxy *proxy)
{
    for (const struct proxy_link *link = proxy->first; link != NULL; link = link->next) {
        if (link->more) {
            return true;
        }
    }
    return false;
}

static void handle(struct proxy *proxy, const struct proxy_source *source)
{
    switch (source->kind) {
    case PROXY_LISTENER:
        cmaw_proxy_accept(proxy, source->owner);
        break;
    case PROXY_SIGNALS:
        take_signals(proxy);
        break;
    case PROXY_RESOLVER:
        cmaw_proxy_resolver_clear(proxy->resolver);
        run_links(proxy, is_resolving);
        break;
    case PROXY_HEALTH: /* after every event */
        break;
    case PROXY_INNER:
    case PROXY_OUTER:
        cmaw_proxy_link_run(proxy, source->owner);
        break;
    }
}

/* A port that found no descriptor is out of the epoll until the next tick. */
static void set_paused(struct proxy *proxy, bool paused)
{
    for (size_t i = 0; i < proxy->options->forward_count; i++) {
        struct proxy_port *port = &proxy->ports[i];
        struct epoll_event event = {.events = paused ? 0 : EPOLLIN, .data.ptr = &port->listener};
        if (port->paused) {
            (void)epoll_ctl(proxy->epoll, EPOLL_CTL_MOD, port->listener.fd, &event);
            port->paused = paused;
        }
    }
}

static bool any_paused(const struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->options->forward_count; i++) {
        if (proxy->ports[i].paused) {
            return true;
        }
    }
    return false;
}

static void expire(struct proxy *proxy, uint64_t now)
{
    struct proxy_link *next = NULL;
    for (struct proxy_link *link = proxy->first; link != NULL; link = next) {
        next = link->next;
        if (now >= link->deadline) {
            cmaw_proxy_link_end(proxy, link, &link->port->counters.timed_out);
        }
    }
    set_paused(proxy, false);
}

void cmaw_proxy_serve(struct proxy *proxy)
{
    uint64_t next_tick = 0;
    while (!proxy->stopped) {
        const bool more = any_more(proxy);
        /* deadlines need a clock only while there is something to expire */
        const int tick = more ? 0 : proxy->first != NULL || any_paused(proxy) ? TICK_MS : -1;
        const int wait = proxy->health == NULL ? tick : cmaw_health_wait(proxy->health, tick);
        struct epoll_event event;
        /* one event at a time: what its handler closes cannot be in a later one */
        if (epoll_wait(proxy->epoll, &event, 1, wait) == 1) {
            handle(proxy, event.data.ptr);
            set_paused(proxy, true);
        }
        if (proxy->health != NULL) {
            cmaw_health_run(proxy->health);
        }
        if (more) {
            run_links(proxy, has_more);
        }
        const uint64_t now = cmaw_clock_ms();
        if (now >= next_tick) {
            expire(proxy, now);
            next_tick = now + TICK_MS;
        }
    }
    cmaw_proxy_log_counters(proxy);
}
