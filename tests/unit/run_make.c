#include "tests/unit/run_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/pb/pb.h"

enum { OBJECT_MAX = 8 * 1024 * 1024 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static const uint8_t ones[48] = {[0 ... 47] = 0x11};

static void make_manifest(struct run_make *run)
{
    const char *arn = "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef";
    struct cmaw_manifest manifest = {.version = 1, .tenant = CMAW_SLICE_LIT("acme"), .serial = 1, .epoch = 1,
        .attestation_root = cmaw_slice_of(ones, 32), .not_before_ms = 1, .not_after_ms = 4000000000000, .role_count = 2};

    manifest.roles[0] = (struct cmaw_role){.id = 1, .name = CMAW_SLICE_LIT("intake"), .kms_key_arn = cmaw_slice_of_cstr(arn),
        .measurement_count = 1};
    manifest.roles[1] = (struct cmaw_role){.id = 2, .name = CMAW_SLICE_LIT("adjudicate"), .kms_key_arn = cmaw_slice_of_cstr(arn),
        .measurement_count = 1};
    manifest.roles[0].measurements[0].pcrs[0] = CMAW_SLICE_ARRAY(ones);
    manifest.roles[1].measurements[0].pcrs[0] = CMAW_SLICE_ARRAY(ones);
    run->manifest_bytes = CMAW_BUF(OBJECT_MAX);
    cmaw_manifest_encode(&manifest, &run->manifest_bytes);
    OK(cmaw_buf_err(&run->manifest_bytes));
    OK(cmaw_manifest_parse(cmaw_buf_slice(&run->manifest_bytes), &run->manifest));
}

static void make_plan(struct run_make *run, const char *steps, const char *edges, uint32_t max_attempts)
{
    static char names[CMAW_EDGES_MAX][8];
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    const char *why = "";

    assert_non_null(plan);
    *plan = (struct cmaw_plan){.version = 1, .name = CMAW_SLICE_LIT("test"), .manifest = cmaw_bytes32_slice(&run->manifest.mh)};
    for (const char *at = steps; *at != '\0'; at += strspn(at, " ")) {
        const uint32_t id = ++plan->step_count;
        snprintf(names[id - 1], sizeof names[0], "n%u", id);
        plan->steps[id - 1] = (struct cmaw_plan_step){.id = id, .name = cmaw_slice_of_cstr(names[id - 1]),
            .role = (uint32_t)strtoul(at, (char **)&at, 10), .timeout_s = 5, .max_attempts = max_attempts};
    }
    for (const char *at = edges; *at != '\0'; at += strspn(at, " ")) {
        const uint32_t id = ++plan->edge_count;
        snprintf(names[id - 1], sizeof names[0], "n%u", id);
        struct cmaw_plan_edge *edge = &plan->edges[id - 1];
        *edge = (struct cmaw_plan_edge){.id = id, .name = cmaw_slice_of_cstr(names[id - 1])};
        edge->from = (uint32_t)strtoul(at, (char **)&at, 10);
        edge->to = (uint32_t)strtoul(at + 1, (char **)&at, 10);
    }
    run->plan_bytes = CMAW_BUF(OBJECT_MAX);
    cmaw_plan_encode(plan, &run->plan_bytes);
    OK(cmaw_buf_err(&run->plan_bytes));
    free(plan);
    OK(cmaw_plan_decode(cmaw_buf_slice(&run->plan_bytes), &run->plan));
    if (cmaw_plan_check(&run->plan, &run->manifest, &why) != CMAW_OK) {
        fail_msg("the plan is not valid: %s", why);
    }
    OK(cmaw_plan_parse(cmaw_buf_slice(&run->plan_bytes), &run->manifest, &run->plan));
}

static void make_ticket(struct run_make *run, uint32_t nonce)
{
    CMAW_BUF_AUTO(header_bytes, OBJECT_MAX);
    const uint8_t nonce_bytes[32] = {(uint8_t)nonce, (uint8_t)(nonce >> 8), (uint8_t)(nonce >> 16)};
    static const uint8_t enc[32] = {9}, sealed[200] = {7};
    struct cmaw_ticket_header header = {.version = 1, .manifest = cmaw_bytes32_slice(&run->manifest.mh),
        .plan = cmaw_bytes32_slice(&run->plan.ph), .expires_ms = 3000000000000, .nonce = CMAW_SLICE_ARRAY(nonce_bytes),
        .commit_count = run->plan.edge_count};
    struct cmaw_ticket ticket = {0};

    for (uint32_t i = 0; i < header.commit_count; i++) {
        header.edge_commits[i] = cmaw_slice_of(ones, 32);
    }
    cmaw_ticket_header_encode(&header, &header_bytes);
    OK(cmaw_ticket_header_parse(cmaw_buf_slice(&header_bytes), &header));
    run->run_id = header.run_id;
    cmaw_workflow_id(&run->run_id, run->workflow_id);
    ticket.header = cmaw_buf_slice(&header_bytes);
    for (uint32_t role = 1; role <= 2; role++) {
        if (cmaw_plan_has_role(&run->plan, role)) {
            ticket.grants[ticket.grant_count++] = (struct cmaw_grant){role, CMAW_SLICE_ARRAY(enc), CMAW_SLICE_ARRAY(sealed)};
        }
    }
    run->ticket = CMAW_BUF(OBJECT_MAX);
    cmaw_ticket_encode(&ticket, &run->ticket);
    OK(cmaw_buf_err(&run->ticket));
}

void run_make_state(const struct cmaw_bytes32 *run_id, uint32_t edge, uint32_t kind, size_t content_size, struct cmaw_buf *state)
{
    CMAW_BUF_AUTO(header, OBJECT_MAX);

    cmaw_pb_put_u32(&header, 1, 1);
    cmaw_pb_put_bytes(&header, 2, cmaw_bytes32_slice(run_id));
    cmaw_pb_put_u32(&header, 3, edge);
    cmaw_pb_put_u32(&header, 4, kind);
    cmaw_pb_put_u32(&header, 6, 1);
    cmaw_pb_put_bytes(state, 1, cmaw_buf_slice(&header));
    cmaw_pb_put_head(state, 2, content_size);
    memset(cmaw_buf_extend(state, content_size), 0xee, content_size);
    OK(cmaw_buf_err(state));
}

void run_make(struct run_make *run, const char *steps, const char *edges, uint32_t max_attempts, uint32_t nonce, size_t content_size)
{
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;

    memset(run, 0, sizeof *run);
    make_manifest(run);
    make_plan(run, steps, edges, max_attempts);
    make_ticket(run, nonce);
    while ((edge = cmaw_plan_next_out(&run->plan, 0, &cursor)) != NULL) {
        struct cmaw_buf *input = &run->inputs[run->input_count++];
        *input = CMAW_BUF(OBJECT_MAX);
        run_make_state(&run->run_id, edge->id, CMAW_STATE_DATA, content_size, input);
    }
}

void run_make_free(struct run_make *run)
{
    cmaw_buf_free(&run->manifest_bytes);
    cmaw_buf_free(&run->plan_bytes);
    cmaw_buf_free(&run->ticket);
    for (uint32_t i = 0; i < run->input_count; i++) {
        cmaw_buf_free(&run->inputs[i]);
    }
}

void run_make_bundle(const struct run_make *run, struct cmaw_buf *bundle_bytes)
{
    struct cmaw_bundle bundle = {.manifest = cmaw_buf_slice(&run->manifest_bytes), .role_count = 2};

    for (uint32_t i = 0; i < 2; i++) {
        bundle.roles[i] = (struct cmaw_role_key){.role = i + 1, .birth_cert = CMAW_SLICE_LIT("certificate"),
            .ak_doc = CMAW_SLICE_LIT("document"), .kms_blob = CMAW_SLICE_LIT("blob")};
    }
    cmaw_bundle_encode(&bundle, bundle_bytes);
    OK(cmaw_buf_err(bundle_bytes));
}

void run_make_result(const struct cmaw_plan *plan, const struct cmaw_bytes32 *run_id, uint32_t step, bool failure,
    size_t content_size, struct cmaw_buf *result)
{
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;
    char receipt[32], doc[32];

    while ((edge = cmaw_plan_next_out(plan, step, &cursor)) != NULL) {
        CMAW_BUF_AUTO(state, OBJECT_MAX);
        run_make_state(run_id, edge->id, failure ? CMAW_STATE_FAILURE : CMAW_STATE_DATA, content_size, &state);
        cmaw_pb_put_element(result, 1, cmaw_buf_slice(&state));
        if (failure) {
            break;
        }
    }
    snprintf(receipt, sizeof receipt, "receipt-%u", step);
    snprintf(doc, sizeof doc, "doc-%u", plan->steps[step - 1].role);
    cmaw_pb_put_bytes(result, 2, cmaw_slice_of_cstr(receipt));
    cmaw_pb_put_bytes(result, 3, cmaw_slice_of_cstr(doc));
    OK(cmaw_buf_err(result));
}
