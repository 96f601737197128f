#include "dev/nsm_sim.h"

#include <string.h>

#include "lib/cbor/write.h"
#include "lib/crypto/random.h"

enum { RANDOM_SIZE = 256, BOOT_LOCKED = 16 };

struct request {
    struct cmaw_slice operation;
    bool is_text; /* no map around the operation */
    bool has_index;
    uint64_t index; /* of a PCR, or the end of a range */
    bool has_data;
    struct cmaw_slice data;
    struct cmaw_nsm_attestation attestation;
};

struct call {
    struct cmaw_nsm_instance *instance;
    const struct cmaw_nsm_signer *signer;
    const struct request *request;
    struct cmaw_buf *response;
};

void cmaw_nsm_boot(struct cmaw_nsm_instance *instance)
{
    instance->locked = (1U << BOOT_LOCKED) - 1;
    memset(instance->pcrs[BOOT_LOCKED], 0, sizeof instance->pcrs - BOOT_LOCKED * CMAW_PCR_SIZE);
}

static void read_field(struct cmaw_cbor *cbor, struct cmaw_doc_field *field)
{
    if (!cmaw_cbor_null(cbor)) {
        field->present = true;
        field->bytes = cmaw_cbor_bstr(cbor);
    }
}

static void read_argument(struct cmaw_cbor *cbor, struct cmaw_slice name, struct request *request)
{
    if (cmaw_slice_eq_cstr(name, "index") || cmaw_slice_eq_cstr(name, "range")) {
        request->has_index = true;
        request->index = cmaw_cbor_uint(cbor);
    } else if (cmaw_slice_eq_cstr(name, "data")) {
        request->has_data = true;
        request->data = cmaw_cbor_bstr(cbor);
    } else if (cmaw_slice_eq_cstr(name, "user_data")) {
        read_field(cbor, &request->attestation.user_data);
    } else if (cmaw_slice_eq_cstr(name, "nonce")) {
        read_field(cbor, &request->attestation.nonce);
    } else if (cmaw_slice_eq_cstr(name, "public_key")) {
        read_field(cbor, &request->attestation.public_key);
    } else {
        cmaw_cbor_skip(cbor);
    }
}

/* A text for an operation without arguments, else {operation: {argument: value …}}. */
static enum cmaw_err parse(struct cmaw_slice bytes, struct request *ret_request)
{
    struct request request = {0};
    struct cmaw_cbor_map arguments;
    struct cmaw_cbor cbor = cmaw_cbor_of(bytes, CMAW_CBOR_PLATFORM);
    if (cmaw_cbor_peek(&cbor) == CMAW_CBOR_TSTR) {
        request.is_text = true;
        request.operation = cmaw_cbor_tstr(&cbor);
    } else {
        cmaw_cbor_map_exact(&cbor, 1);
        request.operation = cmaw_cbor_tstr(&cbor);
        cmaw_cbor_map(&cbor, &arguments);
        while (cmaw_cbor_map_next(&cbor, &arguments)) {
            const struct cmaw_slice name = cmaw_cbor_tstr(&cbor);
            read_argument(&cbor, name, &request);
        }
    }
    CMAW_TRY(cmaw_cbor_end(&cbor));
    *ret_request = request;
    return CMAW_OK;
}

static enum cmaw_err refuse(const struct call *call, const char *error)
{
    cmaw_cbor_put_map(call->response, 1);
    cmaw_cbor_put_cstr(call->response, "Error");
    cmaw_cbor_put_cstr(call->response, error);
    return cmaw_buf_err(call->response);
}

/* {operation: {… — the entries must follow */
static void open_answer(const struct call *call, size_t entries)
{
    cmaw_cbor_put_map(call->response, 1);
    cmaw_cbor_put_tstr(call->response, call->request->operation);
    cmaw_cbor_put_map(call->response, entries);
}

static void put_number(const struct call *call, const char *name, uint64_t value)
{
    cmaw_cbor_put_cstr(call->response, name);
    cmaw_cbor_put_uint(call->response, value);
}

static void put_bytes(const struct call *call, const char *name, struct cmaw_slice bytes)
{
    cmaw_cbor_put_cstr(call->response, name);
    cmaw_cbor_put_bstr(call->response, bytes);
}

static bool is_locked(const struct call *call, uint64_t index)
{
    return (call->instance->locked >> index & 1) != 0;
}

static enum cmaw_err describe_nsm(const struct call *call)
{
    open_answer(call, 7);
    put_number(call, "version_major", 1);
    put_number(call, "version_minor", 0);
    put_number(call, "version_patch", 0);
    cmaw_cbor_put_cstr(call->response, "module_id");
    cmaw_cbor_put_cstr(call->response, call->instance->module_id);
    put_number(call, "max_pcrs", CMAW_PCR_COUNT);
    cmaw_cbor_put_cstr(call->response, "locked_pcrs");
    cmaw_cbor_put_array(call->response, (size_t)__builtin_popcount(call->instance->locked));
    for (uint64_t i = 0; i < CMAW_PCR_COUNT; i++) {
        if (is_locked(call, i)) {
            cmaw_cbor_put_uint(call->response, i);
        }
    }
    cmaw_cbor_put_cstr(call->response, "digest");
    cmaw_cbor_put_cstr(call->response, "SHA384");
    return cmaw_buf_err(call->response);
}

static enum cmaw_err get_random(const struct call *call)
{
    uint8_t random[RANDOM_SIZE];
    CMAW_TRY(cmaw_random(random, sizeof random));
    open_answer(call, 1);
    put_bytes(call, "random", CMAW_SLICE_ARRAY(random));
    return cmaw_buf_err(call->response);
}

static enum cmaw_err describe_pcr(const struct call *call)
{
    const uint64_t index = call->request->index;
    if (index >= CMAW_PCR_COUNT) {
        return refuse(call, "InvalidIndex");
    }
    open_answer(call, 2);
    cmaw_cbor_put_cstr(call->response, "lock");
    cmaw_cbor_put_bool(call->response, is_locked(call, index));
    put_bytes(call, "data", CMAW_SLICE_ARRAY(call->instance->pcrs[index]));
    return cmaw_buf_err(call->response);
}

static enum cmaw_err extend_pcr(const struct call *call)
{
    const uint64_t index = call->request->index;
    if (index >= CMAW_PCR_COUNT) {
        return refuse(call, "InvalidIndex");
    }
    if (is_locked(call, index)) {
        return refuse(call, "ReadOnlyIndex");
    }
    if (call->request->data.size > CMAW_NSM_FIELD_MAX) {
        return refuse(call, "InputTooLarge");
    }
    uint8_t *pcr = call->instance->pcrs[index];
    const struct cmaw_slice parts[] = {cmaw_slice_of(pcr, CMAW_PCR_SIZE), call->request->data};
    cmaw_sha384_parts(parts, 2, pcr);
    open_answer(call, 1);
    put_bytes(call, "data", cmaw_slice_of(pcr, CMAW_PCR_SIZE));
    return cmaw_buf_err(call->response);
}

static enum cmaw_err lock_pcr(const struct call *call)
{
    const uint64_t index = call->request->index;
    if (index >= CMAW_PCR_COUNT) {
        return refuse(call, "InvalidIndex");
    }
    if (is_locked(call, index)) {
        return refuse(call, "ReadOnlyIndex");
    }
    call->instance->locked |= 1U << index;
    cmaw_cbor_put_cstr(call->response, "LockPCR");
    return cmaw_buf_err(call->response);
}

static enum cmaw_err lock_pcrs(const struct call *call)
{
    const uint64_t range = call->request->index;
    if (range > CMAW_PCR_COUNT) {
        return refuse(call, "InvalidIndex");
    }
    call->instance->locked |= (uint32_t)((UINT64_C(1) << range) - 1);
    cmaw_cbor_put_cstr(call->response, "LockPCRs");
    return cmaw_buf_err(call->response);
}

static enum cmaw_err attestation(const struct call *call)
{
    const struct cmaw_nsm_attestation *fields = &call->request->attestation;
    if (fields->user_data.bytes.size > CMAW_NSM_FIELD_MAX || fields->nonce.bytes.size > CMAW_NSM_FIELD_MAX
        || fields->public_key.bytes.size > CMAW_NSM_PUBLIC_KEY_MAX) {
        return refuse(call, "InputTooLarge");
    }
    if (fields->public_key.present && fields->public_key.bytes.size == 0) {
        return refuse(call, "InvalidArgument");
    }
    CMAW_BUF_AUTO(document, CMAW_NSM_RESPONSE_MAX);
    CMAW_TRY(call->signer->sign(call->signer->context, call->instance, fields, &document));
    open_answer(call, 1);
    put_bytes(call, "document", cmaw_buf_slice(&document));
    return cmaw_buf_err(call->response);
}

static const struct operation {
    const char *name;
    bool is_text; /* the only form that it has: serde writes an operation without arguments so, and reads no other */
    bool needs_index;
    bool needs_data;
    enum cmaw_err (*run)(const struct call *call);
} operations[] = {
    {"DescribeNSM", true, false, false, describe_nsm}, {"GetRandom", true, false, false, get_random},
    {"DescribePCR", false, true, false, describe_pcr}, {"ExtendPCR", false, true, true, extend_pcr},
    {"LockPCR", false, true, false, lock_pcr},         {"LockPCRs", false, true, false, lock_pcrs},
    {"Attestation", false, false, false, attestation},
};

static const struct operation *find(const struct request *request)
{
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const struct operation *operation = &operations[i];
        if (cmaw_slice_eq_cstr(request->operation, operation->name)) {
            const bool complete = operation->is_text == request->is_text && (!operation->needs_index || request->has_index)
                                  && (!operation->needs_data || request->has_data);
            return complete ? operation : NULL;
        }
    }
    return NULL;
}

enum cmaw_err cmaw_nsm_handle(struct cmaw_nsm_instance *instance, const struct cmaw_nsm_signer *signer,
                              struct cmaw_slice request, struct cmaw_buf *response)
{
    struct request parsed = {0};
    const struct call call = {instance, signer, &parsed, response};
    const struct operation *operation = parse(request, &parsed) == CMAW_OK ? find(&parsed) : NULL;
    return operation == NULL ? refuse(&call, "InvalidOperation") : operation->run(&call);
}
