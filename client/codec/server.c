#include "client/codec/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "client/codec/clock.h"
#include "client/codec/request.h"
#include "sys/daemon.h"

enum { IDLE_S = 10, CONNECTION_MEMORY = 32 * 1024, ANSWER_MAX = 32 * 1024 * 1024 };

struct cmaw_codec_server {
    const struct cmaw_codec_access *access;
    const struct cmaw_codec_handler *handler;
    struct MHD_Daemon *daemon;
    struct cmaw_codec_clock clock;
};

/* What one request gathers until its body is complete. */
struct incoming {
    enum cmaw_codec_status status;
    enum cmaw_codec_verb verb;
    struct cmaw_buf body;
};

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* What lets a page of the web UI ask and see the answer; nothing for others. */
static void add_cors(struct MHD_Response *response, struct MHD_Connection *connection, const struct cmaw_codec_access *access)
{
    const char *origin = header_of(connection, "Origin");
    (void)MHD_add_response_header(response, "Vary", "Origin");
    if (!cmaw_codec_origin_allowed(access, origin)) {
        return;
    }
    (void)MHD_add_response_header(response, "Access-Control-Allow-Origin", origin);
    (void)MHD_add_response_header(response, "Access-Control-Allow-Methods", "POST");
    (void)MHD_add_response_header(response, "Access-Control-Allow-Headers", "authorization, authorization-extras, content-type, x-namespace");
    (void)MHD_add_response_header(response, "Access-Control-Allow-Credentials", "true");
    (void)MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    if (header_of(connection, "Access-Control-Request-Private-Network") != NULL) {
        (void)MHD_add_response_header(response, "Access-Control-Allow-Private-Network", "true");
    }
}

static enum MHD_Result respond(const struct cmaw_codec_server *server, struct MHD_Connection *connection, unsigned status, struct cmaw_slice body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    add_cors(response, connection, server->access);
    (void)MHD_add_response_header(response, "Connection", "close"); /* its deadline is the connection's */
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (body.size > 0) {
        (void)MHD_add_response_header(response, "Content-Type", "application/json");
    }
    if (status == CMAW_CODEC_UNAUTHORIZED) {
        (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    } else if (status == CMAW_CODEC_METHOD) {
        (void)MHD_add_response_header(response, "Allow", "POST, OPTIONS");
    }
    const enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result serve(const struct cmaw_codec_server *server, struct MHD_Connection *connection, const struct incoming *incoming)
{
    CMAW_BUF_AUTO(answer, ANSWER_MAX);
    unsigned status = incoming->status;
    if (cmaw_buf_err(&incoming->body) != CMAW_OK) {
        status = MHD_HTTP_CONTENT_TOO_LARGE;
    } else if (status == CMAW_CODEC_OK) {
        status = server->handler->handle(server->handler->context, incoming->verb, header_of(connection, "X-Namespace"),
                                         cmaw_buf_slice(&incoming->body), &answer);
    }
    return respond(server, connection, status, cmaw_buf_slice(&answer));
}

static struct incoming *begin(const struct cmaw_codec_server *server, struct MHD_Connection *connection, const char *path, const char *method)
{
    struct incoming *incoming = calloc(1, sizeof *incoming);
    if (incoming != NULL) {
        const struct cmaw_codec_call call = {.method = method, .path = path, .origin = header_of(connection, "Origin"),
                                             .authorization = header_of(connection, "Authorization"),
                                             .content_type = header_of(connection, "Content-Type"),
                                             .host = header_of(connection, "Host")};
        incoming->status = cmaw_codec_admit(server->access, &call, &incoming->verb);
        incoming->body = CMAW_BUF(CMAW_CODEC_BODY_MAX);
    }
    return incoming;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
                                 const char *data, size_t *size, void **state)
{
    (void)version;
    struct incoming *incoming = *state;
    if (incoming == NULL) {
        *state = begin(context, connection, path, method);
        return *state == NULL ? MHD_NO : MHD_YES;
    }
    if (*size > 0) {
        /* over the limit the error latches and the rest is read over, as is all of what was not let in */
        if (incoming->status == CMAW_CODEC_OK) {
            cmaw_buf_put(&incoming->body, cmaw_slice_of(data, *size));
        }
        *size = 0;
        return MHD_YES;
    }
    return serve(context, connection, incoming);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct incoming *incoming = *state;
    if (incoming != NULL) {
        cmaw_buf_free(&incoming->body);
        free(incoming);
        *state = NULL;
    }
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode code)
{
    (void)state;
    struct cmaw_codec_server *server = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return;
    }
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        cmaw_codec_clock_opened(&server->clock, info->connect_fd, cmaw_clock_ms());
    } else {
        cmaw_codec_clock_closed(&server->clock, info->connect_fd);
    }
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in *four = (struct sockaddr_in *)(void *)ret_address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)ret_address;
    *ret_address = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return true;
    }
    return false;
}

enum cmaw_err cmaw_codec_is_loopback(const char *address, bool *ret_loopback, struct cmaw_diag *diag)
{
    struct sockaddr_storage parsed;
    if (!parse_address(address, 0, &parsed)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%.80s is not a numeric address", address);
    }
    *ret_loopback = parsed.ss_family == AF_INET
                        ? ntohl(((const struct sockaddr_in *)(const void *)&parsed)->sin_addr.s_addr) >> 24 == 127
                        : IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)&parsed)->sin6_addr);
    return CMAW_OK;
}

static struct MHD_Daemon *start_daemon(struct cmaw_codec_server *server, const struct cmaw_codec_place *place, const struct sockaddr_storage *address)
{
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)place->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)place->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | (place->certificate != NULL ? MHD_USE_TLS : 0u) |
                           (address->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0u);
    return MHD_start_daemon(flags, place->port, NULL, NULL, on_access, server, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)address,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CMAW_CODEC_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY, place->certificate != NULL ? tls : plain,
                            MHD_OPTION_END);
}

enum cmaw_err cmaw_codec_server_start(const struct cmaw_codec_place *place, const struct cmaw_codec_access *access,
                                      const struct cmaw_codec_handler *handler, struct cmaw_codec_server **ret_server, uint16_t *ret_port,
                                      struct cmaw_diag *diag)
{
    struct sockaddr_storage address;
    if (!parse_address(place->address, place->port, &address)) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "%.80s is not a numeric address", place->address);
    }
    struct cmaw_codec_server *server = calloc(1, sizeof *server);
    CMAW_REQUIRE(server != NULL, CMAW_E_NO_MEMORY);
    server->access = access;
    server->handler = handler;
    cmaw_codec_clock_init(&server->clock);
    server->daemon = start_daemon(server, place, &address);
    if (server->daemon == NULL) {
        const int errnum = errno;
        cmaw_codec_server_stop(&server);
        cmaw_diag_hint(diag, place->certificate == NULL ? "choose another port with --port" : "choose another with --port, or look at --cert and --key");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "cannot serve on %.80s port %u: %s", place->address, place->port, strerror(errnum));
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *ret_port = info == NULL ? place->port : info->port;
    *ret_server = server;
    return CMAW_OK;
}

void cmaw_codec_server_tick(struct cmaw_codec_server *server)
{
    cmaw_codec_clock_tick(&server->clock, cmaw_clock_ms());
}

void cmaw_codec_server_stop(struct cmaw_codec_server **server)
{
    if (server == NULL || *server == NULL) {
        return;
    }
    if ((*server)->daemon != NULL) {
        MHD_stop_daemon((*server)->daemon);
    }
    (void)pthread_mutex_destroy(&(*server)->clock.mutex);
    free(*server);
    *server = NULL;
}
