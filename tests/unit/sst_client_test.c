/* A client that lies (PROTOCOL.md section 1): tickets and states that are sealed as they should be, each with one fault. Changed
 * bytes are refused by cryptography already; here only the checks of section 7 are left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/seal.h"
#include "lib/pb/pb.h"
#include "lib/sst/grant.h"
#include "sst_group.h"

/* client -1-> (role 1) -2-> (role 2) -4-> client, client -3-> (role 2): step 2 is asked */
enum { EDGES = 4, OWN_EDGES = 3, SECRETS_MAX = 6, INPUTS = 2 };
static const struct sst_edge edges[EDGES] = {{0, 1, 1}, {1, 2, 0}, {0, 2, 2}, {2, 0, 1}};
static const uint32_t roles[] = {1, 2};
static const uint8_t other[CMAW_HASH_SIZE] = {0xee};

/* What the fields of one input are before it is sealed. */
struct input {
    uint32_t edge;
    uint32_t kind;
    uint32_t parents;
    uint32_t size_class;
    struct cmaw_buf agent_state; /* encoded */
    uint32_t declared;           /* u32(len) in front of it */
    uint8_t last_pad;
};

/* A request as an honest client and an honest first step would make it, until a case changes something. */
struct forgery {
    struct cmaw_plan plan;
    struct cmaw_ticket_header header;
    bool plan_is_other; /* header.plan is not the hash of the plan */
    uint8_t secrets[SECRETS_MAX + 1][CMAW_KEY_SIZE]; /* by edge */
    struct cmaw_bytes32 commits[SECRETS_MAX];
    uint32_t granted[SECRETS_MAX]; /* edges whose secrets the grant holds, in its order */
    uint32_t granted_count;
    uint32_t wrong_secret; /* an edge whose granted secret is another, or 0 */
    uint32_t grant_count;  /* of roles 1, 2, 3 */
    struct input inputs[INPUTS];
};

static void ok(enum cmaw_err err)
{
    assert_string_equal(cmaw_err_text(err), cmaw_err_text(CMAW_OK));
}

static void agent_state_put(struct input *input, const struct cmaw_agent_state *state)
{
    cmaw_buf_free(&input->agent_state);
    input->agent_state = CMAW_BUF(CMAW_CLASS_MAX_SIZE);
    cmaw_agent_state_encode(state, &input->agent_state);
    input->declared = (uint32_t)input->agent_state.size;
}

static struct cmaw_agent_state honest_content(void)
{
    return (struct cmaw_agent_state){.content_type = CMAW_SLICE_LIT("text/plain"), .content = CMAW_SLICE_LIT("letter"),
        .salt = CMAW_SLICE_ARRAY(other)};
}

static void forgery_begin(struct forgery *f, const struct cmaw_buf *plan)
{
    memset(f, 0, sizeof *f);
    ok(cmaw_plan_decode(cmaw_buf_slice(plan), &f->plan));
    f->header = (struct cmaw_ticket_header){.version = 1, .manifest = cmaw_bytes32_slice(&world->manifest.mh),
        .expires_ms = world->manifest.not_after_ms, .nonce = CMAW_SLICE_ARRAY(other), .commit_count = EDGES};
    for (uint32_t edge = 1; edge <= SECRETS_MAX; edge++) {
        f->secrets[edge][0] = (uint8_t)edge;
        ok(cmaw_edge_commit(CMAW_SLICE_ARRAY(f->secrets[edge]), f->header.nonce, edge, &f->commits[edge - 1]));
        f->header.edge_commits[edge - 1] = cmaw_bytes32_slice(&f->commits[edge - 1]);
    }
    f->granted_count = OWN_EDGES;
    f->grant_count = 2;
    const struct cmaw_agent_state content = honest_content();
    for (uint32_t i = 0; i < OWN_EDGES; i++) {
        f->granted[i] = i + 2;
    }
    f->inputs[0] = (struct input){.edge = 2, .kind = CMAW_STATE_DATA, .parents = 1, .size_class = 1};
    f->inputs[1] = (struct input){.edge = 3, .kind = CMAW_STATE_DATA, .parents = 0, .size_class = 2};
    agent_state_put(&f->inputs[0], &content);
    agent_state_put(&f->inputs[1], &content);
}

static void grant_put(const struct forgery *f, const struct cmaw_bytes32 *run_id, uint32_t role, struct cmaw_buf *buf)
{
    const struct cmaw_bytes32 random32 = {{3}};
    CMAW_BUF_AUTO(plaintext, CMAW_TICKET_MAX);
    for (uint32_t i = 0; i < f->granted_count; i++) {
        const size_t mark = cmaw_pb_open(&plaintext);
        const uint32_t edge = f->granted[i];
        cmaw_pb_put_u32(&plaintext, 1, edge);
        cmaw_pb_put_bytes(&plaintext, 2, CMAW_SLICE_ARRAY(f->secrets[edge == f->wrong_secret ? 1 : edge]));
        cmaw_pb_close(&plaintext, 1, mark);
    }
    ok(cmaw_grant_seal_with(run_id, role, &world->enclaves[role - 1].keys.pk, cmaw_buf_slice(&plaintext), CMAW_SLICE_EMPTY,
        &random32, buf));
}

static void ticket_put(const struct forgery *f, struct cmaw_slice header, const struct cmaw_bytes32 *run_id, struct cmaw_buf *buf)
{
    struct cmaw_buf grants[SST_ROLES] = {CMAW_BUF(CMAW_TICKET_MAX), CMAW_BUF(CMAW_TICKET_MAX), CMAW_BUF(CMAW_TICKET_MAX)};
    struct cmaw_ticket ticket = {.header = header, .grant_count = f->grant_count};
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        grant_put(f, run_id, i + 1, &grants[i]);
        ok(cmaw_grant_decode(cmaw_buf_slice(&grants[i]), &ticket.grants[i]));
    }
    cmaw_ticket_encode(&ticket, buf);
    for (uint32_t i = 0; i < SST_ROLES; i++) {
        cmaw_buf_free(&grants[i]);
    }
}

static void state_put(const struct forgery *f, const struct input *input, const struct cmaw_bytes32 *run_id, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(header, CMAW_STATE_HEADER_MAX);
    CMAW_BUF_AUTO(padded, CMAW_CLASS_MAX_SIZE);
    CMAW_BUF_AUTO(aad, CMAW_STATE_HEADER_MAX + 64);
    CMAW_BUF_AUTO(ciphertext, CMAW_SUM_MAX);
    CMAW_SECRET_AUTO(key);
    cmaw_pb_put_u32(&header, 1, 1);
    cmaw_pb_put_bytes(&header, 2, cmaw_bytes32_slice(run_id));
    cmaw_pb_put_u32(&header, 3, input->edge);
    cmaw_pb_put_u32(&header, 4, input->kind);
    for (uint32_t i = 0; i < input->parents; i++) {
        cmaw_pb_put_element(&header, 5, CMAW_SLICE_ARRAY(other));
    }
    cmaw_pb_put_u32(&header, 6, input->size_class);
    cmaw_buf_put_u32be(&padded, input->declared);
    cmaw_buf_put(&padded, cmaw_buf_slice(&input->agent_state));
    while (padded.size < cmaw_class_size(input->size_class) - 1) {
        cmaw_buf_put_u8(&padded, 0);
    }
    cmaw_buf_put_u8(&padded, input->last_pad);
    cmaw_ctx_put(&aad, CMAW_LABEL_STATE_AAD, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&header))));
    ok(cmaw_edge_state_key(CMAW_SLICE_ARRAY(f->secrets[input->edge]), run_id, input->edge, &key));
    ok(cmaw_seal(&key, cmaw_buf_slice(&aad), other, cmaw_buf_slice(&padded), &ciphertext));
    cmaw_pb_put_bytes(buf, 1, cmaw_buf_slice(&header));
    cmaw_pb_put_bytes(buf, 2, cmaw_buf_slice(&ciphertext));
    ok(cmaw_buf_err(buf));
}

/* Seals everything for the run that the header makes, and asks role 2. */
static const char *ask(struct forgery *f)
{
    CMAW_BUF_AUTO(plan, CMAW_PLAN_MAX);
    CMAW_BUF_AUTO(header, CMAW_TICKET_HEADER_MAX);
    CMAW_BUF_AUTO(ticket, CMAW_TICKET_MAX);
    struct cmaw_buf states[INPUTS] = {CMAW_BUF(CMAW_SUM_MAX), CMAW_BUF(CMAW_SUM_MAX)};
    struct cmaw_step_request *request = calloc(1, sizeof *request);
    struct cmaw_step *step = NULL;
    struct cmaw_bytes32 ph;
    struct cmaw_bytes32 run_id;
    cmaw_plan_encode(&f->plan, &plan);
    ok(cmaw_ctx_hash(CMAW_LABEL_PLAN, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&plan))), &ph));
    f->header.plan = f->plan_is_other ? CMAW_SLICE_ARRAY(other) : cmaw_bytes32_slice(&ph);
    cmaw_ticket_header_encode(&f->header, &header);
    ok(cmaw_ctx_hash(CMAW_LABEL_RUN, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&header))), &run_id));
    ticket_put(f, cmaw_buf_slice(&header), &run_id, &ticket);
    *request = (struct cmaw_step_request){.plan = cmaw_buf_slice(&plan), .ticket = cmaw_buf_slice(&ticket), .step = 2, .attempt = 1,
        .input_count = INPUTS};
    for (uint32_t i = 0; i < INPUTS; i++) {
        state_put(f, &f->inputs[i], &run_id, &states[i]);
        request->inputs[i] = cmaw_buf_slice(&states[i]);
    }
    const struct cmaw_step_self self = sst_self(world, 2);
    const enum cmaw_code code = cmaw_step_open(&self, request, SST_NOW_MS, &step);
    cmaw_step_free(step);
    free(request);
    for (uint32_t i = 0; i < INPUTS; i++) {
        cmaw_buf_free(&states[i]);
        cmaw_buf_free(&f->inputs[i].agent_state);
    }
    return cmaw_code_name(code);
}

static void nothing(struct forgery *) {}
static void lasts_as_long_as_manifest(struct forgery *f) { f->header.expires_ms = world->manifest.not_after_ms; }
static void lasts_longer(struct forgery *f) { f->header.expires_ms = world->manifest.not_after_ms + 1; }
static void expired(struct forgery *f) { f->header.expires_ms = SST_NOW_MS; }
static void expires_next(struct forgery *f) { f->header.expires_ms = SST_NOW_MS + 1; }
static void plan_of_other_manifest(struct forgery *f) { f->plan.manifest = CMAW_SLICE_ARRAY(other); }
static void ticket_of_other_manifest(struct forgery *f) { f->header.manifest = CMAW_SLICE_ARRAY(other); }
static void ticket_of_other_plan(struct forgery *f) { f->plan_is_other = true; }
static void a_commit_less(struct forgery *f) { f->header.commit_count--; }
static void a_commit_more(struct forgery *f) { f->header.commit_count++; }
static void short_commit(struct forgery *f) { f->header.edge_commits[0].size--; }
static void short_nonce(struct forgery *f) { f->header.nonce.size--; }

static void grant_of_an_idle_role(struct forgery *f) { f->grant_count = 3; }
static void no_grant_of_a_role(struct forgery *f) { f->grant_count = 1; }

static void no_secret_of_an_own_edge(struct forgery *f) { f->granted_count--; }
static void no_secrets(struct forgery *f) { f->granted_count = 0; }
static void wrong_secret(struct forgery *f) { f->wrong_secret = 4; }

static void grant(struct forgery *f, uint32_t count, const uint32_t *granted)
{
    f->granted_count = count;
    memcpy(f->granted, granted, count * sizeof *granted);
}

static void secret_of_a_foreign_edge(struct forgery *f) { grant(f, 4, (const uint32_t[]){1, 2, 3, 4}); }
static void secret_of_no_edge(struct forgery *f) { grant(f, 4, (const uint32_t[]){2, 3, 4, 5}); }
static void secrets_in_another_order(struct forgery *f) { grant(f, 3, (const uint32_t[]){2, 4, 3}); }
static void a_secret_twice(struct forgery *f) { grant(f, 4, (const uint32_t[]){2, 3, 3, 4}); }

static void failure_as_input(struct forgery *f) { f->inputs[0].kind = CMAW_STATE_FAILURE; }
static void kind_3(struct forgery *f) { f->inputs[0].kind = 3; }
static void no_parent(struct forgery *f) { f->inputs[0].parents = 0; }
static void two_parents(struct forgery *f) { f->inputs[0].parents = 2; }
static void parent_of_a_client_state(struct forgery *f) { f->inputs[1].parents = 1; }
static void edge_twice(struct forgery *f) { f->inputs[1].edge = 2; }
static void larger_than_smallest(struct forgery *f) { f->inputs[0].size_class = 2; }
static void other_class_than_planned(struct forgery *f) { f->inputs[1].size_class = 1; }
static void pad_not_zero(struct forgery *f) { f->inputs[0].last_pad = 1; }
static void length_past_the_end(struct forgery *f) { f->inputs[0].declared = 1021; }
static void length_too_short(struct forgery *f) { f->inputs[0].declared--; }

static void short_salt(struct forgery *f)
{
    struct cmaw_agent_state content = honest_content();
    content.salt.size--;
    agent_state_put(&f->inputs[0], &content);
}

static void annotated(struct forgery *f, struct cmaw_annotation first, struct cmaw_annotation second)
{
    struct cmaw_agent_state content = honest_content();
    content.annotation_count = 2;
    content.annotations[0] = first;
    content.annotations[1] = second;
    agent_state_put(&f->inputs[0], &content);
}

static void two_annotations(struct forgery *f)
{
    annotated(f, (struct cmaw_annotation){CMAW_SLICE_LIT("b"), CMAW_SLICE_LIT("1")},
        (struct cmaw_annotation){CMAW_SLICE_LIT("a"), CMAW_SLICE_LIT("1")});
}

static void annotation_twice(struct forgery *f)
{
    annotated(f, (struct cmaw_annotation){CMAW_SLICE_LIT("a"), CMAW_SLICE_LIT("1")},
        (struct cmaw_annotation){CMAW_SLICE_LIT("a"), CMAW_SLICE_LIT("2")});
}

static void annotation_no_text(struct forgery *f)
{
    annotated(f, (struct cmaw_annotation){CMAW_SLICE_LIT("a"), CMAW_SLICE_LIT("1")},
        (struct cmaw_annotation){CMAW_SLICE_LIT("b"), CMAW_SLICE_LIT("\xc0\x80")});
}

static void content_type_of_two_lines(struct forgery *f)
{
    struct cmaw_agent_state content = honest_content();
    content.content_type = CMAW_SLICE_LIT("a\nb");
    agent_state_put(&f->inputs[0], &content);
}

#define CASE(change, code) {#change, change, code}
static const struct {
    const char *name;
    void (*change)(struct forgery *f);
    const char *code;
} cases[] = {
    CASE(nothing, "OK"), CASE(two_annotations, "OK"), CASE(lasts_as_long_as_manifest, "OK"), CASE(expires_next, "OK"),
    /* section 7, point 1 */
    CASE(short_commit, "BAD_REQUEST"), CASE(short_nonce, "BAD_REQUEST"), CASE(kind_3, "BAD_REQUEST"),
    CASE(grant_of_an_idle_role, "BAD_REQUEST"), CASE(no_grant_of_a_role, "BAD_REQUEST"),
    /* point 2 */
    CASE(expired, "EXPIRED"),
    /* point 3 */
    CASE(plan_of_other_manifest, "DENIED"), CASE(ticket_of_other_manifest, "DENIED"), CASE(ticket_of_other_plan, "DENIED"),
    CASE(a_commit_less, "DENIED"), CASE(a_commit_more, "DENIED"), CASE(lasts_longer, "DENIED"),
    /* point 4 */
    CASE(no_secret_of_an_own_edge, "DENIED"), CASE(no_secrets, "DENIED"), CASE(wrong_secret, "DENIED"),
    CASE(secret_of_a_foreign_edge, "DENIED"), CASE(secret_of_no_edge, "DENIED"), CASE(secrets_in_another_order, "DENIED"),
    CASE(a_secret_twice, "DENIED"),
    /* point 5 */
    CASE(failure_as_input, "DENIED"), CASE(no_parent, "DENIED"), CASE(two_parents, "DENIED"),
    CASE(parent_of_a_client_state, "DENIED"), CASE(edge_twice, "DENIED"),
    /* point 6 */
    CASE(larger_than_smallest, "DENIED"), CASE(other_class_than_planned, "DENIED"), CASE(pad_not_zero, "DENIED"),
    CASE(length_past_the_end, "DENIED"), CASE(length_too_short, "DENIED"), CASE(short_salt, "DENIED"),
    CASE(annotation_twice, "DENIED"), CASE(annotation_no_text, "DENIED"), CASE(content_type_of_two_lines, "DENIED"),
};

static void one_lie_is_enough(void **)
{
    CMAW_BUF_AUTO(plan, CMAW_PLAN_MAX);
    struct forgery *forgery = malloc(sizeof *forgery);
    assert_non_null(forgery);
    sst_plan_make(world, roles, 2, edges, EDGES, &plan);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        forgery_begin(forgery, &plan);
        cases[i].change(forgery);
        const char *code = ask(forgery);
        if (strcmp(code, cases[i].code) != 0) {
            fail_msg("%s: %s instead of %s", cases[i].name, code, cases[i].code);
        }
    }
    free(forgery);
}

/* Point 3: a role has the secrets of every edge of the step between two of its own, and still may not do that step. */
static void a_step_between_own_steps_is_not_own(void **)
{
    static const uint32_t between_roles[] = {2, 1, 2};
    static const struct sst_edge between[] = {{0, 1, 0}, {1, 2, 0}, {2, 3, 0}, {3, 0, 0}};
    struct sst_run *run = malloc(sizeof *run);
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 2);
    assert_true(run != NULL && request != NULL);
    sst_run_start(world, between_roles, 3, between, 4, CMAW_SLICE_LIT("x"), run);
    sst_run_all(world, run);
    sst_run_request(run, 3, request);
    assert_string_equal(cmaw_code_name(cmaw_step_open(&self, request, SST_NOW_MS, &step)), "OK");
    cmaw_step_free(step);
    sst_run_request(run, 2, request);
    assert_string_equal(cmaw_code_name(cmaw_step_open(&self, request, SST_NOW_MS, &step)), "DENIED");
    sst_run_free(run);
    free(request);
    free(run);
}

/* Section 7: nothing of a failed step is released, also where some of its outputs were sealed before another failed. */
static void a_failed_finish_leaves_nothing(void **)
{
    static const uint32_t one_role[] = {1};
    static const struct sst_edge two_out[] = {{0, 1, 1}, {1, 0, 0}, {1, 0, 1}};
    static const uint8_t large[CMAW_CLASS_MAX_SIZE];
    struct sst_run *run = malloc(sizeof *run);
    struct cmaw_step_request *request = malloc(sizeof *request);
    struct cmaw_step_result *result = calloc(1, sizeof *result);
    struct cmaw_step *step = NULL;
    const struct cmaw_step_self self = sst_self(world, 1);
    const struct cmaw_step_signer signer = sst_signer(world, 1);
    assert_true(run != NULL && request != NULL && result != NULL);
    sst_run_start(world, one_role, 1, two_out, 3, CMAW_SLICE_LIT("x"), run);
    sst_run_request(run, 1, request);
    assert_string_equal(cmaw_code_name(cmaw_step_open(&self, request, SST_NOW_MS, &step)), "OK");
    const struct cmaw_agent_state outputs[] = {{.content = CMAW_SLICE_LIT("fits")}, {.content = cmaw_slice_of(large, 2000)}};
    assert_string_equal(cmaw_code_name(cmaw_step_finish(step, outputs, 2, &signer, result)), "TOO_LARGE");
    assert_null(result->states.data);
    assert_int_equal(result->state_count, 0);
    assert_int_equal(result->receipt.size, 0);
    cmaw_step_free(step);
    sst_run_free(run);
    free(result);
    free(request);
    free(run);
}

/* Section 9: the document of one role does not serve for the receipt of another, whoever signs. */
static void a_document_serves_one_role(void **)
{
    struct sst_run *run = malloc(sizeof *run);
    struct cmaw_signed_receipt *receipt = malloc(sizeof *receipt);
    struct cmaw_verified_run *verified = NULL;
    struct cmaw_finding finding = {0};
    CMAW_BUF_AUTO(signed_by_first, CMAW_RECEIPT_MAX);
    const struct sst_enclave *first = &world->enclaves[0];
    assert_true(run != NULL && receipt != NULL);
    sst_run_start(world, roles, 2, edges, EDGES, CMAW_SLICE_LIT("x"), run);
    sst_run_all(world, run);
    ok(cmaw_receipt_parse(run->evidence.receipts[1], receipt, NULL));
    ok(cmaw_ak_doc_hash(cmaw_buf_slice(&first->ak_doc), &receipt->claims.ak_doc));
    ok(cmaw_receipt_make(&receipt->claims, world->manifest.tenant, world->enclaves[1].role->name, first->ak, &signed_by_first));
    run->evidence.receipts[1] = cmaw_buf_slice(&signed_by_first);
    run->evidence.ak_doc_count = 1;
    assert_int_equal(cmaw_run_verify(&run->evidence, &world->manifest.mh, CMAW_DOC_SIGNED, &verified, &finding), CMAW_E_AUTH);
    assert_string_equal(finding.check, "doc.user_data");
    sst_run_free(run);
    free(receipt);
    free(run);
}

/* Sections 6 and 9: each register that a measurement names is compared, and one that it leaves open is not. */
static void every_named_register_counts(void **)
{
    static const uint8_t values[CMAW_MEASURED_PCRS][CMAW_PCR_SIZE] = {{1}, {2}, {3}, {4}};
    static const uint8_t wrong[CMAW_PCR_SIZE] = {9};
    struct cmaw_role role = {.measurement_count = 1};
    struct cmaw_slice own[CMAW_MEASURED_PCRS];
    for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
        role.measurements[0].pcrs[p] = own[p] = CMAW_SLICE_ARRAY(values[p]);
    }
    assert_true(cmaw_role_measured(&role, own));
    for (size_t p = 0; p < CMAW_MEASURED_PCRS; p++) {
        own[p] = CMAW_SLICE_ARRAY(wrong);
        assert_false(cmaw_role_measured(&role, own));
        role.measurements[0].pcrs[p] = CMAW_SLICE_EMPTY;
        assert_int_equal(cmaw_role_measured(&role, own), true);
        role.measurements[0].pcrs[p] = own[p] = CMAW_SLICE_ARRAY(values[p]);
    }
    /* registers of two measurements do not mix */
    role.measurement_count = 2;
    role.measurements[1] = role.measurements[0];
    role.measurements[0].pcrs[0] = CMAW_SLICE_ARRAY(wrong);
    role.measurements[1].pcrs[3] = CMAW_SLICE_ARRAY(wrong);
    assert_false(cmaw_role_measured(&role, own));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lie_is_enough),
        cmocka_unit_test(a_step_between_own_steps_is_not_own),
        cmocka_unit_test(a_failed_finish_leaves_nothing),
        cmocka_unit_test(a_document_serves_one_role),
        cmocka_unit_test(every_named_register_counts),
    };
    return cmocka_run_group_tests_name("sst_client", tests, sst_group_setup, sst_group_teardown);
}
