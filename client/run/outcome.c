#include "client/run/outcome.h"

#include <stdlib.h>

#include "client/unsigned.h"
#include "host/temporal/objects.h"

void cmaw_outcome_free(struct cmaw_outcome **outcome)
{
    if (*outcome != NULL) {
        cmaw_verified_run_free((*outcome)->run);
        cmaw_edge_secrets_release(&(*outcome)->secrets);
        cmaw_pinned_free(&(*outcome)->pinned);
        free(*outcome);
        *outcome = NULL;
    }
}

/* The edge that a state says it is for; 0 if it is no state. */
static uint32_t edge_of(struct cmaw_slice bytes)
{
    struct cmaw_state state;
    return cmaw_state_parse(bytes, &state) == CMAW_OK && state.header.edge <= CMAW_EDGES_MAX ? state.header.edge : 0;
}

static void place_state(struct cmaw_found_states *all, struct cmaw_slice state)
{
    const uint32_t edge = edge_of(state);
    if (edge > 0 && all->of[edge - 1].size == 0) {
        all->of[edge - 1] = state;
    }
}

/* The states at hand: the owner's own inputs, the result, and what was found. */
static enum cmaw_err gather_states(const struct cmaw_run_record *record, const struct cmaw_run_result *result,
                                   const struct cmaw_found_states *found, struct cmaw_found_states *all)
{
    struct cmaw_reader reader = cmaw_reader_of(cmaw_buf_slice(&record->inputs));
    while (reader.rest.size > 0 && reader.err == CMAW_OK) {
        place_state(all, cmaw_read_bytes(&reader, cmaw_read_u32be(&reader)));
    }
    CMAW_TRY(cmaw_reader_end(&reader));
    for (size_t i = 0; i < result->state_count; i++) {
        place_state(all, result->states[i]);
    }
    for (size_t i = 0; found != NULL && i < CMAW_EDGES_MAX; i++) {
        if (found->of[i].size > 0) {
            place_state(all, found->of[i]);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err gather(const struct cmaw_run_record *record, const struct cmaw_found_states *found, struct cmaw_run_result *result,
                            struct cmaw_ticket *ticket, struct cmaw_outcome *outcome)
{
    struct cmaw_evidence *evidence = &outcome->evidence;
    CMAW_TRY(cmaw_run_result_decode(cmaw_buf_slice(&record->result), result));
    CMAW_TRY(cmaw_ticket_parse(cmaw_buf_slice(&record->ticket), ticket));
    evidence->manifest = outcome->pinned.deployment->bundle.manifest;
    evidence->plan = cmaw_buf_slice(&record->plan);
    evidence->ticket_header = ticket->header;
    for (; evidence->ak_doc_count < result->ak_doc_count; evidence->ak_doc_count++) {
        evidence->ak_docs[evidence->ak_doc_count] = result->ak_docs[evidence->ak_doc_count];
    }
    for (; evidence->receipt_count < result->receipt_count; evidence->receipt_count++) {
        evidence->receipts[evidence->receipt_count] = result->receipts[evidence->receipt_count];
    }
    struct cmaw_found_states *all = calloc(1, sizeof *all);
    CMAW_REQUIRE(all != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = gather_states(record, result, found, all);
    for (size_t i = 0; i < CMAW_EDGES_MAX; i++) {
        if (all->of[i].size > 0) {
            evidence->states[evidence->state_count++] = all->of[i];
        }
    }
    free(all);
    return err;
}

/* An edge to the client must come with its state: what is not bound would be nobody's output. */
static enum cmaw_err require_outputs(const struct cmaw_verified_run *run, struct cmaw_finding *finding)
{
    const struct cmaw_plan_edge *edge;
    for (uint32_t cursor = 0; (edge = cmaw_plan_next_in(&run->plan, 0, &cursor)) != NULL;) {
        if ((run->edges[edge->id - 1].bound & CMAW_BOUND_OPENED) == 0) {
            return cmaw_finding_set(finding, CMAW_E_AUTH, "state.missing", "the state of edge %u to the client is missing", edge->id);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err verify(const struct cmaw_run_record *record, const struct cmaw_found_states *found, struct cmaw_outcome *outcome,
                            struct cmaw_finding *finding)
{
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    struct cmaw_ticket *ticket = calloc(1, sizeof *ticket);
    enum cmaw_err err = result == NULL || ticket == NULL ? CMAW_E_NO_MEMORY : gather(record, found, result, ticket, outcome);
    free(result);
    free(ticket);
    CMAW_TRY(err);
    CMAW_TRY(cmaw_run_verify(&outcome->evidence, &record->mh, outcome->trust, &outcome->run, finding));
    if (!cmaw_bytes32_eq(&outcome->run->header.run_id, cmaw_bytes32_slice(&record->run_id))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "run.id", "this is another run");
    }
    CMAW_TRY(cmaw_run_verify_secrets(outcome->run, &outcome->secrets, finding));
    return require_outputs(outcome->run, finding);
}

enum cmaw_err cmaw_outcome_verify(struct cmaw_store *store, const struct cmaw_run_record *record, const struct cmaw_found_states *found,
                                  struct cmaw_outcome **ret_outcome, struct cmaw_diag *diag)
{
    CMAW_OUTCOME_AUTO(outcome);
    outcome = calloc(1, sizeof *outcome);
    CMAW_REQUIRE(outcome != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_pinned_load(store, &record->mh, &outcome->pinned, diag));
    CMAW_TRY(cmaw_store_secrets(store, &record->run_id, &outcome->secrets, diag));
    struct cmaw_finding finding = {0};
    outcome->trust = cmaw_store_trust(store);
    const enum cmaw_err err = verify(record, found, outcome, &finding);
    if (err != CMAW_OK) {
        cmaw_unsigned_hint(&finding, diag);
        if (err != CMAW_E_NO_MEMORY) {
            cmaw_diag_hint(diag, "somebody changed, mixed up or withheld a part of it: nothing of it was opened for you");
        }
        return cmaw_diag_set(diag, err, "run %s does not verify: %s%s%s", record->workflow_id, finding.check == NULL ? "" : finding.check,
                             finding.check == NULL ? "" : ": ", finding.text[0] == '\0' ? cmaw_err_text(err) : finding.text);
    }
    if (outcome->run->unsigned_count == 0) { /* whoever made up a birth has the key of the role, however good the rest is */
        outcome->run->unsigned_count = outcome->pinned.deployment->unsigned_count;
    }
    *ret_outcome = outcome;
    outcome = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_outcome_open(const struct cmaw_outcome *outcome, uint32_t edge, struct cmaw_opened *ret_opened, struct cmaw_diag *diag)
{
    const struct cmaw_verified_run *run = outcome->run;
    if ((run->edges[edge - 1].bound & CMAW_BOUND_STATE) == 0) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the state of edge %u is not at hand", edge);
    }
    struct cmaw_state state;
    CMAW_TRY(cmaw_state_parse(outcome->evidence.states[run->edges[edge - 1].state], &state));
    return cmaw_state_open(&state, cmaw_plan_edge_at(&run->plan, edge), &run->header.run_id, cmaw_edge_secrets_of(&outcome->secrets, edge),
                           ret_opened);
}
