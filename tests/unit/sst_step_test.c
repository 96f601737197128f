/* PROTOCOL.md section 7: what an enclave answers to a step, and what it seals; sections 3 and 4: grants and contents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/sst/grant_open.h"
#include "sst_group.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, sst_group_setup, sst_group_teardown);
}
