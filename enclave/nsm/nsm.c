#include "enclave/nsm/nsm.h"

#include <string.h>
#include <time.h>

#include "lib/cbor/read.h"
#include "lib/cbor/write.h"

enum { TRIES = 20, WAIT_MS = 250 };

/* {name: {…}} with the reader inside the inner map, or the text name alone. */
struct answer {
    struct cmaw_cbor cbor;
    struct cmaw_cbor_map outer;
    struct cmaw_cbor_map inner;
    bool unit;
};

static enum cmaw_err call_once(const struct cmaw_nsm *nsm, const struct cmaw_buf *request, struct cmaw_buf *response)
{
    CMAW_TRY(cmaw_buf_err(request));
    cmaw_buf_reset(response);
    return nsm->call(nsm->context, cmaw_buf_slice(request), response);
}

static enum cmaw_err call(const struct cmaw_nsm *nsm, const struct cmaw_buf *request, struct cmaw_buf *response)
{
    const struct timespec wait = {0, WAIT_MS * 1000000L};
    enum cmaw_err err = CMAW_OK;
    for (int i = 0; i < TRIES; i++) {
        err = call_once(nsm, request, response);
        if (err != CMAW_E_UNAVAILABLE && err != CMAW_E_CLOSED) {
            return err;
        }
        (void)nanosleep(&wait, NULL);
    }
    return err;
}

static enum cmaw_err answer_open(struct cmaw_slice bytes, const char *name, struct answer *answer)
{
    answer->cbor = cmaw_cbor_of(bytes, CMAW_CBOR_PLATFORM);
    answer->unit = cmaw_cbor_peek(&answer->cbor) == CMAW_CBOR_TSTR;
    if (answer->unit) {
        return cmaw_slice_eq_cstr(cmaw_cbor_tstr(&answer->cbor), name) ? CMAW_OK : CMAW_E_PEER;
    }
    cmaw_cbor_map(&answer->cbor, &answer->outer);
    CMAW_REQUIRE(cmaw_cbor_map_next(&answer->cbor, &answer->outer), CMAW_E_PEER);
    const struct cmaw_slice key = cmaw_cbor_tstr(&answer->cbor);
    CMAW_REQUIRE(!cmaw_slice_eq_cstr(key, "Error"), CMAW_E_DENIED);
    CMAW_REQUIRE(cmaw_slice_eq_cstr(key, name), CMAW_E_PEER);
    cmaw_cbor_map(&answer->cbor, &answer->inner);
    return CMAW_OK;
}

/* The next key of the inner map; false at its end. */
static bool answer_next(struct answer *answer, struct cmaw_slice *ret_key)
{
    if (answer->unit || !cmaw_cbor_map_next(&answer->cbor, &answer->inner)) {
        return false;
    }
    *ret_key = cmaw_cbor_tstr(&answer->cbor);
    return true;
}

static enum cmaw_err answer_close(struct answer *answer)
{
    if (!answer->unit && cmaw_cbor_map_next(&answer->cbor, &answer->outer)) {
        return CMAW_E_PEER;
    }
    return cmaw_cbor_end(&answer->cbor) == CMAW_OK ? CMAW_OK : CMAW_E_PEER;
}

static void put_request(struct cmaw_buf *buf, const char *name, size_t fields)
{
    cmaw_cbor_put_map(buf, 1);
    cmaw_cbor_put_cstr(buf, name);
    cmaw_cbor_put_map(buf, fields);
}

static void put_uint_field(struct cmaw_buf *buf, const char *name, uint64_t value)
{
    cmaw_cbor_put_cstr(buf, name);
    cmaw_cbor_put_uint(buf, value);
}

static void put_optional_field(struct cmaw_buf *buf, const char *name, struct cmaw_slice bytes)
{
    cmaw_cbor_put_cstr(buf, name);
    if (bytes.size == 0) {
        cmaw_cbor_put_null(buf);
    } else {
        cmaw_cbor_put_bstr(buf, bytes);
    }
}

/* An answer {name: {field: byte string}}; other fields of the inner map are skipped. */
static enum cmaw_err parse_bytes(struct cmaw_slice bytes, const char *name, const char *field, struct cmaw_slice *ret_value)
{
    struct answer answer;
    struct cmaw_slice key;
    struct cmaw_slice value = CMAW_SLICE_EMPTY;
    CMAW_TRY(answer_open(bytes, name, &answer));
    while (answer_next(&answer, &key)) {
        if (cmaw_slice_eq_cstr(key, field)) {
            value = cmaw_cbor_bstr(&answer.cbor);
        } else {
            cmaw_cbor_skip(&answer.cbor);
        }
    }
    CMAW_TRY(answer_close(&answer));
    CMAW_REQUIRE(value.size > 0, CMAW_E_PEER);
    *ret_value = value;
    return CMAW_OK;
}

enum cmaw_err cmaw_nsm_random(const struct cmaw_nsm *nsm, struct cmaw_buf *buf)
{
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    cmaw_cbor_put_cstr(&request, "GetRandom");
    CMAW_TRY(call(nsm, &request, &response));
    struct cmaw_slice random;
    CMAW_TRY(parse_bytes(cmaw_buf_slice(&response), "GetRandom", "random", &random));
    cmaw_buf_put(buf, random);
    return cmaw_buf_err(buf);
}

static enum cmaw_err parse_pcr(struct cmaw_slice bytes, struct cmaw_nsm_pcr *ret_pcr)
{
    struct answer answer;
    struct cmaw_slice key;
    struct cmaw_slice value = CMAW_SLICE_EMPTY;
    bool locked = false;
    bool has_lock = false;
    CMAW_TRY(answer_open(bytes, "DescribePCR", &answer));
    while (answer_next(&answer, &key)) {
        if (cmaw_slice_eq_cstr(key, "lock")) {
            locked = cmaw_cbor_bool(&answer.cbor);
            has_lock = true;
        } else if (cmaw_slice_eq_cstr(key, "data")) {
            value = cmaw_cbor_bstr_exact(&answer.cbor, CMAW_NSM_PCR_SIZE);
        } else {
            cmaw_cbor_skip(&answer.cbor);
        }
    }
    CMAW_TRY(answer_close(&answer));
    CMAW_REQUIRE(has_lock && value.size == CMAW_NSM_PCR_SIZE, CMAW_E_PEER);
    ret_pcr->locked = locked;
    memcpy(ret_pcr->value, value.data, CMAW_NSM_PCR_SIZE);
    return CMAW_OK;
}

enum cmaw_err cmaw_nsm_describe_pcr(const struct cmaw_nsm *nsm, uint32_t index, struct cmaw_nsm_pcr *ret_pcr)
{
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    put_request(&request, "DescribePCR", 1);
    put_uint_field(&request, "index", index);
    CMAW_TRY(call(nsm, &request, &response));
    return parse_pcr(cmaw_buf_slice(&response), ret_pcr);
}

/* Sent once: what was extended twice by a repeat would not be the role lock, and the caller's check would end the enclave. */
enum cmaw_err cmaw_nsm_extend_pcr(const struct cmaw_nsm *nsm, uint32_t index, struct cmaw_slice data)
{
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    put_request(&request, "ExtendPCR", 2);
    put_uint_field(&request, "index", index);
    cmaw_cbor_put_cstr(&request, "data");
    cmaw_cbor_put_bstr(&request, data);
    CMAW_TRY(call_once(nsm, &request, &response));
    struct cmaw_slice value;
    CMAW_TRY(parse_bytes(cmaw_buf_slice(&response), "ExtendPCR", "data", &value));
    return value.size == CMAW_NSM_PCR_SIZE ? CMAW_OK : CMAW_E_PEER;
}

enum cmaw_err cmaw_nsm_lock_pcr(const struct cmaw_nsm *nsm, uint32_t index)
{
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    put_request(&request, "LockPCR", 1);
    put_uint_field(&request, "index", index);
    CMAW_TRY(call(nsm, &request, &response));
    struct answer answer;
    CMAW_TRY(answer_open(cmaw_buf_slice(&response), "LockPCR", &answer));
    CMAW_REQUIRE(answer.unit, CMAW_E_PEER);
    return answer_close(&answer);
}

enum cmaw_err cmaw_nsm_attest(const struct cmaw_nsm *nsm, struct cmaw_slice user_data, struct cmaw_slice nonce,
                              struct cmaw_slice public_key, struct cmaw_buf *document)
{
    CMAW_REQUIRE(user_data.size <= CMAW_NSM_FIELD_MAX && nonce.size <= CMAW_NSM_FIELD_MAX, CMAW_E_TOO_LARGE);
    CMAW_BUF_AUTO(request, CMAW_NSM_REQUEST_MAX);
    CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
    put_request(&request, "Attestation", 3);
    put_optional_field(&request, "user_data", user_data);
    put_optional_field(&request, "nonce", nonce);
    put_optional_field(&request, "public_key", public_key);
    CMAW_TRY(call(nsm, &request, &response));
    struct cmaw_slice bytes;
    CMAW_TRY(parse_bytes(cmaw_buf_slice(&response), "Attestation", "document", &bytes));
    cmaw_buf_put(document, bytes);
    return cmaw_buf_err(document);
}
