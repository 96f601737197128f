#include <stdio.h>

#include "client/proof/proof.h"
#include "client/unsigned.h"
#include "client/when.h"
#include "lib/base/text.h"

enum { DIFF_LINES = 40 };

static enum cmaw_err describe_step(const struct cmaw_verified_run *run, size_t index, struct cmaw_proof *proof)
{
    const struct cmaw_plan_step *step = &run->plan.steps[index];
    const struct cmaw_verified_step *claims = &run->steps[index];
    const struct cmaw_role *role = cmaw_manifest_role(&run->manifest, step->role);
    char pcr0[2 * CMAW_PCR_SIZE + 1];
    char started[CMAW_WHEN_SIZE];
    CMAW_TRY(cmaw_hex_to_cstr(role->measurements[0].pcrs[0], pcr0, sizeof pcr0));
    cmaw_when_text(claims->started_ms, started);
    cmaw_proof_line(proof, "step       %.*s: receipt of a key attested in role %.*s (PCR0 %.16s…%s), attempt %u, %s, %llu ms", (int)step->name.size,
                    (const char *)step->name.data, (int)role->name.size, (const char *)role->name.data, pcr0,
                    role->measurement_count > 1 ? " or another of its images" : "", claims->attempt, started,
                    (unsigned long long)(claims->finished_ms - claims->started_ms));
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(json_object_get(proof->json, "steps"), entry));
    CMAW_TRY(cmaw_json_set(entry, "name", json_stringn((const char *)step->name.data, step->name.size)));
    CMAW_TRY(cmaw_json_set_u64(entry, "attempt", claims->attempt));
    CMAW_TRY(cmaw_json_set_u64(entry, "started_ms", claims->started_ms));
    return cmaw_json_set_u64(entry, "finished_ms", claims->finished_ms);
}

static size_t count_bound(const struct cmaw_verified_run *run, uint32_t bit)
{
    size_t count = 0;
    for (size_t i = 0; i < run->plan.edge_count; i++) {
        count += (run->edges[i].bound & bit) != 0;
    }
    return count;
}

/* The first out-edge of the step that gives the client its first output, and that step's first in-edge. */
static bool last_change(const struct cmaw_plan *plan, const struct cmaw_plan_edge **ret_before, const struct cmaw_plan_edge **ret_after)
{
    uint32_t cursor = 0;
    const struct cmaw_plan_edge *after = cmaw_plan_next_in(plan, 0, &cursor);
    cursor = 0;
    const struct cmaw_plan_edge *before = after == NULL ? NULL : cmaw_plan_next_in(plan, after->from, &cursor);
    *ret_before = before;
    *ret_after = after;
    return before != NULL;
}

static enum cmaw_err show_json_change(const struct cmaw_agent_state *before, const struct cmaw_agent_state *after, struct cmaw_proof *proof)
{
    CMAW_JSON_AUTO(old);
    CMAW_JSON_AUTO(new);
    struct cmaw_diag none = {0};
    if (cmaw_json_parse("before", before->content, &old, &none) != CMAW_OK || cmaw_json_parse("after", after->content, &new, &none) != CMAW_OK) {
        cmaw_proof_line(proof, "           %zu bytes of %.*s became %zu bytes of %.*s", before->content.size, (int)before->content_type.size,
                        (const char *)before->content_type.data, after->content.size, (int)after->content_type.size,
                        (const char *)after->content_type.data);
        return CMAW_OK;
    }
    CMAW_BUF_AUTO(lines, 1024 * 1024);
    const size_t count = cmaw_json_diff(old, new, DIFF_LINES, &lines);
    CMAW_TRY(lines.err);
    struct cmaw_reader reader = cmaw_reader_of(cmaw_buf_slice(&lines));
    size_t from = 0;
    for (size_t i = 0; i < reader.rest.size; i++) {
        if (reader.rest.data[i] == '\n') {
            cmaw_proof_line(proof, "           %.*s", (int)(i - from), (const char *)reader.rest.data + from);
            from = i + 1;
        }
    }
    if (count > DIFF_LINES) {
        cmaw_proof_line(proof, "           and %zu more", count - DIFF_LINES);
    }
    return cmaw_json_set_u64(proof->json, "changes", count);
}

static enum cmaw_err show_change(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_proof *proof)
{
    const struct cmaw_plan *plan = &outcome->run->plan;
    const struct cmaw_plan_edge *before;
    const struct cmaw_plan_edge *after;
    if (!last_change(plan, &before, &after)) {
        return CMAW_OK;
    }
    const struct cmaw_plan_step *step = cmaw_plan_step_at(plan, after->from);
    if ((outcome->run->edges[before->id - 1].bound & CMAW_BOUND_OPENED) == 0) {
        cmaw_proof_line(proof, "change     the state before step %.*s is not at hand", (int)step->name.size, (const char *)step->name.data);
        return CMAW_OK;
    }
    cmaw_proof_line(proof, "change     what step %.*s made of %.*s:", (int)step->name.size, (const char *)step->name.data, (int)before->name.size,
                    (const char *)before->name.data);
    return show_json_change(&plaintexts->opened[before->id - 1].content, &plaintexts->opened[after->id - 1].content, proof);
}

enum cmaw_err cmaw_prove_integrity(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_proof *proof,
                                   struct cmaw_diag *diag)
{
    (void)diag;
    const struct cmaw_verified_run *run = outcome->run;
    CMAW_TRY(cmaw_json_set(proof->json, "steps", json_array()));
    CMAW_TRY(cmaw_json_set_u64(proof->json, "documents", outcome->evidence.ak_doc_count));
    CMAW_TRY(cmaw_json_set_u64(proof->json, "receipts", outcome->evidence.receipt_count));
    CMAW_TRY(cmaw_json_set_u64(proof->json, "states", outcome->evidence.state_count));
    cmaw_proof_line(proof, "looked at  manifest, plan and ticket; %u attestation documents, %u receipts; %u states, %zu of them opened with your secrets",
                    outcome->evidence.ak_doc_count, outcome->evidence.receipt_count, outcome->evidence.state_count,
                    count_bound(run, CMAW_BOUND_OPENED));
    if (run->unsigned_count > 0) {
        cmaw_proof_line(proof, "INSECURE   %u of the documents are unsigned; " CMAW_UNSIGNED_NOTE, run->unsigned_count);
        CMAW_TRY(cmaw_json_set_u64(proof->json, CMAW_UNSIGNED_KEY, run->unsigned_count));
    }
    for (size_t i = 0; i < run->plan.step_count; i++) {
        CMAW_TRY(describe_step(run, i, proof));
    }
    CMAW_TRY(show_change(outcome, plaintexts, proof));
    CMAW_TRY(cmaw_json_set_u64(proof->json, "states_opened", count_bound(run, CMAW_BOUND_OPENED)));
    /* cmaw_run_verify and cmaw_run_verify_secrets have accepted it: without that there is no outcome */
    proof->pass = true;
    (void)snprintf(proof->summary, sizeof proof->summary, "%u step%s by an enclave of its role, on exactly the states of this run",
                   run->plan.step_count, run->plan.step_count == 1 ? "," : "s, each");
    return CMAW_OK;
}
