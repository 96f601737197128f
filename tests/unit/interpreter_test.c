/* The interpreter: every shape of plan, and the same commands for the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/interpreter_rig.h"

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
        cmocka_unit_test(large_tasks_are_commanded_in_turns),
        cmocka_unit_test(states_are_dropped_once_consumed),
        cmocka_unit_test(status_tells_states_and_attempts),
    };
    return cmocka_run_group_tests_name("interpreter", tests, NULL, NULL);
}
