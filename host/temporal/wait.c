#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/temporal/rpc.h"
#include "host/temporal/wait.h"
#include "sys/daemon.h"

#define WF_EVENT(name) TEMPORAL__API__ENUMS__V1__EVENT_TYPE__EVENT_TYPE_WORKFLOW_EXECUTION_##name

/* The server holds a long poll for 20 s; then it answers an empty page. */
enum { LONG_POLL_MS = 30000, BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000, RESULT_MAX = 4 * 1024 * 1024,
       TOKEN_MAX = 64 * 1024 };

typedef CMAW_WF(GetWorkflowExecutionHistoryResponse) history_page;

void cmaw_temporal_outcome_free(struct cmaw_temporal_outcome *outcome)
{
    cmaw_buf_free(&outcome->result);
    cmaw_buf_free(&outcome->failure_result);
}

static enum cmaw_err take_payload(const CMAW_API(Common__V1__Payloads) *payloads, const char *type, struct cmaw_buf *buf)
{
    CMAW_REQUIRE(payloads != NULL && payloads->n_payloads == 1, CMAW_E_PEER);
    const struct cmaw_temporal_payload payload = cmaw_message_payload_view(payloads->payloads[0]);
    CMAW_REQUIRE(cmaw_temporal_payload_is(&payload, type), CMAW_E_PEER);
    *buf = CMAW_BUF(RESULT_MAX);
    cmaw_buf_put(buf, payload.data);
    return cmaw_buf_err(buf);
}

static enum cmaw_err take_failure(const CMAW_API(Failure__V1__Failure) *failure, struct cmaw_temporal_outcome *outcome)
{
    const CMAW_API(Failure__V1__Failure) *application = cmaw_message_application_failure(failure);

    if (application == NULL) {
        snprintf(outcome->failure_type, sizeof outcome->failure_type, "INTERNAL");
        cmaw_printable(cmaw_slice_of_cstr(failure != NULL ? failure->message : NULL), outcome->failure_message,
            sizeof outcome->failure_message);
        return CMAW_OK;
    }
    const CMAW_API(Failure__V1__ApplicationFailureInfo) *info = application->application_failure_info;
    cmaw_printable(cmaw_slice_of_cstr(info->type), outcome->failure_type, sizeof outcome->failure_type);
    cmaw_printable(cmaw_slice_of_cstr(application->message), outcome->failure_message,
        sizeof outcome->failure_message);
    sscanf(outcome->failure_message, "step %u ", &outcome->failure_step);
    if (info->details == NULL || info->details->n_payloads == 0) {
        return CMAW_OK;
    }
    return take_payload(info->details, CMAW_TEMPORAL_STEP_RESULT, &outcome->failure_result);
}

/* NOT_FOUND where the event does not end a workflow. */
static enum cmaw_err take_outcome(const cmaw_history_event *event, struct cmaw_temporal_outcome *outcome)
{
    switch ((int)event->event_type) {
    case WF_EVENT(COMPLETED):
        outcome->status = CMAW_TEMPORAL_COMPLETED;
        CMAW_REQUIRE(event->workflow_execution_completed_event_attributes != NULL, CMAW_E_PEER);
        return take_payload(event->workflow_execution_completed_event_attributes->result, CMAW_TEMPORAL_RUN_RESULT,
            &outcome->result);
    case WF_EVENT(FAILED):
        outcome->status = CMAW_TEMPORAL_FAILED;
        CMAW_REQUIRE(event->workflow_execution_failed_event_attributes != NULL, CMAW_E_PEER);
        return take_failure(event->workflow_execution_failed_event_attributes->failure, outcome);
    case WF_EVENT(CANCELED):
        outcome->status = CMAW_TEMPORAL_CANCELED;
        return CMAW_OK;
    case WF_EVENT(TERMINATED):
        outcome->status = CMAW_TEMPORAL_TERMINATED;
        return CMAW_OK;
    case WF_EVENT(TIMED_OUT):
        outcome->status = CMAW_TEMPORAL_TIMED_OUT;
        return CMAW_OK;
    case WF_EVENT(CONTINUED_AS_NEW):
        outcome->status = CMAW_TEMPORAL_CONTINUED;
        return CMAW_OK;
    default:
        return CMAW_E_NOT_FOUND;
    }
}

/* A wait over several polls. */
struct wait {
    struct cmaw_temporal *temporal;
    const char *workflow_id;
    const int *stop;
    const struct cmaw_temporal_watcher *watcher; /* NULL: only the end is of interest */
    int64_t seen;                                /* the last event that came */
    struct cmaw_buf token;                       /* where the next poll goes on; empty: at the first event */
    bool open;                                   /* the end has not been read */
    struct cmaw_temporal_outcome outcome;
};

static void wait_release(struct wait *wait)
{
    cmaw_buf_free(&wait->token);
    cmaw_temporal_outcome_free(&wait->outcome);
}

/* After an outage the history is read from its start again, so that what was seen is passed over. */
static enum cmaw_err take_event(struct wait *wait, const cmaw_history_event *event)
{
    if (event->event_id > wait->seen) {
        wait->seen = event->event_id;
        if (wait->watcher != NULL) {
            cmaw_news_give(wait->watcher, event);
        }
    }
    const enum cmaw_err err = take_outcome(event, &wait->outcome);
    wait->open = err == CMAW_E_NOT_FOUND;
    return wait->open ? CMAW_OK : err;
}

static enum cmaw_err take_page(struct wait *wait, const history_page *page, struct cmaw_diag *diag)
{
    cmaw_buf_reset(&wait->token);
    cmaw_buf_put(&wait->token, cmaw_proto_slice(page->next_page_token));
    CMAW_TRY(cmaw_buf_err(&wait->token));
    for (size_t i = 0; page->history != NULL && i < page->history->n_events && wait->open; i++) {
        const enum cmaw_err err = take_event(wait, page->history->events[i]);
        if (err != CMAW_OK) {
            return cmaw_diag_set(diag, err, "temporal: the end of %s is not what a run ends with", wait->workflow_id);
        }
    }
    return CMAW_OK;
}

/* One long poll. */
static enum cmaw_err poll_events(struct wait *wait, uint32_t timeout_ms, struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(history_page, page);
    CMAW_WF(GetWorkflowExecutionHistoryRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__GET_WORKFLOW_EXECUTION_HISTORY_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(wait->workflow_id);
    const struct cmaw_rpc_options options = {
        .method = "GetWorkflowExecutionHistory",
        .request = &request.base,
        .response = &temporal__api__workflowservice__v1__get_workflow_execution_history_response__descriptor,
        .timeout_ms = timeout_ms,
        .once = true,
        .stop = wait->stop,
    };

    request.namespace_ = wait->temporal->ns;
    request.execution = &execution;
    request.wait_new_event = timeout_ms > 0;
    request.history_event_filter_type = wait->watcher == NULL
        ? TEMPORAL__API__ENUMS__V1__HISTORY_EVENT_FILTER_TYPE__HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
        : TEMPORAL__API__ENUMS__V1__HISTORY_EVENT_FILTER_TYPE__HISTORY_EVENT_FILTER_TYPE_ALL_EVENT;
    request.next_page_token = cmaw_proto_bytes(cmaw_buf_slice(&wait->token));
    CMAW_TRY(cmaw_temporal_call(wait->temporal, &options, NULL, &page, NULL, diag));
    return take_page(wait, page, diag);
}

static uint64_t left_of(uint64_t deadline)
{
    const uint64_t now = cmaw_clock_ms();

    return deadline > now ? deadline - now : 0;
}

static void pause_for(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&time, NULL);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static bool is_stopped(const struct wait *wait)
{
    return wait->stop != NULL && __atomic_load_n(wait->stop, __ATOMIC_RELAXED) != 0;
}

/* Polls until the end, the deadline or the stop. A poll that brings nothing new is followed by a pause: not every server holds it. */
static enum cmaw_err await_end(struct wait *wait, uint64_t deadline, struct cmaw_diag *diag)
{
    uint64_t backoff = BACKOFF_FIRST_MS;
    bool answered = false; /* the poll before: a server that has just answered is there, whatever it says to a poll that its deadline cuts short */

    for (;;) {
        struct cmaw_diag attempt = {0};
        const int64_t seen = wait->seen;
        const enum cmaw_err err = poll_events(wait, (uint32_t)least(left_of(deadline), LONG_POLL_MS), &attempt);
        if (err == CMAW_OK && !wait->open) {
            return CMAW_OK;
        }
        const bool again = err == CMAW_OK || err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT || err == CMAW_E_BUSY;
        const bool stopped = is_stopped(wait);
        if (again && (left_of(deadline) == 0 || stopped)) {
            if (err == CMAW_E_UNAVAILABLE && !stopped && !answered) {
                *diag = attempt;
                return err;
            }
            return cmaw_diag_set(diag, CMAW_E_TIMEOUT, "workflow %s is still running", wait->workflow_id);
        }
        if (!again) {
            *diag = attempt;
            return err;
        }
        answered = err == CMAW_OK;
        if (wait->seen > seen) {
            backoff = BACKOFF_FIRST_MS;
            continue;
        }
        if (err != CMAW_OK) {
            cmaw_buf_reset(&wait->token);
        }
        pause_for(least(backoff, left_of(deadline)));
        backoff = least(backoff * 2, BACKOFF_LAST_MS);
    }
}

enum cmaw_err cmaw_temporal_watch(struct cmaw_temporal *temporal, const char *workflow_id, uint64_t timeout_ms, const int *stop,
                                  const struct cmaw_temporal_watcher *watcher, struct cmaw_temporal_outcome *ret_outcome,
                                  struct cmaw_diag *diag)
{
    [[gnu::cleanup(wait_release)]] struct wait wait = {.temporal = temporal, .workflow_id = workflow_id, .stop = stop, .watcher = watcher,
                                                       .token = CMAW_BUF(TOKEN_MAX), .open = true};
    const uint64_t now = cmaw_clock_ms(), deadline = timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + timeout_ms;

    CMAW_TRY(await_end(&wait, deadline, diag));
    *ret_outcome = wait.outcome;
    wait.outcome = (struct cmaw_temporal_outcome){0};
    return CMAW_OK;
}
