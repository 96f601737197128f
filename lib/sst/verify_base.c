#include "lib/sst/verify_base.h"

static enum cmaw_err manifest_and_plan(const struct cmaw_frame_bytes *bytes, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_manifest *manifest, struct cmaw_plan *plan, struct cmaw_finding *finding)
{
    if (cmaw_manifest_parse(bytes->manifest, manifest) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "manifest.valid", "manifest: not canonical or it breaks a limit");
    }
    if (!cmaw_bytes32_eq(pinned_mh, cmaw_bytes32_slice(&manifest->mh))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "manifest.pin", "manifest: not the pinned one");
    }
    if (bytes->plan.size > CMAW_PLAN_MAX || cmaw_plan_decode(bytes->plan, plan) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "plan.canonical", "plan: not canonical");
    }
    const char *why = "";
    if (cmaw_plan_check(plan, manifest, &why) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "plan.valid", "plan: not valid: %s", why);
    }
    if (!cmaw_bytes32_eq(&manifest->mh, plan->manifest)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "plan.manifest", "plan: made for another manifest");
    }
    return cmaw_ctx_hash(CMAW_LABEL_PLAN, CMAW_FIELDS(CMAW_F(bytes->plan)), &plan->ph);
}

enum cmaw_err cmaw_verify_base(const struct cmaw_frame_bytes *bytes, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_manifest *ret_manifest, struct cmaw_plan *ret_plan, struct cmaw_ticket_header *ret_header,
    struct cmaw_finding *finding)
{
    CMAW_TRY(manifest_and_plan(bytes, pinned_mh, ret_manifest, ret_plan, finding));
    if (cmaw_ticket_header_parse(bytes->ticket_header, ret_header) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "ticket.valid", "ticket header: not canonical or it breaks a limit");
    }
    if (!cmaw_bytes32_eq(&ret_manifest->mh, ret_header->manifest)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "ticket.manifest", "ticket header: made for another manifest");
    }
    if (!cmaw_bytes32_eq(&ret_plan->ph, ret_header->plan)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "ticket.plan", "ticket header: made for another plan");
    }
    if (ret_header->commit_count != ret_plan->edge_count) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "ticket.commits", "ticket header: %u commitments for %u edges",
            ret_header->commit_count, ret_plan->edge_count);
    }
    if (ret_header->expires_ms > ret_manifest->not_after_ms) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "ticket.expires", "ticket header: it ends after its manifest");
    }
    return CMAW_OK;
}

static enum cmaw_err check_times(const struct cmaw_receipt_judge *judge, const struct cmaw_receipt *claims,
    struct cmaw_finding *finding)
{
    if (claims->started_ms < judge->manifest->not_before_ms) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.started", "the step began before the manifest");
    }
    if (claims->finished_ms < claims->started_ms) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.finished", "the step ended before it began");
    }
    if (claims->started_ms >= judge->header->expires_ms) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.expired", "the step began when the ticket had expired");
    }
    const uint64_t doc_ms = judge->attested->timestamp_ms;
    if (doc_ms > claims->started_ms && doc_ms - claims->started_ms > CMAW_DOC_LEAD_MS) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.doc_time", "the document is over %d ms younger than the step",
            CMAW_DOC_LEAD_MS);
    }
    return CMAW_OK;
}

static enum cmaw_err check_inputs(const struct cmaw_receipt_judge *judge, const struct cmaw_receipt *claims,
    struct cmaw_finding *finding)
{
    uint32_t cursor = 0;
    uint32_t count = 0;
    const struct cmaw_plan_edge *edge;
    while ((edge = cmaw_plan_next_in(judge->plan, judge->step->id, &cursor)) != NULL) {
        if (count >= claims->input_count || cmaw_receipt_inputs(claims)[count].edge != edge->id) {
            return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.inputs", "edge %u enters the step and is not an input",
                edge->id);
        }
        count++;
    }
    if (count != claims->input_count) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.inputs", "%u inputs where %u edges enter the step",
            claims->input_count, count);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_verify_receipt(const struct cmaw_receipt_judge *judge, const struct cmaw_signed_receipt *receipt,
    struct cmaw_finding *finding)
{
    const struct cmaw_receipt *claims = &receipt->claims;
    const struct cmaw_role *role = cmaw_manifest_role(judge->manifest, judge->step->role);
    CMAW_REQUIRE(role != NULL, CMAW_E_BUG);
    CMAW_TRY(cmaw_receipt_verify_signature(receipt, judge->attested->ak, &judge->attested->kid, finding));
    if (!cmaw_bytes32_eq(&judge->header->run_id, cmaw_bytes32_slice(&claims->run))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.run", "it is of another run");
    }
    if (claims->role != judge->step->role) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.role", "role %u signed a step of role %u", claims->role,
            judge->step->role);
    }
    CMAW_TRY(cmaw_receipt_check_names(receipt, judge->manifest->tenant, role->name, finding));
    if (claims->attempt < 1 || claims->attempt > judge->step->max_attempts) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.attempt", "attempt %u of at most %u", claims->attempt,
            judge->step->max_attempts);
    }
    CMAW_TRY(check_times(judge, claims, finding));
    return check_inputs(judge, claims, finding);
}

enum cmaw_err cmaw_verify_state_header(const struct cmaw_state *state, const struct cmaw_plan_edge *edge,
    const struct cmaw_bytes32 *run_id, enum cmaw_state_kind kind, struct cmaw_finding *finding)
{
    const struct cmaw_state_header *header = &state->header;
    if (!cmaw_bytes32_eq(run_id, header->run) || header->edge != edge->id) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.header", "the header is of another run or edge");
    }
    if (header->kind != (uint32_t)kind) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.kind", "the state is of kind %u", header->kind);
    }
    if ((edge->size_class != 0 && header->size_class != edge->size_class) ||
        state->ciphertext.size != cmaw_class_ciphertext_size(header->size_class)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.class", "size class or length is not what the plan says");
    }
    return CMAW_OK;
}
