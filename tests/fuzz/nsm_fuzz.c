/* What the NSM answers: the first byte chooses the operation, the rest is the answer. */
#include <stdlib.h>

#include "enclave/nsm/nsm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cmaw_slice answer;

static enum cmaw_err give(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    (void)context;
    (void)request;
    cmaw_buf_put(response, answer);
    return cmaw_buf_err(response);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cmaw_nsm nsm = {give, NULL};
    struct cmaw_nsm_pcr pcr;
    if (size == 0) {
        return 0;
    }
    CMAW_BUF_AUTO(out, CMAW_NSM_RESPONSE_MAX);
    answer = cmaw_slice_of(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0: CMAW_IGNORE(cmaw_nsm_random(&nsm, &out)); break;
    case 1: CMAW_IGNORE(cmaw_nsm_describe_pcr(&nsm, 16, &pcr)); break;
    case 2: CMAW_IGNORE(cmaw_nsm_extend_pcr(&nsm, 16, CMAW_SLICE_LIT("x"))); break;
    case 3: CMAW_IGNORE(cmaw_nsm_lock_pcr(&nsm, 16)); break;
    default: CMAW_IGNORE(cmaw_nsm_attest(&nsm, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, &out));
    }
    return 0;
}
