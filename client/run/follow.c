#include "client/run/follow.h"

#include <signal.h>
#include <stdlib.h>

#include "client/run/display.h"
#include "client/run/prepare.h"

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

/* What cannot be shown does not keep a run from being waited for. */
static void begin_display(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_display **ret_display)
{
    struct cmaw_diag none = {0};
    CMAW_PINNED_AUTO(pinned);
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    if (plan != NULL && cmaw_pinned_load(store, &record->mh, &pinned, &none) == CMAW_OK &&
        cmaw_plan_parse(cmaw_buf_slice(&record->plan), &pinned.deployment->manifest, plan) == CMAW_OK) {
        CMAW_IGNORE(cmaw_display_begin(plan, &pinned.deployment->manifest, ret_display));
    }
    free(plan);
}

static enum cmaw_err await(struct cmaw_store *store, struct cmaw_temporal *temporal, const struct cmaw_run_record *record, uint64_t timeout_ms,
                           struct cmaw_temporal_outcome *outcome, struct cmaw_diag *diag)
{
    [[gnu::cleanup(cmaw_display_end)]] struct cmaw_display *display = NULL;
    begin_display(store, record, &display);
    const struct cmaw_temporal_watcher watcher = {.visit = cmaw_display_news, .context = display};
    struct cmaw_diag why = {0};
    const enum cmaw_err err = cmaw_temporal_watch(temporal, record->workflow_id, timeout_ms == 0 ? UINT64_MAX : timeout_ms, &interrupted,
                                                  display == NULL ? NULL : &watcher, outcome, &why);
    if (err == CMAW_E_TIMEOUT || (err != CMAW_OK && interrupted != 0)) {
        return still_running(record, diag);
    }
    *diag = why;
    return err;
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
    enum cmaw_err err = await(store, temporal, record, timeout_ms, &outcome, diag);
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
