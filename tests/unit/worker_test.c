/* Runs through cmaw-worker: several shapes, failures, cancellation, and what Temporal is told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host/temporal/history.h"
#include "lib/sst/code.h"
#include "tests/unit/free_port.h"
#include "tests/unit/temporal_calls.h"
#include "tests/unit/worker_rig.h"

enum { BUF_MAX = 8 * 1024 * 1024 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static void chain_completes(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);

    run_start(made);
    run_expect_complete(made);
    run_record(made, "chain");
    run_finish(made);
}

static void fan_out_and_join_complete(void **state)
{
    (void)state;
    struct run_make *made = run_new("1 2 2 1 2 1", "0>1 1>2 1>3 1>4 1>5 2>6 3>6 4>6 5>6 6>0 1>0", 1, RIG_CONTENT);

    run_start(made);
    run_expect_complete(made);
    run_record(made, "diamond");
    run_finish(made);
}

static void agent_failure_is_tried_again(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 3, RIG_CONTENT);

    atomic_store(&rig.enclave[1].fail_code, CMAW_CODE_AGENT_FAILED);
    atomic_store(&rig.enclave[1].fail_times, 2);
    run_start(made);
    run_expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[1].last_attempt), 3);
    run_record(made, "retry");
    run_finish(made);
    rig_calm_now();
}

static void last_agent_failure_brings_its_state(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 2, RIG_CONTENT);
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    struct cmaw_state got;

    atomic_store(&rig.enclave[1].fail_code, CMAW_CODE_AGENT_TIMEOUT);
    atomic_store(&rig.enclave[1].fail_times, 2);
    run_start(made);
    struct cmaw_temporal_outcome outcome = run_outcome(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "AGENT_TIMEOUT");
    assert_int_equal(outcome.failure_step, 2);
    OK(cmaw_step_output_decode(cmaw_buf_slice(&outcome.failure_result), output));
    assert_int_equal(output->state_count, 1);
    OK(cmaw_state_parse(output->states[0], &got));
    assert_int_equal(got.header.kind, CMAW_STATE_FAILURE);
    assert_true(cmaw_slice_eq_cstr(output->receipt, "receipt-2"));
    run_record(made, "failed");
    free(output);
    cmaw_temporal_outcome_free(&outcome);
    run_finish(made);
    rig_calm_now();
}

static void final_code_is_not_tried_again(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 100, RIG_CONTENT);
    const unsigned before = atomic_load(&rig.enclave[0].steps);

    atomic_store(&rig.enclave[0].fail_code, CMAW_CODE_DENIED);
    atomic_store(&rig.enclave[0].fail_times, 1);
    run_start(made);
    struct cmaw_temporal_outcome outcome = run_outcome(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "DENIED");
    assert_int_equal(atomic_load(&rig.enclave[0].steps), before + 1);
    cmaw_temporal_outcome_free(&outcome);
    run_finish(made);
    rig_calm_now();
}

static void busy_and_kms_do_not_count(void **state)
{
    (void)state;
    static const enum cmaw_code codes[] = {CMAW_CODE_BUSY, CMAW_CODE_KMS_UNAVAILABLE};

    for (size_t i = 0; i < 2; i++) {
        struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
        atomic_store(&rig.enclave[0].fail_code, codes[i]);
        atomic_store(&rig.enclave[0].fail_times, 4);
        run_start(made);
        run_expect_complete(made);
        assert_int_equal(atomic_load(&rig.enclave[0].last_attempt), 1);
        run_finish(made);
    }
    rig_calm_now();
}

static void input_that_is_no_run_fails(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);

    made->inputs[0].data[made->inputs[0].size - RIG_CONTENT - 4] ^= 1;
    run_start(made);
    struct cmaw_temporal_outcome outcome = run_outcome(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "BAD_REQUEST");
    cmaw_temporal_outcome_free(&outcome);
    run_finish(made);
}

static void cancel_stops_the_step(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    struct cmaw_diag diag = {0};
    const unsigned before = atomic_load(&rig.enclave[1].steps), gone = atomic_load(&rig.enclave[1].gone);
    CMAW_BUF_AUTO(json, BUF_MAX);

    atomic_store(&rig.enclave[1].delay_ms, 30000);
    run_start(made);
    rig_await(&rig.enclave[1].steps, before + 1);
    OK(temporal_query(rig.temporal, made->workflow_id, CMAW_TEMPORAL_QUERY_STATUS, RIG_WAIT_MS, &json, &diag));
    cmaw_buf_put_u8(&json, 0);
    assert_non_null(strstr((const char *)json.data, "{\"id\":1,\"name\":\"n1\",\"state\":\"done\",\"attempt\":1}"));
    assert_non_null(strstr((const char *)json.data, "{\"id\":2,\"name\":\"n2\",\"state\":\"running\",\"attempt\":1}"));
    OK(temporal_cancel(rig.temporal, made->workflow_id, &diag));
    struct cmaw_temporal_outcome outcome = run_outcome(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_CANCELED);
    rig_await(&rig.enclave[1].gone, gone + 1);
    run_record(made, "canceled");
    run_finish(made);
    rig_calm_now();
}

static void start_twice_is_one_run(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    struct cmaw_diag diag = {0};
    char first[CMAW_TEMPORAL_ID_SIZE], other[CMAW_TEMPORAL_ID_SIZE];

    OK(cmaw_temporal_request_id(first));
    OK(cmaw_temporal_request_id(other));
    OK(run_start_as(made, first, &diag));
    OK(run_start_as(made, first, &diag));
    assert_int_equal(run_start_as(made, other, &diag), CMAW_E_EXISTS);
    run_expect_complete(made);
    assert_int_equal(run_start_as(made, other, &diag), CMAW_E_EXISTS);
    OK(run_start_as(made, first, &diag));
    run_finish(made);
}

static void terminated_and_unknown_runs(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    struct cmaw_diag diag = {0};
    struct cmaw_temporal_outcome outcome = {0};

    assert_int_equal(cmaw_temporal_watch(rig.temporal, made->workflow_id, 1000, NULL, NULL, &outcome, &diag), CMAW_E_NOT_FOUND);
    atomic_store(&rig.enclave[0].delay_ms, 30000);
    run_start(made);
    assert_int_equal(cmaw_temporal_watch(rig.temporal, made->workflow_id, 300, NULL, NULL, &outcome, &diag), CMAW_E_TIMEOUT);
    OK(temporal_terminate(rig.temporal, made->workflow_id, "test", &diag));
    OK(cmaw_temporal_watch(rig.temporal, made->workflow_id, 0, NULL, NULL, &outcome, &diag));
    assert_int_equal(outcome.status, CMAW_TEMPORAL_TERMINATED);
    run_finish(made);
    rig_calm_now();
}

static void wrong_address_and_namespace_are_told(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    struct cmaw_temporal *temporal = NULL;
    char address[32];

    snprintf(address, sizeof address, "127.0.0.1:%u", free_port());
    const struct cmaw_temporal_options nobody = {.address = address, .ns = "default"};
    assert_int_equal(cmaw_temporal_connect(&nobody, &temporal, &diag), CMAW_E_UNAVAILABLE);
    assert_non_null(strstr(diag.text, address));
    assert_true(diag.hint[0] != '\0');
    const struct cmaw_temporal_options missing = {.address = rig.address, .ns = "missing"};
    OK(cmaw_temporal_connect(&missing, &temporal, &diag));
    assert_int_equal(cmaw_temporal_check(temporal, &diag), CMAW_E_NOT_FOUND);
    cmaw_temporal_close(temporal);
}

static enum cmaw_err count_payload(void *context, const char *path, const struct cmaw_temporal_payload *payload)
{
    unsigned *counts = context;

    assert_non_null(path);
    const bool plan = cmaw_temporal_payload_is(payload, CMAW_TEMPORAL_PLAN);
    assert_true(plan || cmaw_slice_eq_cstr(payload->encoding, "binary/encrypted"));
    assert_true(plan || payload->key_id.size == CMAW_TEMPORAL_KEY_ID_SIZE - 1);
    counts[plan ? 0 : 1]++;
    return CMAW_OK;
}

static void history_holds_sealed_payloads_and_the_plan(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(history, BUF_MAX);
    unsigned counts[2] = {0};
    const struct cmaw_temporal_visitor visitor = {.payload = count_payload, .context = counts};
    size_t events = 0;

    run_start(made);
    run_expect_complete(made);
    OK(cmaw_temporal_history_fetch(rig.temporal, made->workflow_id, &history, &diag));
    OK(cmaw_temporal_history_walk(cmaw_buf_slice(&history), &visitor, &events));
    assert_true(events > 0);
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2 + 2 * 2 + 1); // ticket and state, two tasks with results, the run's result
    run_finish(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(chain_completes, rig_calm),
        cmocka_unit_test_teardown(fan_out_and_join_complete, rig_calm),
        cmocka_unit_test_teardown(agent_failure_is_tried_again, rig_calm),
        cmocka_unit_test_teardown(last_agent_failure_brings_its_state, rig_calm),
        cmocka_unit_test_teardown(final_code_is_not_tried_again, rig_calm),
        cmocka_unit_test_teardown(busy_and_kms_do_not_count, rig_calm),
        cmocka_unit_test_teardown(input_that_is_no_run_fails, rig_calm),
        cmocka_unit_test_teardown(cancel_stops_the_step, rig_calm),
        cmocka_unit_test_teardown(start_twice_is_one_run, rig_calm),
        cmocka_unit_test_teardown(terminated_and_unknown_runs, rig_calm),
        cmocka_unit_test_teardown(wrong_address_and_namespace_are_told, rig_calm),
        cmocka_unit_test_teardown(history_holds_sealed_payloads_and_the_plan, rig_calm),
    };
    if (getenv("CMAW_TEST_FILTER") != NULL) {
        cmocka_set_test_filter(getenv("CMAW_TEST_FILTER"));
    }
    return cmocka_run_group_tests_name("worker", tests, rig_open, rig_close);
}
