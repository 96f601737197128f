/* cmaw-worker against a real Temporal dev server and enclaves in threads: runs of several shapes, failures, cancellation, and parts that are killed. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/temporal/history.h"
#include "lib/sst/code.h"
#include "sys/daemon.h"
#include "sys/proc.h"
#include "tests/unit/fake_enclave.h"

enum { CONTENT = 1000, WAIT_MS = 60000, BUF_MAX = 8 * 1024 * 1024 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static const char *const chain_steps = "1 2", *const chain_edges = "0>1 1>2 2>0";

/* One server, one worker and two enclaves for all tests. */
static struct rig {
    char dir[64];
    char address[32], enclaves[2][160], bundle[128], db[128], temporal_path[CMAW_PATH_MAX], worker_path[CMAW_PATH_MAX];
    unsigned port;
    struct cmaw_proc server, worker;
    struct fake_enclave enclave[2];
    struct run_make made; /* for its manifest */
    struct cmaw_temporal *temporal;
    uint32_t nonce;
} rig;

static unsigned free_port(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void find_temporal(char *path)
{
    struct cmaw_diag diag = {0};

    if (getenv("CMAW_TEMPORAL") != NULL) {
        snprintf(path, CMAW_PATH_MAX, "%s", getenv("CMAW_TEMPORAL"));
    } else if (cmaw_proc_find("temporal", path, &diag) != CMAW_OK) {
        const char *cache = getenv("CMAW_CACHE"), *home = getenv("HOME");
        if (cache != NULL) {
            snprintf(path, CMAW_PATH_MAX, "%s/temporal-1.5.1/temporal", cache);
        } else {
            snprintf(path, CMAW_PATH_MAX, "%s/.cache/cmaw/temporal-1.5.1/temporal", home != NULL ? home : "");
        }
    }
}

static void server_start(void)
{
    char port[16];
    struct cmaw_diag diag = {0};
    CMAW_FD_AUTO(log);
    snprintf(port, sizeof port, "%u", rig.port);
    const char *const argv[] = {"temporal", "server", "start-dev", "--ip", "127.0.0.1", "--port", port, "--headless", "--db-filename",
        rig.db, "--log-level", "error", NULL};
    char path[128];
    snprintf(path, sizeof path, "%s/server.log", rig.dir);
    log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const struct cmaw_proc_spec spec = {.path = rig.temporal_path, .argv = argv, .in = -1, .out = log, .err = log};

    if (cmaw_proc_start(&spec, &rig.server, &diag) != CMAW_OK) {
        fail_msg("temporal: %s", diag.text);
    }
}

static void worker_start(void)
{
    struct cmaw_diag diag = {0};
    int ready[2];
    CMAW_FD_AUTO(log);
    const char *const argv[] = {"cmaw-worker", "--temporal", rig.address, "--bundle", rig.bundle, "--enclave", rig.enclaves[0],
        "--enclave", rig.enclaves[1], "--ready-fd", "3", "--grace-ms", "5000", NULL};
    char path[128];
    snprintf(path, sizeof path, "%s/worker.log", rig.dir);
    log = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(pipe(ready), 0);
    const struct cmaw_proc_spec spec = {.path = rig.worker_path, .argv = argv, .in = -1, .out = log, .err = log, .fds = {ready[1]},
        .fd_count = 1};

    if (cmaw_proc_start(&spec, &rig.worker, &diag) != CMAW_OK) {
        fail_msg("worker: %s", diag.text);
    }
    close(ready[1]);
    OK(cmaw_proc_await_ready(ready[0], WAIT_MS));
    close(ready[0]);
}

static void write_bundle(void)
{
    CMAW_BUF_AUTO(bundle, BUF_MAX);
    struct cmaw_diag diag = {0};

    run_make_bundle(&rig.made, &bundle);
    OK(cmaw_file_write(rig.bundle, cmaw_buf_slice(&bundle), 0600, &diag));
}

static int rig_open(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};

    signal(SIGPIPE, SIG_IGN);
    setenv("AWS_ACCESS_KEY_ID", "AKIAFAKEFAKEFAKEFAKE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret", 1);
    snprintf(rig.dir, sizeof rig.dir, "/tmp/cmaw-worker-XXXXXX");
    assert_non_null(mkdtemp(rig.dir));
    rig.port = free_port();
    snprintf(rig.address, sizeof rig.address, "127.0.0.1:%u", rig.port);
    snprintf(rig.bundle, sizeof rig.bundle, "%s/bundle.bin", rig.dir);
    snprintf(rig.db, sizeof rig.db, "%s/temporal.db", rig.dir);
    find_temporal(rig.temporal_path);
    OK(cmaw_proc_find("cmaw-worker", rig.worker_path, &diag));
    run_make(&rig.made, chain_steps, chain_edges, 1, 255, CONTENT);
    write_bundle();
    for (uint32_t i = 0; i < 2; i++) {
        struct fake_enclave *enclave = &rig.enclave[i];
        snprintf(enclave->path, sizeof enclave->path, "%s/%u.sock", rig.dir, i);
        snprintf(rig.enclaves[i], sizeof rig.enclaves[i], "%s=uds:%s:5000", i == 0 ? "intake" : "adjudicate", enclave->path);
        enclave->role = i + 1;
        enclave->manifest = &rig.made.manifest;
        enclave->content_size = CONTENT;
        fake_enclave_start(enclave);
    }
    server_start();
    worker_start();
    const struct cmaw_temporal_options options = {.address = rig.address, .ns = "default", .wait_ms = WAIT_MS};
    OK(cmaw_temporal_connect(&options, &rig.temporal, &diag));
    return 0;
}

static int rig_close(void **state)
{
    (void)state;
    int status = -1;

    const enum cmaw_err err = cmaw_proc_stop(&rig.worker, 20000, &status);
    cmaw_temporal_close(rig.temporal);
    cmaw_proc_kill(&rig.server);
    for (uint32_t i = 0; i < 2; i++) {
        fake_enclave_stop(&rig.enclave[i]);
    }
    run_make_free(&rig.made);
    if (getenv("CMAW_KEEP") == NULL) {
        char command[128];
        snprintf(command, sizeof command, "rm -rf '%s'", rig.dir);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(err, CMAW_OK);
    return status;
}

static struct run_make *new_run(const char *steps, const char *edges, uint32_t max_attempts, size_t content)
{
    struct run_make *made = calloc(1, sizeof *made);

    assert_non_null(made);
    run_make(made, steps, edges, max_attempts, ++rig.nonce, content);
    return made;
}

static enum cmaw_err start_with(const struct run_make *made, const char *request_id, struct cmaw_diag *diag)
{
    struct cmaw_temporal_payload *payloads = calloc(made->input_count + 2, sizeof *payloads);
    char queue[CMAW_TEMPORAL_QUEUE_SIZE], key_id[CMAW_TEMPORAL_KEY_ID_SIZE], run[CMAW_TEMPORAL_ID_SIZE];

    assert_non_null(payloads);
    OK(cmaw_temporal_queue("acme", rig.made.manifest.mh.bytes, NULL, queue));
    cmaw_temporal_key_id(made->run_id.bytes, key_id);
    payloads[0] = cmaw_temporal_payload_clear(CMAW_TEMPORAL_PLAN, cmaw_buf_slice(&made->plan_bytes));
    payloads[1] = cmaw_temporal_payload_sealed(CMAW_TEMPORAL_TICKET, key_id, cmaw_buf_slice(&made->ticket));
    for (uint32_t i = 0; i < made->input_count; i++) {
        payloads[2 + i] = cmaw_temporal_payload_sealed(CMAW_TEMPORAL_STATE, key_id, cmaw_buf_slice(&made->inputs[i]));
    }
    const struct cmaw_temporal_start start = {.workflow_id = made->workflow_id, .type = CMAW_TEMPORAL_WORKFLOW_TYPE, .queue = queue,
        .request_id = request_id, .payloads = payloads, .count = made->input_count + 2};
    const enum cmaw_err err = cmaw_temporal_start(rig.temporal, &start, run, diag);
    free(payloads);
    return err;
}

static void start(const struct run_make *made)
{
    char request_id[CMAW_TEMPORAL_ID_SIZE];
    struct cmaw_diag diag = {0};

    OK(cmaw_temporal_request_id(request_id));
    if (start_with(made, request_id, &diag) != CMAW_OK) {
        fail_msg("start: %s", diag.text);
    }
}

/* Writes the history where recorded ones are kept, if that is asked for: CMAW_RECORD=folder. */
static void record(const struct run_make *made, const char *name)
{
    CMAW_BUF_AUTO(history, BUF_MAX);
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];

    if (getenv("CMAW_RECORD") == NULL) {
        return;
    }
    OK(cmaw_temporal_history_fetch(rig.temporal, made->workflow_id, &history, &diag));
    OK(cmaw_path(path, "%s/%s@%s.bin", getenv("CMAW_RECORD"), name, made->workflow_id));
    OK(cmaw_file_write(path, cmaw_buf_slice(&history), 0644, &diag));
}

static struct cmaw_temporal_outcome outcome_of(const struct run_make *made)
{
    struct cmaw_temporal_outcome outcome = {0};
    struct cmaw_diag diag = {0};

    if (cmaw_temporal_wait(rig.temporal, made->workflow_id, WAIT_MS, NULL, &outcome, &diag) != CMAW_OK) {
        fail_msg("wait: %s", diag.text);
    }
    return outcome;
}

/* The run is complete, with receipts of all steps and a state on each edge to the client. */
static void expect_complete(const struct run_make *made)
{
    struct cmaw_temporal_outcome outcome = outcome_of(made);
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    uint32_t cursor = 0, i = 0;
    const struct cmaw_plan_edge *edge;

    if (outcome.status != CMAW_TEMPORAL_COMPLETED) {
        fail_msg("%s %s %s", cmaw_temporal_status_text(outcome.status), outcome.failure_type, outcome.failure_message);
    }
    OK(cmaw_run_result_decode(cmaw_buf_slice(&outcome.result), result));
    assert_int_equal(result->receipt_count, made->plan.step_count);
    while ((edge = cmaw_plan_next_in(&made->plan, 0, &cursor)) != NULL) {
        struct cmaw_state got;
        assert_true(i < result->state_count);
        OK(cmaw_state_parse(result->states[i++], &got));
        assert_int_equal(got.header.edge, edge->id);
        assert_true(cmaw_bytes32_eq(&made->run_id, got.header.run));
    }
    assert_int_equal(i, result->state_count);
    free(result);
    cmaw_temporal_outcome_free(&outcome);
}

static void finish(struct run_make *made)
{
    run_make_free(made);
    free(made);
}

/* Enclaves as a test finds and leaves them, also where it failed. */
static int calm_down(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        atomic_store(&rig.enclave[i].delay_ms, 0);
        atomic_store(&rig.enclave[i].fail_times, 0);
        rig.enclave[i].content_size = CONTENT;
    }
    return 0;
}

static void calm(void)
{
    assert_int_equal(calm_down(NULL), 0);
}

static void await_count(atomic_uint *counter, unsigned least)
{
    const uint64_t deadline = cmaw_clock_ms() + WAIT_MS;

    while (atomic_load(counter) < least) {
        assert_true(cmaw_clock_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static size_t worker_memory_kib(const char *field)
{
    char path[64], line[256];
    size_t kib = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)rig.worker.pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtoul(line + strlen(field) + 1, NULL, 10);
        }
    }
    fclose(file);
    return kib;
}

static void chain_completes(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);

    start(made);
    expect_complete(made);
    record(made, "chain");
    finish(made);
}

static void fan_out_and_join_complete(void **state)
{
    (void)state;
    struct run_make *made = new_run("1 2 2 1 2 1", "0>1 1>2 1>3 1>4 1>5 2>6 3>6 4>6 5>6 6>0 1>0", 1, CONTENT);

    start(made);
    expect_complete(made);
    record(made, "diamond");
    finish(made);
}

static void agent_failure_is_tried_again(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 3, CONTENT);

    atomic_store(&rig.enclave[1].fail_code, CMAW_CODE_AGENT_FAILED);
    atomic_store(&rig.enclave[1].fail_times, 2);
    start(made);
    expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[1].last_attempt), 3);
    record(made, "retry");
    finish(made);
    calm();
}

static void last_agent_failure_brings_its_state(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 2, CONTENT);
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    struct cmaw_state got;

    atomic_store(&rig.enclave[1].fail_code, CMAW_CODE_AGENT_TIMEOUT);
    atomic_store(&rig.enclave[1].fail_times, 2);
    start(made);
    struct cmaw_temporal_outcome outcome = outcome_of(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "AGENT_TIMEOUT");
    assert_int_equal(outcome.failure_step, 2);
    OK(cmaw_step_output_decode(cmaw_buf_slice(&outcome.failure_result), output));
    assert_int_equal(output->state_count, 1);
    OK(cmaw_state_parse(output->states[0], &got));
    assert_int_equal(got.header.kind, CMAW_STATE_FAILURE);
    assert_true(cmaw_slice_eq_cstr(output->receipt, "receipt-2"));
    record(made, "failed");
    free(output);
    cmaw_temporal_outcome_free(&outcome);
    finish(made);
    calm();
}

static void final_code_is_not_tried_again(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 100, CONTENT);
    const unsigned before = atomic_load(&rig.enclave[0].steps);

    atomic_store(&rig.enclave[0].fail_code, CMAW_CODE_DENIED);
    atomic_store(&rig.enclave[0].fail_times, 1);
    start(made);
    struct cmaw_temporal_outcome outcome = outcome_of(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "DENIED");
    assert_int_equal(atomic_load(&rig.enclave[0].steps), before + 1);
    cmaw_temporal_outcome_free(&outcome);
    finish(made);
    calm();
}

static void busy_and_kms_do_not_count(void **state)
{
    (void)state;
    static const enum cmaw_code codes[] = {CMAW_CODE_BUSY, CMAW_CODE_KMS_UNAVAILABLE};

    for (size_t i = 0; i < 2; i++) {
        struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
        atomic_store(&rig.enclave[0].fail_code, codes[i]);
        atomic_store(&rig.enclave[0].fail_times, 4);
        start(made);
        expect_complete(made);
        assert_int_equal(atomic_load(&rig.enclave[0].last_attempt), 1);
        finish(made);
    }
    calm();
}

static void input_that_is_no_run_fails(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);

    made->inputs[0].data[made->inputs[0].size - CONTENT - 4] ^= 1;
    start(made);
    struct cmaw_temporal_outcome outcome = outcome_of(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_FAILED);
    assert_string_equal(outcome.failure_type, "BAD_REQUEST");
    cmaw_temporal_outcome_free(&outcome);
    finish(made);
}

static void cancel_stops_the_step(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    struct cmaw_diag diag = {0};
    const unsigned before = atomic_load(&rig.enclave[1].steps), gone = atomic_load(&rig.enclave[1].gone);
    CMAW_BUF_AUTO(json, BUF_MAX);

    atomic_store(&rig.enclave[1].delay_ms, 30000);
    start(made);
    await_count(&rig.enclave[1].steps, before + 1);
    OK(cmaw_temporal_query(rig.temporal, made->workflow_id, CMAW_TEMPORAL_QUERY_STATUS, 10000, &json, &diag));
    cmaw_buf_put_u8(&json, 0);
    assert_non_null(strstr((const char *)json.data, "{\"id\":1,\"name\":\"n1\",\"state\":\"done\",\"attempt\":1}"));
    assert_non_null(strstr((const char *)json.data, "{\"id\":2,\"name\":\"n2\",\"state\":\"running\",\"attempt\":1}"));
    OK(cmaw_temporal_cancel(rig.temporal, made->workflow_id, &diag));
    struct cmaw_temporal_outcome outcome = outcome_of(made);
    assert_int_equal(outcome.status, CMAW_TEMPORAL_CANCELED);
    await_count(&rig.enclave[1].gone, gone + 1);
    record(made, "canceled");
    finish(made);
    calm();
}

static void start_twice_is_one_run(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    struct cmaw_diag diag = {0};
    struct cmaw_temporal_info info;
    char first[CMAW_TEMPORAL_ID_SIZE], other[CMAW_TEMPORAL_ID_SIZE];

    OK(cmaw_temporal_request_id(first));
    OK(cmaw_temporal_request_id(other));
    OK(start_with(made, first, &diag));
    OK(start_with(made, first, &diag));
    assert_int_equal(start_with(made, other, &diag), CMAW_E_EXISTS);
    expect_complete(made);
    assert_int_equal(start_with(made, other, &diag), CMAW_E_EXISTS);
    OK(start_with(made, first, &diag));
    OK(cmaw_temporal_describe(rig.temporal, made->workflow_id, &info, &diag));
    assert_int_equal(info.status, CMAW_TEMPORAL_COMPLETED);
    assert_string_equal(info.type, CMAW_TEMPORAL_WORKFLOW_TYPE);
    finish(made);
}

static enum cmaw_err find_terminated(void *context, const struct cmaw_temporal_info *info)
{
    const struct run_make *made = ((void **)context)[0];
    bool *found = ((void **)context)[1];

    *found = *found || (strcmp(info->workflow_id, made->workflow_id) == 0 && info->status == CMAW_TEMPORAL_TERMINATED);
    return CMAW_OK;
}

static void terminated_and_unknown_runs(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    struct cmaw_diag diag = {0};
    struct cmaw_temporal_info info;
    struct cmaw_temporal_outcome outcome = {0};
    bool found = false;
    void *context[2] = {made, &found};

    assert_int_equal(cmaw_temporal_describe(rig.temporal, made->workflow_id, &info, &diag), CMAW_E_NOT_FOUND);
    assert_int_equal(cmaw_temporal_wait(rig.temporal, made->workflow_id, 1000, NULL, &outcome, &diag), CMAW_E_NOT_FOUND);
    atomic_store(&rig.enclave[0].delay_ms, 30000);
    start(made);
    assert_int_equal(cmaw_temporal_wait(rig.temporal, made->workflow_id, 300, NULL, &outcome, &diag), CMAW_E_TIMEOUT);
    OK(cmaw_temporal_terminate(rig.temporal, made->workflow_id, "test", &diag));
    OK(cmaw_temporal_wait(rig.temporal, made->workflow_id, 0, NULL, &outcome, &diag));
    assert_int_equal(outcome.status, CMAW_TEMPORAL_TERMINATED);
    const uint64_t deadline = cmaw_clock_ms() + WAIT_MS;
    while (!found) {
        assert_true(cmaw_clock_ms() < deadline);
        OK(cmaw_temporal_list(rig.temporal, 1000, find_terminated, context, &diag));
    }
    finish(made);
    calm();
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

static void many_at_once_complete_in_little_memory(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct run_make *made[COUNT];

    const uint64_t began = cmaw_clock_ms();
    for (size_t i = 0; i < COUNT; i++) {
        made[i] = new_run(chain_steps, chain_edges, 1, CONTENT);
        start(made[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        expect_complete(made[i]);
        finish(made[i]);
    }
    print_message("# %d runs in %llu ms; worker: %zu KiB resident, %zu at most\n", COUNT,
        (unsigned long long)(cmaw_clock_ms() - began), worker_memory_kib("VmRSS:"), worker_memory_kib("VmHWM:"));
    assert_true(worker_memory_kib("VmHWM:") < 96 * 1024);
}

static void large_states_complete(void **state)
{
    (void)state;
    enum { COUNT = 16, LARGE = 1830000 }; // more than the worker keeps in memory
    struct run_make *made[COUNT];

    rig.enclave[0].content_size = LARGE;
    rig.enclave[1].content_size = LARGE;
    for (size_t i = 0; i < COUNT; i++) {
        made[i] = new_run(chain_steps, chain_edges, 1, LARGE);
        start(made[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        expect_complete(made[i]);
        finish(made[i]);
    }
    print_message("# %d runs of %d bytes; worker: %zu KiB resident, %zu at most\n", COUNT, LARGE, worker_memory_kib("VmRSS:"),
        worker_memory_kib("VmHWM:"));
    calm();
}

static void killed_enclave_comes_back(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps), configured = atomic_load(&rig.enclave[1].configured);

    atomic_store(&rig.enclave[1].delay_ms, 20000);
    start(made);
    await_count(&rig.enclave[1].steps, before + 1);
    fake_enclave_stop(&rig.enclave[1]);
    calm();
    fake_enclave_start(&rig.enclave[1]);
    expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[1].last_attempt), 1);
    assert_true(atomic_load(&rig.enclave[1].configured) > configured);
    finish(made);
}

static void killed_worker_comes_back(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps);

    atomic_store(&rig.enclave[1].delay_ms, 20000);
    start(made);
    await_count(&rig.enclave[1].steps, before + 1);
    cmaw_proc_kill(&rig.worker);
    calm();
    worker_start();
    expect_complete(made);
    record(made, "lost-worker");
    finish(made);
}

static void killed_server_comes_back(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps);

    atomic_store(&rig.enclave[1].delay_ms, 3000);
    start(made);
    await_count(&rig.enclave[1].steps, before + 1);
    cmaw_proc_kill(&rig.server);
    server_start();
    expect_complete(made);
    finish(made);
    calm();
}

static void drained_worker_finishes_its_step(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    const unsigned before = atomic_load(&rig.enclave[0].steps);
    int status = -1;

    atomic_store(&rig.enclave[0].delay_ms, 1500);
    start(made);
    await_count(&rig.enclave[0].steps, before + 1);
    OK(cmaw_proc_stop(&rig.worker, 20000, &status));
    assert_int_equal(status, 0);
    calm();
    worker_start();
    expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[0].steps), before + 1);
    finish(made);
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

static enum cmaw_err walk_event(void *context, const struct cmaw_temporal_event *event)
{
    const struct cmaw_temporal_event_visitor visitor = {.payload = count_payload, .context = context};

    assert_int_equal(event->id, ++((unsigned *)context)[2]);
    assert_true(strncmp(event->type_name, "EVENT_TYPE_", 11) == 0);
    return cmaw_temporal_event_walk(event, &visitor);
}

static void history_holds_sealed_payloads_and_the_plan(void **state)
{
    (void)state;
    struct run_make *made = new_run(chain_steps, chain_edges, 1, CONTENT);
    struct cmaw_diag diag = {0};
    unsigned counts[3] = {0};

    start(made);
    expect_complete(made);
    OK(cmaw_temporal_history(rig.temporal, made->workflow_id, walk_event, counts, &diag));
    assert_int_equal(counts[0], 1);
    assert_int_equal(counts[1], 2 + 2 * 2 + 1); // ticket and state, two tasks with results, the run's result
    finish(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(chain_completes, calm_down),
        cmocka_unit_test_teardown(fan_out_and_join_complete, calm_down),
        cmocka_unit_test_teardown(agent_failure_is_tried_again, calm_down),
        cmocka_unit_test_teardown(last_agent_failure_brings_its_state, calm_down),
        cmocka_unit_test_teardown(final_code_is_not_tried_again, calm_down),
        cmocka_unit_test_teardown(busy_and_kms_do_not_count, calm_down),
        cmocka_unit_test_teardown(input_that_is_no_run_fails, calm_down),
        cmocka_unit_test_teardown(cancel_stops_the_step, calm_down),
        cmocka_unit_test_teardown(start_twice_is_one_run, calm_down),
        cmocka_unit_test_teardown(terminated_and_unknown_runs, calm_down),
        cmocka_unit_test_teardown(wrong_address_and_namespace_are_told, calm_down),
        cmocka_unit_test_teardown(history_holds_sealed_payloads_and_the_plan, calm_down),
        cmocka_unit_test_teardown(many_at_once_complete_in_little_memory, calm_down),
        cmocka_unit_test_teardown(killed_enclave_comes_back, calm_down),
        cmocka_unit_test_teardown(killed_worker_comes_back, calm_down),
        cmocka_unit_test_teardown(killed_server_comes_back, calm_down),
        cmocka_unit_test_teardown(drained_worker_finishes_its_step, calm_down),
        cmocka_unit_test_teardown(large_states_complete, calm_down),
    };
    if (getenv("CMAW_TEST_FILTER") != NULL) {
        cmocka_set_test_filter(getenv("CMAW_TEST_FILTER"));
    }
    return cmocka_run_group_tests_name("worker", tests, rig_open, rig_close);
}
