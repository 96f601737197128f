#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sst/grant_open.h"
#include "lib/sst/lock.h"
#include "sst_world.h"

static struct sst_world *world;

static int make_world(void **)
{
    world = malloc(sizeof *world);
    assert_non_null(world);
    sst_world_make(world);
    return 0;
}

static int free_world(void **)
{
    sst_world_free(world);
    free(world);
    return 0;
}

/* client -1-> read -2-> write -4-> client, client -3-> write */
static const uint32_t review_roles[] = {1, 2};
static const struct sst_edge review_edges[] = {{0, 1, 1}, {1, 2, 0}, {0, 2, 0}, {2, 0, 1}};
enum { REVIEW_STEPS = 2, REVIEW_EDGES = 4 };

static struct sst_run *review_start(void)
{
    struct sst_run *run = malloc(sizeof *run);
    assert_non_null(run);
    sst_run_start(world, review_roles, REVIEW_STEPS, review_edges, REVIEW_EDGES, CMAW_SLICE_LIT("the letter"), run);
    return run;
}

static struct sst_run *review_done(void)
{
    struct sst_run *run = review_start();
    sst_run_all(world, run);
    return run;
}

static void run_drop(struct sst_run *run)
{
    sst_run_free(run);
    free(run);
}

/* The name of the check that refuses, or "". */
static const char *verdict(const struct cmaw_evidence *evidence, const struct cmaw_edge_secrets *secrets)
{
    struct cmaw_verified_run *run = NULL;
    struct cmaw_finding finding = {0};
    enum cmaw_err err = cmaw_run_verify(evidence, &world->manifest.mh, &run, &finding);
    if (err == CMAW_OK && secrets != NULL) {
        err = cmaw_run_verify_secrets(run, secrets, &finding);
    }
    cmaw_verified_run_free(run);
    assert_true((err == CMAW_OK) == (finding.check == NULL));
    return err == CMAW_OK ? "" : finding.check;
}

static enum cmaw_code answer(uint32_t role, const struct cmaw_step_request *request, uint64_t now_ms)
{
    const struct cmaw_step_self self = sst_self(world, role);
    struct cmaw_step *step = NULL;
    const enum cmaw_code code = cmaw_step_open(&self, request, now_ms, &step);
    assert_true((code == CMAW_CODE_OK) == (step != NULL));
    cmaw_step_free(step);
    return code;
}

static void assert_answer(uint32_t role, const struct cmaw_step_request *request, const char *code)
{
    assert_string_equal(cmaw_code_name(answer(role, request, SST_NOW_MS)), code);
}

static void run_is_accepted(void **)
{
    struct sst_run *run = review_done();
    CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
    struct cmaw_verified_run *verified = NULL;
    struct cmaw_evidence *evidence = malloc(sizeof *evidence);
    struct cmaw_finding finding = {0};
    uint32_t cursor = 0;
    assert_string_equal(verdict(&run->evidence, &run->run.secrets), "");
    cmaw_evidence_encode(&run->evidence, &bytes);
    assert_int_equal(
        cmaw_run_verify_bytes(cmaw_buf_slice(&bytes), &world->manifest.mh, evidence, &verified, &finding), CMAW_OK);
    assert_int_equal(verified->doc_count, 2);
    assert_int_equal(verified->steps[1].doc, 1);
    assert_int_equal(verified->edges[3].bound, CMAW_BOUND_STATE);
    assert_null(cmaw_verified_run_next_unbound(verified, &cursor));
    CMAW_OPENED_AUTO(opened);
    assert_int_equal(cmaw_run_open(verified, &run->run.secrets, 5, &opened, NULL), CMAW_E_NOT_FOUND);
    assert_int_equal(cmaw_run_open(verified, &run->run.secrets, 4, &opened, NULL), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(opened.content.content, "the letter"));
    cmaw_verified_run_free(verified);
    run->evidence.state_count = 2; /* edges 3 and 4 have nothing that binds them now */
    assert_int_equal(cmaw_run_verify(&run->evidence, &world->manifest.mh, &verified, NULL), CMAW_OK);
    cursor = 0;
    assert_int_equal(cmaw_verified_run_next_unbound(verified, &cursor)->id, 3);
    assert_int_equal(cmaw_verified_run_next_unbound(verified, &cursor)->id, 4);
    assert_null(cmaw_verified_run_next_unbound(verified, &cursor));
    cmaw_verified_run_free(verified);
    free(evidence);
    run_drop(run);
}

static void other_shapes_are_accepted(void **)
{
    static const uint32_t diamond_roles[] = {1, 2, 3, 1};
    static const struct sst_edge diamond[] = {{0, 1, 0}, {1, 2, 0}, {1, 3, 2}, {2, 4, 0}, {3, 4, 0}, {4, 0, 0}, {1, 0, 3}};
    static uint32_t chain_roles[CMAW_STEPS_MAX];
    static struct sst_edge chain[CMAW_STEPS_MAX + 1];
    struct sst_run *run = malloc(sizeof *run);
    assert_non_null(run);
    sst_run_start(world, diamond_roles, 4, diamond, 7, CMAW_SLICE_EMPTY, run);
    sst_run_all(world, run);
    assert_string_equal(verdict(&run->evidence, &run->run.secrets), "");
    sst_run_free(run);
    for (uint32_t i = 0; i <= CMAW_STEPS_MAX; i++) {
        chain[i] = (struct sst_edge){i, i == CMAW_STEPS_MAX ? 0 : i + 1, 0};
        chain_roles[i % CMAW_STEPS_MAX] = i % SST_ROLES + 1;
    }
    sst_run_start(world, chain_roles, CMAW_STEPS_MAX, chain, CMAW_STEPS_MAX + 1, CMAW_SLICE_LIT("x"), run);
    sst_run_all(world, run);
    assert_string_equal(verdict(&run->evidence, &run->run.secrets), "");
    run_drop(run);
}

/* One flipped bit at each stride-th byte of a part of the evidence is always refused. */
static void flip_part(const struct cmaw_evidence *evidence, size_t offset_of_slice, size_t stride)
{
    struct cmaw_evidence *changed = malloc(sizeof *changed);
    assert_non_null(changed);
    *changed = *evidence;
    struct cmaw_slice *slice = (struct cmaw_slice *)(void *)((uint8_t *)changed + offset_of_slice);
    uint8_t *bytes = malloc(slice->size);
    assert_non_null(bytes);
    memcpy(bytes, slice->data, slice->size);
    slice->data = bytes;
    for (size_t i = 0; i < slice->size; i += stride) {
        bytes[i] = (uint8_t)(bytes[i] ^ (1u << (i % 8)));
        if (verdict(changed, NULL)[0] == '\0') {
            fail_msg("accepted with byte %zu of %zu changed", i, slice->size);
        }
        bytes[i] = (uint8_t)(bytes[i] ^ (1u << (i % 8)));
    }
    /* one byte shorter, one byte longer */
    slice->size--;
    assert_string_not_equal(verdict(changed, NULL), "");
    free(bytes);
    free(changed);
}

/* Section 9: anything unexpected fails. */
static void every_part_is_authenticated(void **)
{
    struct sst_run *run = review_done();
    const struct cmaw_evidence *e = &run->evidence;
    flip_part(e, offsetof(struct cmaw_evidence, manifest), 1);
    flip_part(e, offsetof(struct cmaw_evidence, plan), 1);
    flip_part(e, offsetof(struct cmaw_evidence, ticket_header), 1);
    flip_part(e, offsetof(struct cmaw_evidence, receipts[0]), 3);
    flip_part(e, offsetof(struct cmaw_evidence, receipts[1]), 7);
    flip_part(e, offsetof(struct cmaw_evidence, ak_docs[0]), 61);
    flip_part(e, offsetof(struct cmaw_evidence, states[1]), 11);
    flip_part(e, offsetof(struct cmaw_evidence, states[3]), 5);
    run_drop(run);
}

/* What an honest enclave would not sign: one claim changed, signed by the right key. NULL: accepted. */
struct forged_claim {
    const char *check;
    void (*change)(struct cmaw_receipt *claims);
};
static void no_change(struct cmaw_receipt *) {}
static void input_of_elsewhere(struct cmaw_receipt *c) { c->edges[1].edge = 4; } /* edges 2, 3 enter; as many as due */
static void input_missing(struct cmaw_receipt *c)
{
    c->edges[1] = c->edges[2];
    c->input_count = 1;
}
static void input_more(struct cmaw_receipt *c)
{
    c->edges[3] = c->edges[2];
    c->edges[2].edge = 4;
    c->input_count = 3;
}
static void output_of_elsewhere(struct cmaw_receipt *c) { c->edges[2].edge = 1; }
static void output_missing(struct cmaw_receipt *c) { c->output_count = 0; }
static void output_more(struct cmaw_receipt *c)
{
    c->edges[3] = c->edges[2];
    c->edges[2].edge = 2;
    c->output_count = 2;
}
static void other_run(struct cmaw_receipt *c) { c->run.bytes[0] ^= 1; }
static void other_role(struct cmaw_receipt *c) { c->role = 1; }
static void no_step(struct cmaw_receipt *c) { c->step = 3; }
static void step_zero(struct cmaw_receipt *c) { c->step = 0; }
static void attempt_zero(struct cmaw_receipt *c) { c->attempt = 0; }
static void attempt_four(struct cmaw_receipt *c) { c->attempt = 4; }
static void attempt_three(struct cmaw_receipt *c) { c->attempt = 3; }
static void kind_failure(struct cmaw_receipt *c) { c->kind = CMAW_STATE_FAILURE; }
static void kind_none(struct cmaw_receipt *c) { c->kind = 0; }
static void other_doc(struct cmaw_receipt *c) { c->ak_doc.bytes[31] ^= 1; }
static void backwards(struct cmaw_receipt *c) { c->finished_ms = c->started_ms - 1; }
static void at_once(struct cmaw_receipt *c) { c->finished_ms = c->started_ms; }
static void before_the_document(struct cmaw_receipt *c) { c->started_ms = SST_NOW_MS - CMAW_DOC_LEAD_MS; }
static void long_before_the_document(struct cmaw_receipt *c) { c->started_ms = SST_NOW_MS - CMAW_DOC_LEAD_MS - 1; }
static void before_the_manifest(struct cmaw_receipt *c) { c->started_ms = 1; }
static void after_the_ticket(struct cmaw_receipt *c)
{
    c->started_ms = SST_NOW_MS + UINT64_C(1800000); /* when it has just expired */
    c->finished_ms = c->started_ms;
}
static void ends_after_the_ticket(struct cmaw_receipt *c) { c->finished_ms = UINT64_MAX; }
static void other_digest(struct cmaw_receipt *c) { c->edges[0].digest.bytes[5] ^= 1; }
static void other_commit(struct cmaw_receipt *c) { c->edges[0].commit.bytes[5] ^= 1; }
static void other_result(struct cmaw_receipt *c) { c->edges[2].digest.bytes[5] ^= 1; }

static void receipts_are_judged_claim_by_claim(void **)
{
    static const struct forged_claim claims[] = {
        {"", no_change}, {"receipt.inputs", input_of_elsewhere}, {"receipt.inputs", input_missing}, {"receipt.inputs", input_more},
        {"receipt.outputs", output_of_elsewhere}, {"receipt.outputs", output_missing}, {"receipt.outputs", output_more},
        {"receipt.run", other_run}, {"receipt.role", other_role}, {"run.extra", no_step}, {"run.extra", step_zero},
        {"receipt.attempt", attempt_zero}, {"receipt.attempt", attempt_four}, {"", attempt_three}, {"receipt.kind", kind_failure},
        {"receipt.kind", kind_none}, {"receipt.document", other_doc}, {"receipt.finished", backwards}, {"", at_once},
        {"", before_the_document}, {"receipt.doc_time", long_before_the_document}, {"receipt.started", before_the_manifest},
        {"receipt.expired", after_the_ticket}, {"", ends_after_the_ticket}, {"edge.link", other_digest}, {"edge.link", other_commit},
        {"edge.state", other_result},
    };
    struct sst_run *run = review_done();
    struct cmaw_signed_receipt *receipt = malloc(sizeof *receipt);
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        CMAW_BUF_AUTO(forged, CMAW_RECEIPT_MAX);
        assert_int_equal(cmaw_receipt_parse(run->evidence.receipts[1], receipt, NULL), CMAW_OK);
        claims[i].change(&receipt->claims);
        assert_int_equal(cmaw_receipt_make(&receipt->claims, CMAW_SLICE_LIT("acme"), CMAW_SLICE_LIT("writer"),
                             world->enclaves[1].ak, &forged), CMAW_OK);
        struct cmaw_evidence changed = run->evidence;
        changed.receipts[1] = cmaw_buf_slice(&forged);
        if (strcmp(verdict(&changed, NULL), claims[i].check) != 0) {
            fail_msg("claim %zu: \"%s\" instead of \"%s\"", i, verdict(&changed, NULL), claims[i].check);
        }
    }
    /* iss and sub repeat what the payload says */
    CMAW_BUF_AUTO(other_name, CMAW_RECEIPT_MAX);
    struct cmaw_evidence changed = run->evidence;
    assert_int_equal(cmaw_receipt_parse(run->evidence.receipts[1], receipt, NULL), CMAW_OK);
    assert_int_equal(cmaw_receipt_make(&receipt->claims, CMAW_SLICE_LIT("acme"), CMAW_SLICE_LIT("reader"), world->enclaves[1].ak,
                         &other_name), CMAW_OK);
    changed.receipts[1] = cmaw_buf_slice(&other_name);
    assert_string_equal(verdict(&changed, NULL), "receipt.claims");
    free(receipt);
    run_drop(run);
}

/* An enclave of one role signs for the step of another, with its own document, which a receipt before it has used rightly. */
static void document_of_another_role_is_refused(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_signed_receipt *receipt = malloc(sizeof *receipt);
    CMAW_BUF_AUTO(forged, CMAW_RECEIPT_MAX);
    assert_int_equal(cmaw_receipt_parse(run->evidence.receipts[1], receipt, NULL), CMAW_OK);
    assert_int_equal(cmaw_ak_doc_hash(run->evidence.ak_docs[0], &receipt->claims.ak_doc), CMAW_OK);
    assert_int_equal(cmaw_receipt_make(&receipt->claims, CMAW_SLICE_LIT("acme"), CMAW_SLICE_LIT("writer"), world->enclaves[0].ak,
                         &forged), CMAW_OK);
    struct cmaw_evidence changed = run->evidence;
    changed.receipts[1] = cmaw_buf_slice(&forged);
    changed.ak_doc_count = 1;
    assert_string_equal(verdict(&changed, NULL), "doc.user_data");
    free(receipt);
    run_drop(run);
}

static void state_of_no_edge_is_refused(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_state state;
    CMAW_BUF_AUTO(moved, CMAW_SUM_MAX);
    struct cmaw_evidence changed = run->evidence;
    assert_int_equal(cmaw_state_parse(run->evidence.states[3], &state), CMAW_OK);
    cmaw_buf_put(&moved, run->evidence.states[3]);
    const size_t edge_at = (size_t)(state.header.bytes.data - state.bytes.data) + 2 + 34 + 1; /* version, run, tag of edge */
    assert_int_equal(moved.data[edge_at], 4);
    moved.data[edge_at] = 5;
    changed.states[3] = cmaw_buf_slice(&moved);
    assert_string_equal(verdict(&changed, NULL), "state.header");
    run_drop(run);
}

static void parts_of_another_run_are_refused(void **)
{
    struct sst_run *a = review_done();
    struct sst_run *b = review_done();
    struct cmaw_evidence mixed = a->evidence;
    mixed.receipts[1] = b->evidence.receipts[1];
    assert_string_equal(verdict(&mixed, NULL), "receipt.run");
    mixed = a->evidence;
    mixed.states[2] = b->evidence.states[2];
    assert_string_equal(verdict(&mixed, NULL), "state.header");
    mixed = a->evidence;
    mixed.ticket_header = b->evidence.ticket_header;
    assert_string_equal(verdict(&mixed, NULL), "receipt.run");
    mixed = a->evidence;
    mixed.receipts[1] = a->evidence.receipts[0];
    assert_string_equal(verdict(&mixed, NULL), "run.duplicate");
    mixed = a->evidence;
    mixed.receipt_count = 1;
    assert_string_equal(verdict(&mixed, NULL), "run.missing");
    mixed = a->evidence;
    mixed.receipts[2] = b->evidence.receipts[1];
    mixed.receipt_count = 3;
    assert_string_equal(verdict(&mixed, NULL), "run.duplicate");
    mixed = a->evidence;
    mixed.ak_docs[1] = mixed.ak_docs[0];
    assert_string_equal(verdict(&mixed, NULL), "documents.repeated");
    assert_string_equal(verdict(&a->evidence, &b->run.secrets), "secret.commit");
    run_drop(a);
    run_drop(b);
}

/* The host may run a step twice; two branches of different attempts are found. */
static void different_attempts_do_not_link(void **)
{
    struct sst_run *run = review_start();
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step *step = NULL;
    struct cmaw_step_result *second = calloc(1, sizeof *second);
    sst_run_all(world, run);
    sst_run_request(run, 1, request);
    request->attempt = 2;
    const struct cmaw_step_self self = sst_self(world, 1);
    const struct cmaw_step_signer signer = sst_signer(world, 1);
    assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
    assert_int_equal(cmaw_step_finish(step, &step->inputs[0].opened.content, 1, &signer, second), CMAW_CODE_OK);
    struct cmaw_evidence mixed = run->evidence;
    mixed.receipts[0] = cmaw_buf_slice(&second->receipt);
    assert_string_equal(verdict(&mixed, NULL), "edge.link");
    mixed.states[1] = second->state[0];
    assert_string_equal(verdict(&mixed, NULL), "edge.link");
    cmaw_step_result_free(second);
    cmaw_step_free(step);
    free(second);
    free(request);
    run_drop(run);
}

/* Every byte of a request that is authenticated: none of the flips is answered OK. */
static void step_refuses_every_flip(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_step_request *request = malloc(sizeof *request);
    sst_run_request(run, 2, request);
    assert_answer(2, request, "OK");
    struct cmaw_slice *parts[] = {&request->plan, &request->ticket, &request->inputs[0], &request->inputs[1]};
    const size_t strides[] = {1, 1, 5, 13};
    for (size_t p = 0; p < 4; p++) {
        const struct cmaw_slice original = *parts[p];
        uint8_t *bytes = malloc(original.size + 1);
        assert_non_null(bytes);
        memcpy(bytes, original.data, original.size);
        bytes[original.size] = 0;
        parts[p]->data = bytes;
        uint32_t accepted = 0;
        for (size_t i = 0; i < original.size; i += strides[p]) {
            bytes[i] ^= 1;
            const enum cmaw_code code = answer(2, request, SST_NOW_MS);
            assert_true(code == CMAW_CODE_OK || code == CMAW_CODE_DENIED || code == CMAW_CODE_BAD_REQUEST ||
                        code == CMAW_CODE_EXPIRED);
            accepted += code == CMAW_CODE_OK;
            bytes[i] ^= 1;
        }
        /* the peer's grant inside the ticket is for another role: this one cannot tell, and does not need to */
        assert_true(p == 1 ? accepted <= 300 : accepted == 0);
        parts[p]->size = original.size - 1;
        assert_int_not_equal(answer(2, request, SST_NOW_MS), CMAW_CODE_OK);
        parts[p]->size = original.size + 1;
        assert_int_not_equal(answer(2, request, SST_NOW_MS), CMAW_CODE_OK);
        *parts[p] = original;
        free(bytes);
    }
    free(request);
    run_drop(run);
}

static void step_refuses_states_of_elsewhere(void **)
{
    struct sst_run *a = review_done();
    struct sst_run *b = review_done();
    struct cmaw_step_request *request = malloc(sizeof *request);
    sst_run_request(a, 2, request);
    const struct cmaw_step_request good = *request;
    request->inputs[1] = cmaw_buf_slice(&b->states[2]);
    assert_answer(2, request, "DENIED"); /* another run */
    *request = good;
    request->ticket = cmaw_buf_slice(&b->run.ticket);
    assert_answer(2, request, "DENIED"); /* another ticket */
    *request = good;
    request->inputs[0] = good.inputs[1];
    request->inputs[1] = good.inputs[0];
    assert_answer(2, request, "DENIED"); /* swapped */
    request->inputs[1] = good.inputs[1];
    assert_answer(2, request, "DENIED"); /* twice */
    *request = good;
    request->input_count = 1;
    assert_answer(2, request, "DENIED");
    *request = good;
    request->inputs[2] = cmaw_buf_slice(&a->states[3]);
    request->input_count = 3;
    assert_answer(2, request, "DENIED");
    *request = good;
    request->step = 1;
    assert_answer(2, request, "DENIED"); /* a step of another role */
    assert_answer(1, &good, "DENIED");   /* in another role */
    assert_answer(3, &good, "DENIED");   /* in a role without a step: it has no grant */
    free(request);
    run_drop(a);
    run_drop(b);
}

/* Section 7, point 3, one by one: everything else about the request is as its owner would make it. */
static void step_checks_each_binding(void **)
{
    struct cmaw_bytes32 other = world->manifest.mh;
    struct cmaw_bytes32 ph = {0};
    struct cmaw_ticket_header *header = malloc(sizeof *header);
    struct cmaw_step_request *request = malloc(sizeof *request);
    other.bytes[0] ^= 1;
    enum { NOTHING, PLAN_MANIFEST, HEADER_MANIFEST, HEADER_PLAN, COMMIT_MISSING, COMMIT_MORE, EXPIRES, EXPIRES_JUST, COMMIT_WRONG, LAST };
    for (int what = NOTHING; what < LAST; what++) {
        struct sst_run *run = review_start();
        struct cmaw_plan plan = run->run.plan;
        CMAW_BUF_AUTO(plan_bytes, CMAW_PLAN_MAX);
        assert_int_equal(cmaw_ticket_header_parse(cmaw_buf_slice(&run->run.header), header), CMAW_OK);
        plan.manifest = what == PLAN_MANIFEST ? cmaw_bytes32_slice(&other) : plan.manifest;
        cmaw_plan_encode(&plan, &plan_bytes);
        assert_int_equal(
            cmaw_ctx_hash(CMAW_LABEL_PLAN, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&plan_bytes))), &ph), CMAW_OK);
        ph.bytes[31] ^= what == HEADER_PLAN;
        header->plan = cmaw_bytes32_slice(&ph);
        header->manifest = what == HEADER_MANIFEST ? cmaw_bytes32_slice(&other) : header->manifest;
        header->commit_count += what == COMMIT_MORE ? 1 : 0;
        header->edge_commits[REVIEW_EDGES] = header->edge_commits[0];
        header->commit_count -= what == COMMIT_MISSING ? 1 : 0;
        header->edge_commits[0] = what == COMMIT_WRONG ? header->edge_commits[1] : header->edge_commits[0];
        header->expires_ms = what == EXPIRES        ? world->manifest.not_after_ms + 1
                             : what == EXPIRES_JUST ? world->manifest.not_after_ms
                                                    : header->expires_ms;
        sst_run_forge(world, run, cmaw_buf_slice(&plan_bytes), header);
        sst_run_request(run, 1, request);
        const char *code = cmaw_code_name(answer(1, request, SST_NOW_MS));
        if (strcmp(code, what == NOTHING || what == EXPIRES_JUST ? "OK" : "DENIED") != 0) {
            fail_msg("change %d is answered %s", what, code);
        }
        run_drop(run);
    }
    free(request);
    free(header);
}

static void step_answers_in_the_order_of_the_text(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_step_request *request = malloc(sizeof *request);
    sst_run_request(run, 2, request);
    const struct cmaw_step_request good = *request;
    const uint64_t late = world->manifest.not_after_ms;
    assert_int_equal(answer(2, request, world->manifest.not_before_ms), CMAW_CODE_OK);
    assert_int_equal(answer(2, request, world->manifest.not_before_ms - 1), CMAW_CODE_EXPIRED);
    assert_int_equal(answer(2, request, late), CMAW_CODE_EXPIRED);
    request->attempt = 4;
    assert_int_equal(answer(2, request, late), CMAW_CODE_BAD_REQUEST);
    request->step = 77; /* a missing step allows 1..100, and is DENIED only after the time was right */
    request->attempt = 100;
    assert_int_equal(answer(2, request, SST_NOW_MS), CMAW_CODE_DENIED);
    assert_int_equal(answer(2, request, late), CMAW_CODE_EXPIRED);
    request->attempt = 101;
    assert_int_equal(answer(2, request, SST_NOW_MS), CMAW_CODE_BAD_REQUEST);

    /* two states whose ciphertexts are over the sum together: TOO_LARGE comes before EXPIRED, and after BAD_REQUEST */
    *request = good;
    CMAW_BUF_AUTO(large, 4 * 1024 * 1024);
    struct cmaw_state state;
    assert_int_equal(cmaw_state_parse(good.inputs[0], &state), CMAW_OK);
    uint8_t *zeros = calloc(1, CMAW_SUM_MAX);
    assert_non_null(zeros);
    cmaw_buf_put_u8(&large, 0x0a);
    cmaw_buf_put_u8(&large, (uint8_t)state.header.bytes.size);
    cmaw_buf_put(&large, state.header.bytes);
    const size_t head = large.size;
    cmaw_buf_put(&large, cmaw_slice_of("\x12\xe0\xfb\x73", 4)); /* field 2 of 1,900,000 bytes */
    cmaw_buf_put(&large, cmaw_slice_of(zeros, CMAW_SUM_MAX));
    request->inputs[0] = cmaw_buf_slice(&large);
    assert_int_equal(answer(2, request, late), CMAW_CODE_TOO_LARGE);
    request->attempt = 0;
    assert_int_equal(answer(2, request, late), CMAW_CODE_BAD_REQUEST);
    request->attempt = 1;
    request->input_count = 1; /* exactly the sum: no more than a ciphertext of the wrong length, and an input missing */
    assert_int_equal(answer(2, request, late), CMAW_CODE_EXPIRED);
    assert_int_equal(answer(2, request, SST_NOW_MS), CMAW_CODE_DENIED);
    assert_true(head < CMAW_STATE_HEADER_MAX);
    free(zeros);
    free(request);
    run_drop(run);
}

/* What stays of an opened step: the secrets of its own out-edges. */
static void step_keeps_only_what_it_needs(void **)
{
    struct sst_run *run = review_done();
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 1);
    sst_run_request(run, 1, request);
    assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
    for (uint32_t edge = 1; edge <= CMAW_EDGES_MAX; edge++) {
        assert_int_equal(cmaw_edge_secrets_of(&step->secrets, edge).size, edge == 2 ? CMAW_KEY_SIZE : 0);
    }
    assert_true(cmaw_slice_eq_cstr(step->inputs[0].opened.content.content, "the letter"));
    cmaw_step_free(step);
    free(request);
    run_drop(run);
}

/* Section 5: a grant holds the edges of its role and no other. */
static void grants_hold_own_edges_only(void **)
{
    struct sst_run *run = review_start();
    struct cmaw_ticket *ticket = malloc(sizeof *ticket);
    CMAW_EDGE_SECRETS_AUTO(reader);
    CMAW_EDGE_SECRETS_AUTO(writer);
    assert_int_equal(cmaw_ticket_parse(cmaw_buf_slice(&run->run.ticket), ticket), CMAW_OK);
    assert_int_equal(ticket->grant_count, 2);
    assert_int_equal(cmaw_grant_open(&ticket->grants[0], &run->run.run_id, &world->enclaves[0].keys.kem, &reader), CMAW_OK);
    assert_int_equal(cmaw_grant_open(&ticket->grants[1], &run->run.run_id, &world->enclaves[0].keys.kem, &writer), CMAW_E_AUTH);
    assert_int_equal(cmaw_grant_open(&ticket->grants[1], &run->run.run_id, &world->enclaves[1].keys.kem, &writer), CMAW_OK);
    const bool reader_has[] = {true, true, false, false};
    const bool writer_has[] = {false, true, true, true};
    for (uint32_t edge = 1; edge <= 4; edge++) {
        assert_int_equal(cmaw_edge_secrets_of(&reader, edge).size > 0, reader_has[edge - 1]);
        assert_int_equal(cmaw_edge_secrets_of(&writer, edge).size > 0, writer_has[edge - 1]);
    }
    free(ticket);
    run_drop(run);
}

/* From empty to the largest class: what fits fills its class exactly, one byte more takes the next, or is TOO_LARGE. */
static void content_meets_its_class(void **)
{
    static const uint8_t secret[CMAW_KEY_SIZE] = {1};
    const struct cmaw_bytes32 run_id = {{2}};
    uint8_t *content = calloc(1, CMAW_CLASS_MAX_SIZE + 1);
    assert_non_null(content);
    for (uint32_t size_class = 1; size_class <= CMAW_SIZE_CLASSES; size_class++) {
        struct cmaw_agent_state state = {.content = cmaw_slice_of(content, cmaw_class_size(size_class) - 64)};
        while (cmaw_class_for(cmaw_agent_state_sealed_size(&state)) == size_class) {
            state.content.size++;
        }
        const size_t fits = state.content.size - 1; /* the last that fits */
        for (size_t more = 0; more <= 1; more++) {
            state.content.size = fits + more;
            for (uint32_t planned = 0; planned <= size_class; planned += size_class) {
                const struct cmaw_plan_edge edge = {.id = 1, .size_class = planned};
                const struct cmaw_state_seal what = {&edge, &run_id, CMAW_SLICE_ARRAY(secret), CMAW_STATE_DATA, NULL, 0, &state};
                CMAW_BUF_AUTO(buf, 4 * 1024 * 1024);
                struct cmaw_sealed sealed;
                struct cmaw_state parsed;
                CMAW_OPENED_AUTO(opened);
                const enum cmaw_err err = cmaw_state_seal(&what, &buf, &sealed);
                if (more == 1 && (planned != 0 || size_class == CMAW_SIZE_CLASSES)) {
                    assert_int_equal(err, CMAW_E_TOO_LARGE);
                    assert_int_equal(buf.size, 0);
                    continue;
                }
                assert_int_equal(err, CMAW_OK);
                assert_int_equal(sealed.size_class, size_class + more);
                assert_int_equal(cmaw_state_parse(cmaw_buf_slice(&buf), &parsed), CMAW_OK);
                assert_int_equal(parsed.ciphertext.size, cmaw_class_ciphertext_size(sealed.size_class));
                assert_int_equal(cmaw_state_open(&parsed, &edge, &run_id, CMAW_SLICE_ARRAY(secret), &opened), CMAW_OK);
                assert_int_equal(opened.content.content.size, fits + more);
            }
        }
    }
    free(content);
}

/* A stuck random generator does not repeat a salt for another content, edge or run (sections 3 and 4). */
static void salts_are_hedged(void **)
{
    static const uint8_t secret[CMAW_KEY_SIZE] = {1};
    const struct cmaw_bytes32 stuck = {{0}};
    const struct cmaw_bytes32 runs[2] = {{{1}}, {{2}}};
    struct cmaw_bytes32 salts[4];
    assert_int_equal(cmaw_agent_state_salt(CMAW_SLICE_ARRAY(secret), &runs[0], 1, &stuck, CMAW_SLICE_LIT("a"), &salts[0]), CMAW_OK);
    assert_int_equal(cmaw_agent_state_salt(CMAW_SLICE_ARRAY(secret), &runs[0], 1, &stuck, CMAW_SLICE_LIT("b"), &salts[1]), CMAW_OK);
    assert_int_equal(cmaw_agent_state_salt(CMAW_SLICE_ARRAY(secret), &runs[0], 2, &stuck, CMAW_SLICE_LIT("a"), &salts[2]), CMAW_OK);
    assert_int_equal(cmaw_agent_state_salt(CMAW_SLICE_ARRAY(secret), &runs[1], 1, &stuck, CMAW_SLICE_LIT("a"), &salts[3]), CMAW_OK);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_false(cmaw_bytes32_eq(&salts[i], cmaw_bytes32_slice(&salts[j])));
        }
    }
    /* and fresh randomness makes two states of one content differ */
    const struct cmaw_plan_edge edge = {.id = 1, .size_class = 1};
    const struct cmaw_agent_state content = {.content = CMAW_SLICE_LIT("same")};
    const struct cmaw_state_seal what = {&edge, &runs[0], CMAW_SLICE_ARRAY(secret), CMAW_STATE_DATA, NULL, 0, &content};
    struct cmaw_sealed a;
    struct cmaw_sealed b;
    CMAW_BUF_AUTO(buf, 65536);
    assert_int_equal(cmaw_state_seal(&what, &buf, &a), CMAW_OK);
    assert_int_equal(cmaw_state_seal(&what, &buf, &b), CMAW_OK);
    assert_false(cmaw_bytes32_eq(&a.digest, cmaw_bytes32_slice(&b.digest)));
    assert_false(cmaw_bytes32_eq(&a.commit, cmaw_bytes32_slice(&b.commit)));
}

static void outputs_are_bounded(void **)
{
    static const uint32_t roles[] = {1};
    static const struct sst_edge edges[] = {{0, 1, 1}, {1, 0, 0}, {1, 0, 0}};
    struct sst_run *run = malloc(sizeof *run);
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step_result *result = calloc(1, sizeof *result);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 1);
    const struct cmaw_step_signer signer = sst_signer(world, 1);
    uint8_t *content = calloc(1, CMAW_CLASS_MAX_SIZE);
    sst_run_start(world, roles, 1, edges, 3, CMAW_SLICE_LIT("x"), run);
    sst_run_request(run, 1, request);
    assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
    struct cmaw_agent_state outputs[2] = {{.content = cmaw_slice_of(content, 1024 * 1024 - 100)},
        {.content = cmaw_slice_of(content, 1024 * 1024 - 100)}};
    assert_int_equal(cmaw_step_finish(step, outputs, 2, &signer, result), CMAW_CODE_TOO_LARGE); /* the sum */
    assert_null(result->states.data);
    outputs[1].content.size = 1;
    outputs[0].content.size = CMAW_CLASS_MAX_SIZE;
    assert_int_equal(cmaw_step_finish(step, outputs, 2, &signer, result), CMAW_CODE_TOO_LARGE); /* no class */
    outputs[0].content.size = 1;
    assert_int_equal(cmaw_step_finish(step, outputs, 1, &signer, result), CMAW_CODE_AGENT_FAILED); /* an output is missing */
    outputs[0].content_type = CMAW_SLICE_LIT("text/plain\n");
    assert_int_equal(cmaw_step_finish(step, outputs, 2, &signer, result), CMAW_CODE_AGENT_FAILED);
    outputs[0].content_type = CMAW_SLICE_EMPTY;
    outputs[1].annotation_count = CMAW_ANNOTATIONS_MAX + 1;
    assert_int_equal(cmaw_step_finish(step, outputs, 2, &signer, result), CMAW_CODE_AGENT_FAILED);
    outputs[1].annotation_count = 0;
    assert_int_equal(cmaw_step_finish(step, outputs, 2, &signer, result), CMAW_CODE_OK);
    assert_int_equal(result->state_count, 2);
    cmaw_step_result_free(result);
    cmaw_step_free(step);
    free(content);
    free(result);
    free(request);
    run_drop(run);
}

/* Section 9 wants started <= finished: time that is set back while an agent works must not void the run. */
static void time_set_back_still_gives_a_receipt(void **)
{
    struct sst_run *run = review_start();
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step_result *result = calloc(1, sizeof *result);
    struct cmaw_signed_receipt *receipt = malloc(sizeof *receipt);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 1);
    struct cmaw_step_signer signer = sst_signer(world, 1);
    const struct cmaw_agent_state output = {.content = CMAW_SLICE_LIT("x")};
    signer.finished_ms = signer.started_ms - 1;
    sst_run_request(run, 1, request);
    assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
    assert_int_equal(cmaw_step_finish(step, &output, 1, &signer, result), CMAW_CODE_OK);
    assert_int_equal(cmaw_receipt_parse(cmaw_buf_slice(&result->receipt), receipt, NULL), CMAW_OK);
    assert_int_equal(receipt->claims.started_ms, signer.started_ms);
    assert_int_equal(receipt->claims.finished_ms, signer.started_ms);
    cmaw_step_result_free(result);
    cmaw_step_free(step);
    free(receipt);
    free(result);
    free(request);
    run_drop(run);
}

/* Section 4: what an agent gives as an annotation is checked before it is sealed, so that whatever is sealed opens. */
static void only_what_opens_is_sealed(void **)
{
    static const uint8_t secret[CMAW_KEY_SIZE] = {1};
    static const struct {
        struct cmaw_slice key, value;
        enum cmaw_err err;
    } cases[] = {
        {CMAW_SLICE_LIT("k"), CMAW_SLICE_LIT("gr\xc3\xbc\xc3\x9f"), CMAW_OK},
        {CMAW_SLICE_LIT("k"), CMAW_SLICE_EMPTY, CMAW_OK},
        {CMAW_SLICE_LIT("k"), CMAW_SLICE_LIT("\xff"), CMAW_E_MALFORMED},
        {CMAW_SLICE_LIT("k"), CMAW_SLICE_LIT("\xed\xa0\x80"), CMAW_E_MALFORMED},
        {CMAW_SLICE_LIT("k"), CMAW_SLICE_LIT("a\0b"), CMAW_E_MALFORMED},
        {CMAW_SLICE_EMPTY, CMAW_SLICE_LIT("v"), CMAW_E_MALFORMED},
        {CMAW_SLICE_LIT("K"), CMAW_SLICE_LIT("v"), CMAW_E_MALFORMED},
    };
    const struct cmaw_bytes32 run_id = {{2}};
    const struct cmaw_plan_edge edge = {.id = 1};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct cmaw_agent_state state = {.annotation_count = 1, .annotations = {{cases[i].key, cases[i].value}}};
        const struct cmaw_state_seal what = {&edge, &run_id, CMAW_SLICE_ARRAY(secret), CMAW_STATE_DATA, NULL, 0, &state};
        CMAW_BUF_AUTO(buf, 4096);
        struct cmaw_sealed sealed;
        struct cmaw_state parsed;
        CMAW_OPENED_AUTO(opened);
        assert_int_equal(cmaw_state_seal(&what, &buf, &sealed), cases[i].err);
        if (cases[i].err == CMAW_OK) {
            assert_int_equal(cmaw_state_parse(cmaw_buf_slice(&buf), &parsed), CMAW_OK);
            assert_int_equal(cmaw_state_open(&parsed, &edge, &run_id, CMAW_SLICE_ARRAY(secret), &opened), CMAW_OK);
            assert_true(cmaw_slice_eq(opened.content.annotations[0].value, cases[i].value));
        }
    }
}

static struct cmaw_failure failure_of(const struct sst_run *run, const struct cmaw_step_result *result)
{
    return (struct cmaw_failure){cmaw_buf_slice(&world->manifest_bytes), cmaw_buf_slice(&run->plan), cmaw_buf_slice(&run->run.header),
        cmaw_buf_slice(&world->enclaves[0].ak_doc), cmaw_buf_slice(&result->receipt), result->state[0]};
}

/* Section 7: the failure state, readable by its owner, its text cut to what fits. */
static void failures_are_proven(void **)
{
    static uint8_t noise[CMAW_FAILURE_TEXT_MAX + 500];
    static const uint32_t roles[] = {1};
    const size_t texts[] = {0, 10, CMAW_FAILURE_TEXT_MAX, CMAW_FAILURE_TEXT_MAX + 500};
    memset(noise, 'e', sizeof noise);
    for (uint32_t size_class = 0; size_class <= 2; size_class++) {
        const struct sst_edge edges[] = {{0, 1, 1}, {1, 0, size_class}};
        struct sst_run *run = malloc(sizeof *run);
        struct cmaw_step_request *request = malloc(sizeof *request);
        struct cmaw_step *step = NULL;
        const struct cmaw_step_self self = sst_self(world, 1);
        const struct cmaw_step_signer signer = sst_signer(world, 1);
        sst_run_start(world, roles, 1, edges, 2, CMAW_SLICE_LIT("x"), run);
        sst_run_request(run, 1, request);
        assert_int_equal(cmaw_step_open(&self, request, SST_NOW_MS, &step), CMAW_CODE_OK);
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            struct cmaw_step_result *result = calloc(1, sizeof *result);
            CMAW_BUF_AUTO(content, 65536);
            uint32_t failed_step = 0;
            struct cmaw_finding finding = {0};
            assert_int_equal(
                cmaw_step_fail(step, CMAW_CODE_AGENT_TIMEOUT, cmaw_slice_of(noise, texts[i]), &signer, result), CMAW_OK);
            struct cmaw_failure failure = failure_of(run, result);
            const struct cmaw_slice secret = cmaw_edge_secrets_of(&run->run.secrets, 2);
            assert_int_equal(
                cmaw_failure_open(&failure, &world->manifest.mh, secret, &failed_step, &content, &finding), CMAW_OK);
            assert_int_equal(failed_step, 1);
            assert_memory_equal(content.data, "AGENT_TIMEOUT\n", 14);
            const size_t most = size_class == 1 ? 1024 - 4 - 30 - 34 - 3 : 14 + CMAW_FAILURE_TEXT_MAX;
            assert_int_equal(content.size, texts[i] + 14 < most ? texts[i] + 14 : most);
            /* a data receipt does not pass for a failure, nor a failure for a run */
            struct cmaw_evidence evidence = {failure.manifest, failure.plan, failure.ticket_header, 1, 1, 0, 0,
                .ak_docs = {failure.ak_doc}, .receipts = {failure.receipt}};
            assert_string_equal(verdict(&evidence, NULL), "receipt.kind");
            failure.ak_doc = cmaw_buf_slice(&world->enclaves[1].ak_doc);
            assert_int_equal(cmaw_failure_verify(&failure, &world->manifest.mh, &failed_step, NULL), CMAW_E_AUTH);
            cmaw_step_result_free(result);
            free(result);
        }
        struct cmaw_step_result unused = {0};
        assert_int_equal(cmaw_step_fail(step, CMAW_CODE_DENIED, CMAW_SLICE_EMPTY, &signer, &unused), CMAW_E_BUG);
        cmaw_step_free(step);
        free(request);
        run_drop(run);
    }
}

static const char *attest_verdict(const struct sst_doc *doc, uint32_t role)
{
    CMAW_BUF_AUTO(bytes, CMAW_AK_DOC_MAX);
    CMAW_ATTESTED_AUTO(attested);
    struct cmaw_finding finding = {.check = ""};
    sst_doc_sign(world, doc, &bytes);
    const enum cmaw_err err =
        cmaw_attest_role(cmaw_buf_slice(&bytes), &world->manifest, &world->manifest.roles[role - 1], &attested, &finding);
    assert_true((err == CMAW_OK) == (finding.check[0] == '\0'));
    return finding.check;
}

/* Section 9, attestation of a role. */
static void attestation_is_judged(void **)
{
    static const uint8_t zeros[CMAW_PCR_SIZE];
    struct sst_doc good;
    sst_doc_of(world, &world->enclaves[0], &good);
    assert_string_equal(attest_verdict(&good, 1), "");
    assert_string_equal(attest_verdict(&good, 2), "doc.measurement");
    struct sst_doc doc = good;
    doc.timestamp_ms = world->manifest.not_after_ms;
    assert_string_equal(attest_verdict(&doc, 1), "doc.manifest_time");
    doc.timestamp_ms = world->manifest.not_before_ms;
    assert_string_equal(attest_verdict(&doc, 1), "");
    doc.timestamp_ms = world->manifest.not_before_ms - 1;
    assert_string_equal(attest_verdict(&doc, 1), "doc.manifest_time");
    doc.timestamp_ms = SST_NOW_MS + 20000 * 1000;
    assert_string_equal(attest_verdict(&doc, 1), "doc.time");
    for (uint32_t pcr = 0; pcr <= 2; pcr++) {
        doc = good;
        doc.pcrs[pcr] = CMAW_SLICE_ARRAY(zeros);
        assert_string_equal(attest_verdict(&doc, 1), "doc.debug");
        doc.pcrs[pcr] = good.pcrs[8];
        assert_string_equal(attest_verdict(&doc, 1), "doc.measurement");
    }
    doc = good;
    doc.pcrs[8] = good.pcrs[1]; /* not compared: the manifest gives none */
    assert_string_equal(attest_verdict(&doc, 1), "");
    doc.pcrs[16] = CMAW_SLICE_EMPTY;
    assert_string_equal(attest_verdict(&doc, 1), "doc.role_lock");
    doc.pcrs[16] = CMAW_SLICE_ARRAY(zeros);
    assert_string_equal(attest_verdict(&doc, 1), "doc.role_lock");
    doc = good;
    doc.user_data = CMAW_SLICE_EMPTY;
    assert_string_equal(attest_verdict(&doc, 1), "doc.user_data");
    doc = good;
    doc.public_key = CMAW_SLICE_LIT("no key");
    assert_string_equal(attest_verdict(&doc, 1), "doc.public_key");
    cmaw_buf_free(&good.spki);
}

/* Every byte of a birth certificate is signed, and what stands beside it is bound to it. */
static void births_are_bound(void **)
{
    const struct sst_enclave *e = &world->enclaves[0];
    const struct sst_enclave *other = &world->enclaves[1];
    struct cmaw_birth_claims claims;
    struct cmaw_role_keys keys = {0};
    const struct cmaw_slice cert = cmaw_buf_slice(&e->cert);
    const struct cmaw_slice doc = cmaw_buf_slice(&e->ak_doc);
    const struct cmaw_slice blob = cmaw_buf_slice(&e->blob);
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, e->role, &claims, NULL), CMAW_OK);
    assert_int_equal(cmaw_birth_match_tsk(&claims, CMAW_SLICE_ARRAY(e->tsk), &keys, NULL), CMAW_OK);
    cmaw_role_keys_release(&keys);
    assert_int_equal(cmaw_birth_match_tsk(&claims, CMAW_SLICE_ARRAY(other->tsk), &keys, NULL), CMAW_E_AUTH);
    assert_null(keys.kem.private_key.bytes);
    uint8_t *changed = malloc(cert.size);
    memcpy(changed, cert.data, cert.size);
    for (size_t i = 0; i < cert.size; i++) {
        changed[i] ^= 0x10;
        assert_int_equal(
            cmaw_birth_verify(cmaw_slice_of(changed, cert.size), doc, blob, &world->manifest, e->role, &claims, NULL), CMAW_E_AUTH);
        changed[i] ^= 0x10;
    }
    free(changed);
    const struct cmaw_slice cut = cmaw_slice_of(cert.data, cert.size - 1);
    assert_int_equal(cmaw_birth_verify(cut, doc, blob, &world->manifest, e->role, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, doc, cmaw_buf_slice(&other->blob), &world->manifest, e->role, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, cmaw_buf_slice(&other->ak_doc), blob, &world->manifest, e->role, &claims, NULL), CMAW_E_AUTH);
    assert_int_equal(cmaw_birth_verify(cert, doc, blob, &world->manifest, other->role, &claims, NULL), CMAW_E_AUTH);
}

/* Claims that the right enclave signed and that do not fit: one at a time. */
static void births_are_judged_claim_by_claim(void **)
{
    static uint8_t long_blob[CMAW_KMS_BLOB_MAX + 1];
    const struct sst_enclave *e = &world->enclaves[0];
    static const char *const checks[] = {"", "birth.manifest", "birth.role", "birth.arn", "birth.blob", "birth.created",
        "birth.created", "birth.blob_limit", "birth.blob_limit", ""};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        struct cmaw_birth_claims claims;
        struct cmaw_finding finding = {.check = ""};
        CMAW_BUF_AUTO(cert, CMAW_BIRTH_CERT_MAX);
        struct cmaw_slice blob = cmaw_buf_slice(&e->blob);
        assert_int_equal(cmaw_birth_verify(cmaw_buf_slice(&e->cert), cmaw_buf_slice(&e->ak_doc), blob, &world->manifest, e->role,
                             &claims, NULL), CMAW_OK);
        claims.manifest.bytes[0] ^= i == 1;
        claims.role += i == 2;
        claims.key_arn = i == 3 ? world->manifest.roles[1].kms_key_arn : claims.key_arn;
        claims.blob_hash.bytes[0] ^= i == 4;
        claims.created_ms = i == 5   ? world->manifest.not_after_ms
                            : i == 6 ? world->manifest.not_before_ms - 1
                                     : claims.created_ms;
        blob = i == 7 ? CMAW_SLICE_EMPTY : i == 8 ? CMAW_SLICE_ARRAY(long_blob) : i == 9 ? cmaw_slice_of(long_blob, CMAW_KMS_BLOB_MAX) : blob;
        if (i >= 7) {
            assert_int_equal(cmaw_kms_blob_hash(blob, &claims.blob_hash), CMAW_OK);
        }
        assert_int_equal(cmaw_birth_make(&claims, e->ak, &cert), CMAW_OK);
        const enum cmaw_err err = cmaw_birth_verify(
            cmaw_buf_slice(&cert), cmaw_buf_slice(&e->ak_doc), blob, &world->manifest, e->role, &claims, &finding);
        assert_string_equal(finding.check, checks[i]);
        assert_int_equal(err, checks[i][0] == '\0' ? CMAW_OK : CMAW_E_AUTH);
    }
}

static void bundle_is_refused_where_changed(void **)
{
    struct cmaw_deployment *deployment = malloc(sizeof *deployment);
    const struct cmaw_slice good = cmaw_buf_slice(&world->bundle_bytes);
    const struct cmaw_bytes32 other = {{9}};
    struct cmaw_finding finding;
    uint8_t *changed = malloc(good.size);
    memcpy(changed, good.data, good.size);
    for (size_t i = 0; i < good.size; i += 41) {
        changed[i] ^= 4;
        assert_int_not_equal(
            cmaw_bundle_verify(cmaw_slice_of(changed, good.size), &world->manifest.mh, deployment, &finding), CMAW_OK);
        changed[i] ^= 4;
    }
    assert_int_equal(cmaw_bundle_verify(good, &other, deployment, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, "manifest.pin");
    assert_int_equal(cmaw_bundle_verify(good, NULL, deployment, &finding), CMAW_OK);
    free(changed);
    free(deployment);
}

static void new_run_refuses_bad_plans(void **)
{
    static const uint32_t roles[] = {1};
    static const struct sst_edge edges[] = {{0, 1, 1}, {1, 0, 1}};
    static const struct sst_edge circle[] = {{0, 1, 1}, {1, 1, 1}};
    struct cmaw_new_run *run = malloc(sizeof *run);
    struct cmaw_finding finding;
    CMAW_BUF_AUTO(plan, CMAW_PLAN_MAX);
    CMAW_BUF_AUTO(bad, CMAW_PLAN_MAX);
    sst_plan_make(world, roles, 1, edges, 2, &plan);
    sst_plan_make(world, roles, 1, circle, 2, &bad);
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&plan), world->manifest.not_after_ms + 1, run, &finding),
        CMAW_E_DENIED);
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&bad), SST_NOW_MS, run, &finding), CMAW_E_MALFORMED);
    plan.data[plan.size - 1] ^= 2; /* size class 3: fine; the manifest inside: not */
    for (size_t i = 0; i + CMAW_HASH_SIZE <= plan.size; i++) {
        if (cmaw_bytes32_eq(&world->manifest.mh, cmaw_slice_of(plan.data + i, CMAW_HASH_SIZE))) {
            plan.data[i] ^= 1;
            break;
        }
    }
    assert_int_equal(cmaw_run_new(&world->deployment, cmaw_buf_slice(&plan), SST_NOW_MS, run, &finding), CMAW_E_DENIED);
    assert_string_equal(finding.check, "plan.manifest");
    free(run);
}

/* Section 6, point 1. */
static void lock_answers_in_order(void **)
{
    struct cmaw_manifest *parsed = malloc(sizeof *parsed);
    const struct cmaw_role *role = NULL;
    struct cmaw_lock_self self = {.now_ms = SST_NOW_MS};
    const struct cmaw_slice bytes = cmaw_buf_slice(&world->manifest_bytes);
    const struct cmaw_slice cut = cmaw_slice_of(bytes.data, bytes.size - 1);
    assert_int_equal(cmaw_bytes32_of(world->manifest.attestation_root, &self.attestation_root), CMAW_OK);
    for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
        self.pcrs[p] = CMAW_SLICE_ARRAY(world->pcrs[0][p]);
    }
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_OK);
    assert_int_equal(role->id, 1);
    assert_int_equal(cmaw_lock_check(&self, bytes, 2, parsed, &role), CMAW_CODE_DENIED);
    assert_int_equal(cmaw_lock_check(&self, bytes, 4, parsed, &role), CMAW_CODE_DENIED);
    self.pcrs[2] = self.pcrs[1];
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_DENIED);
    self.now_ms = world->manifest.not_after_ms;
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_EXPIRED);
    assert_int_equal(cmaw_lock_check(&self, cut, 1, parsed, &role), CMAW_CODE_BAD_REQUEST);
    self.pcrs[2] = CMAW_SLICE_ARRAY(world->pcrs[0][2]);
    self.now_ms = SST_NOW_MS;
    self.attestation_root.bytes[0] ^= 1;
    assert_int_equal(cmaw_lock_check(&self, bytes, 1, parsed, &role), CMAW_CODE_DENIED);
    free(parsed);
}

static void codes_have_names(void **)
{
    for (uint32_t n = 0; n < 20; n++) {
        const enum cmaw_code code = (enum cmaw_code)n;
        assert_int_equal(cmaw_code_known(n), strcmp(cmaw_code_name(code), "UNKNOWN") != 0);
        if (cmaw_code_known(n)) {
            assert_int_equal(cmaw_code_find(cmaw_slice_of_cstr(cmaw_code_name(code))), code);
        }
    }
    assert_true(cmaw_code_is_final(CMAW_CODE_DENIED) && cmaw_code_is_final(CMAW_CODE_TOO_LARGE));
    assert_false(cmaw_code_is_final(CMAW_CODE_AGENT_FAILED) || cmaw_code_is_final(CMAW_CODE_BUSY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_is_accepted),
        cmocka_unit_test(other_shapes_are_accepted),
        cmocka_unit_test(every_part_is_authenticated),
        cmocka_unit_test(receipts_are_judged_claim_by_claim),
        cmocka_unit_test(document_of_another_role_is_refused),
        cmocka_unit_test(state_of_no_edge_is_refused),
        cmocka_unit_test(parts_of_another_run_are_refused),
        cmocka_unit_test(different_attempts_do_not_link),
        cmocka_unit_test(step_refuses_every_flip),
        cmocka_unit_test(step_refuses_states_of_elsewhere),
        cmocka_unit_test(step_checks_each_binding),
        cmocka_unit_test(step_answers_in_the_order_of_the_text),
        cmocka_unit_test(step_keeps_only_what_it_needs),
        cmocka_unit_test(grants_hold_own_edges_only),
        cmocka_unit_test(content_meets_its_class),
        cmocka_unit_test(salts_are_hedged),
        cmocka_unit_test(outputs_are_bounded),
        cmocka_unit_test(time_set_back_still_gives_a_receipt),
        cmocka_unit_test(only_what_opens_is_sealed),
        cmocka_unit_test(failures_are_proven),
        cmocka_unit_test(attestation_is_judged),
        cmocka_unit_test(births_are_bound),
        cmocka_unit_test(births_are_judged_claim_by_claim),
        cmocka_unit_test(bundle_is_refused_where_changed),
        cmocka_unit_test(new_run_refuses_bad_plans),
        cmocka_unit_test(lock_answers_in_order),
        cmocka_unit_test(codes_have_names),
    };
    return cmocka_run_group_tests(tests, make_world, free_world);
}
