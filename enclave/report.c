/* Describe, Attest, Stats, and the life of a reply. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "enclave/enclave.h"
#include "enclave/logs.h"
#include "enclave/platform/platform.h"
#include "lib/rpc/frame.h"

void cmaw_held_release(struct cmaw_held *held)
{
    cmaw_share_release(&held->bytes);
    cmaw_share_release(&held->agent);
}

void cmaw_reply_free(struct cmaw_reply *reply)
{
    cmaw_buf_free(&reply->kms_blob);
    cmaw_buf_free(&reply->birth_cert);
    cmaw_buf_free(&reply->ak_doc);
    cmaw_step_result_free(&reply->step);
    cmaw_share_release(&reply->bytes);
}

static void put_kms_error(struct cmaw_enclave *enclave, struct cmaw_reply *reply)
{
    const struct cmaw_kms_failure *failure = &reply->kms_failure;
    const bool locked = atomic_load(&enclave->state) != CMAW_ENCLAVE_NEW;
    reply->response.has_kms_error = true;
    reply->response.kms_error = (struct cmaw_kms_error){
        .type = cmaw_slice_of_cstr(failure->type),
        .message = cmaw_slice_of_cstr(failure->message),
        .request_id = cmaw_slice_of_cstr(failure->request_id),
        .http_status = failure->http_status,
        .recipient_sent = failure->recipient_sent ? 1 : 0,
        .pcrs = {CMAW_SLICE_ARRAY(enclave->pcrs[0]), CMAW_SLICE_ARRAY(enclave->pcrs[1]), CMAW_SLICE_ARRAY(enclave->pcrs[2]),
                 CMAW_SLICE_ARRAY(enclave->pcrs[3]), locked ? cmaw_pcr_slice(&enclave->lock_pcr) : CMAW_SLICE_EMPTY},
    };
}

static void keep_failure(struct cmaw_enclave *enclave, const struct cmaw_kms_failure *failure)
{
    pthread_mutex_lock(&enclave->failure_lock);
    enclave->failure = *failure;
    pthread_mutex_unlock(&enclave->failure_lock);
}

void cmaw_enclave_clear_failure(struct cmaw_enclave *enclave)
{
    keep_failure(enclave, &(struct cmaw_kms_failure){0});
}

void cmaw_reply_kms_failure(struct cmaw_enclave *enclave, struct cmaw_reply *reply, enum cmaw_code code)
{
    cmaw_reply_code(reply, code);
    put_kms_error(enclave, reply);
    keep_failure(enclave, &reply->kms_failure);
}

void cmaw_handle_describe(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply)
{
    (void)request;
    const unsigned state = atomic_load(&enclave->state);
    struct cmaw_describe_response describe = {
        .version = cmaw_slice_of_cstr(CMAW_VERSION),
        .state = state,
        .pcr0 = CMAW_SLICE_ARRAY(enclave->pcrs[0]),
        .pcr1 = CMAW_SLICE_ARRAY(enclave->pcrs[1]),
        .pcr2 = CMAW_SLICE_ARRAY(enclave->pcrs[2]),
        .pcr8 = CMAW_SLICE_ARRAY(enclave->pcrs[3]),
        .uptime_ms = cmaw_monotonic_ms() - enclave->started_ms,
        .simulated = cmaw_platform_tier() == CMAW_TIER_NITRO ? 0 : 1,
    };
    if (state != CMAW_ENCLAVE_NEW) {
        describe.pcr16 = cmaw_pcr_slice(&enclave->lock_pcr);
        describe.manifest = cmaw_bytes32_slice(&enclave->manifest.mh);
        describe.role = enclave->role->id;
    }
    reply->response = (struct cmaw_response){.code = CMAW_CODE_OK, .verb = CMAW_VERB_DESCRIBE, .describe = describe};
    pthread_mutex_lock(&enclave->failure_lock);
    reply->kms_failure = enclave->failure;
    pthread_mutex_unlock(&enclave->failure_lock);
    if (reply->kms_failure.type[0] != '\0') {
        put_kms_error(enclave, reply);
    }
}

void cmaw_handle_attest(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply)
{
    reply->ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX);
    if (cmaw_enclave_attest(enclave, request->attest.nonce, &reply->ak_doc) != CMAW_OK) {
        cmaw_reply_code(reply, CMAW_CODE_INTERNAL);
        return;
    }
    reply->response = (struct cmaw_response){
        .code = CMAW_CODE_OK, .verb = CMAW_VERB_ATTEST, .attest = {cmaw_buf_slice(&reply->ak_doc)}};
}

/* The second number of statm is resident pages. */
static uint64_t read_resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const int read = fscanf(file, "%*u %lu", &pages);
    (void)fclose(file);
    return read == 1 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* What an agent wrote lies here in its true length for a while, and the host is told sizes by class only (PROTOCOL.md section 8):
 * the number is of a moment without a step, and coarse, because the allocator keeps some of what a step took. */
static uint64_t resident_at_rest(struct cmaw_enclave *enclave)
{
    enum { GRAIN = 1024 * 1024 };
    const bool resting = cmaw_budget_taken(&enclave->agents) == 0;
    const uint64_t bytes = (read_resident() + GRAIN - 1) / GRAIN * GRAIN;
    if (resting && cmaw_budget_taken(&enclave->agents) == 0) {
        atomic_store(&enclave->stats.resident_bytes, bytes);
    }
    return atomic_load(&enclave->stats.resident_bytes);
}

void cmaw_handle_stats(struct cmaw_enclave *enclave, const struct cmaw_request *request, struct cmaw_reply *reply)
{
    (void)request;
    reply->response = (struct cmaw_response){.code = CMAW_CODE_OK, .verb = CMAW_VERB_STATS};
    struct cmaw_stats_response *stats = &reply->response.stats;
    *stats = (struct cmaw_stats_response){
        .agents_running = cmaw_budget_taken(&enclave->agents),
        .connections = atomic_load(&enclave->stats.connections),
        .bytes_in = atomic_load(&enclave->stats.bytes_in),
        .bytes_out = atomic_load(&enclave->stats.bytes_out),
        .log_lines_dropped = cmaw_logs_dropped(),
        .resident_bytes = resident_at_rest(enclave),
    };
    for (uint32_t code = 1; code < CMAW_CODE_COUNTS_MAX; code++) {
        const uint64_t count = atomic_load(&enclave->stats.codes[code]);
        if (count > 0) {
            stats->codes[stats->code_count++] = (struct cmaw_code_count){code, count};
        }
    }
}
