#include "tests/unit/fake_enclave.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/rpc/call.h"
#include "sys/addr.h"
#include "sys/file.h"

struct connection {
    struct fake_enclave *enclave;
    int fd;
    struct cmaw_request request;
    struct cmaw_response response;
    struct cmaw_plan plan;
    struct cmaw_step_output output;
};

static enum cmaw_code code_of_step(struct fake_enclave *enclave)
{
    unsigned left = atomic_load(&enclave->fail_times);

    if (!atomic_load(&enclave->ready)) {
        return CMAW_CODE_NOT_READY;
    }
    while (left > 0) {
        if (atomic_compare_exchange_weak(&enclave->fail_times, &left, left - 1)) {
            return (enum cmaw_code)atomic_load(&enclave->fail_code);
        }
    }
    return CMAW_CODE_OK;
}

/* True if the peer is still there after the time. */
static bool linger(int fd, unsigned ms)
{
    const struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (long)(ms % 1000) * 1000 + 1};
    char byte;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    const bool there = recv(fd, &byte, 1, MSG_PEEK) < 0;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof time);
    return there;
}

/* Fills the response to a step; false if the connection ended meanwhile. */
static bool serve_step(struct connection *c, struct cmaw_buf *result)
{
    struct fake_enclave *enclave = c->enclave;
    struct cmaw_ticket ticket;
    struct cmaw_ticket_header header;

    c->response.code = code_of_step(enclave);
    if (c->response.code != CMAW_CODE_NOT_READY) {
        atomic_fetch_add(&enclave->steps, 1);
        atomic_store(&enclave->last_attempt, c->request.step.attempt);
    }
    const bool states = c->response.code == CMAW_CODE_OK || c->response.code == CMAW_CODE_AGENT_FAILED ||
                        c->response.code == CMAW_CODE_AGENT_TIMEOUT;
    if (!states) {
        return true;
    }
    if (atomic_load(&enclave->delay_ms) > 0 && !linger(c->fd, atomic_load(&enclave->delay_ms))) {
        atomic_fetch_add(&enclave->gone, 1);
        return false;
    }
    if (cmaw_plan_parse(c->request.step.plan, enclave->manifest, &c->plan) != CMAW_OK ||
        cmaw_ticket_parse(c->request.step.ticket, &ticket) != CMAW_OK ||
        cmaw_ticket_header_parse(ticket.header, &header) != CMAW_OK) {
        c->response.code = CMAW_CODE_BAD_REQUEST;
        return true;
    }
    run_make_result(&c->plan, &header.run_id, c->request.step.step, c->response.code != CMAW_CODE_OK, enclave->content_size, result);
    if (cmaw_step_output_decode(cmaw_buf_slice(result), &c->output) != CMAW_OK) {
        abort();
    }
    c->response.verb = CMAW_VERB_STEP;
    c->response.step.state_count = c->output.state_count;
    memcpy(c->response.step.states, c->output.states, sizeof c->output.states);
    c->response.step.receipt = c->output.receipt;
    c->response.step.ak_doc = c->output.ak_doc;
    return true;
}

static void serve_other(struct connection *c)
{
    struct fake_enclave *enclave = c->enclave;
    static const uint8_t pcr[48] = {1};

    c->response.code = CMAW_CODE_OK;
    c->response.verb = c->request.verb;
    if (c->request.verb == CMAW_VERB_DESCRIBE) {
        const bool ready = atomic_load(&enclave->ready);
        c->response.describe = (struct cmaw_describe_response){.version = CMAW_SLICE_LIT("fake"),
            .state = ready ? CMAW_ENCLAVE_READY : CMAW_ENCLAVE_NEW, .pcr0 = CMAW_SLICE_ARRAY(pcr)};
        if (ready) {
            c->response.describe.manifest = cmaw_bytes32_slice(&enclave->manifest->mh);
            c->response.describe.role = enclave->role;
        }
    } else if (c->request.verb == CMAW_VERB_CONFIGURE && enclave->refused_key != NULL &&
               cmaw_slice_eq_cstr(c->request.configure.credentials.access_key_id, enclave->refused_key)) {
        c->response = cmaw_response_of_code(CMAW_CODE_KMS_UNAVAILABLE);
        c->response.has_kms_error = true;
        c->response.kms_error = (struct cmaw_kms_error){.type = cmaw_slice_of_cstr(enclave->refused_type), .http_status = 400};
        atomic_fetch_add(&enclave->refused, 1);
    } else if (c->request.verb == CMAW_VERB_CONFIGURE && c->request.configure.role == enclave->role) {
        c->response.configure.ak_doc = CMAW_SLICE_LIT("document");
        atomic_fetch_add(&enclave->configured, 1);
        atomic_store(&enclave->ready, true);
    } else {
        c->response = cmaw_response_of_code(CMAW_CODE_DENIED);
    }
}

static bool handshake(int fd)
{
    char line[32] = "";
    size_t n = 0;

    while (n + 1 < sizeof line && read(fd, &line[n], 1) == 1) {
        if (line[n++] == '\n') {
            return strncmp(line, "CONNECT 5000", 12) == 0 && cmaw_fd_write(fd, CMAW_SLICE_LIT("OK 5000\n")) == CMAW_OK;
        }
    }
    return false;
}

static void serve_requests(struct connection *c)
{
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);

    while (cmaw_rpc_receive(c->fd, CMAW_NO_DEADLINE, &buf, &c->request) == CMAW_OK) {
        CMAW_BUF_AUTO(result, CMAW_FRAME_MAX);
        c->response = (struct cmaw_response){0};
        if (c->request.verb == CMAW_VERB_STEP) {
            if (!serve_step(c, &result)) {
                return;
            }
        } else {
            serve_other(c);
        }
        if (cmaw_rpc_respond(c->fd, CMAW_NO_DEADLINE, &c->response) != CMAW_OK) {
            return;
        }
    }
}

static void *serve(void *argument)
{
    struct connection *c = argument;
    struct fake_enclave *enclave = c->enclave;

    if (handshake(c->fd)) {
        serve_requests(c);
    }
    pthread_mutex_lock(&enclave->lock);
    for (size_t i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        if (enclave->fds[i] == c->fd) {
            enclave->fds[i] = -1;
        }
    }
    close(c->fd);
    pthread_mutex_unlock(&enclave->lock);
    free(c);
    atomic_fetch_sub(&enclave->connections, 1);
    return NULL;
}

static bool register_fd(struct fake_enclave *enclave, int fd)
{
    bool found = false;

    pthread_mutex_lock(&enclave->lock);
    for (size_t i = 0; i < FAKE_CONNECTIONS_MAX && !found; i++) {
        if (enclave->fds[i] < 0) {
            enclave->fds[i] = fd;
            found = true;
        }
    }
    pthread_mutex_unlock(&enclave->lock);
    return found;
}

static void *accept_all(void *argument)
{
    struct fake_enclave *enclave = argument;
    int fd;

    while ((fd = accept(enclave->listener, NULL, NULL)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        pthread_t thread;
        if (c == NULL || !register_fd(enclave, fd)) {
            free(c);
            close(fd);
            continue;
        }
        c->enclave = enclave;
        c->fd = fd;
        atomic_fetch_add(&enclave->connections, 1);
        if (pthread_create(&thread, NULL, serve, c) != 0) {
            abort();
        }
        pthread_detach(thread);
    }
    return NULL;
}

void fake_enclave_start(struct fake_enclave *enclave)
{
    pthread_mutex_init(&enclave->lock, NULL);
    memset(enclave->fds, -1, sizeof enclave->fds);
    atomic_store(&enclave->ready, false);
    assert_int_equal(cmaw_unix_listen(enclave->path, &enclave->listener), CMAW_OK);
    assert_int_equal(pthread_create(&enclave->acceptor, NULL, accept_all, enclave), 0);
}

void fake_enclave_stop(struct fake_enclave *enclave)
{
    shutdown(enclave->listener, SHUT_RDWR);
    pthread_join(enclave->acceptor, NULL);
    close(enclave->listener);
    unlink(enclave->path);
    pthread_mutex_lock(&enclave->lock);
    for (size_t i = 0; i < FAKE_CONNECTIONS_MAX; i++) {
        if (enclave->fds[i] >= 0) {
            shutdown(enclave->fds[i], SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&enclave->lock);
    while (atomic_load(&enclave->connections) > 0) {
        sched_yield();
    }
}
