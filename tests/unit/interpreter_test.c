/* The interpreter: every shape of plan, failures, retries, cancellation, hostile inputs, and the same commands for the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/temporal/payload.h"
#include "host/worker/interpreter.h"
#include "tests/unit/run_make.h"

enum { BUF_MAX = 16 * 1024 * 1024, CONTENT = 64 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static struct cmaw_interpreter *begin(const struct run_make *made)
{
    struct cmaw_slice states[CMAW_EDGES_MAX];
    struct cmaw_interpreter *run = NULL;

    for (uint32_t i = 0; i < made->input_count; i++) {
        states[i] = cmaw_buf_slice(&made->inputs[i]);
    }
    const struct cmaw_run_input input = {.workflow_id = made->workflow_id, .plan = cmaw_buf_slice(&made->plan_bytes),
        .ticket = cmaw_buf_slice(&made->ticket), .states = states, .state_count = made->input_count};
    OK(cmaw_interpreter_new(&input, &run));
    return run;
}

/* All commands that are there now, as text: "S1.1#1 P2#1:200 F2:DENIED C X". */
static const char *drain(struct cmaw_interpreter *run, char *text, size_t size)
{
    struct cmaw_command c;
    size_t n = 0;

    text[0] = '\0';
    while (cmaw_interpreter_next(run, &c)) {
        const char *gap = n > 0 ? " " : "";
        switch (c.kind) {
        case CMAW_COMMAND_STEP:
            n += (size_t)snprintf(text + n, size - n, "%sS%u.%u#%u", gap, c.step, c.attempt, c.seq);
            break;
        case CMAW_COMMAND_PAUSE:
            n += (size_t)snprintf(text + n, size - n, "%sP%u#%u:%u", gap, c.step, c.seq, (unsigned)c.pause_ms);
            break;
        case CMAW_COMMAND_FAIL:
            n += (size_t)snprintf(text + n, size - n, "%sF%u:%s", gap, c.step, cmaw_code_name(c.code));
            break;
        case CMAW_COMMAND_COMPLETE:
            n += (size_t)snprintf(text + n, size - n, "%sC", gap);
            break;
        case CMAW_COMMAND_CANCELED:
            n += (size_t)snprintf(text + n, size - n, "%sX", gap);
            break;
        }
        assert_true(n < size);
    }
    return text;
}

static void done(const struct run_make *made, struct cmaw_interpreter *run, uint32_t seq, uint32_t step)
{
    CMAW_BUF_AUTO(result, BUF_MAX);

    run_make_result(&made->plan, &made->run_id, step, false, CONTENT, &result);
    OK(cmaw_interpreter_step_done(run, seq, cmaw_buf_slice(&result)));
}

static void chain_runs_in_order(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    run_make(&made, "1 2", "0>1 1>2 2>0", 3, 1, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    assert_string_equal(drain(run, text, sizeof text), "S1.1#1");
    assert_string_equal(drain(run, text, sizeof text), "");
    done(&made, run, 1, 1);
    assert_string_equal(drain(run, text, sizeof text), "S2.1#2");
    done(&made, run, 2, 2);
    assert_string_equal(drain(run, text, sizeof text), "C");
    assert_string_equal(drain(run, text, sizeof text), "");
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void result_has_states_receipts_and_each_document_once(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    CMAW_BUF_AUTO(bytes, BUF_MAX);
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    run_make(&made, "1 2 1", "0>1 1>2 2>3 3>0 1>0", 1, 2, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    for (uint32_t step = 1; step <= 3; step++) {
        drain(run, text, sizeof text);
        done(&made, run, step, step);
    }
    assert_string_equal(drain(run, text, sizeof text), "C");
    OK(cmaw_interpreter_result(run, &bytes));
    OK(cmaw_run_result_decode(cmaw_buf_slice(&bytes), result));
    assert_int_equal(result->state_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct cmaw_state got;
        OK(cmaw_state_parse(result->states[i], &got));
        assert_int_equal(got.header.edge, i == 0 ? 4 : 5);
    }
    assert_int_equal(result->receipt_count, 3);
    assert_true(cmaw_slice_eq_cstr(result->receipts[2], "receipt-3"));
    assert_int_equal(result->ak_doc_count, 2);
    assert_true(cmaw_slice_eq_cstr(result->ak_docs[0], "doc-1"));
    assert_true(cmaw_slice_eq_cstr(result->ak_docs[1], "doc-2"));
    free(result);
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void task_holds_what_the_step_needs(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    CMAW_BUF_AUTO(bytes, BUF_MAX);
    struct cmaw_step_task *task = calloc(1, sizeof *task);
    run_make(&made, "1 2 1", "0>1 0>2 1>3 2>3 3>0", 1, 3, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    assert_string_equal(drain(run, text, sizeof text), "S1.1#1 S2.1#2");
    done(&made, run, 2, 2);
    assert_string_equal(drain(run, text, sizeof text), "");
    done(&made, run, 1, 1);
    assert_string_equal(drain(run, text, sizeof text), "S3.1#3");
    OK(cmaw_interpreter_task(run, 3, &bytes));
    OK(cmaw_step_task_decode(cmaw_buf_slice(&bytes), task));
    assert_true(cmaw_slice_eq(task->plan, cmaw_buf_slice(&made.plan_bytes)));
    assert_true(cmaw_slice_eq(task->ticket, cmaw_buf_slice(&made.ticket)));
    assert_int_equal(task->step, 3);
    assert_int_equal(task->attempt, 1);
    assert_int_equal(task->input_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct cmaw_state got;
        OK(cmaw_state_parse(task->inputs[i], &got));
        assert_int_equal(got.header.edge, 3 + i);
    }
    free(task);
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

/* Steps 2 to 5 between 1 and 6, all at once. */
static const char *const wide_steps = "1 2 2 1 2 1", *const wide_edges = "0>1 1>2 1>3 1>4 1>5 2>6 3>6 4>6 5>6 6>0";

static void order_in_one_activation_does_not_matter(void **state)
{
    (void)state;
    uint32_t order[4] = {2, 3, 4, 5};
    struct run_make made;
    char text[256];
    run_make(&made, wide_steps, wide_edges, 1, 4, CONTENT);

    // every permutation, by Heap's algorithm
    uint32_t counters[4] = {0};
    for (uint32_t i = 0, first = 1; i < 4;) {
        if (first == 1 || counters[i] < i) {
            if (first == 0) {
                const uint32_t other = i % 2 == 0 ? 0 : counters[i], kept = order[other];
                order[other] = order[i];
                order[i] = kept;
                counters[i]++;
                i = 0;
            }
            first = 0;
            struct cmaw_interpreter *run = begin(&made);
            assert_string_equal(drain(run, text, sizeof text), "S1.1#1");
            done(&made, run, 1, 1);
            assert_string_equal(drain(run, text, sizeof text), "S2.1#2 S3.1#3 S4.1#4 S5.1#5");
            for (uint32_t k = 0; k < 4; k++) {
                done(&made, run, order[k], order[k]);
            }
            assert_string_equal(drain(run, text, sizeof text), "S6.1#6");
            done(&made, run, 6, 6);
            assert_string_equal(drain(run, text, sizeof text), "C");
            cmaw_interpreter_free(run);
        } else {
            counters[i++] = 0;
        }
    }
    run_make_free(&made);
}

/* Two branches of two steps: whichever ends first, the same history gives the same commands, and the result is one. */
static void same_history_gives_same_commands(void **state)
{
    (void)state;
    struct run_make made;
    run_make(&made, "1 1 2 2 1", "0>1 0>2 1>3 2>4 3>5 4>5 5>0", 2, 5, CONTENT);
    CMAW_BUF_AUTO(first_result, BUF_MAX);

    for (unsigned mask = 0; mask < 64; mask++) {
        char logs[2][512] = {"", ""};
        CMAW_BUF_AUTO(result, BUF_MAX);
        for (unsigned replay = 0; replay < 2; replay++) {
            struct cmaw_interpreter *run = begin(&made);
            struct cmaw_command pending[8], c;
            size_t count = 0, n = 0;
            bool complete = false;
            for (unsigned turn = 0; !complete; turn++) {
                while (cmaw_interpreter_next(run, &c)) {
                    n += (size_t)snprintf(logs[replay] + n, sizeof logs[0] - n, "%d:%u#%u ", c.kind, c.step, c.seq);
                    complete = c.kind == CMAW_COMMAND_COMPLETE;
                    if (!complete) {
                        pending[count++] = c;
                    }
                }
                if (!complete) {
                    assert_true(count > 0);
                    const size_t pick = (mask >> (turn % 6)) % 2 % count;
                    done(&made, run, pending[pick].seq, pending[pick].step);
                    pending[pick] = pending[--count];
                }
            }
            if (replay == 0) {
                OK(cmaw_interpreter_result(run, &result));
            }
            cmaw_interpreter_free(run);
        }
        assert_string_equal(logs[0], logs[1]);
        if (mask == 0) {
            cmaw_buf_put(&first_result, cmaw_buf_slice(&result));
        }
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&first_result), cmaw_buf_slice(&result)));
    }
    run_make_free(&made);
}

static void agent_failures_are_tried_again_with_pauses(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    CMAW_BUF_AUTO(failure, BUF_MAX);
    run_make(&made, "1", "0>1 1>0", 3, 6, CONTENT);
    struct cmaw_interpreter *run = begin(&made);
    run_make_result(&made.plan, &made.run_id, 1, true, CONTENT, &failure);

    assert_string_equal(drain(run, text, sizeof text), "S1.1#1");
    OK(cmaw_interpreter_step_failed(run, 1, CMAW_CODE_AGENT_FAILED, cmaw_buf_slice(&failure)));
    assert_string_equal(drain(run, text, sizeof text), "P1#1:200");
    assert_string_equal(drain(run, text, sizeof text), "");
    cmaw_interpreter_pause_over(run, 1);
    assert_string_equal(drain(run, text, sizeof text), "S1.2#2");
    OK(cmaw_interpreter_step_failed(run, 2, CMAW_CODE_AGENT_TIMEOUT, CMAW_SLICE_EMPTY));
    assert_string_equal(drain(run, text, sizeof text), "P1#2:400");
    cmaw_interpreter_pause_over(run, 2);
    assert_string_equal(drain(run, text, sizeof text), "S1.3#3");
    OK(cmaw_interpreter_step_failed(run, 3, CMAW_CODE_AGENT_FAILED, cmaw_buf_slice(&failure)));
    assert_string_equal(drain(run, text, sizeof text), "F1:AGENT_FAILED");
    assert_true(cmaw_slice_eq(cmaw_interpreter_failure(run), cmaw_buf_slice(&failure)));
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void second_attempt_may_succeed(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    run_make(&made, "1", "0>1 1>0", 2, 7, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    drain(run, text, sizeof text);
    OK(cmaw_interpreter_step_failed(run, 1, CMAW_CODE_INTERNAL, CMAW_SLICE_EMPTY));
    drain(run, text, sizeof text);
    cmaw_interpreter_pause_over(run, 1);
    assert_string_equal(drain(run, text, sizeof text), "S1.2#2");
    done(&made, run, 1, 1); // the number of the attempt that failed
    assert_string_equal(drain(run, text, sizeof text), "");
    done(&made, run, 2, 1);
    assert_string_equal(drain(run, text, sizeof text), "C");
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void final_codes_end_the_run(void **state)
{
    (void)state;
    static const enum cmaw_code codes[] = {CMAW_CODE_DENIED, CMAW_CODE_BAD_REQUEST, CMAW_CODE_EXPIRED, CMAW_CODE_TOO_LARGE};
    struct run_make made;
    char text[256], expected[64];
    run_make(&made, "1 2", "0>1 0>2 1>0 2>0", 100, 8, CONTENT);

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        struct cmaw_interpreter *run = begin(&made);
        assert_string_equal(drain(run, text, sizeof text), "S1.1#1 S2.1#2");
        OK(cmaw_interpreter_step_failed(run, 2, codes[i], CMAW_SLICE_EMPTY));
        snprintf(expected, sizeof expected, "F2:%s", cmaw_code_name(codes[i]));
        assert_string_equal(drain(run, text, sizeof text), expected);
        done(&made, run, 1, 1); // after the end
        assert_string_equal(drain(run, text, sizeof text), "");
        cmaw_interpreter_free(run);
    }
    run_make_free(&made);
}

static void cancel_ends_the_run(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    run_make(&made, "1 2", "0>1 1>2 2>0", 3, 9, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    drain(run, text, sizeof text);
    cmaw_interpreter_cancel(run);
    done(&made, run, 1, 1);
    assert_string_equal(drain(run, text, sizeof text), "X");
    assert_string_equal(drain(run, text, sizeof text), "");
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void expect_refused(const struct cmaw_run_input *input)
{
    struct cmaw_interpreter *run = NULL;
    char text[256];
    CMAW_BUF_AUTO(json, BUF_MAX);

    OK(cmaw_interpreter_new(input, &run));
    OK(cmaw_interpreter_status(run, &json));
    assert_string_equal(drain(run, text, sizeof text), "F0:BAD_REQUEST");
    cmaw_interpreter_free(run);
}

static void what_is_no_run_is_refused(void **state)
{
    (void)state;
    struct run_make made, other;
    run_make(&made, "1 2", "0>1 0>2 1>2 2>0", 1, 10, CONTENT);
    run_make(&other, "1 2", "0>1 0>2 1>2 2>0", 1, 11, CONTENT);
    struct cmaw_slice good[2] = {cmaw_buf_slice(&made.inputs[0]), cmaw_buf_slice(&made.inputs[1])};
    struct cmaw_slice swapped[2] = {good[1], good[0]}, foreign[2] = {cmaw_buf_slice(&other.inputs[0]), good[1]};
    struct cmaw_slice cut[2] = {{good[0].data, good[0].size - 1}, good[1]};
    const struct cmaw_run_input base = {.workflow_id = made.workflow_id, .plan = cmaw_buf_slice(&made.plan_bytes),
        .ticket = cmaw_buf_slice(&made.ticket), .states = good, .state_count = 2};

    struct cmaw_run_input bad = base;
    bad.workflow_id = other.workflow_id;
    expect_refused(&bad);
    bad = base, bad.plan.size--;
    expect_refused(&bad);
    bad = base, bad.plan = CMAW_SLICE_EMPTY;
    expect_refused(&bad);
    bad = base, bad.ticket.size--;
    expect_refused(&bad);
    bad = base, bad.ticket = cmaw_buf_slice(&other.ticket);
    expect_refused(&bad);
    bad = base, bad.state_count = 1;
    expect_refused(&bad);
    bad = base, bad.states = swapped;
    expect_refused(&bad);
    bad = base, bad.states = foreign;
    expect_refused(&bad);
    bad = base, bad.states = cut;
    expect_refused(&bad);
    run_make_free(&made);
    run_make_free(&other);
}

static void result_that_does_not_fit_the_step_fails_the_run(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    run_make(&made, "1 2", "0>1 1>2 2>0", 3, 12, CONTENT);
    CMAW_BUF_AUTO(of_other_step, BUF_MAX);
    CMAW_BUF_AUTO(failure, BUF_MAX);
    run_make_result(&made.plan, &made.run_id, 2, false, CONTENT, &of_other_step);
    run_make_result(&made.plan, &made.run_id, 1, true, CONTENT, &failure);
    const struct cmaw_slice bad[] = {cmaw_buf_slice(&of_other_step), cmaw_buf_slice(&failure), CMAW_SLICE_EMPTY,
        CMAW_SLICE_LIT("garbage"), {of_other_step.data, of_other_step.size - 1}};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cmaw_interpreter *run = begin(&made);
        drain(run, text, sizeof text);
        OK(cmaw_interpreter_step_done(run, 1, bad[i]));
        assert_string_equal(drain(run, text, sizeof text), "F1:INTERNAL");
        cmaw_interpreter_free(run);
    }
    run_make_free(&made);
}

static void large_tasks_are_commanded_in_turns(void **state)
{
    (void)state;
    enum { LARGE = 900 * 1024 };
    struct run_make made;
    char text[256];
    // six steps with their own inputs of 0.3 MB, all fed by 1..6; each then feeds a join
    run_make(&made, "1 1 1 1 1 1 1 1", "0>1 0>2 1>3 1>4 2>5 2>6 3>7 4>7 5>7 6>7 7>8 8>0", 1, 13, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    assert_string_equal(drain(run, text, sizeof text), "S1.1#1 S2.1#2");
    for (uint32_t step = 1; step <= 2; step++) {
        CMAW_BUF_AUTO(result, BUF_MAX);
        run_make_result(&made.plan, &made.run_id, step, false, LARGE, &result);
        OK(cmaw_interpreter_step_done(run, step, cmaw_buf_slice(&result)));
    }
    assert_string_equal(drain(run, text, sizeof text), "S3.1#3 S4.1#4 S5.1#5 P0#1:1");
    cmaw_interpreter_pause_over(run, 1);
    assert_string_equal(drain(run, text, sizeof text), "S6.1#6");
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void states_are_dropped_once_consumed(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    run_make(&made, "1 2 1", "0>1 1>2 2>3 3>0", 1, 14, 100000);
    struct cmaw_interpreter *run = begin(&made);

    for (uint32_t step = 1; step <= 3; step++) {
        drain(run, text, sizeof text);
        assert_in_range(cmaw_interpreter_weight(run), 100000 * (step + 1), 110000 * (step + 1)); // one state, and all tasks so far
        CMAW_BUF_AUTO(result, BUF_MAX);
        run_make_result(&made.plan, &made.run_id, step, false, 100000, &result);
        OK(cmaw_interpreter_step_done(run, step, cmaw_buf_slice(&result)));
    }
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

static void status_tells_states_and_attempts(void **state)
{
    (void)state;
    struct run_make made;
    char text[256];
    CMAW_BUF_AUTO(json, BUF_MAX);
    run_make(&made, "1 2 1", "0>1 1>2 1>3 2>0 3>0", 2, 15, CONTENT);
    struct cmaw_interpreter *run = begin(&made);

    drain(run, text, sizeof text);
    done(&made, run, 1, 1);
    drain(run, text, sizeof text);
    OK(cmaw_interpreter_step_failed(run, 2, CMAW_CODE_AGENT_FAILED, CMAW_SLICE_EMPTY));
    drain(run, text, sizeof text);
    OK(cmaw_interpreter_status(run, &json));
    cmaw_buf_put_u8(&json, 0);
    assert_string_equal((const char *)json.data,
        "{\"state\":\"running\",\"steps\":[{\"id\":1,\"name\":\"n1\",\"state\":\"done\",\"attempt\":1},"
        "{\"id\":2,\"name\":\"n2\",\"state\":\"waiting\",\"attempt\":1},{\"id\":3,\"name\":\"n3\",\"state\":\"running\",\"attempt\":1}]}");
    cmaw_interpreter_free(run);
    run_make_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chain_runs_in_order),
        cmocka_unit_test(result_has_states_receipts_and_each_document_once),
        cmocka_unit_test(task_holds_what_the_step_needs),
        cmocka_unit_test(order_in_one_activation_does_not_matter),
        cmocka_unit_test(same_history_gives_same_commands),
        cmocka_unit_test(agent_failures_are_tried_again_with_pauses),
        cmocka_unit_test(second_attempt_may_succeed),
        cmocka_unit_test(final_codes_end_the_run),
        cmocka_unit_test(cancel_ends_the_run),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(result_that_does_not_fit_the_step_fails_the_run),
        cmocka_unit_test(large_tasks_are_commanded_in_turns),
        cmocka_unit_test(states_are_dropped_once_consumed),
        cmocka_unit_test(status_tells_states_and_attempts),
    };
    return cmocka_run_group_tests_name("interpreter", tests, NULL, NULL);
}
