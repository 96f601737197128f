/* Any bytes as requests to the NSM simulator, one after another on one enclave: u8 size ‖ request. */
#include <stdlib.h>
#include <string.h>

#include "dev/nsm_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum cmaw_err sign(void *context, const struct cmaw_nsm_instance *instance,
                          const struct cmaw_nsm_attestation *fields, struct cmaw_buf *document)
{
    (void)context;
    (void)instance;
    if (fields->user_data.bytes.size > CMAW_NSM_FIELD_MAX || fields->public_key.bytes.size > CMAW_NSM_PUBLIC_KEY_MAX) {
        abort();
    }
    cmaw_buf_put(document, fields->public_key.bytes);
    return cmaw_buf_err(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cmaw_nsm_signer signer = {sign, NULL};
    struct cmaw_nsm_instance instance = {.module_id = "i-0-enc0"};
    struct cmaw_reader reader = cmaw_reader_of(cmaw_slice_of(data, size));
    cmaw_nsm_boot(&instance);
    while (reader.rest.size > 0 && reader.err == CMAW_OK) {
        const struct cmaw_slice request = cmaw_read_bytes(&reader, cmaw_read_u8(&reader));
        const struct cmaw_nsm_instance before = instance;
        CMAW_BUF_AUTO(response, CMAW_NSM_RESPONSE_MAX);
        if (cmaw_nsm_handle(&instance, &signer, request, &response) != CMAW_OK || response.size == 0) {
            abort();
        }
        for (size_t i = 0; i < CMAW_PCR_COUNT; i++) {
            const bool locked = (before.locked >> i & 1) != 0;
            const bool same = cmaw_slice_eq(CMAW_SLICE_ARRAY(before.pcrs[i]), CMAW_SLICE_ARRAY(instance.pcrs[i]));
            if (locked && (!same || (instance.locked >> i & 1) == 0)) {
                abort(); /* a locked register never changes */
            }
        }
    }
    return 0;
}
