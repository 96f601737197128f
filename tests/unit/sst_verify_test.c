/* PROTOCOL.md section 9: which runs a verifier accepts, and by which check it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sst_group.h"

/* The name of the check that refuses, or "". */
static const char *verdict(const struct cmaw_evidence *evidence, const struct cmaw_edge_secrets *secrets)
{
    struct cmaw_verified_run *run = NULL;
    struct cmaw_finding finding = {0};
    enum cmaw_err err = cmaw_run_verify(evidence, &world->manifest.mh, CMAW_DOC_SIGNED, &run, &finding);
    if (err == CMAW_OK && secrets != NULL) {
        err = cmaw_run_verify_secrets(run, secrets, &finding);
    }
    cmaw_verified_run_free(run);
    assert_true((err == CMAW_OK) == (finding.check == NULL));
    return err == CMAW_OK ? "" : finding.check;
}

static void run_is_accepted(void **)
{
    struct sst_run *run = review_done();
    CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
    struct cmaw_verified_run *verified = NULL;
    struct cmaw_evidence *evidence = malloc(sizeof *evidence);
    struct cmaw_finding finding = {0};
    assert_string_equal(verdict(&run->evidence, &run->run.secrets), "");
    cmaw_evidence_encode(&run->evidence, &bytes);
    assert_int_equal(
        cmaw_run_verify_bytes(cmaw_buf_slice(&bytes), &world->manifest.mh, CMAW_DOC_SIGNED, evidence, &verified, &finding), CMAW_OK);
    assert_int_equal(verified->doc_count, 2);
    assert_int_equal(verified->steps[1].doc, 1);
    assert_int_equal(verified->edges[3].bound, CMAW_BOUND_STATE);
    assert_int_equal(cmaw_run_verify_secrets(verified, &run->run.secrets, &finding), CMAW_OK);
    assert_int_equal(verified->edges[3].bound, CMAW_BOUND_STATE | CMAW_BOUND_OPENED);
    cmaw_verified_run_free(verified);
    run->evidence.state_count = 2; /* edges 3 and 4 have nothing that binds them now */
    assert_int_equal(cmaw_run_verify(&run->evidence, &world->manifest.mh, CMAW_DOC_SIGNED, &verified, NULL), CMAW_OK);
    assert_int_equal(verified->edges[1].bound, CMAW_BOUND_STATE);
    assert_int_equal(verified->edges[2].bound, 0);
    assert_int_equal(verified->edges[3].bound, 0);
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
    mixed.ak_docs[0] = a->evidence.ak_docs[1];
    assert_string_equal(verdict(&mixed, NULL), "documents.order");
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
        cmocka_unit_test(failures_are_proven),
    };
    return cmocka_run_group_tests(tests, sst_group_setup, sst_group_teardown);
}
