#include "bench/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/random.h"

enum { NOT_BEFORE = 1000, NOW = 2000, NOT_AFTER = 9000 };

static void must(enum cmaw_err err, const char *what)
{
    if (err != CMAW_OK) {
        (void)fprintf(stderr, "bench: %s: %s\n", what, cmaw_err_text(err));
        exit(1);
    }
}

static void make_manifest(struct bench_fixture *fixture)
{
    static const uint8_t pcr[48] = {1}, root[32] = {2};
    struct cmaw_manifest manifest = {
        .version = 1, .tenant = CMAW_SLICE_LIT("bench"), .serial = 1, .epoch = 1, .attestation_root = CMAW_SLICE_ARRAY(root),
        .not_before_ms = NOT_BEFORE, .not_after_ms = NOT_AFTER, .role_count = 1,
        .roles = {{.id = 1, .name = CMAW_SLICE_LIT("echo"), .measurement_count = 1, .measurements = {{.pcrs = {CMAW_SLICE_ARRAY(pcr)}}},
            .kms_key_arn = CMAW_SLICE_LIT("arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef")}}};
    fixture->manifest_bytes = CMAW_BUF(CMAW_MANIFEST_MAX);
    cmaw_manifest_encode(&manifest, &fixture->manifest_bytes);
    must(cmaw_manifest_parse(cmaw_buf_slice(&fixture->manifest_bytes), &fixture->manifest), "manifest");
}

static void make_plan(struct bench_fixture *fixture, uint32_t size_class)
{
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL) {
        bench_die("out of memory");
    }
    *plan = (struct cmaw_plan){
        .version = 1, .name = CMAW_SLICE_LIT("bench"), .manifest = cmaw_bytes32_slice(&fixture->manifest.mh), .step_count = 1, .edge_count = 2,
        .steps = {{.id = 1, .name = CMAW_SLICE_LIT("echo"), .role = 1, .timeout_s = 60, .max_attempts = 3}},
        .edges = {{.id = 1, .from = 0, .to = 1, .name = CMAW_SLICE_LIT("in"), .size_class = size_class},
            {.id = 2, .from = 1, .to = 0, .name = CMAW_SLICE_LIT("out"), .size_class = size_class}}};
    fixture->plan_bytes = CMAW_BUF(CMAW_PLAN_MAX);
    cmaw_plan_encode(plan, &fixture->plan_bytes);
    free(plan);
}

static void make_run(struct bench_fixture *fixture, size_t content_size)
{
    struct cmaw_deployment *deployment = calloc(1, sizeof *deployment);
    uint8_t *content = calloc(1, content_size + 1);
    if (deployment == NULL || content == NULL) {
        bench_die("out of memory");
    }
    deployment->manifest = fixture->manifest;
    deployment->bundle.role_count = 1;
    deployment->bundle.roles[0].role = 1;
    deployment->pk[0] = fixture->keys.pk;
    struct cmaw_finding finding = {0};
    must(cmaw_run_new(deployment, cmaw_buf_slice(&fixture->plan_bytes), NOT_AFTER, &fixture->run, &finding), "run");
    const struct cmaw_agent_state state = {.content_type = CMAW_SLICE_LIT("application/octet-stream"), .content = cmaw_slice_of(content, content_size)};
    struct cmaw_sealed sealed;
    fixture->input = CMAW_BUF(CMAW_CLASS_MAX_SIZE + 64 * 1024);
    must(cmaw_run_seal_input(&fixture->run, 1, &state, &fixture->input, &sealed), "input");
    free(content);
    free(deployment);
}

void bench_fixture_make(size_t content_size, uint32_t size_class, struct bench_fixture *ret_fixture)
{
    memset(ret_fixture, 0, sizeof *ret_fixture);
    make_manifest(ret_fixture);
    make_plan(ret_fixture, size_class);
    static const uint8_t tsk[32] = {3};
    must(cmaw_role_keys_derive(CMAW_SLICE_ARRAY(tsk), &ret_fixture->manifest.mh, 1, &ret_fixture->keys), "role keys");
    must(cmaw_ec_generate(CMAW_EC_P256, &ret_fixture->ak), "AK");
    make_run(ret_fixture, content_size);
    ret_fixture->self = (struct cmaw_step_self){&ret_fixture->manifest, &ret_fixture->manifest.roles[0], &ret_fixture->keys.kem};
    ret_fixture->request = (struct cmaw_step_request){
        .plan = cmaw_buf_slice(&ret_fixture->plan_bytes), .ticket = cmaw_buf_slice(&ret_fixture->run.ticket), .step = 1, .attempt = 1,
        .input_count = 1, .inputs = {cmaw_buf_slice(&ret_fixture->input)}};
    ret_fixture->now_ms = NOW;
}

void bench_fixture_free(struct bench_fixture *fixture)
{
    cmaw_buf_free(&fixture->manifest_bytes);
    cmaw_buf_free(&fixture->plan_bytes);
    cmaw_buf_free(&fixture->input);
    cmaw_role_keys_release(&fixture->keys);
    cmaw_new_run_free(&fixture->run);
    cmaw_ec_key_free(fixture->ak);
}
