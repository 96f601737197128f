/* The interpreter: failures, retries, cancellation and hostile inputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/interpreter_rig.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_failures_are_tried_again_with_pauses),
        cmocka_unit_test(second_attempt_may_succeed),
        cmocka_unit_test(final_codes_end_the_run),
        cmocka_unit_test(cancel_ends_the_run),
        cmocka_unit_test(what_is_no_run_is_refused),
        cmocka_unit_test(result_that_does_not_fit_the_step_fails_the_run),
    };
    return cmocka_run_group_tests_name("interpreter_failures", tests, NULL, NULL);
}
