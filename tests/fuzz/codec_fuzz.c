/* Any body as a request to the codec endpoint: every payload is shown or stays as it is, without a store; what is shown comes out as a payload again. The
 * first byte chooses what the rest is: a plan (p) or a body. */
#include <stdlib.h>

#include "client/codec/request.h"
#include "client/codec/view.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void view(const struct cmaw_temporal_payload *payload)
{
    struct cmaw_codec_source none = {0};
    CMAW_JSON_AUTO(value);
    CMAW_JSON_AUTO(shown);
    /* a sealed one would be looked for in a store, of which there is none here */
    if (payload->key_id.size == 0 && cmaw_codec_view(&none, payload, NULL, &value) == CMAW_OK &&
        (cmaw_codec_payload_of(value, &shown) != CMAW_OK || json_object_get(shown, "data") == NULL)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct cmaw_slice rest = cmaw_slice_of(data + 1, size - 1);
    if (data[0] == 'p') {
        const struct cmaw_temporal_payload plan = {.encoding = CMAW_SLICE_LIT("binary/protobuf"), .message_type = CMAW_SLICE_LIT(CMAW_TEMPORAL_PLAN),
                                                   .data = rest};
        view(&plan);
        return 0;
    }
    CMAW_CODEC_REQUEST_AUTO(request);
    if (cmaw_codec_request_parse(rest, &request) == CMAW_OK) {
        if (request.count > CMAW_CODEC_PAYLOADS_MAX) {
            abort();
        }
        for (size_t i = 0; i < request.count; i++) {
            view(&request.payloads[i].view);
        }
    }
    return 0;
}
