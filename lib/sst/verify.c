#include "lib/sst/verify.h"

#include <stdlib.h>

#include "lib/sst/verify_base.h"

/* One verification on its way: what is in run is filled receipt by receipt. */
struct verifying {
    struct cmaw_verified_run *run;
    struct cmaw_x509_cache cache;
    struct cmaw_bytes32 doc_hashes[CMAW_STEPS_MAX];
    uint32_t doc_roles[CMAW_STEPS_MAX];
    uint32_t docs_used;
    bool step_seen[CMAW_STEPS_MAX];
    bool edge_seen[CMAW_EDGES_MAX]; /* some receipt has named it */
    struct cmaw_signed_receipt receipt; /* the present one */
    enum cmaw_doc_trust trust;
    struct cmaw_finding *finding;
};

void cmaw_verified_run_free(struct cmaw_verified_run *run)
{
    if (run == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->doc_count; i++) {
        cmaw_attested_free(&run->docs[i]);
    }
    free(run);
}

static enum cmaw_err hash_docs(struct verifying *v)
{
    const struct cmaw_evidence *evidence = v->run->evidence;
    for (uint32_t i = 0; i < evidence->ak_doc_count; i++) {
        if (evidence->ak_docs[i].size > CMAW_AK_DOC_MAX) {
            return cmaw_finding_set(v->finding, CMAW_E_AUTH, "doc.parse", "document %u: over %d bytes", i + 1, CMAW_AK_DOC_MAX);
        }
        CMAW_TRY(cmaw_ak_doc_hash(evidence->ak_docs[i], &v->doc_hashes[i]));
        for (uint32_t j = 0; j < i; j++) {
            if (cmaw_bytes32_eq(&v->doc_hashes[j], cmaw_bytes32_slice(&v->doc_hashes[i]))) {
                return cmaw_finding_set(v->finding, CMAW_E_AUTH, "documents.repeated", "document %u: the same as document %u",
                    i + 1, j + 1);
            }
        }
    }
    return CMAW_OK;
}

/* The receipt's place: of a step of the plan, once, in step order, of kind data. */
static enum cmaw_err place_receipt(struct verifying *v, uint32_t *last_step)
{
    const struct cmaw_receipt *claims = &v->receipt.claims;
    if (cmaw_plan_step_at(&v->run->plan, claims->step) == NULL) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "run.extra", "the plan has no step %u", claims->step);
    }
    if (claims->kind != CMAW_STATE_DATA) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "receipt.kind", "it reports a failure");
    }
    if (v->step_seen[claims->step - 1]) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "run.duplicate", "a second receipt of step %u", claims->step);
    }
    if (claims->step < *last_step) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "run.order", "receipts are not in step order");
    }
    v->step_seen[claims->step - 1] = true;
    *last_step = claims->step;
    return CMAW_OK;
}

/* Finds the receipt's document, which is verified where it is used first: documents come in that order. */
static enum cmaw_err take_doc(struct verifying *v, const struct cmaw_plan_step *step, uint32_t *ret_doc)
{
    struct cmaw_verified_run *run = v->run;
    const struct cmaw_evidence *evidence = run->evidence;
    uint32_t doc = 0;
    while (doc < evidence->ak_doc_count &&
           !cmaw_bytes32_eq(&v->doc_hashes[doc], cmaw_bytes32_slice(&v->receipt.claims.ak_doc))) {
        doc++;
    }
    if (doc == evidence->ak_doc_count) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "receipt.document", "its attestation document is not here");
    }
    if (doc > v->docs_used) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "documents.order", "documents are not in the order of first use");
    }
    if (doc < v->docs_used && v->doc_roles[doc] != step->role) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "doc.user_data", "its document is of another role");
    }
    if (doc == v->docs_used) {
        const struct cmaw_role *role = cmaw_manifest_role(&run->manifest, step->role);
        CMAW_REQUIRE(role != NULL, CMAW_E_BUG);
        const enum cmaw_err err =
            cmaw_attest_role(evidence->ak_docs[doc], &run->manifest, role, v->trust, &v->cache, &run->docs[doc], v->finding);
        if (err != CMAW_OK) {
            return cmaw_finding_wrap(v->finding, err, "document %u", doc + 1);
        }
        v->doc_roles[doc] = step->role;
        run->unsigned_count += run->docs[doc].is_unsigned;
        run->doc_count = ++v->docs_used;
    }
    *ret_doc = doc;
    return CMAW_OK;
}

static enum cmaw_err check_outputs(struct verifying *v, const struct cmaw_plan_step *step)
{
    const struct cmaw_receipt *claims = &v->receipt.claims;
    uint32_t cursor = 0;
    uint32_t count = 0;
    const struct cmaw_plan_edge *edge;
    while ((edge = cmaw_plan_next_out(&v->run->plan, step->id, &cursor)) != NULL) {
        if (count >= claims->output_count || cmaw_receipt_outputs(claims)[count].edge != edge->id) {
            return cmaw_finding_set(v->finding, CMAW_E_AUTH, "receipt.outputs", "edge %u leaves the step and is not an output",
                edge->id);
        }
        count++;
    }
    if (count != claims->output_count) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "receipt.outputs", "%u outputs where %u edges leave the step",
            claims->output_count, count);
    }
    return CMAW_OK;
}

/* The first receipt that names an edge sets its digest and commitment, the other end's must be equal. */
static enum cmaw_err link_edges(struct verifying *v)
{
    const struct cmaw_receipt *claims = &v->receipt.claims;
    for (uint32_t i = 0; i < claims->input_count + claims->output_count; i++) {
        const struct cmaw_receipt_edge *entry = &claims->edges[i];
        struct cmaw_verified_edge *edge = &v->run->edges[entry->edge - 1];
        if (!v->edge_seen[entry->edge - 1]) {
            v->edge_seen[entry->edge - 1] = true;
            edge->digest = entry->digest;
            edge->commit = entry->commit;
        } else if (!cmaw_bytes32_eq(&edge->digest, cmaw_bytes32_slice(&entry->digest)) ||
                   !cmaw_bytes32_eq(&edge->commit, cmaw_bytes32_slice(&entry->commit))) {
            return cmaw_finding_set(v->finding, CMAW_E_AUTH, "edge.link", "edge %u: producer and consumer name different states",
                entry->edge);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err judge_receipt(struct verifying *v, uint32_t *last_step)
{
    struct cmaw_verified_run *run = v->run;
    CMAW_TRY(place_receipt(v, last_step));
    const struct cmaw_plan_step *step = cmaw_plan_step_at(&run->plan, v->receipt.claims.step);
    struct cmaw_verified_step *verified = &run->steps[step->id - 1];
    CMAW_TRY(take_doc(v, step, &verified->doc));
    const struct cmaw_receipt_judge judge = {&run->manifest, &run->plan, &run->header, step, &run->docs[verified->doc]};
    CMAW_TRY(cmaw_verify_receipt(&judge, &v->receipt, v->finding));
    CMAW_TRY(check_outputs(v, step));
    verified->attempt = v->receipt.claims.attempt;
    verified->started_ms = v->receipt.claims.started_ms;
    verified->finished_ms = v->receipt.claims.finished_ms;
    return link_edges(v);
}

static enum cmaw_err verify_receipts(struct verifying *v)
{
    const struct cmaw_evidence *evidence = v->run->evidence;
    uint32_t last_step = 0;
    for (uint32_t i = 0; i < evidence->receipt_count; i++) {
        enum cmaw_err err = cmaw_receipt_parse(evidence->receipts[i], &v->receipt, v->finding);
        if (err == CMAW_OK) {
            err = judge_receipt(v, &last_step);
        }
        if (err != CMAW_OK) {
            return cmaw_finding_wrap(v->finding, err, "receipt %u", i + 1);
        }
    }
    for (uint32_t i = 0; i < v->run->plan.step_count; i++) {
        if (!v->step_seen[i]) {
            return cmaw_finding_set(v->finding, CMAW_E_AUTH, "run.missing", "no receipt of step %u", i + 1);
        }
    }
    if (v->docs_used != evidence->ak_doc_count) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "documents.unused", "document %u: no receipt names it",
            v->docs_used + 1);
    }
    return CMAW_OK;
}

/* parents = the digests of what the producing step consumed; none on an edge from the client. */
static bool parents_match(const struct cmaw_verified_run *run, const struct cmaw_state_header *header,
    const struct cmaw_plan_edge *edge)
{
    if (edge->from == 0) {
        return header->parent_count == 0;
    }
    uint32_t cursor = 0;
    uint32_t count = 0;
    const struct cmaw_plan_edge *in;
    while ((in = cmaw_plan_next_in(&run->plan, edge->from, &cursor)) != NULL) {
        if (!cmaw_bytes32_eq(&run->edges[in->id - 1].digest, cmaw_state_parent(header, count))) {
            return false;
        }
        count++;
    }
    return count == header->parent_count;
}

static enum cmaw_err verify_state(struct verifying *v, uint32_t index, uint32_t *last_edge)
{
    struct cmaw_verified_run *run = v->run;
    struct cmaw_state state;
    if (cmaw_state_parse(run->evidence->states[index], &state) != CMAW_OK) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "state.form", "not canonical or it breaks a limit");
    }
    const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(&run->plan, state.header.edge);
    if (edge == NULL) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "state.header", "the plan has no edge %u", state.header.edge);
    }
    if (edge->id <= *last_edge) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "state.order", "states do not ascend by edge");
    }
    *last_edge = edge->id;
    CMAW_TRY(cmaw_verify_state_header(&state, edge, &run->header.run_id, CMAW_STATE_DATA, v->finding));
    if (!parents_match(run, &state.header, edge)) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "state.parents", "parents are not what the step consumed");
    }
    struct cmaw_bytes32 digest;
    CMAW_TRY(cmaw_state_digest(&state, &digest));
    struct cmaw_verified_edge *verified = &run->edges[edge->id - 1];
    if (!cmaw_bytes32_eq(&verified->digest, cmaw_bytes32_slice(&digest))) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "edge.state", "it is not the state that the receipts name");
    }
    verified->bound |= CMAW_BOUND_STATE;
    verified->state = index;
    return CMAW_OK;
}

static enum cmaw_err verify_disclosure(struct verifying *v, uint32_t index, uint32_t *last_edge)
{
    struct cmaw_verified_run *run = v->run;
    const struct cmaw_disclosure *disclosure = &run->evidence->disclosures[index];
    const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(&run->plan, disclosure->edge);
    if (edge == NULL) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "disclosure.edge", "the plan has no edge %u", disclosure->edge);
    }
    if (edge->id <= *last_edge) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "disclosure.order", "disclosures do not ascend by edge");
    }
    *last_edge = edge->id;
    struct cmaw_agent_state content;
    struct cmaw_bytes32 commit;
    if (cmaw_agent_state_parse(disclosure->agent_state, &content) != CMAW_OK) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "disclosure.valid", "not canonical or it breaks a limit");
    }
    CMAW_TRY(cmaw_agent_state_commit(&content, &commit));
    struct cmaw_verified_edge *verified = &run->edges[edge->id - 1];
    if (!cmaw_bytes32_eq(&verified->commit, cmaw_bytes32_slice(&commit))) {
        return cmaw_finding_set(v->finding, CMAW_E_AUTH, "edge.disclosure", "it is not what the receipts commit to");
    }
    verified->bound |= CMAW_BOUND_DISCLOSURE;
    verified->disclosure = index;
    return CMAW_OK;
}

static enum cmaw_err verify_contents(struct verifying *v)
{
    uint32_t last_edge = 0;
    for (uint32_t i = 0; i < v->run->evidence->state_count; i++) {
        const enum cmaw_err err = verify_state(v, i, &last_edge);
        if (err != CMAW_OK) {
            return cmaw_finding_wrap(v->finding, err, "state %u", i + 1);
        }
    }
    last_edge = 0;
    for (uint32_t i = 0; i < v->run->evidence->disclosure_count; i++) {
        const enum cmaw_err err = verify_disclosure(v, i, &last_edge);
        if (err != CMAW_OK) {
            return cmaw_finding_wrap(v->finding, err, "disclosure %u", i + 1);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err verify_all(struct verifying *v, const struct cmaw_bytes32 *pinned_mh)
{
    struct cmaw_verified_run *run = v->run;
    const struct cmaw_frame_bytes bytes = {run->evidence->manifest, run->evidence->plan, run->evidence->ticket_header};
    CMAW_TRY(cmaw_verify_base(&bytes, pinned_mh, &run->manifest, &run->plan, &run->header, v->finding));
    CMAW_TRY(hash_docs(v));
    CMAW_TRY(verify_receipts(v));
    return verify_contents(v);
}

enum cmaw_err cmaw_run_verify(const struct cmaw_evidence *evidence, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_verified_run **ret_run, struct cmaw_finding *finding)
{
    struct verifying *v = calloc(1, sizeof *v);
    struct cmaw_verified_run *run = calloc(1, sizeof *run);
    enum cmaw_err err = CMAW_E_NO_MEMORY;
    if (v != NULL && run != NULL) {
        run->evidence = evidence;
        v->run = run;
        v->trust = trust;
        v->finding = finding;
        err = verify_all(v, pinned_mh);
    }
    free(v);
    if (err != CMAW_OK) {
        cmaw_verified_run_free(run);
        return err == CMAW_E_MALFORMED ? CMAW_E_AUTH : err;
    }
    *ret_run = run;
    return CMAW_OK;
}

enum cmaw_err cmaw_run_verify_bytes(struct cmaw_slice bytes, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_evidence *ret_evidence, struct cmaw_verified_run **ret_run, struct cmaw_finding *finding)
{
    if (cmaw_evidence_decode(bytes, ret_evidence) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "evidence.canonical", "evidence: not canonical or over its limit");
    }
    return cmaw_run_verify(ret_evidence, pinned_mh, trust, ret_run, finding);
}
