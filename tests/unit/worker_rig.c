#include "tests/unit/worker_rig.h"
#include "tests/unit/free_port.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/temporal/history.h"
#include "sys/daemon.h"
#include "sys/folder.h"

enum { BUF_MAX = 8 * 1024 * 1024 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

struct rig rig;

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

void rig_server_start(void)
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

void rig_worker_start(void)
{
    struct cmaw_diag diag = {0};
    int ready[2];
    CMAW_FD_AUTO(log);
    const char *const argv[] = {"cmaw-worker", "--temporal", rig.address, "--bundle", rig.bundle, "--enclave", rig.enclaves[0],
        "--enclave", rig.enclaves[1], "--ready-fd", "3", "--grace-ms", "20000", NULL};
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
    OK(cmaw_proc_await_ready(ready[0], RIG_WAIT_MS));
    close(ready[0]);
}

static void write_bundle(void)
{
    CMAW_BUF_AUTO(bundle, BUF_MAX);
    struct cmaw_diag diag = {0};

    run_make_bundle(&rig.made, &bundle);
    OK(cmaw_file_write(rig.bundle, cmaw_buf_slice(&bundle), 0600, &diag));
}

int rig_open(void **state)
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
    run_make(&rig.made, RIG_CHAIN, 1, 255, RIG_CONTENT);
    write_bundle();
    for (uint32_t i = 0; i < 2; i++) {
        struct fake_enclave *enclave = &rig.enclave[i];
        snprintf(enclave->path, sizeof enclave->path, "%s/%u.sock", rig.dir, i);
        snprintf(rig.enclaves[i], sizeof rig.enclaves[i], "%s=uds:%s:5000", i == 0 ? "intake" : "adjudicate", enclave->path);
        enclave->role = i + 1;
        enclave->manifest = &rig.made.manifest;
        enclave->content_size = RIG_CONTENT;
        fake_enclave_start(enclave);
    }
    rig_server_start();
    rig_worker_start();
    const struct cmaw_temporal_options options = {.address = rig.address, .ns = "default", .wait_ms = RIG_WAIT_MS};
    OK(cmaw_temporal_connect(&options, &rig.temporal, &diag));
    return 0;
}

int rig_close(void **state)
{
    (void)state;
    int status = -1;

    const enum cmaw_err err = cmaw_proc_stop(&rig.worker, RIG_WAIT_MS, &status);
    cmaw_temporal_close(rig.temporal);
    cmaw_proc_kill(&rig.server);
    for (uint32_t i = 0; i < 2; i++) {
        fake_enclave_stop(&rig.enclave[i]);
    }
    run_make_free(&rig.made);
    if (getenv("CMAW_KEEP") == NULL) {
        struct cmaw_diag diag = {0};
        OK(cmaw_folder_remove(rig.dir, &diag));
    }
    assert_int_equal(err, CMAW_OK);
    return status;
}

struct run_make *run_new(const char *steps, const char *edges, uint32_t max_attempts, size_t content)
{
    struct run_make *made = calloc(1, sizeof *made);

    assert_non_null(made);
    run_make(made, steps, edges, max_attempts, ++rig.nonce, content);
    return made;
}

enum cmaw_err run_start_as(const struct run_make *made, const char *request_id, struct cmaw_diag *diag)
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

void run_start(const struct run_make *made)
{
    char request_id[CMAW_TEMPORAL_ID_SIZE];
    struct cmaw_diag diag = {0};

    OK(cmaw_temporal_request_id(request_id));
    if (run_start_as(made, request_id, &diag) != CMAW_OK) {
        fail_msg("start: %s", diag.text);
    }
}

void run_record(const struct run_make *made, const char *name)
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

struct cmaw_temporal_outcome run_outcome(const struct run_make *made)
{
    struct cmaw_temporal_outcome outcome = {0};
    struct cmaw_diag diag = {0};

    if (cmaw_temporal_watch(rig.temporal, made->workflow_id, RIG_WAIT_MS, NULL, NULL, &outcome, &diag) != CMAW_OK) {
        fail_msg("wait: %s", diag.text);
    }
    return outcome;
}

void run_expect_complete(const struct run_make *made)
{
    struct cmaw_temporal_outcome outcome = run_outcome(made);
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    uint32_t cursor = 0, i = 0;
    const struct cmaw_plan_edge *edge;

    if (outcome.status != CMAW_TEMPORAL_COMPLETED) {
        fail_msg("status %d %s %s", (int)outcome.status, outcome.failure_type, outcome.failure_message);
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

void run_finish(struct run_make *made)
{
    run_make_free(made);
    free(made);
}

int rig_calm(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        atomic_store(&rig.enclave[i].delay_ms, 0);
        atomic_store(&rig.enclave[i].fail_times, 0);
        rig.enclave[i].content_size = RIG_CONTENT;
    }
    return 0;
}

void rig_calm_now(void)
{
    assert_int_equal(rig_calm(NULL), 0);
}

void rig_await(atomic_uint *counter, unsigned least)
{
    const uint64_t deadline = cmaw_clock_ms() + RIG_WAIT_MS;

    while (atomic_load(counter) < least) {
        assert_true(cmaw_clock_ms() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}
