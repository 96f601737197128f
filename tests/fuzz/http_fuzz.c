/* A response of KMS: the head, then what its JSON is taken for. A prefix of a response must never be complete. */
#include <stdlib.h>

#include "enclave/kms/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARN "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"

static void read_body(const struct cmaw_http_response *response)
{
    struct cmaw_kms_failure failure = {0};
    struct cmaw_kms_data_reply reply = {0};
    int64_t time_s = 0;
    (void)cmaw_kms_failure_of(response, &failure);
    if (cmaw_http_date(response->date, &time_s) == CMAW_OK && time_s < 0) {
        abort();
    }
    CMAW_IGNORE(cmaw_kms_parse_key(response->body, CMAW_SLICE_LIT(ARN)));
    if (cmaw_kms_parse_data(response->body, CMAW_SLICE_LIT(ARN), &reply) == CMAW_OK && reply.envelope.size == 0) {
        abort();
    }
    cmaw_kms_data_reply_free(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool complete = false;
    struct cmaw_http_response response = {0};
    if (cmaw_http_parse(cmaw_slice_of(data, size), &complete, &response) != CMAW_OK || !complete) {
        const struct cmaw_http_response bare = {.status = 400, .body = cmaw_slice_of(data, size)};
        read_body(&bare);
        return 0;
    }
    if (response.status < 200 || response.status > 599 || response.body.size > size) {
        abort();
    }
    read_body(&response);
    if (cmaw_http_parse(cmaw_slice_of(data, size - 1), &complete, &response) == CMAW_OK && complete) {
        abort();
    }
    return 0;
}
