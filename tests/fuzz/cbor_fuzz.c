/* Any bytes as CBOR under both rules. What is deterministic is well-formed under the platform's rules too. */
#include <stdlib.h>

#include "lib/cbor/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cmaw_slice bytes = cmaw_slice_of(data, size);
    const enum cmaw_err ours = cmaw_cbor_check(bytes, CMAW_CBOR_DETERMINISTIC);
    const enum cmaw_err platform = cmaw_cbor_check(bytes, CMAW_CBOR_PLATFORM);
    if (ours == CMAW_OK && platform != CMAW_OK) {
        abort();
    }
    struct cmaw_cbor cbor = cmaw_cbor_of(bytes, CMAW_CBOR_PLATFORM);
    cmaw_cbor_skip(&cbor);
    if (cbor.rest.size > (cbor.err == CMAW_OK ? size - 1 : 0)) {
        abort();
    }
    struct cmaw_cose_sign1 sign1;
    if (cmaw_cose_sign1_parse(bytes, CMAW_CBOR_DETERMINISTIC, &sign1) == CMAW_OK) {
        CMAW_BUF_AUTO(again, 1 << 20);
        cmaw_cose_put_sign1(&again, &sign1);
        if (!cmaw_slice_eq(cmaw_buf_slice(&again), bytes)) { /* there is one encoding only */
            abort();
        }
    }
    return 0;
}
