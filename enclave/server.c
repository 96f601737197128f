#include "enclave/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "enclave/platform/platform.h"
#include "enclave/thread.h"
#include "lib/base/log.h"
#include "lib/rpc/call.h"

enum { FRAME_MS = 30000, HOLD_MS = 60000, SMALL_FRAME = 16 * 1024 };

struct connection {
    struct cmaw_enclave *enclave;
    int fd;
};

/* The whole conversation: what is not in this table, or not in this state, is refused. */
struct row {
    unsigned states; /* bits 1 << enum cmaw_enclave_state */
    enum cmaw_code refused;
    void (*handle)(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply);
};
enum { NEW = 1 << CMAW_ENCLAVE_NEW, LOCKED = 1 << CMAW_ENCLAVE_LOCKED, READY = 1 << CMAW_ENCLAVE_READY };

static const struct row rows[] = {
    [CMAW_VERB_DESCRIBE] = {NEW | LOCKED | READY, CMAW_CODE_NOT_READY, cmaw_handle_describe},
    [CMAW_VERB_PROVISION] = {NEW | LOCKED, CMAW_CODE_DENIED, cmaw_handle_provision},
    [CMAW_VERB_CONFIGURE] = {NEW | LOCKED, CMAW_CODE_DENIED, cmaw_handle_configure},
    [CMAW_VERB_ATTEST] = {LOCKED | READY, CMAW_CODE_NOT_READY, cmaw_handle_attest},
    [CMAW_VERB_STEP] = {READY, CMAW_CODE_NOT_READY, NULL}, /* has a signature of its own */
    [CMAW_VERB_STATS] = {NEW | LOCKED | READY, CMAW_CODE_NOT_READY, cmaw_handle_stats},
};

static void dispatch(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_buf *frame,
                     struct cmaw_held *held, struct cmaw_reply *reply)
{
    const bool known = (size_t)request->verb < sizeof rows / sizeof rows[0] && rows[request->verb].states != 0;
    if (!known) {
        cmaw_reply_code(reply, CMAW_CODE_BAD_REQUEST);
        return;
    }
    const struct row *row = &rows[request->verb];
    if ((row->states & (1u << atomic_load(&enclave->state))) == 0) {
        cmaw_reply_code(reply, row->refused);
    } else if (request->verb == CMAW_VERB_STEP) {
        cmaw_handle_step(enclave, request, frame, held, reply);
    } else {
        row->handle(enclave, request, reply);
    }
    if (request->verb == CMAW_VERB_STEP) {
        atomic_fetch_add(&enclave->stats.codes[reply->response.code], 1);
    }
}

/* Waits for the next frame and looks at its length, without taking it. False: there will be none. */
static bool await_frame(int fd, size_t *ret_size)
{
    struct pollfd polled = {fd, POLLIN, 0};
    while (poll(&polled, 1, -1) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    uint8_t head[4];
    const ssize_t got = recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0) {
        return false;
    }
    struct cmaw_reader reader = cmaw_reader_of(CMAW_SLICE_ARRAY(head));
    const uint32_t size = cmaw_read_u32be(&reader);
    *ret_size = got == sizeof head && size <= CMAW_FRAME_MAX ? size : CMAW_FRAME_MAX;
    return true;
}

static enum cmaw_err respond(struct connection *connection, const struct cmaw_reply *reply)
{
    return cmaw_rpc_respond(connection->fd, cmaw_deadline_in(FRAME_MS), &reply->response);
}

/* For a large frame, before it is read: the agent that it will need, and room for it and what opens from it. Always in
 * this order: who holds bytes never waits for an agent. */
static enum cmaw_err hold(struct cmaw_enclave *enclave, size_t size, struct cmaw_held *held)
{
    CMAW_TRY(cmaw_share_take(&enclave->agents, 1, HOLD_MS, &held->agent));
    return cmaw_share_take(&enclave->bytes, 2 * size, HOLD_MS, &held->bytes);
}

/* One request. An error ends the connection; what could be answered has been. */
static enum cmaw_err serve_request(struct connection *connection, size_t size)
{
    struct cmaw_enclave *enclave = connection->enclave;
    [[gnu::cleanup(cmaw_held_release)]] struct cmaw_held held = {0};
    CMAW_BUF_AUTO(frame, CMAW_FRAME_MAX);
    [[gnu::cleanup(cmaw_reply_free)]] struct cmaw_reply reply = {0};
    if (size > SMALL_FRAME && hold(enclave, size, &held) != CMAW_OK) {
        cmaw_reply_code(&reply, CMAW_CODE_BUSY);
        CMAW_TRY(respond(connection, &reply));
        return CMAW_E_BUSY; /* the frame was not read: what follows would be taken for a new one */
    }
    struct cmaw_request request;
    const enum cmaw_err err = cmaw_rpc_receive(connection->fd, cmaw_deadline_in(FRAME_MS), &frame, &request);
    atomic_fetch_add(&enclave->stats.bytes_in, frame.size);
    if (err == CMAW_OK) {
        dispatch(enclave, &request, &frame, &held, &reply);
    } else if (err == CMAW_E_MALFORMED) {
        cmaw_reply_code(&reply, CMAW_CODE_BAD_REQUEST);
    } else if (err == CMAW_E_TOO_LARGE) {
        cmaw_reply_code(&reply, CMAW_CODE_TOO_LARGE);
    } else {
        return err;
    }
    cmaw_buf_free(&frame);
    cmaw_held_release(&held);
    atomic_fetch_add(&enclave->stats.bytes_out, reply.step.states.size + reply.ak_doc.size);
    CMAW_TRY(respond(connection, &reply));
    return err == CMAW_E_TOO_LARGE || err == CMAW_E_MALFORMED ? err : CMAW_OK;
}

static void *serve_connection(void *argument)
{
    struct connection *connection = argument;
    size_t size = 0;
    while (await_frame(connection->fd, &size) && serve_request(connection, size) == CMAW_OK) {
    }
    close(connection->fd);
    atomic_fetch_sub(&connection->enclave->stats.connections, 1);
    free(connection);
    return NULL;
}

static void refuse(int fd)
{
    const struct cmaw_response busy = cmaw_response_of_code(CMAW_CODE_BUSY);
    CMAW_IGNORE(cmaw_rpc_respond(fd, cmaw_deadline_in(0), &busy)); /* a courtesy, if it fits into the socket */
    close(fd);
}

static enum cmaw_err start_connection(struct cmaw_enclave *enclave, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    CMAW_REQUIRE(connection != NULL, CMAW_E_NO_MEMORY);
    *connection = (struct connection){enclave, fd};
    atomic_fetch_add(&enclave->stats.connections, 1);
    const enum cmaw_err err = cmaw_thread_start(serve_connection, connection);
    if (err != CMAW_OK) {
        atomic_fetch_sub(&enclave->stats.connections, 1);
        free(connection);
    }
    return err;
}

enum cmaw_err cmaw_server_run(struct cmaw_enclave *enclave)
{
    for (;;) {
        int fd = -1;
        CMAW_TRY(cmaw_platform_accept(&fd));
        if (atomic_load(&enclave->stats.connections) >= CMAW_ENCLAVE_CONNECTIONS_MAX ||
            start_connection(enclave, fd) != CMAW_OK) {
            cmaw_log(CMAW_LOG_WARN, "server.busy", "connections=%u", (unsigned)atomic_load(&enclave->stats.connections));
            refuse(fd);
        }
    }
}
