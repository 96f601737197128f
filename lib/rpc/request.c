#include "lib/pb/pb.h"
#include "lib/rpc/message.h"
#include "lib/sst/text.h"

enum {
    ACCESS_KEY_MIN = 16,
    ACCESS_KEY_MAX = 128,
    SECRET_KEY_MAX = 128,
    SESSION_TOKEN_MAX = 4096,
};

static bool printable_within(struct cmaw_slice text, size_t min, size_t max)
{
    return text.size >= min && text.size <= max && cmaw_text_is_printable(text);
}

/* A message field that must be there. */
static struct cmaw_slice required(struct cmaw_pb_reader *reader, uint32_t field)
{
    struct cmaw_slice bytes = CMAW_SLICE_EMPTY;
    if (!cmaw_pb_next(reader, field, &bytes)) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    }
    return bytes;
}

static enum cmaw_err credentials_decode(struct cmaw_slice bytes, struct cmaw_credentials *ret_credentials)
{
    struct cmaw_credentials *c = ret_credentials;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    c->access_key_id = cmaw_pb_string(&r, 1);
    c->secret_access_key = cmaw_pb_string(&r, 2);
    c->session_token = cmaw_pb_string(&r, 3);
    CMAW_TRY(cmaw_pb_end(&r));
    CMAW_REQUIRE(printable_within(c->access_key_id, ACCESS_KEY_MIN, ACCESS_KEY_MAX), CMAW_E_MALFORMED);
    CMAW_REQUIRE(printable_within(c->secret_access_key, 1, SECRET_KEY_MAX), CMAW_E_MALFORMED);
    CMAW_REQUIRE(printable_within(c->session_token, 0, SESSION_TOKEN_MAX), CMAW_E_MALFORMED);
    return CMAW_OK;
}

static enum cmaw_err empty_decode(struct cmaw_slice bytes)
{
    return bytes.size == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err provision_decode(struct cmaw_slice bytes, struct cmaw_provision_request *ret_request)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_request->manifest = cmaw_pb_bytes(&r, 1);
    ret_request->role = cmaw_pb_u32(&r, 2);
    const struct cmaw_slice credentials = required(&r, 3);
    ret_request->nonce = cmaw_pb_bytes(&r, 4);
    CMAW_TRY(cmaw_pb_end(&r));
    CMAW_REQUIRE(ret_request->nonce.size <= CMAW_NONCE_MAX, CMAW_E_MALFORMED);
    return credentials_decode(credentials, &ret_request->credentials);
}

static enum cmaw_err configure_decode(struct cmaw_slice bytes, struct cmaw_configure_request *ret_request)
{
    struct cmaw_configure_request *q = ret_request;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    q->manifest = cmaw_pb_bytes(&r, 1);
    q->role = cmaw_pb_u32(&r, 2);
    q->kms_blob = cmaw_pb_bytes(&r, 3);
    q->birth_cert = cmaw_pb_bytes(&r, 4);
    q->ak_doc = cmaw_pb_bytes(&r, 5);
    const struct cmaw_slice credentials = required(&r, 6);
    q->nonce = cmaw_pb_bytes(&r, 7);
    CMAW_TRY(cmaw_pb_end(&r));
    CMAW_REQUIRE(q->nonce.size <= CMAW_NONCE_MAX, CMAW_E_MALFORMED);
    return credentials_decode(credentials, &q->credentials);
}

static enum cmaw_err attest_decode(struct cmaw_slice bytes, struct cmaw_attest_request *ret_request)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_request->nonce = cmaw_pb_bytes(&r, 1);
    CMAW_TRY(cmaw_pb_end(&r));
    return ret_request->nonce.size <= CMAW_NONCE_MAX ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err step_decode(struct cmaw_slice bytes, struct cmaw_step_request *ret_request)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice input;
    ret_request->plan = cmaw_pb_bytes(&r, 1);
    ret_request->ticket = cmaw_pb_bytes(&r, 2);
    ret_request->step = cmaw_pb_u32(&r, 3);
    ret_request->input_count = 0;
    while (cmaw_pb_next(&r, 4, &input)) {
        CMAW_REQUIRE(ret_request->input_count < CMAW_EDGES_MAX, CMAW_E_MALFORMED);
        ret_request->inputs[ret_request->input_count++] = input;
    }
    ret_request->attempt = cmaw_pb_u32(&r, 5);
    ret_request->deadline_ms = cmaw_pb_u64(&r, 6);
    return cmaw_pb_end(&r);
}

static enum cmaw_err body_decode(struct cmaw_slice body, struct cmaw_request *request)
{
    switch (request->verb) {
    case CMAW_VERB_PROVISION: return provision_decode(body, &request->provision);
    case CMAW_VERB_CONFIGURE: return configure_decode(body, &request->configure);
    case CMAW_VERB_ATTEST: return attest_decode(body, &request->attest);
    case CMAW_VERB_STEP: return step_decode(body, &request->step);
    case CMAW_VERB_DESCRIBE:
    case CMAW_VERB_STATS: return empty_decode(body);
    }
    return CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_request_decode(struct cmaw_slice bytes, struct cmaw_request *ret_request)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice body;
    for (uint32_t verb = CMAW_VERB_DESCRIBE; verb <= CMAW_VERB_STATS; verb++) {
        if (cmaw_pb_next(&r, verb, &body)) {
            CMAW_TRY(cmaw_pb_end(&r));
            ret_request->verb = (enum cmaw_verb)verb;
            return body_decode(body, ret_request);
        }
    }
    return CMAW_E_MALFORMED;
}

static void credentials_encode(uint32_t field, const struct cmaw_credentials *credentials, struct cmaw_buf *buf)
{
    const size_t mark = cmaw_pb_open(buf);
    cmaw_pb_put_bytes(buf, 1, credentials->access_key_id);
    cmaw_pb_put_bytes(buf, 2, credentials->secret_access_key);
    cmaw_pb_put_bytes(buf, 3, credentials->session_token);
    cmaw_pb_close(buf, field, mark);
}

static void provision_encode(const struct cmaw_provision_request *request, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, request->manifest);
    cmaw_pb_put_u32(buf, 2, request->role);
    credentials_encode(3, &request->credentials, buf);
    cmaw_pb_put_bytes(buf, 4, request->nonce);
}

static void configure_encode(const struct cmaw_configure_request *request, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, request->manifest);
    cmaw_pb_put_u32(buf, 2, request->role);
    cmaw_pb_put_bytes(buf, 3, request->kms_blob);
    cmaw_pb_put_bytes(buf, 4, request->birth_cert);
    cmaw_pb_put_bytes(buf, 5, request->ak_doc);
    credentials_encode(6, &request->credentials, buf);
    cmaw_pb_put_bytes(buf, 7, request->nonce);
}

static void step_encode(const struct cmaw_step_request *request, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, request->plan);
    cmaw_pb_put_bytes(buf, 2, request->ticket);
    cmaw_pb_put_u32(buf, 3, request->step);
    for (uint32_t i = 0; i < request->input_count; i++) {
        cmaw_pb_put_element(buf, 4, request->inputs[i]);
    }
    cmaw_pb_put_u32(buf, 5, request->attempt);
    cmaw_pb_put_u64(buf, 6, request->deadline_ms);
}

static size_t step_size(const struct cmaw_step_request *request)
{
    size_t size = cmaw_pb_size_bytes(1, request->plan.size) + cmaw_pb_size_bytes(2, request->ticket.size) +
                  cmaw_pb_size_u64(3, request->step) + cmaw_pb_size_u64(5, request->attempt) +
                  cmaw_pb_size_u64(6, request->deadline_ms);
    for (uint32_t i = 0; i < request->input_count; i++) {
        size += cmaw_pb_size_element(4, request->inputs[i].size);
    }
    return size;
}

void cmaw_request_encode(const struct cmaw_request *request, struct cmaw_buf *buf)
{
    if (request->verb == CMAW_VERB_STEP) { /* its size first: states are large and are to be copied once */
        const size_t size = step_size(&request->step);
        if (cmaw_buf_reserve(buf, cmaw_pb_size_element(CMAW_VERB_STEP, size)) == CMAW_OK) {
            cmaw_pb_put_head(buf, CMAW_VERB_STEP, size);
            step_encode(&request->step, buf);
        }
        return;
    }
    const size_t mark = cmaw_pb_open(buf);
    if (request->verb == CMAW_VERB_PROVISION) {
        provision_encode(&request->provision, buf);
    } else if (request->verb == CMAW_VERB_CONFIGURE) {
        configure_encode(&request->configure, buf);
    } else if (request->verb == CMAW_VERB_ATTEST) {
        cmaw_pb_put_bytes(buf, 1, request->attest.nonce);
    }
    cmaw_pb_close(buf, (uint32_t)request->verb, mark);
}
