#include "sys/health.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "sys/file.h"
#include "sys/metrics.h"

enum { CONNECTIONS = 32, KEPT = 24, IDLE_S = 10, CONNECTION_MEMORY = 8 * 1024, BACKLOG = 16, REASON_MAX = 4096 };

struct cmaw_health {
    struct cmaw_health_source source;
    struct MHD_Daemon *daemon;
    int kept[KEPT]; /* sockets of connections, the oldest first */
    size_t kept_count;
};

static const char plain[] = "text/plain; charset=utf-8", prometheus[] = "text/plain; version=0.0.4; charset=utf-8";

static unsigned say_alive(struct cmaw_health *health, struct cmaw_buf *body)
{
    (void)health;
    cmaw_buf_put_cstr(body, "ok\n");
    return MHD_HTTP_OK;
}

static unsigned say_ready(struct cmaw_health *health, struct cmaw_buf *body)
{
    CMAW_BUF_AUTO(reason, REASON_MAX);
    const bool ready = health->source.ready(health->source.context, &reason);
    cmaw_buf_put(body, ready ? CMAW_SLICE_LIT("ready\n") : cmaw_buf_slice(&reason));
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned say_metrics(struct cmaw_health *health, struct cmaw_buf *body)
{
    health->source.metrics(health->source.context, body);
    return MHD_HTTP_OK;
}

static const struct page {
    const char *path, *type;
    unsigned (*say)(struct cmaw_health *health, struct cmaw_buf *body);
} pages[] = {{"/healthz", plain, say_alive}, {"/readyz", plain, say_ready}, {"/metrics", prometheus, say_metrics}};

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type, struct cmaw_slice body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    const enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result serve(struct cmaw_health *health, struct MHD_Connection *connection, const char *path)
{
    CMAW_BUF_AUTO(body, CMAW_METRICS_MAX);
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        if (strcmp(path, pages[i].path) == 0) {
            const unsigned status = pages[i].say(health, &body);
            return cmaw_buf_err(&body) == CMAW_OK ? respond(connection, status, pages[i].type, cmaw_buf_slice(&body))
                                                  : respond(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, plain, CMAW_SLICE_LIT("too long\n"));
        }
    }
    return respond(connection, MHD_HTTP_NOT_FOUND, plain, CMAW_SLICE_LIT("there is /healthz, /readyz and /metrics\n"));
}

static bool has_body(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (length != NULL && strcmp(length, "0") != 0) ||
           MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL;
}

/* Called first with the headers alone: what is refused then is closed without its body being read. */
static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                 const char *data, size_t *size, void **state)
{
    static const char seen;
    (void)version;
    (void)data;
    if (*state == NULL) {
        *state = (void *)(uintptr_t)&seen;
        if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
            return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, plain, CMAW_SLICE_LIT("only GET\n"));
        }
        return has_body(connection) ? respond(connection, MHD_HTTP_CONTENT_TOO_LARGE, plain, CMAW_SLICE_LIT("no body\n")) : MHD_YES;
    }
    if (*size > 0) {
        return MHD_NO;
    }
    return serve(context, connection, url);
}

static void forget(struct cmaw_health *health, int fd)
{
    for (size_t i = 0; i < health->kept_count; i++) {
        if (health->kept[i] == fd) {
            memmove(&health->kept[i], &health->kept[i + 1], (--health->kept_count - i) * sizeof health->kept[0]);
            return;
        }
    }
}

/* The library's time is without a byte, so whoever sends one now and then could hold every place: the oldest gives way to a new one. */
static void on_connection(void *context, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode what)
{
    struct cmaw_health *health = context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        forget(health, (int)(intptr_t)*state);
        return;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (health->kept_count == KEPT) {
        const int oldest = health->kept[0];
        (void)shutdown(oldest, SHUT_RDWR);
        forget(health, oldest);
    }
    *state = (void *)(intptr_t)info->connect_fd;
    health->kept[health->kept_count++] = info->connect_fd;
}

/* "PORT", "ADDRESS:PORT", "[IPv6]:PORT", numbers only. Free with freeaddrinfo. */
static enum cmaw_err parse_address(const char *text, struct addrinfo **ret_list, struct cmaw_diag *diag)
{
    char host[CMAW_HEALTH_ADDRESS_SIZE] = "127.0.0.1";
    const char *colon = strrchr(text, ':');
    const char *port = colon == NULL ? text : colon + 1;
    uint64_t number = 0;
    if (colon != NULL) {
        const bool bracketed = text[0] == '[' && colon - text > 2 && colon[-1] == ']';
        const int size = snprintf(host, sizeof host, "%.*s", (int)(colon - text) - (bracketed ? 2 : 0), text + (bracketed ? 1 : 0));
        if (size <= 0 || size >= (int)sizeof host || (strchr(host, ':') != NULL && !bracketed)) {
            port = "";
        }
    }
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    if (cmaw_parse_u64(port, UINT16_MAX, &number) != CMAW_OK || getaddrinfo(host, port, &hints, ret_list) != 0) {
        cmaw_diag_hint(diag, "--http 9464 is 127.0.0.1:9464; --http [::1]:0 is any free port");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "not PORT or ADDRESS:PORT, in numbers: %s", text);
    }
    return CMAW_OK;
}

static enum cmaw_err listen_on(const struct addrinfo *where, int *ret_fd)
{
    const int on = 1;
    CMAW_FD_AUTO(fd);
    fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(bind(fd, where->ai_addr, where->ai_addrlen) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(listen(fd, BACKLOG) == 0, cmaw_err_of_errno(errno));
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

static void log_address(int fd)
{
    struct sockaddr_storage addr;
    socklen_t size = sizeof addr;
    char host[CMAW_HEALTH_ADDRESS_SIZE], port[8];
    if (getsockname(fd, (struct sockaddr *)&addr, &size) == 0 && getnameinfo((const struct sockaddr *)&addr, size, host, sizeof host, port,
                                                                             sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        const bool v6 = addr.ss_family == AF_INET6;
        cmaw_log(CMAW_LOG_INFO, "http.serving", "address=%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
    }
}

static enum cmaw_err start_daemon(struct cmaw_health *health, int *fd, bool own_thread)
{
    const unsigned flags = own_thread ? MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC : MHD_USE_EPOLL;
    health->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_access, health, MHD_OPTION_LISTEN_SOCKET, *fd, MHD_OPTION_CONNECTION_LIMIT,
                                      (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                      (size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, health,
                                      MHD_OPTION_END);
    CMAW_REQUIRE(health->daemon != NULL, CMAW_E_NO_MEMORY);
    log_address(*fd);
    *fd = -1; /* the daemon's now */
    return CMAW_OK;
}

enum cmaw_err cmaw_health_start(const char *address, const struct cmaw_health_source *source, bool own_thread, struct cmaw_health **ret_health,
                                struct cmaw_diag *diag)
{
    struct addrinfo *list = NULL;
    CMAW_FD_AUTO(fd);
    CMAW_TRY(parse_address(address, &list, diag));
    const enum cmaw_err listening = listen_on(list, &fd);
    freeaddrinfo(list);
    if (listening != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "cannot listen on %s: %s", address, cmaw_err_text(listening));
    }
    struct cmaw_health *health = calloc(1, sizeof *health);
    CMAW_REQUIRE(health != NULL, CMAW_E_NO_MEMORY);
    health->source = *source;
    const enum cmaw_err err = start_daemon(health, &fd, own_thread);
    if (err != CMAW_OK) {
        free(health);
        return err;
    }
    *ret_health = health;
    return CMAW_OK;
}

int cmaw_health_fd(const struct cmaw_health *health)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(health->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

void cmaw_health_run(struct cmaw_health *health)
{
    (void)MHD_run(health->daemon);
}

int cmaw_health_wait(const struct cmaw_health *health, int limit)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    const bool set = MHD_get_timeout(health->daemon, &ms) == MHD_YES;
    return set && (limit < 0 || ms < (MHD_UNSIGNED_LONG_LONG)limit) ? (int)ms : limit;
}

void cmaw_health_stop(struct cmaw_health **health)
{
    if (*health != NULL) {
        MHD_stop_daemon((*health)->daemon);
        free(*health);
        *health = NULL;
    }
}
