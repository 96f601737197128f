#include "lib/pb/pb.h"
#include "lib/rpc/message.h"
#include "lib/sst/text.h"

enum { FIELD_CODE = 1, FIELD_KMS_ERROR = 8, KMS_TEXT_MAX = 512, FIRST_PCR = 6 };

static bool pcr_ok(struct cmaw_slice pcr)
{
    return pcr.size == 0 || pcr.size == CMAW_PCR_SIZE;
}

static enum cmaw_err describe_decode(struct cmaw_slice bytes, struct cmaw_describe_response *ret_response)
{
    struct cmaw_describe_response *d = ret_response;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    d->version = cmaw_pb_string(&r, 1);
    d->state = cmaw_pb_u32(&r, 2);
    d->pcr0 = cmaw_pb_bytes(&r, 3);
    d->pcr1 = cmaw_pb_bytes(&r, 4);
    d->pcr2 = cmaw_pb_bytes(&r, 5);
    d->pcr8 = cmaw_pb_bytes(&r, 6);
    d->pcr16 = cmaw_pb_bytes(&r, 7);
    d->manifest = cmaw_pb_bytes(&r, 8);
    d->role = cmaw_pb_u32(&r, 9);
    d->uptime_ms = cmaw_pb_u64(&r, 10);
    d->simulated = cmaw_pb_u32(&r, 11);
    CMAW_TRY(cmaw_pb_end(&r));
    CMAW_REQUIRE(d->version.size <= CMAW_NAME_MAX && cmaw_text_is_printable(d->version), CMAW_E_MALFORMED);
    CMAW_REQUIRE(d->state >= CMAW_ENCLAVE_NEW && d->state <= CMAW_ENCLAVE_READY && d->simulated <= 1, CMAW_E_MALFORMED);
    CMAW_REQUIRE(pcr_ok(d->pcr0) && pcr_ok(d->pcr1) && pcr_ok(d->pcr2) && pcr_ok(d->pcr8) && pcr_ok(d->pcr16),
        CMAW_E_MALFORMED);
    return d->manifest.size == 0 || d->manifest.size == CMAW_HASH_SIZE ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err provision_decode(struct cmaw_slice bytes, struct cmaw_provision_response *ret_response)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_response->kms_blob = cmaw_pb_bytes(&r, 1);
    ret_response->birth_cert = cmaw_pb_bytes(&r, 2);
    ret_response->ak_doc = cmaw_pb_bytes(&r, 3);
    return cmaw_pb_end(&r);
}

static enum cmaw_err doc_decode(struct cmaw_slice bytes, struct cmaw_slice *ret_doc)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    *ret_doc = cmaw_pb_bytes(&r, 1);
    return cmaw_pb_end(&r);
}

static enum cmaw_err step_decode(struct cmaw_slice bytes, struct cmaw_step_response *ret_response)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice state;
    ret_response->state_count = 0;
    while (cmaw_pb_next(&r, 1, &state)) {
        CMAW_REQUIRE(ret_response->state_count < CMAW_EDGES_MAX, CMAW_E_MALFORMED);
        ret_response->states[ret_response->state_count++] = state;
    }
    ret_response->receipt = cmaw_pb_bytes(&r, 2);
    ret_response->ak_doc = cmaw_pb_bytes(&r, 3);
    return cmaw_pb_end(&r);
}

static enum cmaw_err code_count_decode(struct cmaw_slice bytes, struct cmaw_code_count *ret_count)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_count->code = cmaw_pb_u32(&r, 1);
    ret_count->count = cmaw_pb_u64(&r, 2);
    return cmaw_pb_end(&r);
}

static enum cmaw_err stats_decode(struct cmaw_slice bytes, struct cmaw_stats_response *ret_response)
{
    struct cmaw_stats_response *s = ret_response;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    s->code_count = 0;
    while (cmaw_pb_next(&r, 1, &nested)) {
        CMAW_REQUIRE(s->code_count < CMAW_CODE_COUNTS_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(code_count_decode(nested, &s->codes[s->code_count++]));
    }
    s->agents_running = cmaw_pb_u64(&r, 2);
    s->connections = cmaw_pb_u64(&r, 3);
    s->bytes_in = cmaw_pb_u64(&r, 4);
    s->bytes_out = cmaw_pb_u64(&r, 5);
    s->log_lines_dropped = cmaw_pb_u64(&r, 6);
    s->resident_bytes = cmaw_pb_u64(&r, 7);
    return cmaw_pb_end(&r);
}

static enum cmaw_err kms_error_decode(struct cmaw_slice bytes, struct cmaw_kms_error *ret_error)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_error->type = cmaw_pb_string(&r, 1);
    ret_error->message = cmaw_pb_string(&r, 2);
    ret_error->request_id = cmaw_pb_string(&r, 3);
    ret_error->http_status = cmaw_pb_u32(&r, 4);
    ret_error->recipient_sent = cmaw_pb_u32(&r, 5);
    for (uint32_t i = 0; i < CMAW_KMS_ERROR_PCRS; i++) {
        ret_error->pcrs[i] = cmaw_pb_bytes(&r, FIRST_PCR + i);
    }
    CMAW_TRY(cmaw_pb_end(&r));
    for (uint32_t i = 0; i < CMAW_KMS_ERROR_PCRS; i++) {
        CMAW_REQUIRE(pcr_ok(ret_error->pcrs[i]), CMAW_E_MALFORMED);
    }
    const struct cmaw_slice texts[] = {ret_error->type, ret_error->message, ret_error->request_id};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        CMAW_REQUIRE(texts[i].size <= KMS_TEXT_MAX && cmaw_text_is_printable(texts[i]), CMAW_E_MALFORMED);
    }
    return ret_error->recipient_sent <= 1 ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err body_decode(struct cmaw_slice body, struct cmaw_response *response)
{
    switch (response->verb) {
    case CMAW_VERB_DESCRIBE: return describe_decode(body, &response->describe);
    case CMAW_VERB_PROVISION: return provision_decode(body, &response->provision);
    case CMAW_VERB_CONFIGURE: return doc_decode(body, &response->configure.ak_doc);
    case CMAW_VERB_ATTEST: return doc_decode(body, &response->attest.ak_doc);
    case CMAW_VERB_STEP: return step_decode(body, &response->step);
    case CMAW_VERB_STATS: return stats_decode(body, &response->stats);
    }
    return CMAW_E_MALFORMED;
}

static bool body_allowed(enum cmaw_code code, uint32_t verb)
{
    return code == CMAW_CODE_OK ||
           (verb == CMAW_VERB_STEP && (code == CMAW_CODE_AGENT_FAILED || code == CMAW_CODE_AGENT_TIMEOUT));
}

enum cmaw_err cmaw_response_decode(struct cmaw_slice bytes, struct cmaw_response *ret_response)
{
    struct cmaw_response *p = ret_response;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice body;
    const uint32_t code = cmaw_pb_u32(&r, FIELD_CODE);
    CMAW_REQUIRE(cmaw_code_known(code), CMAW_E_MALFORMED);
    p->code = (enum cmaw_code)code;
    p->verb = (enum cmaw_verb)0;
    for (uint32_t verb = CMAW_VERB_DESCRIBE; verb <= CMAW_VERB_STATS; verb++) {
        if (cmaw_pb_next(&r, verb + 1, &body)) {
            CMAW_REQUIRE((uint32_t)p->verb == 0 && body_allowed(p->code, verb), CMAW_E_MALFORMED);
            p->verb = (enum cmaw_verb)verb;
            CMAW_TRY(body_decode(body, p));
        }
    }
    p->has_kms_error = cmaw_pb_next(&r, FIELD_KMS_ERROR, &body);
    if (p->has_kms_error) {
        CMAW_TRY(kms_error_decode(body, &p->kms_error));
    }
    return cmaw_pb_end(&r);
}

static void describe_encode(const struct cmaw_describe_response *response, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, response->version);
    cmaw_pb_put_u32(buf, 2, response->state);
    cmaw_pb_put_bytes(buf, 3, response->pcr0);
    cmaw_pb_put_bytes(buf, 4, response->pcr1);
    cmaw_pb_put_bytes(buf, 5, response->pcr2);
    cmaw_pb_put_bytes(buf, 6, response->pcr8);
    cmaw_pb_put_bytes(buf, 7, response->pcr16);
    cmaw_pb_put_bytes(buf, 8, response->manifest);
    cmaw_pb_put_u32(buf, 9, response->role);
    cmaw_pb_put_u64(buf, 10, response->uptime_ms);
    cmaw_pb_put_u32(buf, 11, response->simulated);
}

static void provision_encode(const struct cmaw_provision_response *response, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, response->kms_blob);
    cmaw_pb_put_bytes(buf, 2, response->birth_cert);
    cmaw_pb_put_bytes(buf, 3, response->ak_doc);
}

static void step_encode(const struct cmaw_step_response *response, struct cmaw_buf *buf)
{
    for (uint32_t i = 0; i < response->state_count; i++) {
        cmaw_pb_put_element(buf, 1, response->states[i]);
    }
    cmaw_pb_put_bytes(buf, 2, response->receipt);
    cmaw_pb_put_bytes(buf, 3, response->ak_doc);
}

static void stats_encode(const struct cmaw_stats_response *response, struct cmaw_buf *buf)
{
    for (uint32_t i = 0; i < response->code_count; i++) {
        const size_t mark = cmaw_pb_open(buf);
        cmaw_pb_put_u32(buf, 1, response->codes[i].code);
        cmaw_pb_put_u64(buf, 2, response->codes[i].count);
        cmaw_pb_close(buf, 1, mark);
    }
    cmaw_pb_put_u64(buf, 2, response->agents_running);
    cmaw_pb_put_u64(buf, 3, response->connections);
    cmaw_pb_put_u64(buf, 4, response->bytes_in);
    cmaw_pb_put_u64(buf, 5, response->bytes_out);
    cmaw_pb_put_u64(buf, 6, response->log_lines_dropped);
    cmaw_pb_put_u64(buf, 7, response->resident_bytes);
}

static void kms_error_encode(const struct cmaw_kms_error *error, struct cmaw_buf *buf)
{
    const size_t mark = cmaw_pb_open(buf);
    cmaw_pb_put_bytes(buf, 1, error->type);
    cmaw_pb_put_bytes(buf, 2, error->message);
    cmaw_pb_put_bytes(buf, 3, error->request_id);
    cmaw_pb_put_u32(buf, 4, error->http_status);
    cmaw_pb_put_u32(buf, 5, error->recipient_sent);
    for (uint32_t i = 0; i < CMAW_KMS_ERROR_PCRS; i++) {
        cmaw_pb_put_bytes(buf, FIRST_PCR + i, error->pcrs[i]);
    }
    cmaw_pb_close(buf, FIELD_KMS_ERROR, mark);
}

static size_t step_size(const struct cmaw_step_response *response)
{
    size_t size = cmaw_pb_size_bytes(2, response->receipt.size) + cmaw_pb_size_bytes(3, response->ak_doc.size);
    for (uint32_t i = 0; i < response->state_count; i++) {
        size += cmaw_pb_size_element(1, response->states[i].size);
    }
    return size;
}

static void body_encode(const struct cmaw_response *response, struct cmaw_buf *buf)
{
    const uint32_t field = (uint32_t)response->verb + 1;
    if (response->verb == CMAW_VERB_STEP) { /* its size first: states are large and are to be copied once */
        const size_t size = step_size(&response->step);
        if (cmaw_buf_reserve(buf, cmaw_pb_size_element(field, size)) == CMAW_OK) {
            cmaw_pb_put_head(buf, field, size);
            step_encode(&response->step, buf);
        }
        return;
    }
    const size_t mark = cmaw_pb_open(buf);
    switch (response->verb) {
    case CMAW_VERB_DESCRIBE: describe_encode(&response->describe, buf); break;
    case CMAW_VERB_PROVISION: provision_encode(&response->provision, buf); break;
    case CMAW_VERB_CONFIGURE: cmaw_pb_put_bytes(buf, 1, response->configure.ak_doc); break;
    case CMAW_VERB_ATTEST: cmaw_pb_put_bytes(buf, 1, response->attest.ak_doc); break;
    case CMAW_VERB_STATS: stats_encode(&response->stats, buf); break;
    case CMAW_VERB_STEP: break;
    }
    cmaw_pb_close(buf, field, mark);
}

void cmaw_response_encode(const struct cmaw_response *response, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, FIELD_CODE, response->code);
    if ((uint32_t)response->verb != 0) {
        body_encode(response, buf);
    }
    if (response->has_kms_error) {
        kms_error_encode(&response->kms_error, buf);
    }
}
