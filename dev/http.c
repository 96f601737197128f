#include "dev/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/acceptor.h"
#include "dev/clock.h"
#include "dev/fatal.h"
#include "dev/pki.h"
#include "dev/trail.h"
#include "lib/base/log.h"
#include "lib/crypto/pem.h"

/* A thread serves one call at a time and waits in it for the disk, so their number is also that of calls in one commit. */
enum { THREADS = 16, IDLE_S = 60, PEM_MAX = 8192, CONNECTION_MEMORY = 16 * 1024, FILES_BESIDE = 256 };

struct cmaw_http {
    struct cmaw_service *service;
    struct MHD_Daemon *daemon;
    struct cmaw_acceptor acceptor;
    struct cmaw_buf certificate;
    struct cmaw_buf key;
};

/* What one request gathers until its body is complete. */
struct incoming {
    struct cmaw_buf body;
};

/* The library's complaints, mostly of clients that hang up. */
[[gnu::format(printf, 2, 0)]] static void log_complaint(void *context, const char *format, va_list args)
{
    (void)context;
    char text[512];
    (void)vsnprintf(text, sizeof text, format, args);
    text[strcspn(text, "\n")] = '\0';
    cmaw_log(CMAW_LOG_WARN, "http.library", "text=\"%s\"", text);
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct cmaw_http_request *request = context;
    if (request->header_count == CMAW_HEADERS_MAX) {
        return MHD_NO;
    }
    request->headers[request->header_count++] = (struct cmaw_header){name, value == NULL ? "" : value};
    return MHD_YES;
}

static const char *tls_version_name(gnutls_protocol_t version)
{
    return version == GNUTLS_TLS1_3 ? "TLSv1.3" : version == GNUTLS_TLS1_2 ? "TLSv1.2" : "";
}

static void get_peer(struct MHD_Connection *connection, struct cmaw_peer *peer)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr_in *addr = info == NULL ? NULL : (const struct sockaddr_in *)(const void *)info->client_addr;
    if (addr != NULL) {
        (void)inet_ntop(AF_INET, &addr->sin_addr, peer->address, sizeof peer->address);
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info == NULL ? NULL : info->tls_session;
    if (session != NULL) {
        const char *suite = gnutls_ciphersuite_get(session);
        (void)snprintf(peer->tls_version, sizeof peer->tls_version, "%s", tls_version_name(gnutls_protocol_get_version(session)));
        (void)snprintf(peer->tls_cipher, sizeof peer->tls_cipher, "%s", suite == NULL ? "" : suite);
    }
}

/* Clients that find their clock wrong set it by this. */
static void add_date(struct MHD_Response *response, int64_t now_ms)
{
    char text[40];
    struct tm parts;
    const time_t now_s = (time_t)(now_ms / 1000);
    (void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now_s, &parts));
    (void)MHD_add_response_header(response, "Date", text);
}

static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const struct cmaw_answer *answer)
{
    const struct cmaw_slice body = cmaw_buf_slice(&answer->body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.size, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, "Content-Type", answer->xml ? "text/xml" : "application/x-amz-json-1.1");
    if (answer->now_ms != 0) {
        add_date(response, answer->now_ms);
    }
    if (answer->request_id[0] != '\0') {
        (void)MHD_add_response_header(response, "x-amzn-RequestId", answer->request_id);
    }
    if (answer->error_type != NULL) {
        (void)MHD_add_response_header(response, "x-amzn-ErrorType", answer->error_type);
    }
    const enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* A query would have to be signed, and no operation has one. */
static bool has_query(struct MHD_Connection *connection)
{
    return MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0;
}

static enum MHD_Result serve(struct cmaw_http *http, struct MHD_Connection *connection, const char *path,
                             const char *method, const struct incoming *incoming)
{
    struct cmaw_peer peer = {0};
    struct cmaw_answer answer = {.body = CMAW_BUF(CMAW_ANSWER_MAX)};
    struct cmaw_http_request request = {.method = method, .path = path, .body = cmaw_buf_slice(&incoming->body)};
    const int headers = MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);
    unsigned status = MHD_HTTP_NOT_FOUND;
    if (cmaw_buf_err(&incoming->body) != CMAW_OK) {
        status = MHD_HTTP_CONTENT_TOO_LARGE;
    } else if (headers > CMAW_HEADERS_MAX) {
        status = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    } else if (strcmp(method, "POST") == 0 && strcmp(path, "/") == 0 && !has_query(connection)) {
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &request);
        get_peer(connection, &peer);
        cmaw_service_handle(http->service, &request, &peer, &answer);
        status = cmaw_buf_err(&answer.body) == CMAW_OK ? answer.status : MHD_HTTP_INTERNAL_SERVER_ERROR;
    }
    const enum MHD_Result result = respond(connection, status, &answer);
    cmaw_buf_free(&answer.body);
    return result;
}

static enum MHD_Result on_access(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *data, size_t *size, void **state)
{
    (void)version;
    struct incoming *incoming = *state;
    if (incoming == NULL) {
        incoming = calloc(1, sizeof *incoming);
        if (incoming == NULL) {
            return MHD_NO;
        }
        incoming->body = CMAW_BUF(CMAW_REQUEST_MAX);
        *state = incoming;
        return MHD_YES;
    }
    if (*size > 0) {
        /* over the limit the error latches and the rest is read over */
        cmaw_buf_put(&incoming->body, cmaw_slice_of(data, *size));
        *size = 0;
        return MHD_YES;
    }
    return serve(context, connection, url, method, incoming);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
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

static enum cmaw_err put_identity(struct sqlite3 *db, struct cmaw_http *http)
{
    CMAW_CERTIFICATE_AUTO(server);
    CMAW_TRY(cmaw_pki_tls_server(db, cmaw_wall_clock_ms() / 1000, &server));
    cmaw_pem_put(&http->certificate, "CERTIFICATE", cmaw_buf_slice(&server.der));
    cmaw_pem_put(&http->key, "PRIVATE KEY", cmaw_buf_slice(&server.key_der));
    cmaw_buf_put_u8(&http->certificate, 0);
    cmaw_buf_put_u8(&http->key, 0);
    CMAW_TRY(cmaw_buf_err(&http->certificate));
    return cmaw_buf_err(&http->key);
}

static enum cmaw_err load_identity(struct cmaw_http *http)
{
    struct sqlite3 *db = NULL;
    http->certificate = CMAW_BUF(PEM_MAX);
    http->key = CMAW_BUF(PEM_MAX);
    CMAW_TRY(cmaw_store_begin(http->service->store, &db));
    const enum cmaw_err err = put_identity(db, http);
    const enum cmaw_err ended = cmaw_store_end(http->service->store, err == CMAW_OK);
    return err == CMAW_OK ? ended : err;
}

static bool give_connection(void *context, int fd, const struct sockaddr *addr, socklen_t size)
{
    struct cmaw_http *http = context;
    return MHD_add_connection(http->daemon, fd, addr, size) == MHD_YES;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    (void)connection;
    (void)state;
    struct cmaw_http *http = context;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        cmaw_acceptor_closed(&http->acceptor);
    }
}

/* The acceptor keeps the limit; the library's own, which it divides among its threads, must never be met before it. */
static struct MHD_Daemon *start_daemon(struct cmaw_http *http)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ERROR_LOG | MHD_USE_NO_LISTEN_SOCKET
                                | MHD_USE_ITC, 0, NULL, NULL, on_access, http,
                            MHD_OPTION_EXTERNAL_LOGGER, log_complaint, NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, (http->acceptor.limit + 1) * THREADS,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
                            MHD_OPTION_HTTPS_MEM_CERT, http->certificate.data, MHD_OPTION_HTTPS_MEM_KEY, http->key.data,
                            MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_END);
}

static enum cmaw_err start(struct cmaw_http *http, uint16_t port, uint16_t *ret_port, struct cmaw_diag *diag)
{
    MHD_set_panic_func(cmaw_fatal_panic, NULL);
    CMAW_TRY(load_identity(http));
    if (cmaw_acceptor_listen(&http->acceptor, port, ret_port) != CMAW_OK) {
        cmaw_diag_hint(diag, "choose another with --port");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
    }
    http->daemon = start_daemon(http);
    if (http->daemon == NULL) {
        return cmaw_diag_set(diag, CMAW_E_IO, "cannot start the HTTPS server");
    }
    return cmaw_acceptor_start(&http->acceptor);
}

enum cmaw_err cmaw_http_start(struct cmaw_service *service, uint16_t port, unsigned connections,
                              struct cmaw_http **ret_http, uint16_t *ret_port, struct cmaw_diag *diag)
{
    struct cmaw_http *http = calloc(1, sizeof *http);
    CMAW_REQUIRE(http != NULL, CMAW_E_NO_MEMORY);
    http->service = service;
    http->acceptor = (struct cmaw_acceptor)CMAW_ACCEPTOR;
    http->acceptor.give = give_connection;
    http->acceptor.context = http;
    http->acceptor.limit = cmaw_acceptor_fit_limit(connections, FILES_BESIDE);
    if (http->acceptor.limit < connections) {
        cmaw_log(CMAW_LOG_WARN, "http.limit", "wanted=%u connections=%u note=\"the limit of open files allows no more\"",
                 connections, http->acceptor.limit);
    }
    const enum cmaw_err err = start(http, port, ret_port, diag);
    if (err != CMAW_OK) {
        cmaw_http_stop(&http);
        return err;
    }
    *ret_http = http;
    return CMAW_OK;
}

void cmaw_http_stop(struct cmaw_http **http)
{
    if (http == NULL || *http == NULL) {
        return;
    }
    cmaw_acceptor_stop(&(*http)->acceptor);
    if ((*http)->daemon != NULL) {
        MHD_stop_daemon((*http)->daemon);
    }
    cmaw_buf_free(&(*http)->certificate);
    cmaw_buf_free(&(*http)->key);
    free(*http);
    *http = NULL;
}
