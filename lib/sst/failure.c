#include "lib/sst/failure.h"

#include <stdlib.h>

#include "lib/sst/verify_base.h"

static enum cmaw_err check_receipt(const struct cmaw_failure *failure, struct cmaw_failure_view *view,
    struct cmaw_finding *finding)
{
    const struct cmaw_receipt *claims = &view->receipt.claims;
    CMAW_ATTESTED_AUTO(attested);
    CMAW_TRY(cmaw_receipt_parse(failure->receipt, &view->receipt, finding));
    if (claims->kind != CMAW_STATE_FAILURE) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.kind", "the receipt does not report a failure");
    }
    view->step = cmaw_plan_step_at(&view->plan, claims->step);
    if (view->step == NULL) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "run.extra", "the plan has no step %u", claims->step);
    }
    const struct cmaw_role *role = cmaw_manifest_role(&view->manifest, view->step->role);
    CMAW_REQUIRE(role != NULL, CMAW_E_BUG);
    CMAW_TRY(cmaw_attest_role(failure->ak_doc, &view->manifest, role, failure->trust, NULL, &attested, finding));
    if (!cmaw_bytes32_eq(&attested.doc_hash, cmaw_bytes32_slice(&claims->ak_doc))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.document", "the receipt names another attestation document");
    }
    const struct cmaw_receipt_judge judge = {&view->manifest, &view->plan, &view->header, view->step, &attested};
    return cmaw_verify_receipt(&judge, &view->receipt, finding);
}

static enum cmaw_err check_output(struct cmaw_failure_view *view, struct cmaw_finding *finding)
{
    const struct cmaw_receipt *claims = &view->receipt.claims;
    uint32_t cursor = 0;
    view->edge = cmaw_plan_next_out(&view->plan, view->step->id, &cursor);
    if (claims->output_count != 1 || cmaw_receipt_outputs(claims)[0].edge != view->edge->id) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "receipt.outputs", "the one output is not the step's first out-edge");
    }
    return CMAW_OK;
}

static bool parents_match(const struct cmaw_failure_view *view)
{
    const struct cmaw_receipt *claims = &view->receipt.claims;
    if (view->state.header.parent_count != claims->input_count) {
        return false;
    }
    for (uint32_t i = 0; i < claims->input_count; i++) {
        if (!cmaw_bytes32_eq(&cmaw_receipt_inputs(claims)[i].digest, cmaw_state_parent(&view->state.header, i))) {
            return false;
        }
    }
    return true;
}

static enum cmaw_err check_state(const struct cmaw_failure *failure, struct cmaw_failure_view *view, struct cmaw_finding *finding)
{
    struct cmaw_bytes32 digest;
    if (cmaw_state_parse(failure->state, &view->state) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.form", "the state is not canonical or breaks a limit");
    }
    CMAW_TRY(cmaw_verify_state_header(&view->state, view->edge, &view->header.run_id, CMAW_STATE_FAILURE, finding));
    if (!parents_match(view)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.parents", "parents are not what the step consumed");
    }
    CMAW_TRY(cmaw_state_digest(&view->state, &digest));
    if (!cmaw_bytes32_eq(&cmaw_receipt_outputs(&view->receipt.claims)[0].digest, cmaw_bytes32_slice(&digest))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "edge.state", "it is not the state that the receipt names");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_failure_check(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_failure_view *ret_view, struct cmaw_finding *finding)
{
    const struct cmaw_frame_bytes bytes = {failure->manifest, failure->plan, failure->ticket_header};
    CMAW_TRY(cmaw_verify_base(&bytes, pinned_mh, &ret_view->manifest, &ret_view->plan, &ret_view->header, finding));
    CMAW_REQUIRE(check_receipt(failure, ret_view, finding) == CMAW_OK, CMAW_E_AUTH);
    CMAW_TRY(check_output(ret_view, finding));
    return check_state(failure, ret_view, finding);
}

enum cmaw_err cmaw_failure_verify(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh, uint32_t *ret_step,
    struct cmaw_finding *finding)
{
    struct cmaw_failure_view *view = calloc(1, sizeof *view);
    CMAW_REQUIRE(view != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_failure_check(failure, pinned_mh, view, finding);
    if (err == CMAW_OK) {
        *ret_step = view->step->id;
    }
    free(view);
    return err;
}
