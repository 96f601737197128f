#include "client/proof/subject.h"

#include <stdlib.h>
#include <string.h>

#include "client/run/follow.h"
#include "client/store/passphrase.h"
#include "host/temporal/history.h"

enum { HISTORY_MAX = 64 * 1024 * 1024 };

void cmaw_subject_free(struct cmaw_subject **subject)
{
    if (*subject != NULL) {
        cmaw_plaintexts_free(&(*subject)->plaintexts);
        cmaw_outcome_free(&(*subject)->outcome);
        cmaw_run_record_free(&(*subject)->record);
        cmaw_buf_free(&(*subject)->history);
        cmaw_buf_free(&(*subject)->states);
        cmaw_stack_free(&(*subject)->stack);
        cmaw_store_close(&(*subject)->store);
        free(*subject);
        *subject = NULL;
    }
}

static enum cmaw_err load_stack(const struct cmaw_settings *settings, const struct cmaw_temporal_place *place, struct cmaw_subject *subject)
{
    char address[CMAW_HOST_PORT_SIZE];
    struct cmaw_diag none = {0};
    CMAW_STACK_AUTO(stack);
    if (cmaw_stack_find(settings, &stack, &none) != CMAW_OK) {
        return CMAW_OK;
    }
    cmaw_stack_host_port(stack, CMAW_PORT_TEMPORAL, address);
    if (strcmp(address, place->address) == 0) {
        subject->stack = stack;
        stack = NULL;
    }
    return CMAW_OK;
}

static enum cmaw_err fetch(const struct cmaw_settings *settings, const char *run, struct cmaw_subject *subject, struct cmaw_diag *diag)
{
    struct cmaw_temporal_place place;
    CMAW_TEMPORAL_AUTO(temporal);
    CMAW_TRY(cmaw_store_open_unlocked(settings, &subject->store, diag));
    CMAW_TRY(cmaw_store_find_run(subject->store, run, &subject->record, diag));
    CMAW_TRY(cmaw_store_check_not_shredded(subject->store, &subject->record, diag));
    CMAW_TRY(cmaw_temporal_place(settings, &subject->record, &place, diag));
    CMAW_TRY(cmaw_temporal_reach(&place, &temporal, diag));
    CMAW_TRY(cmaw_run_follow(subject->store, temporal, &subject->record, 0, diag));
    if (subject->record.status != CMAW_RUN_COMPLETED) {
        return cmaw_failure_report(subject->store, &subject->record, false, diag);
    }
    subject->history = CMAW_BUF(HISTORY_MAX);
    CMAW_TRY(cmaw_temporal_history_fetch(temporal, subject->record.workflow_id, &subject->history, diag));
    return load_stack(settings, &place, subject);
}

enum cmaw_err cmaw_subject_fetch(const struct cmaw_settings *settings, const char *run, struct cmaw_subject **ret_subject, struct cmaw_diag *diag)
{
    CMAW_SUBJECT_AUTO(subject);
    subject = calloc(1, sizeof *subject);
    CMAW_REQUIRE(subject != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(fetch(settings, run, subject, diag));
    *ret_subject = subject;
    subject = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_subject_verify(struct cmaw_subject *subject, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_outcome_verify(subject->store, &subject->record, NULL, &subject->outcome, diag));
    subject->states = CMAW_BUF(HISTORY_MAX);
    CMAW_TRY(cmaw_history_states(cmaw_buf_slice(&subject->history), subject->outcome->run, &subject->states, &subject->found, diag));
    cmaw_outcome_free(&subject->outcome);
    CMAW_TRY(cmaw_outcome_verify(subject->store, &subject->record, &subject->found, &subject->outcome, diag));
    return cmaw_plaintexts_open(subject->outcome, &subject->plaintexts, diag);
}
