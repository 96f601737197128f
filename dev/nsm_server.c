#include "dev/nsm_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dev/clock.h"
#include "dev/nsm_doc.h"
#include "dev/nsm_store.h"
#include "lib/base/log.h"
#include "sys/addr.h"
#include "sys/file.h"

enum { LINE_MAX_SIZE = 1024, CONNECTIONS_MAX = 512, SKIPPED_MAX = 1 << 20 };

struct connection {
    struct cmaw_nsm_server *server;
    int fd;
    char token[CMAW_NSM_TOKEN_SIZE + 1];
};

struct signing {
    struct cmaw_nsm_server *server;
    struct sqlite3 *db;
    const char *token;
};

static enum cmaw_err sign(void *context, const struct cmaw_nsm_instance *instance,
                          const struct cmaw_nsm_attestation *fields, struct cmaw_buf *document)
{
    const struct signing *signing = context;
    struct cmaw_nsm_server *server = signing->server;
    [[gnu::cleanup(cmaw_attester_free)]] struct cmaw_attester attester;
    cmaw_attester_init(&attester);
    const int64_t now_ms = cmaw_wall_clock_ms() + server->clock_offset_ms;
    if (server->give_unsigned) {
        return cmaw_nsm_doc_unsigned(instance, fields, (uint64_t)now_ms, document);
    }
    const unsigned number = __atomic_fetch_add(&server->documents, 1, __ATOMIC_RELAXED);
    const bool second = server->map_form == CMAW_FORM_ALTERNATE ? number % 2 == 1 : server->map_form == CMAW_FORM_SECOND;
    CMAW_TRY(cmaw_pki_attester(signing->db, instance->module_id, signing->token, now_ms / 1000, &attester));
    return cmaw_nsm_doc_sign(&attester, second ? CMAW_NSM_MAP_INDEFINITE : CMAW_NSM_MAP_DEFINITE, instance, fields,
                             (uint64_t)now_ms, document);
}

static enum cmaw_err run(struct connection *connection, struct sqlite3 *db, struct cmaw_slice request,
                         struct cmaw_buf *response)
{
    struct signing signing = {connection->server, db, connection->token};
    const struct cmaw_nsm_signer signer = {sign, &signing};
    struct cmaw_nsm_instance before, after;
    CMAW_TRY(cmaw_nsm_load(db, connection->token, &before));
    after = before;
    CMAW_TRY(cmaw_nsm_handle(&after, &signer, request, response));
    const bool changed = after.locked != before.locked
                         || !cmaw_slice_eq(CMAW_SLICE_ARRAY(after.pcrs), CMAW_SLICE_ARRAY(before.pcrs));
    return changed ? cmaw_nsm_save(db, connection->token, &after) : CMAW_OK;
}

/* Nothing is answered before it is on the disk: an enclave must not see a lock that a crash takes back. */
static enum cmaw_err answer(struct connection *connection, struct cmaw_slice request, struct cmaw_buf *response)
{
    struct sqlite3 *db = NULL;
    CMAW_TRY(cmaw_store_begin(connection->server->store, &db));
    const enum cmaw_err err = run(connection, db, request, response);
    const enum cmaw_err ended = cmaw_store_end(connection->server->store, err == CMAW_OK);
    return err == CMAW_OK ? ended : err;
}

static enum cmaw_err read_exact(int fd, uint8_t *dst, size_t size)
{
    for (size_t used = 0; used < size;) {
        const ssize_t got = recv(fd, dst + used, size - used, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CMAW_REQUIRE(got >= 0, cmaw_err_of_errno(errno));
        CMAW_REQUIRE(got > 0, CMAW_E_CLOSED);
        used += (size_t)got;
    }
    return CMAW_OK;
}

static enum cmaw_err reply(int fd, uint32_t errnum, struct cmaw_slice response)
{
    CMAW_BUF_AUTO(frame, CMAW_NSM_RESPONSE_MAX + 8);
    cmaw_buf_put_u32be(&frame, errnum);
    cmaw_buf_put_lp(&frame, response);
    CMAW_TRY(cmaw_buf_err(&frame));
    return cmaw_fd_write(fd, cmaw_buf_slice(&frame));
}

/* Reads over a request that the device would not have taken in. */
static enum cmaw_err refuse_long(int fd, uint32_t size)
{
    uint8_t skipped[4096];
    CMAW_REQUIRE(size <= SKIPPED_MAX, CMAW_E_TOO_LARGE);
    while (size > 0) {
        const uint32_t part = size < sizeof skipped ? size : (uint32_t)sizeof skipped;
        CMAW_TRY(read_exact(fd, skipped, part));
        size -= part;
    }
    return reply(fd, EMSGSIZE, CMAW_SLICE_EMPTY);
}

static enum cmaw_err serve_one(struct connection *connection)
{
    uint8_t head[4], request[CMAW_NSM_REQUEST_MAX];
    CMAW_TRY(read_exact(connection->fd, head, sizeof head));
    struct cmaw_reader reader = cmaw_reader_of(CMAW_SLICE_ARRAY(head));
    const uint32_t size = cmaw_read_u32be(&reader);
    if (size > sizeof request) {
        return refuse_long(connection->fd, size);
    }
    CMAW_TRY(read_exact(connection->fd, request, size));
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    const enum cmaw_err err = answer(connection, cmaw_slice_of(request, size), &response);
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "nsm.failed", "err=\"%s\"", cmaw_err_text(err));
        return reply(connection->fd, EIO, CMAW_SLICE_EMPTY);
    }
    return reply(connection->fd, 0, cmaw_buf_slice(&response));
}

static enum cmaw_err read_line(int fd, char line[LINE_MAX_SIZE])
{
    for (size_t used = 0; used < LINE_MAX_SIZE; used++) {
        CMAW_TRY(read_exact(fd, (uint8_t *)line + used, 1));
        if (line[used] == '\n') {
            line[used] = '\0';
            return strlen(line) == used ? CMAW_OK : CMAW_E_MALFORMED;
        }
    }
    return CMAW_E_TOO_LARGE;
}

static enum cmaw_err open_instance(struct connection *connection, struct sqlite3 *db, const char *line)
{
    struct cmaw_nsm_instance instance;
    if (strncmp(line, "NEW ", 4) == 0) {
        CMAW_TRY(cmaw_nsm_parse_new(line + 4, &instance));
        return cmaw_nsm_insert(db, &instance, connection->token);
    }
    CMAW_REQUIRE(strncmp(line, "RESUME ", 7) == 0, CMAW_E_MALFORMED);
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of_cstr(line + 7), connection->token, sizeof connection->token));
    return cmaw_nsm_load(db, connection->token, &instance);
}

static enum cmaw_err greet(struct connection *connection)
{
    char line[LINE_MAX_SIZE], text[128];
    struct sqlite3 *db = NULL;
    CMAW_TRY(read_line(connection->fd, line));
    CMAW_TRY(cmaw_store_begin(connection->server->store, &db));
    enum cmaw_err err = open_instance(connection, db, line);
    const enum cmaw_err ended = cmaw_store_end(connection->server->store, err == CMAW_OK);
    err = err == CMAW_OK ? ended : err;
    const int size = err == CMAW_OK ? snprintf(text, sizeof text, "OK %s\n", connection->token)
                                    : snprintf(text, sizeof text, "ERR %s\n", cmaw_err_text(err));
    CMAW_TRY(cmaw_fd_write(connection->fd, cmaw_slice_of(text, (size_t)size)));
    return err;
}

static void *serve(void *argument)
{
    struct connection *connection = argument;
    enum cmaw_err err = greet(connection);
    while (err == CMAW_OK) {
        err = serve_one(connection);
    }
    if (err != CMAW_E_CLOSED) {
        cmaw_log(CMAW_LOG_WARN, "nsm.closed", "err=\"%s\"", cmaw_err_text(err));
    }
    (void)close(connection->fd);
    (void)__atomic_sub_fetch(&connection->server->connections, 1, __ATOMIC_RELAXED);
    free(connection);
    return NULL;
}

static bool start_thread(void *(*run_thread)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_thread, argument) != 0) {
        return false;
    }
    (void)pthread_detach(thread);
    return true;
}

static void accept_one(struct cmaw_nsm_server *server, int fd)
{
    struct connection *connection = NULL;
    const unsigned open = __atomic_add_fetch(&server->connections, 1, __ATOMIC_RELAXED);
    if (open <= CONNECTIONS_MAX && (connection = calloc(1, sizeof *connection)) != NULL) {
        *connection = (struct connection){.server = server, .fd = fd};
        if (start_thread(serve, connection)) {
            return;
        }
    }
    cmaw_log(CMAW_LOG_WARN, "nsm.refused", "connections=%u", open);
    (void)__atomic_sub_fetch(&server->connections, 1, __ATOMIC_RELAXED);
    free(connection);
    (void)close(fd);
}

static void *accept_all(void *argument)
{
    struct cmaw_nsm_server *server = argument;
    for (;;) {
        const int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(server, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            cmaw_log(CMAW_LOG_ERROR, "nsm.accept", "err=\"%s\"", cmaw_err_text(cmaw_err_of_errno(errno)));
            /* out of descriptors: they come back when a connection ends */
            (void)usleep(100000);
        }
    }
    return NULL;
}

enum cmaw_err cmaw_nsm_server_start(struct cmaw_nsm_server *server, const char *path, struct cmaw_diag *diag)
{
    const enum cmaw_err err = cmaw_unix_listen(path, &server->listener);
    CMAW_REQUIRE(err == CMAW_OK, cmaw_diag_set(diag, err, "cannot listen on %s: %s", path, cmaw_err_text(err)));
    CMAW_REQUIRE(start_thread(accept_all, server), cmaw_diag_set(diag, CMAW_E_NO_MEMORY, "cannot start a thread"));
    return CMAW_OK;
}
