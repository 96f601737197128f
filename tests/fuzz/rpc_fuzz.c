/* A frame's content at an enclave (first byte even) or at its caller (odd): what is accepted has one encoding. */
#include <stdlib.h>

#include "lib/rpc/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cmaw_request request;
static struct cmaw_response response;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CMAW_BUF_AUTO(again, 1 << 22);
    if (size == 0) {
        return 0;
    }
    const struct cmaw_slice bytes = cmaw_slice_of(data + 1, size - 1);
    if (data[0] % 2 == 0) {
        if (cmaw_request_decode(bytes, &request) != CMAW_OK) {
            return 0;
        }
        cmaw_request_encode(&request, &again);
    } else {
        if (cmaw_response_decode(bytes, &response) != CMAW_OK) {
            return 0;
        }
        cmaw_response_encode(&response, &again);
    }
    if (cmaw_buf_err(&again) != CMAW_OK || !cmaw_slice_eq(cmaw_buf_slice(&again), bytes)) {
        abort();
    }
    return 0;
}
