#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "host/proxy/proxy.h"
#include "sys/daemon.h"
#include "sys/file.h"

void cmaw_proxy_link_end(struct proxy *proxy, struct proxy_link *link, uint64_t *counter)
{
    struct proxy_counters *counters = &link->port->counters;
    (*counter)++;
    counters->active--;
    counters->bytes_out += link->out.total;
    counters->bytes_in += link->in.total;
    cmaw_fd_close(&link->inner.fd);
    cmaw_fd_close(&link->outer.fd);
    *(link->previous != NULL ? &link->previous->next : &proxy->first) = link->next;
    *(link->next != NULL ? &link->next->previous : &proxy->last) = link->previous;
    free(link);
}

static void refuse(struct proxy_port *port, int *fd)
{
    port->counters.refused++;
    cmaw_fd_close(fd);
}

static struct proxy_link *new_link(struct proxy *proxy, struct proxy_port *port, int fd)
{
    struct proxy_link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->port = port;
    link->inner = (struct proxy_source){PROXY_INNER, fd, link};
    link->outer = (struct proxy_source){PROXY_OUTER, -1, link};
    link->deadline = cmaw_clock_ms() + proxy->options->connect_timeout_ms;
    link->previous = proxy->last;
    *(link->previous != NULL ? &link->previous->next : &proxy->first) = link;
    proxy->last = link;
    port->counters.accepted++;
    port->counters.active++;
    return link;
}

void cmaw_proxy_accept(struct proxy *proxy, struct proxy_port *port)
{
    int fd = accept4(port->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        /* without a descriptor to give, the connection stays where it is and would wake us for ever */
        port->paused = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        return;
    }
    if (port->counters.active >= proxy->options->max_connections) {
        refuse(port, &fd);
        return;
    }
    struct proxy_link *link = new_link(proxy, port, fd);
    if (link == NULL) {
        refuse(port, &fd);
        return;
    }
    if (cmaw_proxy_watch(proxy, &link->inner, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) != CMAW_OK) {
        cmaw_proxy_link_end(proxy, link, &port->counters.failed);
        return;
    }
    cmaw_proxy_link_run(proxy, link);
}

/* Starts to connect to the next address; UNAVAILABLE when none is left. */
static enum cmaw_err connect_next(struct proxy *proxy, struct proxy_link *link)
{
    cmaw_fd_close(&link->outer.fd);
    while (link->tried < link->addresses.count) {
        const size_t at = link->tried++;
        const struct sockaddr *addr = (const struct sockaddr *)&link->addresses.list[at].addr;
        const int one = 1;
        link->outer.fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (link->outer.fd < 0) {
            continue;
        }
        (void)setsockopt(link->outer.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if ((connect(link->outer.fd, addr, link->addresses.list[at].size) == 0 || errno == EINPROGRESS) &&
            cmaw_proxy_watch(proxy, &link->outer, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET) == CMAW_OK) {
            link->stage = PROXY_CONNECTING;
            return CMAW_OK;
        }
        cmaw_fd_close(&link->outer.fd);
    }
    return CMAW_E_UNAVAILABLE;
}

/* BUSY: still connecting. */
static enum cmaw_err check_connected(struct proxy *proxy, struct proxy_link *link)
{
    int errnum = 0;
    socklen_t size = sizeof errnum;
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getsockopt(link->outer.fd, SOL_SOCKET, SO_ERROR, &errnum, &size) != 0 || errnum != 0) {
        CMAW_TRY(connect_next(proxy, link));
        return CMAW_E_BUSY;
    }
    CMAW_REQUIRE(getpeername(link->outer.fd, (struct sockaddr *)&peer, &peer_size) == 0, CMAW_E_BUSY);
    link->stage = PROXY_OPEN;
    link->deadline = cmaw_clock_ms() + proxy->options->idle_timeout_ms;
    link->port->counters.connected++;
    return CMAW_OK;
}

/* Leads to an open link, or to BUSY until the next event. */
static enum cmaw_err advance(struct proxy *proxy, struct proxy_link *link)
{
    if (link->stage == PROXY_RESOLVING) {
        CMAW_TRY(cmaw_proxy_resolve(proxy->resolver, link->port->index, &link->addresses));
        CMAW_TRY(connect_next(proxy, link));
        return CMAW_E_BUSY;
    }
    return link->stage == PROXY_CONNECTING ? check_connected(proxy, link) : CMAW_OK;
}

/* CLOSED: the enclave has left. A TLS client closes when it has its answer, and does not wait for the other's farewell. IO: the
 * target has failed. */
static enum cmaw_err move(struct proxy *proxy, struct proxy_link *link)
{
    bool moved = false;
    link->more = false;
    CMAW_TRY(cmaw_proxy_flow_move(&link->out, link->inner.fd, link->outer.fd, &moved, &link->more));
    const enum cmaw_err err = cmaw_proxy_flow_move(&link->in, link->outer.fd, link->inner.fd, &moved, &link->more);
    CMAW_REQUIRE(err == CMAW_OK, err == CMAW_E_IO ? CMAW_E_CLOSED : CMAW_E_IO);
    if (moved) {
        link->deadline = cmaw_clock_ms() + proxy->options->idle_timeout_ms;
    }
    return CMAW_OK;
}

void cmaw_proxy_link_run(struct proxy *proxy, struct proxy_link *link)
{
    struct proxy_counters *counters = &link->port->counters;
    enum cmaw_err err = advance(proxy, link);
    if (err == CMAW_E_BUSY) {
        return;
    }
    if (err != CMAW_OK) {
        cmaw_proxy_link_end(proxy, link, &counters->unreachable);
        return;
    }
    err = move(proxy, link);
    if (err == CMAW_E_IO) {
        cmaw_proxy_link_end(proxy, link, &counters->failed);
    } else if (err == CMAW_E_CLOSED || (link->out.ended && link->in.ended)) {
        cmaw_proxy_link_end(proxy, link, &counters->finished);
    }
}
