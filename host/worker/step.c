#include "host/worker/step.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/temporal/payload.h"
#include "host/worker/heavy.h"
#include "host/worker/step_frame.h"
#include "host/worker/timing.h"
#include "lib/rpc/call.h"

/* An enclave may fail by itself in a way that the next moment mends; after this often it is the answer. */
enum { INTERNAL_TRIES = 3, RESULT_LIMIT = CMAW_TEMPORAL_PAYLOADS_MAX - 1024 };

/* The progress of one step. */
struct attempt {
    struct cmaw_enclave *enclave;
    const struct cmaw_step_control *control;
    const struct cmaw_step_frame *frame;
    uint32_t internals;
    uint32_t backoff;
    uint64_t give_up; /* monotonic ms: end of waiting for the enclave */
    bool heavy;       /* has a turn of heavy.h */
};

/* Waits until fd (or nothing, -1) is readable, at most until the deadline, beating. TIMEOUT; CLOSED: the step is to end. */
static enum cmaw_err wait_beating(const struct cmaw_step_control *control, int fd, uint64_t deadline)
{
    struct pollfd fds[2] = {{.fd = control->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

    for (;;) {
        const uint64_t now = cmaw_monotonic_ms();
        if (now >= deadline) {
            return CMAW_E_TIMEOUT;
        }
        const uint64_t left = deadline - now;
        const int n = poll(fds, 2, left < CMAW_HEARTBEAT_EVERY_MS ? (int)left : CMAW_HEARTBEAT_EVERY_MS);
        if (fds[0].revents != 0 && n > 0) {
            return CMAW_E_CLOSED;
        }
        if (n > 0) {
            return CMAW_OK;
        }
        if (left > CMAW_HEARTBEAT_EVERY_MS) {
            control->beat(control->context);
        }
    }
}

/* The length that the next frame declares, as far as it has arrived. Hostile: it decides about a turn only. */
static size_t declared_length(int fd)
{
    uint8_t head[4] = {0};

    if (recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT) != (ssize_t)sizeof head) {
        return 0;
    }
    return (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
}

static void leave_turn(struct attempt *attempt)
{
    cmaw_heavy_leave(attempt->heavy);
    attempt->heavy = false;
}

/* What one exchange came to. */
enum exchange_end { EXCHANGE_ANSWERED, EXCHANGE_STALE, EXCHANGE_FAILED, EXCHANGE_STOPPED };

static enum exchange_end exchange(struct attempt *attempt, struct cmaw_buf *buf, struct cmaw_response *ret_response)
{
    int fd = -1;
    bool reused = false;

    if (cmaw_enclave_connect(attempt->enclave, &fd, &reused) != CMAW_OK) {
        return EXCHANGE_FAILED;
    }
    enum cmaw_err err = cmaw_frame_write(fd, cmaw_deadline_in(CMAW_CALL_TIMEOUT_MS), attempt->frame->parts, attempt->frame->count);
    if (err == CMAW_OK) {
        err = wait_beating(attempt->control, fd, attempt->control->deadline);
        if (err == CMAW_E_CLOSED) {
            close(fd); // which tells the enclave that nobody waits
            return EXCHANGE_STOPPED;
        }
    }
    if (err == CMAW_OK) {
        attempt->heavy = cmaw_heavy_enter(declared_length(fd));
        err = cmaw_frame_read(fd, cmaw_deadline_in(CMAW_CALL_TIMEOUT_MS), buf);
    }
    if (err == CMAW_OK) {
        err = cmaw_response_decode(cmaw_buf_slice(buf), ret_response);
    }
    if (err != CMAW_OK) {
        leave_turn(attempt);
        cmaw_enclave_drop(attempt->enclave, fd);
        return reused && err == CMAW_E_CLOSED ? EXCHANGE_STALE : EXCHANGE_FAILED;
    }
    cmaw_enclave_put(attempt->enclave, fd);
    return EXCHANGE_ANSWERED;
}

static bool has_states(enum cmaw_code code)
{
    return code == CMAW_CODE_OK || code == CMAW_CODE_AGENT_FAILED || code == CMAW_CODE_AGENT_TIMEOUT;
}

/* The answer as an outcome. An OK without what it has to bring is INTERNAL. */
static void take_answer(const struct cmaw_response *response, struct cmaw_step_outcome *outcome)
{
    outcome->end = CMAW_STEP_END_ANSWER;
    outcome->code = response->code;
    if (!has_states(response->code) || response->verb != CMAW_VERB_STEP) {
        outcome->code = response->code == CMAW_CODE_OK ? CMAW_CODE_INTERNAL : response->code;
        return;
    }
    struct cmaw_step_output output = {
        .state_count = response->step.state_count, .receipt = response->step.receipt, .ak_doc = response->step.ak_doc};
    for (uint32_t i = 0; i < output.state_count; i++) {
        output.states[i] = response->step.states[i];
    }
    outcome->result = CMAW_BUF(RESULT_LIMIT);
    cmaw_step_output_encode(&output, &outcome->result);
    if (cmaw_buf_err(&outcome->result) != CMAW_OK) {
        const bool too_large = cmaw_buf_err(&outcome->result) == CMAW_E_TOO_LARGE;
        cmaw_buf_free(&outcome->result);
        outcome->code = too_large ? CMAW_CODE_TOO_LARGE : CMAW_CODE_INTERNAL;
    }
}

/* True for a code that is no answer to the step: it is to be asked again later. */
static bool is_passing(struct attempt *attempt, enum cmaw_code code)
{
    switch (code) {
    case CMAW_CODE_NOT_READY:
        cmaw_enclave_suspect(attempt->enclave);
        return true;
    case CMAW_CODE_BUSY:
    case CMAW_CODE_KMS_UNAVAILABLE:
        return true;
    case CMAW_CODE_INTERNAL:
        return ++attempt->internals < INTERNAL_TRIES;
    default:
        return false;
    }
}

/* Asks once. True: *outcome is final. */
static bool try_once(struct attempt *attempt, struct cmaw_step_outcome *outcome)
{
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    struct cmaw_response response;
    enum exchange_end end;

    outcome->code = CMAW_CODE_NOT_READY;
    if (!cmaw_enclave_ready(attempt->enclave)) {
        return false;
    }
    do {
        end = exchange(attempt, &buf, &response);
    } while (end == EXCHANGE_STALE);
    if (end == EXCHANGE_STOPPED) {
        outcome->end = CMAW_STEP_END_STOPPED;
        return true;
    }
    if (end == EXCHANGE_FAILED) {
        cmaw_enclave_suspect(attempt->enclave);
        return false;
    }
    outcome->code = response.code;
    if (is_passing(attempt, response.code)) {
        leave_turn(attempt);
        return false;
    }
    outcome->heavy = attempt->heavy;
    take_answer(&response, outcome);
    return true;
}

/* Until the next try. True: *outcome is final. */
static bool pause_before_next(struct attempt *attempt, struct cmaw_step_outcome *outcome)
{
    const uint64_t now = cmaw_monotonic_ms();

    if (now >= attempt->give_up) {
        outcome->end = CMAW_STEP_END_WAITING;
        return true;
    }
    if (wait_beating(attempt->control, -1, now + attempt->backoff) == CMAW_E_CLOSED) {
        outcome->end = CMAW_STEP_END_STOPPED;
        return true;
    }
    attempt->control->beat(attempt->control->context);
    attempt->backoff = attempt->backoff * 2 < CMAW_BACKOFF_LAST_MS ? attempt->backoff * 2 : CMAW_BACKOFF_LAST_MS;
    return false;
}

void cmaw_step_run(struct cmaw_enclave *enclave, const struct cmaw_step_task *task, const struct cmaw_step_control *control,
                   struct cmaw_step_outcome *ret_outcome)
{
    [[gnu::cleanup(cmaw_step_frame_free)]] struct cmaw_step_frame frame = {.count = 0};
    struct attempt attempt = {.enclave = enclave, .control = control, .frame = &frame,
        .backoff = CMAW_BACKOFF_FIRST_MS, .give_up = cmaw_deadline_in(CMAW_STEP_WAIT_MS)};

    *ret_outcome = (struct cmaw_step_outcome){.end = CMAW_STEP_END_ANSWER, .code = CMAW_CODE_BAD_REQUEST};
    const enum cmaw_err err = cmaw_step_frame_make(task, &frame);
    if (err != CMAW_OK) {
        ret_outcome->code = err == CMAW_E_TOO_LARGE ? CMAW_CODE_TOO_LARGE : CMAW_CODE_INTERNAL;
        return;
    }
    while (!try_once(&attempt, ret_outcome) && !pause_before_next(&attempt, ret_outcome)) {
    }
}
