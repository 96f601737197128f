#include "client/run/follow.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/json.h"
#include "client/run/prepare.h"
#include "sys/daemon.h"

enum { LOOK_MS = 2000, QUERY_MS = 3000 };

static int interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void catch_interrupts(struct sigaction *ret_before)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    (void)sigemptyset(&action.sa_mask);
    interrupted = 0;
    (void)sigaction(SIGINT, &action, ret_before);
}

/* "intake done, adjudicate running (attempt 2)" */
static enum cmaw_err describe_steps(struct cmaw_slice json, char *text, size_t capacity)
{
    CMAW_JSON_AUTO(status);
    struct cmaw_diag none = {0};
    CMAW_TRY(cmaw_json_parse("status", json, &status, &none));
    size_t index, used = 0;
    const json_t *step;
    text[0] = '\0';
    json_array_foreach(json_object_get(status, "steps"), index, step) {
        char name[CMAW_NAME_MAX + 1];
        char state[32];
        uint64_t attempt = 0;
        CMAW_TRY(cmaw_json_text(step, "name", name, sizeof name));
        CMAW_TRY(cmaw_json_text(step, "state", state, sizeof state));
        CMAW_TRY(cmaw_json_u64(step, "attempt", UINT32_MAX, &attempt));
        const int size = snprintf(text + used, capacity - used, "%s%s %s", used == 0 ? "" : ", ", name, state);
        used += size > 0 ? (size_t)size : 0;
        if (attempt > 1 && used < capacity) {
            (void)snprintf(text + used, capacity - used, " (attempt %u)", (unsigned)attempt);
            used = strlen(text);
        }
        if (used >= capacity) {
            break;
        }
    }
    return CMAW_OK;
}

static void show_progress(struct cmaw_temporal *temporal, const char *workflow_id, char *last, size_t capacity)
{
    CMAW_BUF_AUTO(json, 64 * 1024);
    struct cmaw_diag none = {0};
    char text[400];
    if (cmaw_temporal_query(temporal, workflow_id, CMAW_TEMPORAL_QUERY_STATUS, QUERY_MS, &json, &none) != CMAW_OK ||
        describe_steps(cmaw_buf_slice(&json), text, sizeof text) != CMAW_OK) {
        (void)snprintf(text, sizeof text, "no worker answers: the run waits for one");
    }
    if (strcmp(text, last) != 0) {
        cmaw_progress("%s", text);
        (void)snprintf(last, capacity, "%s", text);
    }
}

static enum cmaw_run_status status_of(enum cmaw_temporal_status status)
{
    switch (status) {
    case CMAW_TEMPORAL_COMPLETED:
        return CMAW_RUN_COMPLETED;
    case CMAW_TEMPORAL_CANCELED:
        return CMAW_RUN_CANCELED;
    case CMAW_TEMPORAL_TERMINATED:
        return CMAW_RUN_TERMINATED;
    case CMAW_TEMPORAL_TIMED_OUT:
        return CMAW_RUN_TIMED_OUT;
    default:
        return CMAW_RUN_FAILED;
    }
}

static enum cmaw_err keep_outcome(struct cmaw_store *store, const struct cmaw_run_record *record, const struct cmaw_temporal_outcome *outcome,
                                  struct cmaw_diag *diag)
{
    const enum cmaw_run_status status = status_of(outcome->status);
    const struct cmaw_slice result = status == CMAW_RUN_COMPLETED ? cmaw_buf_slice(&outcome->result) : cmaw_buf_slice(&outcome->failure_result);
    return cmaw_store_finish_run(store, &record->run_id, status, status == CMAW_RUN_FAILED ? outcome->failure_type : "", result, diag);
}

static enum cmaw_err still_running(const struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "cmaw wait %s waits on", record->workflow_id);
    return cmaw_diag_set(diag, CMAW_E_TIMEOUT, "the run goes on");
}

static enum cmaw_err await(struct cmaw_temporal *temporal, const struct cmaw_run_record *record, uint64_t timeout_ms,
                           struct cmaw_temporal_outcome *outcome, struct cmaw_diag *diag)
{
    const uint64_t end = timeout_ms == 0 ? UINT64_MAX : cmaw_clock_ms() + timeout_ms;
    char last[400] = "";
    for (;;) {
        const uint64_t now = cmaw_clock_ms();
        const uint64_t left = now < end ? end - now : 0;
        struct cmaw_diag why = {0};
        const enum cmaw_err err = cmaw_temporal_wait(temporal, record->workflow_id, left < LOOK_MS ? left : LOOK_MS, &interrupted, outcome, &why);
        if (err != CMAW_E_TIMEOUT) {
            *diag = why;
            return interrupted != 0 && err != CMAW_OK ? still_running(record, diag) : err;
        }
        if (interrupted != 0 || left == 0) {
            return still_running(record, diag);
        }
        show_progress(temporal, record->workflow_id, last, sizeof last);
    }
}

enum cmaw_err cmaw_run_follow(struct cmaw_store *store, struct cmaw_temporal *temporal, struct cmaw_run_record *record, uint64_t timeout_ms,
                              struct cmaw_diag *diag)
{
    if (record->status == CMAW_RUN_PREPARED) {
        CMAW_TRY(cmaw_run_start(store, temporal, record, diag));
    }
    if (record->status != CMAW_RUN_RUNNING) {
        return CMAW_OK;
    }
    struct sigaction before;
    catch_interrupts(&before);
    struct cmaw_temporal_outcome outcome = {0};
    enum cmaw_err err = await(temporal, record, timeout_ms, &outcome, diag);
    (void)sigaction(SIGINT, &before, NULL);
    CMAW_TRY(err);
    err = keep_outcome(store, record, &outcome, diag);
    cmaw_temporal_outcome_free(&outcome);
    CMAW_TRY(err);
    struct cmaw_run_record now = {0};
    CMAW_TRY(cmaw_store_find_run(store, record->workflow_id, &now, diag));
    cmaw_run_record_free(record);
    *record = now;
    return CMAW_OK;
}
