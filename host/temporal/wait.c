#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host/temporal/rpc.h"
#include "sys/daemon.h"

#define WF_EVENT(name) TEMPORAL__API__ENUMS__V1__EVENT_TYPE__EVENT_TYPE_WORKFLOW_EXECUTION_##name

/* The server holds a long poll for 20 s; then it answers an empty page. */
enum { LONG_POLL_MS = 30000, BACKOFF_FIRST_MS = 100, BACKOFF_LAST_MS = 2000, RESULT_MAX = 4 * 1024 * 1024 };

typedef CMAW_API(History__V1__HistoryEvent) history_event;
typedef CMAW_WF(GetWorkflowExecutionHistoryResponse) history_page;

const char *cmaw_temporal_status_text(enum cmaw_temporal_status status)
{
    static const char *const texts[] = {
        [CMAW_TEMPORAL_UNKNOWN] = "unknown",       [CMAW_TEMPORAL_RUNNING] = "running",
        [CMAW_TEMPORAL_COMPLETED] = "completed",   [CMAW_TEMPORAL_FAILED] = "failed",
        [CMAW_TEMPORAL_CANCELED] = "canceled",     [CMAW_TEMPORAL_TERMINATED] = "terminated",
        [CMAW_TEMPORAL_CONTINUED] = "continued",   [CMAW_TEMPORAL_TIMED_OUT] = "timed out",
    };
    return (unsigned)status < sizeof texts / sizeof *texts ? texts[status] : "unknown";
}

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
static enum cmaw_err take_outcome(const history_event *event, struct cmaw_temporal_outcome *outcome)
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

/* One long poll. NOT_FOUND with an empty diag: not at its end yet. */
static enum cmaw_err poll_close(struct cmaw_temporal *temporal, const char *workflow_id, uint32_t timeout_ms, const int *stop,
                                struct cmaw_buf *token, struct cmaw_temporal_outcome *outcome, bool *ret_open,
                                struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(history_page, page);
    CMAW_WF(GetWorkflowExecutionHistoryRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__GET_WORKFLOW_EXECUTION_HISTORY_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    const struct cmaw_rpc_options options = {
        .method = "GetWorkflowExecutionHistory",
        .request = &request.base,
        .response = &temporal__api__workflowservice__v1__get_workflow_execution_history_response__descriptor,
        .timeout_ms = timeout_ms,
        .once = true,
        .stop = stop,
    };

    request.namespace_ = temporal->ns;
    request.execution = &execution;
    request.wait_new_event = timeout_ms > 0;
    request.history_event_filter_type =
        TEMPORAL__API__ENUMS__V1__HISTORY_EVENT_FILTER_TYPE__HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT;
    request.next_page_token = cmaw_proto_bytes(cmaw_buf_slice(token));
    CMAW_TRY(cmaw_temporal_call(temporal, &options, NULL, &page, NULL, diag));
    cmaw_buf_reset(token);
    cmaw_buf_put(token, cmaw_proto_slice(page->next_page_token));
    CMAW_TRY(cmaw_buf_err(token));
    *ret_open = page->history == NULL || page->history->n_events == 0;
    if (*ret_open) {
        return CMAW_OK;
    }
    const enum cmaw_err err = take_outcome(page->history->events[page->history->n_events - 1], outcome);
    if (err == CMAW_E_NOT_FOUND) {
        *ret_open = true;
        return CMAW_OK;
    }
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "temporal: the end of %s is not what a run ends with", workflow_id);
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

enum cmaw_err cmaw_temporal_wait(struct cmaw_temporal *temporal, const char *workflow_id, uint64_t timeout_ms,
                                 const int *stop, struct cmaw_temporal_outcome *ret_outcome, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(token, 64 * 1024);
    [[gnu::cleanup(cmaw_temporal_outcome_free)]] struct cmaw_temporal_outcome outcome = {0};
    const uint64_t now = cmaw_clock_ms(), deadline = timeout_ms > UINT64_MAX - now ? UINT64_MAX : now + timeout_ms;
    uint64_t backoff = BACKOFF_FIRST_MS;

    for (;;) {
        struct cmaw_diag attempt = {0};
        bool open = true;
        const uint64_t left = left_of(deadline);
        enum cmaw_err err = poll_close(temporal, workflow_id, (uint32_t)least(left, LONG_POLL_MS), stop, &token, &outcome,
            &open, &attempt);
        if (err == CMAW_OK && !open) {
            *ret_outcome = outcome;
            outcome = (struct cmaw_temporal_outcome){0};
            return CMAW_OK;
        }
        const bool again = err == CMAW_OK || err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT || err == CMAW_E_BUSY;
        const bool stopped = stop != NULL && __atomic_load_n(stop, __ATOMIC_RELAXED) != 0;
        if (again && (left_of(deadline) == 0 || stopped)) {
            if (err == CMAW_E_UNAVAILABLE && !stopped) {
                *diag = attempt;
                return err;
            }
            return cmaw_diag_set(diag, CMAW_E_TIMEOUT, "workflow %s is still running", workflow_id);
        }
        if (!again) {
            *diag = attempt;
            return err;
        }
        if (err == CMAW_OK) {
            backoff = BACKOFF_FIRST_MS;
            continue;
        }
        cmaw_buf_reset(&token);
        pause_for(least(backoff, left_of(deadline)));
        backoff = least(backoff * 2, BACKOFF_LAST_MS);
    }
}
