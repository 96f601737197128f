#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/run/outcome.h"
#include "client/unsigned.h"
#include "host/temporal/objects.h"
#include "lib/base/text.h"
#include "lib/sst/code.h"

static const struct {
    enum cmaw_code code;
    const char *hint;
} hints[] = {
    {CMAW_CODE_NOT_READY, "an enclave is not ready: cmaw status shows which; submit again once it is"},
    {CMAW_CODE_BUSY, "the enclaves have too much to do: submit again later"},
    {CMAW_CODE_BAD_REQUEST, "what reached the enclave was damaged, or is of another version of cmaw"},
    {CMAW_CODE_DENIED, "the enclave refused it: another deployment, or a state or ticket that was changed on its way"},
    {CMAW_CODE_EXPIRED, "the ticket, or the deployment's manifest, has expired: submit again; --expires gives more time"},
    {CMAW_CODE_TOO_LARGE, "a state is larger than its edge takes: at most 1,835,008 bytes with its envelope, less where the plan says so"},
    {CMAW_CODE_AGENT_FAILED, "the agent ended with an error: its own words are above, if it left any"},
    {CMAW_CODE_AGENT_TIMEOUT, "the agent did not end in time: timeout_s of the step in the workflow file"},
    {CMAW_CODE_KMS_UNAVAILABLE, "the enclave cannot reach KMS: see the proxy's log"},
    {CMAW_CODE_INTERNAL, "a fault of an enclave: see its log and the worker's"},
};

/* Verifies and opens the failure state of a StepResult. */
static enum cmaw_err open_failure(const struct cmaw_pinned *pinned, const struct cmaw_run_record *record, const struct cmaw_edge_secrets *secrets,
                                  enum cmaw_doc_trust trust, uint32_t *ret_step, struct cmaw_buf *text, struct cmaw_finding *finding)
{
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    struct cmaw_ticket *ticket = calloc(1, sizeof *ticket);
    enum cmaw_err err = output == NULL || ticket == NULL ? CMAW_E_NO_MEMORY : cmaw_step_output_decode(cmaw_buf_slice(&record->result), output);
    err = err != CMAW_OK ? err : cmaw_ticket_parse(cmaw_buf_slice(&record->ticket), ticket);
    struct cmaw_state state;
    if (err == CMAW_OK) {
        err = output->state_count == 1 ? cmaw_state_parse(output->states[0], &state) : CMAW_E_MALFORMED;
    }
    if (err == CMAW_OK) {
        const struct cmaw_failure failure = {.manifest = pinned->deployment->bundle.manifest, .plan = cmaw_buf_slice(&record->plan),
                                             .ticket_header = ticket->header, .ak_doc = output->ak_doc, .receipt = output->receipt,
                                             .state = output->states[0], .trust = trust};
        err = cmaw_failure_open(&failure, &record->mh, cmaw_edge_secrets_of(secrets, state.header.edge), ret_step, text, finding);
    }
    free(output);
    free(ticket);
    return err;
}

static void name_step(const struct cmaw_pinned *pinned, const struct cmaw_run_record *record, uint32_t id, char *name, size_t capacity)
{
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    if (plan != NULL && cmaw_plan_parse(cmaw_buf_slice(&record->plan), &pinned->deployment->manifest, plan) == CMAW_OK) {
        const struct cmaw_plan_step *step = cmaw_plan_step_at(plan, id);
        if (step != NULL) {
            CMAW_IGNORE(cmaw_slice_to_cstr(step->name, name, capacity)); /* names of a valid plan fit */
        }
    }
    free(plan);
}

static enum cmaw_err read_failure(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_failure_text *ret_failure,
                                struct cmaw_diag *diag)
{
    ret_failure->step[0] = '\0';
    ret_failure->unsigned_count = 0;
    ret_failure->text = CMAW_BUF(CMAW_CLASS_MAX_SIZE);
    CMAW_REQUIRE(record->result.size > 0, CMAW_OK);
    CMAW_PINNED_AUTO(pinned);
    CMAW_TRY(cmaw_pinned_load(store, &record->mh, &pinned, diag));
    ret_failure->unsigned_count = pinned.deployment->unsigned_count;
    CMAW_EDGE_SECRETS_AUTO(secrets);
    CMAW_TRY(cmaw_store_secrets(store, &record->run_id, &secrets, diag));
    uint32_t step = 0;
    struct cmaw_finding finding = {0};
    if (open_failure(&pinned, record, &secrets, cmaw_store_trust(store), &step, &ret_failure->text, &finding) != CMAW_OK) {
        cmaw_progress("the report of the failure does not verify and was not opened: %s", finding.text);
        cmaw_buf_reset(&ret_failure->text);
        return CMAW_OK;
    }
    name_step(&pinned, record, step, ret_failure->step, sizeof ret_failure->step);
    return CMAW_OK;
}

static enum cmaw_err print_json(const struct cmaw_run_record *record, const struct cmaw_failure_text *failure)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set_hex(json, "run_id", cmaw_bytes32_slice(&record->run_id)));
    CMAW_TRY(cmaw_json_set_text(json, "workflow_id", record->workflow_id));
    CMAW_TRY(cmaw_json_set_text(json, "status", cmaw_run_status_name(record->status)));
    if (record->code[0] != '\0') {
        CMAW_TRY(cmaw_json_set_text(json, "code", record->code));
    }
    if (failure->unsigned_count > 0) {
        CMAW_TRY(cmaw_json_set_u64(json, CMAW_UNSIGNED_KEY, failure->unsigned_count));
    }
    if (failure->step[0] != '\0') {
        CMAW_TRY(cmaw_json_set_text(json, "step", failure->step));
    }
    if (failure->text.size > 0) {
        json_t *text = json_stringn((const char *)failure->text.data, failure->text.size);
        CMAW_TRY(cmaw_json_set(json, "message", text == NULL ? json_string("(not UTF-8)") : text));
    }
    return cmaw_json_print(json);
}

/* The agent's own words, with what a terminal would obey replaced. */
static void print_words(struct cmaw_failure_text *failure)
{
    cmaw_lines_tame(failure->text.data, failure->text.size);
    (void)fprintf(stderr, "--- what the agent of step %s left, opened with your secrets:\n%.*s\n---\n", failure->step, (int)failure->text.size,
                  (const char *)failure->text.data);
}

enum cmaw_err cmaw_failure_report(struct cmaw_store *store, const struct cmaw_run_record *record, bool json, struct cmaw_diag *diag)
{
    struct cmaw_failure_text failure = {0};
    CMAW_TRY(read_failure(store, record, &failure, diag));
    enum cmaw_err err = CMAW_OK;
    if (json) {
        err = print_json(record, &failure);
    } else if (failure.text.size > 0) {
        print_words(&failure);
    }
    cmaw_buf_free(&failure.text);
    CMAW_TRY(err);
    const enum cmaw_code code = cmaw_code_find(cmaw_slice_of_cstr(record->code));
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (code == hints[i].code) {
            cmaw_diag_hint(diag, "%s", hints[i].hint);
        }
    }
    return cmaw_diag_set(diag, code == CMAW_CODE_EXPIRED ? CMAW_E_EXPIRED : CMAW_E_DENIED, "run %s %s%s%s%s%s", record->workflow_id,
                         cmaw_run_status_name(record->status), record->code[0] == '\0' ? "" : ": ", record->code,
                         failure.step[0] == '\0' ? "" : " in step ", failure.step);
}
