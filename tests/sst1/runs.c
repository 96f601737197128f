#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/sst/state_open.h"
#include "lib/sst/step.h"
#include "lib/sst/verify.h"
#include "tests/sst1/vec.h"

enum { BYTES_MAX = 300 * 1024 * 1024 };

/* The request's field, or what the variant puts in its place. */
static const json_t *from(const json_t *replace, const json_t *request, const char *key)
{
    return vec_has(replace, key) ? replace : request;
}

/* code is one of "A or B". */
static bool code_expected(const struct cmaw_slice expected, enum cmaw_code code)
{
    const char *text = (const char *)expected.data;
    size_t at = 0;
    while (at < expected.size) {
        const char *next = memmem(text + at, expected.size - at, " or ", 4);
        const size_t size = next == NULL ? expected.size - at : (size_t)(next - text) - at;
        if (cmaw_slice_eq_cstr(cmaw_slice_of(text + at, size), cmaw_code_name(code))) {
            return true;
        }
        at += size + 4;
    }
    return false;
}

/* An accepted step has the step's in-edges open and its out-edges ready. */
static void check_opened(struct vec *v, const struct cmaw_step *step)
{
    (void)vec_check(v, step->input_count == step->step->in_count && step->output_count == step->step->out_count, "edges");
    for (uint32_t i = 0; i < step->output_count; i++) {
        (void)vec_check(v, cmaw_edge_secrets_of(&step->secrets, step->outputs[i]->id).size == CMAW_KEY_SIZE, "out-edge secret");
    }
}

void vec_step(struct vec *v, const json_t *item)
{
    const json_t *request = json_object_get(v->root, "request");
    const json_t *replace = json_object_get(item, "replace");
    const json_t *manifest_from = vec_has(replace, "manifest") ? replace : v->root;
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    struct cmaw_step_request *r = vec_alloc(v, sizeof *r);
    const json_t *inputs = json_object_get(from(replace, request, "inputs"), "inputs");
    CMAW_HPKE_KEY_AUTO(key);
    if (!vec_ok(v, cmaw_manifest_parse(vec_bytes(v, manifest_from, "manifest"), manifest), "the file's manifest")) {
        return;
    }
    manifest->mh = vec_bytes32(v, from(replace, request, "mh"), "mh");
    const struct cmaw_role *role = cmaw_manifest_role(manifest, vec_u32(v, from(replace, request, "role"), "role"));
    (void)vec_ok(v, cmaw_secret_copy(vec_bytes(v, from(replace, request, "sk"), "sk"), &key.private_key), "sk");
    (void)vec_ok(v, cmaw_x25519_public(&key.private_key, key.public_key), "public key");
    if (!vec_check(v, role != NULL, "role") || !vec_check(v, json_array_size(inputs) <= CMAW_EDGES_MAX, "inputs")) {
        return;
    }
    r->plan = vec_bytes(v, from(replace, request, "plan"), "plan");
    r->ticket = vec_bytes(v, from(replace, request, "ticket"), "ticket");
    r->step = vec_u32(v, from(replace, request, "step"), "step");
    r->attempt = vec_u32(v, from(replace, request, "attempt"), "attempt");
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        r->inputs[r->input_count++] = vec_decode(v, json_array_get(inputs, i), "inputs");
    }
    const struct cmaw_step_self self = {.manifest = manifest, .role = role, .role_key = &key};
    struct cmaw_step *step = NULL;
    const enum cmaw_code code = cmaw_step_open(&self, r, vec_u64(v, from(replace, request, "now_ms"), "now_ms"), &step);
    char text[96];
    (void)snprintf(text, sizeof text, "answered %s", cmaw_code_name(code));
    (void)vec_check(v, code_expected(vec_text(v, item, "code"), code), text);
    (void)vec_check(v, vec_expects_accept(v, item) == (code == CMAW_CODE_OK), text);
    if (code == CMAW_CODE_OK) {
        check_opened(v, step);
        cmaw_step_free(step);
    }
}

/* Evidence from its parts; states and disclosures are put in edge order. */
static void evidence_of_parts(struct vec *v, const json_t *parts, const json_t *disclosures, struct cmaw_evidence *e)
{
    const json_t *docs = json_object_get(parts, "ak_docs");
    const json_t *receipts = json_object_get(parts, "receipts");
    e->manifest = vec_bytes(v, parts, "manifest");
    e->plan = vec_bytes(v, parts, "plan");
    e->ticket_header = vec_bytes(v, parts, "ticket_header");
    for (size_t i = 0; i < json_array_size(docs) && i < CMAW_STEPS_MAX; i++) {
        e->ak_docs[e->ak_doc_count++] = vec_decode(v, json_array_get(docs, i), "ak_docs");
    }
    for (size_t i = 0; i < json_array_size(receipts) && i <= CMAW_STEPS_MAX; i++) {
        e->receipts[e->receipt_count++] = vec_decode(v, json_array_get(receipts, i), "receipts");
    }
    for (uint32_t edge = 1; edge <= CMAW_EDGES_MAX; edge++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%u", edge);
        const json_t *state = json_object_get(json_object_get(parts, "states"), key);
        const json_t *disclosure = json_object_get(disclosures, key);
        if (state != NULL) {
            e->states[e->state_count++] = vec_decode(v, state, "states");
        }
        if (disclosure != NULL) {
            e->disclosures[e->disclosure_count++] =
                (struct cmaw_disclosure){edge, vec_decode(v, disclosure, "disclosures")};
        }
    }
}

static void check_unbound(struct vec *v, const json_t *item, const struct cmaw_verified_run *run)
{
    const json_t *unbound = json_object_get(item, "unbound_edges");
    size_t count = 0;
    if (unbound == NULL) {
        return;
    }
    for (uint32_t i = 0; i < run->plan.edge_count; i++) {
        const struct cmaw_plan_edge *edge = &run->plan.edges[i];
        if ((edge->from == 0 || edge->to == 0) && run->edges[i].bound == 0) {
            (void)vec_check(v, (uint64_t)json_integer_value(json_array_get(unbound, count++)) == edge->id, "unbound_edges");
        }
    }
    (void)vec_check(v, count == json_array_size(unbound), "unbound_edges");
}

static void check_accepted(struct vec *v, const json_t *item, const struct cmaw_verified_run *run)
{
    check_unbound(v, item, run);
    if (vec_has(item, "run_id")) {
        vec_equal(v, item, "run_id", cmaw_bytes32_slice(&run->header.run_id));
    }
}

/* Verifies, with the secrets where the case has some; the finding of the first refusal. */
struct verdict {
    enum cmaw_err public_view;
    enum cmaw_err owner_view;
    struct cmaw_finding finding;
};
static void judge(struct vec *v, const json_t *item, const struct cmaw_evidence *evidence, const struct cmaw_bytes32 *pinned,
    const json_t *secrets_from, struct verdict *verdict)
{
    struct cmaw_verified_run *run = NULL;
    verdict->public_view = cmaw_run_verify(evidence, pinned, CMAW_DOC_SIGNED, &run, &verdict->finding);
    verdict->owner_view = verdict->public_view;
    if (verdict->public_view != CMAW_OK) {
        return;
    }
    if (secrets_from != NULL) {
        CMAW_EDGE_SECRETS_AUTO(secrets);
        vec_secrets(v, secrets_from, "secrets", &secrets);
        verdict->owner_view = cmaw_run_verify_secrets(run, &secrets, &verdict->finding);
    }
    if (verdict->owner_view == CMAW_OK) {
        check_accepted(v, item, run);
    }
    cmaw_verified_run_free(run);
}

void vec_run_variant(struct vec *v, const json_t *item)
{
    struct cmaw_evidence *evidence = vec_alloc(v, sizeof *evidence);
    const json_t *parts = json_object_get(v->root, "parts");
    const struct cmaw_bytes32 pinned =
        vec_bytes32(v, vec_has(item, "pinned_manifest") ? item : parts, "pinned_manifest");
    const bool owner_only = json_is_true(json_object_get(item, "needs_secrets"));
    const json_t *secrets_from = vec_has(item, "secrets") ? item : owner_only && vec_has(parts, "secrets") ? parts : NULL;
    struct verdict verdict = {0};
    if (cmaw_evidence_decode(vec_bytes(v, item, "evidence"), evidence) != CMAW_OK) {
        (void)vec_check(v, !vec_expects_accept(v, item), "evidence: not canonical");
        return;
    }
    judge(v, item, evidence, &pinned, secrets_from, &verdict);
    if (vec_expects_accept(v, item)) {
        (void)vec_check(v, verdict.owner_view == CMAW_OK, verdict.finding.text);
        return;
    }
    (void)vec_check(v, verdict.owner_view != CMAW_OK, "accepted");
    (void)vec_check(v, verdict.finding.check != NULL && verdict.finding.text[0] != '\0', "refused without a finding");
    if (owner_only) {
        (void)vec_check(v, verdict.public_view == CMAW_OK, "refused without the secrets");
    }
}

static void check_root(struct vec *v, const struct cmaw_evidence *evidence)
{
    struct cmaw_manifest *manifest = vec_alloc(v, sizeof *manifest);
    struct cmaw_bytes32 root;
    if (vec_has(v->root, "attestation_root") && vec_ok(v, cmaw_manifest_parse(evidence->manifest, manifest), "manifest")) {
        cmaw_sha256(vec_bytes(v, v->root, "attestation_root"), root.bytes);
        (void)vec_check(v, cmaw_bytes32_eq(&root, manifest->attestation_root), "attestation_root");
    }
}

void vec_run_parts(struct vec *v, const json_t *item)
{
    struct cmaw_evidence *evidence = vec_alloc(v, sizeof *evidence);
    struct cmaw_evidence *again = vec_alloc(v, sizeof *again);
    struct cmaw_buf *encoded = vec_buf(v, BYTES_MAX);
    const json_t *parts = json_object_get(item, "parts");
    const struct cmaw_bytes32 pinned = vec_bytes32(v, parts, "pinned_manifest");
    struct verdict verdict = {0};
    evidence_of_parts(v, parts, json_object_get(item, "disclosures"), evidence);
    judge(v, item, evidence, &pinned, vec_has(parts, "secrets") ? parts : NULL, &verdict);
    (void)vec_check(v, verdict.owner_view == CMAW_OK, verdict.finding.text);
    check_root(v, evidence);
    /* and through its bytes */
    cmaw_evidence_encode(evidence, encoded);
    (void)vec_ok(v, cmaw_evidence_decode(cmaw_buf_slice(encoded), again), "evidence");
    judge(v, item, again, &pinned, NULL, &verdict);
    (void)vec_check(v, verdict.public_view == CMAW_OK, verdict.finding.text);
}

/* Each state opens to what the file discloses of its edge. */
void vec_run_opened(struct vec *v, const json_t *item)
{
    const json_t *parts = json_object_get(item, "parts");
    struct cmaw_plan *plan = vec_alloc(v, sizeof *plan);
    struct cmaw_ticket_header *header = vec_alloc(v, sizeof *header);
    const char *edge_text;
    json_t *bytes;
    if (!vec_ok(v, cmaw_plan_parse_public(vec_bytes(v, parts, "plan"), plan), "plan") ||
        !vec_ok(v, cmaw_ticket_header_parse(vec_bytes(v, parts, "ticket_header"), header), "ticket header")) {
        return;
    }
    json_object_foreach(json_object_get(parts, "states"), edge_text, bytes) {
        uint64_t id = 0;
        struct cmaw_state state;
        CMAW_OPENED_AUTO(opened);
        (void)vec_ok(v, cmaw_parse_u64(edge_text, UINT32_MAX, &id), "edge id");
        const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(plan, (uint32_t)id);
        if (!vec_check(v, edge != NULL, "edge") || !vec_ok(v, cmaw_state_parse(vec_decode(v, bytes, "state"), &state), "state") ||
            !vec_ok(v, cmaw_state_open(&state, edge, &header->run_id,
                           vec_bytes(v, json_object_get(parts, "secrets"), edge_text), &opened), "open")) {
            return;
        }
        struct cmaw_buf *again = vec_buf(v, BYTES_MAX);
        cmaw_agent_state_encode(&opened.content, again);
        vec_equal(v, json_object_get(item, "disclosures"), edge_text, cmaw_buf_slice(again));
    }
}
