/* EnclaveRequest and EnclaveResponse of proto/cmaw/v1/enclave.proto. Decoding is zero-copy: slices point into the frame. Lengths
 * that the schema's comments bound are checked here; the objects of SST/1 inside are not looked into. */
#ifndef CMAW_RPC_MESSAGE_H
#define CMAW_RPC_MESSAGE_H

#include "lib/sst/code.h"
#include "lib/sst/step.h"

/* The numbers are those of the fields of EnclaveRequest; in EnclaveResponse each is one more. */
enum cmaw_verb {
    CMAW_VERB_DESCRIBE = 1,
    CMAW_VERB_PROVISION = 2,
    CMAW_VERB_CONFIGURE = 3,
    CMAW_VERB_ATTEST = 4,
    CMAW_VERB_STEP = 5,
    CMAW_VERB_STATS = 6,
};

struct cmaw_credentials {
    struct cmaw_slice access_key_id;     /* 16..128 printable ASCII */
    struct cmaw_slice secret_access_key; /* 1..128 */
    struct cmaw_slice session_token;     /* 0..4096 */
};
struct cmaw_provision_request {
    struct cmaw_slice manifest;
    uint32_t role;
    struct cmaw_credentials credentials;
    struct cmaw_slice nonce; /* 0..512 */
};
struct cmaw_configure_request {
    struct cmaw_slice manifest;
    uint32_t role;
    struct cmaw_slice kms_blob;
    struct cmaw_slice birth_cert;
    struct cmaw_slice ak_doc;
    struct cmaw_credentials credentials;
    struct cmaw_slice nonce; /* 0..512 */
};
struct cmaw_attest_request {
    struct cmaw_slice nonce; /* 0..512 */
};
/* About 4 KiB: put it on the heap or a thread's own stack. */
struct cmaw_request {
    enum cmaw_verb verb;
    union {
        struct cmaw_provision_request provision;
        struct cmaw_configure_request configure;
        struct cmaw_attest_request attest;
        struct cmaw_step_request step;
    };
};

enum cmaw_enclave_state { CMAW_ENCLAVE_NEW = 1, CMAW_ENCLAVE_LOCKED = 2, CMAW_ENCLAVE_READY = 3 };
struct cmaw_describe_response {
    struct cmaw_slice version;
    uint32_t state; /* enum cmaw_enclave_state */
    struct cmaw_slice pcr0, pcr1, pcr2, pcr8, pcr16;
    struct cmaw_slice manifest; /* mh */
    uint32_t role;
    uint64_t uptime_ms;
    uint32_t simulated;
};
struct cmaw_provision_response {
    struct cmaw_slice kms_blob;
    struct cmaw_slice birth_cert;
    struct cmaw_slice ak_doc;
};
struct cmaw_configure_response {
    struct cmaw_slice ak_doc;
};
struct cmaw_attest_response {
    struct cmaw_slice ak_doc;
};
struct cmaw_step_response {
    uint32_t state_count;
    struct cmaw_slice states[CMAW_EDGES_MAX];
    struct cmaw_slice receipt;
    struct cmaw_slice ak_doc;
};
enum { CMAW_CODE_COUNTS_MAX = 16 };
struct cmaw_code_count {
    uint32_t code;
    uint64_t count;
};
struct cmaw_stats_response {
    uint32_t code_count;
    struct cmaw_code_count codes[CMAW_CODE_COUNTS_MAX];
    uint64_t agents_running;
    uint64_t connections;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t log_lines_dropped;
    uint64_t resident_bytes;
};
enum { CMAW_KMS_ERROR_PCRS = 5 }; /* 0, 1, 2, 8, 16 */
struct cmaw_kms_error {
    struct cmaw_slice type;
    struct cmaw_slice message; /* at most 512 printable ASCII */
    struct cmaw_slice request_id;
    uint32_t http_status;
    uint32_t recipient_sent;
    struct cmaw_slice pcrs[CMAW_KMS_ERROR_PCRS]; /* 48 bytes or empty */
};
struct cmaw_response {
    enum cmaw_code code;
    enum cmaw_verb verb; /* of the body; 0: none */
    union {
        struct cmaw_describe_response describe;
        struct cmaw_provision_response provision;
        struct cmaw_configure_response configure;
        struct cmaw_attest_response attest;
        struct cmaw_step_response step;
        struct cmaw_stats_response stats;
    };
    bool has_kms_error;
    struct cmaw_kms_error kms_error;
};

/* Exactly one field set, canonical, lengths as commented. MALFORMED; on failure the out-parameter is undefined. */
enum cmaw_err cmaw_request_decode(struct cmaw_slice bytes, struct cmaw_request *ret_request);
void cmaw_request_encode(const struct cmaw_request *request, struct cmaw_buf *buf);
/* Also refuses an unknown code, and a body that its code does not allow (only OK has one; a step also with AGENT_FAILED and
 * AGENT_TIMEOUT). MALFORMED. */
enum cmaw_err cmaw_response_decode(struct cmaw_slice bytes, struct cmaw_response *ret_response);
void cmaw_response_encode(const struct cmaw_response *response, struct cmaw_buf *buf);
/* A response without body. */
static inline struct cmaw_response cmaw_response_of_code(enum cmaw_code code)
{
    return (struct cmaw_response){.code = code};
}

#endif
