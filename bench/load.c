/* Two-step workflows against a running stack: seals, starts, waits, opens and compares, with a number of them in flight.
 * Prints one JSON object. The peer that does the same with Temporal's Python SDK is bench/peer. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/fixture.h"
#include "host/temporal/news.h"
#include "host/temporal/objects.h"
#include "lib/base/text.h"
#include "lib/sst/state_open.h"
#include "sys/file.h"

enum { HOUR_MS = 3600 * 1000, IN_FLIGHT_MAX = 256, RUNS_MAX = 100000 };

struct load {
    struct cmaw_temporal *temporal;
    struct cmaw_deployment deployment;
    struct cmaw_buf plan;
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];
    struct cmaw_slice content;
    size_t count;
    atomic_size_t next;
    double *latency_ms; /* one per run */
};

static uint64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void need(enum cmaw_err err, const struct cmaw_diag *diag, const char *what)
{
    if (err != CMAW_OK) {
        (void)fprintf(stderr, "bench: %s: %s %s\n", what, cmaw_err_text(err), diag == NULL ? "" : diag->text);
        exit(1);
    }
}

static void make_plan(struct load *load)
{
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL || load->deployment.manifest.role_count < 2) {
        bench_die("the deployment needs two roles");
    }
    const struct cmaw_role *roles = load->deployment.manifest.roles;
    *plan = (struct cmaw_plan){
        .version = 1, .name = CMAW_SLICE_LIT("bench"), .manifest = cmaw_bytes32_slice(&load->deployment.manifest.mh),
        .step_count = 2, .edge_count = 3,
        .steps = {{.id = 1, .name = CMAW_SLICE_LIT("one"), .role = roles[0].id, .timeout_s = 60, .max_attempts = 5},
            {.id = 2, .name = CMAW_SLICE_LIT("two"), .role = roles[1].id, .timeout_s = 60, .max_attempts = 5}},
        .edges = {{.id = 1, .from = 0, .to = 1, .name = CMAW_SLICE_LIT("in")},
            {.id = 2, .from = 1, .to = 2, .name = CMAW_SLICE_LIT("mid")},
            {.id = 3, .from = 2, .to = 0, .name = CMAW_SLICE_LIT("out")}}};
    load->plan = CMAW_BUF(CMAW_PLAN_MAX);
    cmaw_plan_encode(plan, &load->plan);
    free(plan);
}

/* The result is the input again: both agents are echoes. */
static void open_result(const struct load *load, const struct cmaw_new_run *run, struct cmaw_slice bytes)
{
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    CMAW_OPENED_AUTO(opened);
    struct cmaw_state state;
    if (result == NULL || cmaw_run_result_decode(bytes, result) != CMAW_OK || result->state_count != 1 ||
        cmaw_state_parse(result->states[0], &state) != CMAW_OK ||
        cmaw_state_open(&state, &run->plan.edges[2], &run->run_id, cmaw_edge_secrets_of(&run->secrets, 3), &opened) != CMAW_OK ||
        !cmaw_slice_eq(opened.content.content, load->content)) {
        bench_die("a result is not what was sent");
    }
    free(result);
}

static void run_once(struct load *load)
{
    struct cmaw_new_run *run = calloc(1, sizeof *run);
    struct cmaw_finding finding = {0};
    struct cmaw_diag diag = {0};
    if (run == NULL) {
        bench_die("out of memory");
    }
    need(cmaw_run_new(&load->deployment, cmaw_buf_slice(&load->plan), wall_ms() + HOUR_MS, run, &finding), NULL, finding.text);
    const struct cmaw_agent_state content = {.content_type = CMAW_SLICE_LIT("application/octet-stream"), .content = load->content};
    CMAW_BUF_AUTO(input, CMAW_CLASS_MAX_SIZE + 64 * 1024);
    struct cmaw_sealed sealed;
    need(cmaw_run_seal_input(run, 1, &content, &input, &sealed), NULL, "seal");
    char key_id[CMAW_TEMPORAL_KEY_ID_SIZE], workflow[CMAW_WORKFLOW_ID_SIZE], request[CMAW_TEMPORAL_ID_SIZE], id[CMAW_TEMPORAL_ID_SIZE];
    cmaw_temporal_key_id(run->run_id.bytes, key_id);
    cmaw_workflow_id(&run->run_id, workflow);
    need(cmaw_temporal_request_id(request), NULL, "request id");
    const struct cmaw_temporal_payload payloads[] = {
        cmaw_temporal_payload_clear(CMAW_TEMPORAL_PLAN, cmaw_buf_slice(&load->plan)),
        cmaw_temporal_payload_sealed(CMAW_TEMPORAL_TICKET, key_id, cmaw_buf_slice(&run->ticket)),
        cmaw_temporal_payload_sealed(CMAW_TEMPORAL_STATE, key_id, cmaw_buf_slice(&input))};
    const struct cmaw_temporal_start start = {.workflow_id = workflow, .type = CMAW_TEMPORAL_WORKFLOW_TYPE, .queue = load->queue,
        .request_id = request, .payloads = payloads, .count = 3};
    need(cmaw_temporal_start(load->temporal, &start, id, &diag), &diag, "start");
    struct cmaw_temporal_outcome outcome = {0};
    need(cmaw_temporal_watch(load->temporal, workflow, 10 * 60 * 1000, NULL, NULL, &outcome, &diag), &diag, "wait");
    if (outcome.status != CMAW_TEMPORAL_COMPLETED) {
        bench_die(outcome.failure_type);
    }
    open_result(load, run, cmaw_buf_slice(&outcome.result));
    cmaw_temporal_outcome_free(&outcome);
    cmaw_new_run_free(run);
    free(run);
}

static void *carry(void *context)
{
    struct load *load = context;
    for (size_t i = atomic_fetch_add(&load->next, 1); i < load->count; i = atomic_fetch_add(&load->next, 1)) {
        const double start_us = bench_now_us();
        run_once(load);
        load->latency_ms[i] = (bench_now_us() - start_us) / 1e3;
    }
    return NULL;
}

/* Carries count runs and returns their number per second. */
static double carry_all(struct load *load, size_t in_flight, size_t count)
{
    static pthread_t threads[IN_FLIGHT_MAX];
    load->count = count;
    atomic_store(&load->next, 0);
    const double start_us = bench_now_us();
    for (size_t i = 0; i < in_flight; i++) {
        if (pthread_create(&threads[i], NULL, carry, load) != 0) {
            bench_die("no thread");
        }
    }
    for (size_t i = 0; i < in_flight; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return (double)count / ((bench_now_us() - start_us) / 1e6);
}

int main(int argc, char **argv)
{
    uint64_t in_flight = 0, count = 0, size = 0;
    if (argc != 6 || cmaw_parse_u64(argv[3], IN_FLIGHT_MAX, &in_flight) != CMAW_OK || in_flight == 0 ||
        cmaw_parse_u64(argv[4], RUNS_MAX, &count) != CMAW_OK || count == 0 || cmaw_parse_u64(argv[5], CMAW_CLASS_MAX_SIZE, &size) != CMAW_OK) {
        (void)fprintf(stderr, "usage: load TEMPORAL_ADDRESS BUNDLE IN_FLIGHT COUNT CONTENT_BYTES\n");
        return 2;
    }
    static struct load load;
    struct cmaw_diag diag = {0};
    struct cmaw_finding finding = {0};
    CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX);
    need(cmaw_file_read(argv[2], &bundle, &diag), &diag, "bundle");
    need(cmaw_bundle_verify(cmaw_buf_slice(&bundle), NULL, CMAW_DOC_SIGNED, &load.deployment, &finding), NULL, finding.text);
    make_plan(&load);
    char tenant[CMAW_NAME_MAX + 1];
    need(cmaw_slice_to_cstr(load.deployment.manifest.tenant, tenant, sizeof tenant), NULL, "tenant");
    need(cmaw_temporal_queue(tenant, load.deployment.manifest.mh.bytes, NULL, load.queue), NULL, "queue");
    const struct cmaw_temporal_options options = {.address = argv[1], .ns = "default", .identity = "bench", .io_threads = 1};
    need(cmaw_temporal_connect(&options, &load.temporal, &diag), &diag, "temporal");
    uint8_t *content = calloc(1, size + 1);
    load.latency_ms = calloc(count, sizeof load.latency_ms[0]);
    if (content == NULL || load.latency_ms == NULL) {
        bench_die("out of memory");
    }
    load.content = cmaw_slice_of(content, size);
    (void)carry_all(&load, in_flight, in_flight < count ? in_flight : count); /* warms up */
    const double per_second = carry_all(&load, in_flight, count);
    bench_sort(load.latency_ms, count);
    (void)printf("{\"in_flight\": %zu, \"runs\": %zu, \"workflows_per_s\": %.2f, \"p50_ms\": %.1f, \"p99_ms\": %.1f}\n", (size_t)in_flight,
        (size_t)count, per_second, load.latency_ms[count / 2], load.latency_ms[count * 99 / 100]);
    cmaw_temporal_close(load.temporal);
    cmaw_buf_free(&load.plan);
    free(load.latency_ms);
    free(content);
    return 0;
}
