/* One step (PROTOCOL.md section 7): open, run, finish. While the agent works, nothing of the request and no content is held here. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enclave/agent/io.h"
#include "enclave/clock.h"
#include "enclave/enclave.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/crypto/hmac.h"

enum { AGENT_WAIT_MS = 60000, BYTES_WAIT_MS = 60000, TRIM_BYTES = 256 * 1024 };

struct work {
    struct cmaw_enclave *enclave;
    struct cmaw_buf plan;      /* a copy: step points into it */
    struct cmaw_step *step;
    uint64_t timeout_ms;
    uint64_t started_ms;
    struct cmaw_agent_outcome outcome;
    struct cmaw_agent_state *outputs;
};

static void work_free(struct work *work)
{
    cmaw_step_free(work->step);
    cmaw_buf_free(&work->plan);
    cmaw_agent_outcome_free(&work->outcome);
    free(work->outputs);
}

/* The plan is kept, the rest of the frame is not needed once the inputs are open. */
static enum cmaw_code open_step(struct work *work, const struct cmaw_step_request *request)
{
    struct cmaw_step_request own = *request;
    cmaw_buf_put(&work->plan, request->plan);
    if (cmaw_buf_err(&work->plan) != CMAW_OK) {
        return request->plan.size > CMAW_PLAN_MAX ? CMAW_CODE_BAD_REQUEST : CMAW_CODE_INTERNAL;
    }
    own.plan = cmaw_buf_slice(&work->plan);
    work->started_ms = cmaw_clock_now_ms();
    return cmaw_step_open(&work->enclave->self, &own, work->started_ms, &work->step);
}

static uint64_t timeout_of(const struct cmaw_step *step, uint64_t deadline_ms)
{
    const uint64_t planned = (uint64_t)step->step->timeout_s * 1000;
    return deadline_ms != 0 && deadline_ms < planned ? deadline_ms : planned;
}

/* CMAW_SEED: the same for every attempt of this step in this run, and unknown to the host. Keyed with the secret of the
 * first out-edge, which is nowhere else used as a key of HMAC (section 5 uses it as input keying material only). */
static void put_seed(const struct cmaw_step *step, char ret_hex[static 65])
{
    const uint8_t id[4] = {(uint8_t)(step->step->id >> 24), (uint8_t)(step->step->id >> 16),
                           (uint8_t)(step->step->id >> 8), (uint8_t)step->step->id};
    const struct cmaw_slice parts[] = {CMAW_SLICE_LIT("cmaw agent seed"), cmaw_bytes32_slice(&step->run_id), CMAW_SLICE_ARRAY(id)};
    uint8_t seed[CMAW_SHA256_SIZE];
    cmaw_hmac_sha256(cmaw_edge_secrets_of(&step->secrets, step->outputs[0]->id), parts, 3, seed);
    CMAW_IGNORE(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(seed), ret_hex, 65)); /* 65 holds 32 bytes */
    cmaw_wipe(seed, sizeof seed);
}

static void fill_job(const struct cmaw_step *step, struct cmaw_sandbox_job *ret_job)
{
    *ret_job = (struct cmaw_sandbox_job){0};
    CMAW_IGNORE(cmaw_hex_to_cstr(cmaw_bytes32_slice(&step->run_id), ret_job->run, sizeof ret_job->run));
    (void)snprintf(ret_job->step, sizeof ret_job->step, "%u", step->step->id);
    put_seed(step, ret_job->seed);
}

static enum cmaw_code code_of_end(enum cmaw_agent_end end)
{
    switch (end) {
    case CMAW_AGENT_DONE: return CMAW_CODE_OK;
    case CMAW_AGENT_FAILED: return CMAW_CODE_AGENT_FAILED;
    case CMAW_AGENT_TIMEOUT: return CMAW_CODE_AGENT_TIMEOUT;
    case CMAW_AGENT_TOO_LARGE: return CMAW_CODE_TOO_LARGE;
    case CMAW_AGENT_FULL: return CMAW_CODE_BUSY;
    case CMAW_AGENT_BROKEN: break;
    }
    return CMAW_CODE_INTERNAL;
}

/* An agent that was ended could not say why: its owner reads this behind its own words, if they leave room. */
static void add_words(struct cmaw_agent_outcome *outcome, const char *words)
{
    const size_t size = strlen(words);
    if (size <= sizeof outcome->errors - outcome->errors_size) {
        memcpy(outcome->errors + outcome->errors_size, words, size);
        outcome->errors_size += size;
    }
}

static enum cmaw_code run_agent(struct work *work, int input)
{
    struct cmaw_enclave *enclave = work->enclave;
    struct cmaw_sandbox_job job;
    fill_job(work->step, &job);
    const size_t output_max = (size_t)enclave->conf.limits.output_kib << 10;
    const enum cmaw_err err =
        cmaw_agent_run(&enclave->spawner, &job, input, output_max, work->timeout_ms, &work->outcome);
    cmaw_wipe(&job, sizeof job);
    if (err != CMAW_OK || work->outcome.end == CMAW_AGENT_BROKEN) {
        cmaw_log(CMAW_LOG_ERROR, "agent.not_started", "err=%s stage=%d errno=%d", cmaw_err_text(err),
                 work->outcome.result.value, work->outcome.result.errnum);
        return CMAW_CODE_INTERNAL;
    }
    if (work->outcome.result.end == CMAW_SPAWNER_OUT_OF_MEMORY) {
        cmaw_log(CMAW_LOG_WARN, "agent.out_of_memory", "step=%u", work->step->step->id);
        add_words(&work->outcome, "cmaw: ended for taking more memory than the image's limits allow\n");
    }
    return code_of_end(work->outcome.end);
}

static struct cmaw_step_signer signer_of(const struct work *work)
{
    return (struct cmaw_step_signer){
        .ak = work->enclave->ak,
        .ak_doc = cmaw_buf_slice(&work->enclave->ak_doc),
        .started_ms = work->started_ms,
        .finished_ms = cmaw_clock_now_ms(),
    };
}

static enum cmaw_code finish_step(struct work *work, struct cmaw_reply *reply)
{
    CMAW_BUF_AUTO(written, work->outcome.output_size);
    /* what it wrote, and then the sealed form twice: as states, and in the frame of the answer once this is let go */
    if (cmaw_share_take(&work->enclave->bytes, 2 * work->outcome.output_size, BYTES_WAIT_MS, &reply->bytes) != CMAW_OK) {
        return CMAW_CODE_BUSY;
    }
    work->outputs = calloc(work->step->output_count, sizeof *work->outputs);
    if (work->outputs == NULL || cmaw_agent_output_read(&work->outcome, &written) != CMAW_OK) {
        return CMAW_CODE_INTERNAL;
    }
    if (cmaw_agent_io_output(&work->enclave->conf, work->step, cmaw_buf_slice(&written), work->outputs) != CMAW_OK) {
        return CMAW_CODE_AGENT_FAILED;
    }
    const struct cmaw_step_signer signer = signer_of(work);
    return cmaw_step_finish(work->step, work->outputs, work->step->output_count, &signer, &reply->step);
}

/* AGENT_FAILED and AGENT_TIMEOUT have a sealed state of their own; other failures release nothing but their code. */
static enum cmaw_code fail_step(struct work *work, enum cmaw_code code, struct cmaw_reply *reply)
{
    if (code != CMAW_CODE_AGENT_FAILED && code != CMAW_CODE_AGENT_TIMEOUT) {
        return code;
    }
    const struct cmaw_step_signer signer = signer_of(work);
    const struct cmaw_slice errors = cmaw_slice_of(work->outcome.errors, work->outcome.errors_size);
    return cmaw_step_fail(work->step, code, errors, &signer, &reply->step) == CMAW_OK ? code : CMAW_CODE_INTERNAL;
}

static void put_answer(const struct work *work, enum cmaw_code code, struct cmaw_reply *reply)
{
    cmaw_reply_code(reply, code);
    if (reply->step.state_count == 0) {
        return;
    }
    struct cmaw_step_response *answer = &reply->response.step;
    reply->response.verb = CMAW_VERB_STEP;
    answer->state_count = reply->step.state_count;
    for (uint32_t i = 0; i < reply->step.state_count; i++) {
        answer->states[i] = reply->step.state[i];
    }
    answer->receipt = cmaw_buf_slice(&reply->step.receipt);
    answer->ak_doc = cmaw_buf_slice(&work->enclave->ak_doc);
}

/* From the opened step to its code. */
static enum cmaw_code perform(struct work *work, struct cmaw_buf *frame, struct cmaw_held *held, struct cmaw_reply *reply)
{
    int input = -1;
    const enum cmaw_err err = cmaw_agent_io_input(&work->enclave->conf, work->step, &input);
    cmaw_buf_free(frame);
    cmaw_share_release(&held->bytes);
    if (err == CMAW_E_UNSUPPORTED) { /* the image's agent is not made for the shape of this step */
        return fail_step(work, CMAW_CODE_AGENT_FAILED, reply);
    }
    if (err != CMAW_OK) {
        return CMAW_CODE_INTERNAL;
    }
    enum cmaw_code code = run_agent(work, input);
    if (code == CMAW_CODE_OK) {
        code = finish_step(work, reply);
    }
    return code == CMAW_CODE_OK ? code : fail_step(work, code, reply);
}

void cmaw_handle_step(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_buf *frame,
                      struct cmaw_held *held, struct cmaw_reply *reply)
{
    const size_t size = frame->size;
    const uint64_t deadline_ms = request->step.deadline_ms;
    const uint64_t wait_ms = deadline_ms != 0 && deadline_ms < AGENT_WAIT_MS ? deadline_ms : AGENT_WAIT_MS;
    if (held->agent.amount == 0 && cmaw_share_take(&enclave->agents, 1, wait_ms, &held->agent) != CMAW_OK) {
        cmaw_reply_code(reply, CMAW_CODE_BUSY);
        return;
    }
    [[gnu::cleanup(work_free)]] struct work work = {
        .enclave = enclave, .plan = CMAW_BUF(CMAW_PLAN_MAX), .outcome = {.output = -1}};
    enum cmaw_code code = open_step(&work, &request->step);
    if (code == CMAW_CODE_OK) {
        work.timeout_ms = timeout_of(work.step, deadline_ms);
        code = perform(&work, frame, held, reply);
    }
    put_answer(&work, code, reply);
    cmaw_log(CMAW_LOG_INFO, "step.done", "code=%s step=%u", cmaw_code_name(code), work.step == NULL ? 0 : work.step->step->id);
    if (size + work.outcome.output_size > TRIM_BYTES) {
        (void)malloc_trim(0);
    }
}
