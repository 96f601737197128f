/* The loop of cmaw-proxy: one thread, one epoll, edge-triggered. Enclaves and targets are hostile: connections are counted
 * per forward, buffers are fixed, and each wait has an end. Nothing that passes through is looked at. */
#ifndef CMAW_PROXY_PROXY_H
#define CMAW_PROXY_PROXY_H

#include "host/proxy/link.h"
#include "host/proxy/resolve.h"
#include "sys/health.h"

struct proxy_counters {
    uint64_t accepted, refused, connected, unreachable, timed_out, finished, failed; /* connections */
    uint64_t bytes_out, bytes_in;                                                   /* to and from the target */
    uint32_t active;
};

enum proxy_kind { PROXY_LISTENER, PROXY_SIGNALS, PROXY_RESOLVER, PROXY_HEALTH, PROXY_INNER, PROXY_OUTER };

/* What an epoll event points to. */
struct proxy_source {
    enum proxy_kind kind;
    int fd;
    void *owner; /* struct proxy_port or struct proxy_link */
};

/* A forward at work. */
struct proxy_port {
    struct proxy_source listener;
    size_t index;    /* in the options */
    bool paused;     /* no descriptor was left */
    struct proxy_counters counters;
};

enum proxy_stage { PROXY_RESOLVING, PROXY_CONNECTING, PROXY_OPEN };

struct proxy_link {
    struct proxy_link *previous, *next;
    struct proxy_port *port;
    enum proxy_stage stage;
    struct proxy_source inner, outer; /* the enclave's side, the target's side */
    struct proxy_flow out, in;
    struct proxy_addresses addresses;
    size_t tried;      /* addresses */
    uint64_t deadline;
    bool more;         /* there may be something to move without an event */
};

struct proxy {
    const struct proxy_options *options;
    struct proxy_resolver *resolver;
    int epoll;
    struct proxy_source signals, notify, watched;
    struct cmaw_health *health; /* served by this loop: it counts what it reads */
    struct proxy_port ports[PROXY_FORWARDS_MAX];
    struct proxy_link *first, *last; /* in the order of their arrival */
    bool stopped;
};

/* proxy.c */
enum cmaw_err cmaw_proxy_open(struct proxy *proxy, const struct proxy_options *options, struct cmaw_diag *diag);
/* Serves until SIGTERM or SIGINT. */
void cmaw_proxy_serve(struct proxy *proxy);
void cmaw_proxy_close(struct proxy *proxy);
enum cmaw_err cmaw_proxy_watch(struct proxy *proxy, struct proxy_source *source, uint32_t events);

/* report.c */
void cmaw_proxy_log_counters(const struct proxy *proxy);
/* Appends every metric. */
void cmaw_proxy_metrics(const struct proxy *proxy, struct cmaw_buf *text);

/* connection.c */
void cmaw_proxy_accept(struct proxy *proxy, struct proxy_port *port);
/* Does what can be done for a link now. It may be gone afterwards. */
void cmaw_proxy_link_run(struct proxy *proxy, struct proxy_link *link);
void cmaw_proxy_link_end(struct proxy *proxy, struct proxy_link *link, uint64_t *counter);

#endif
