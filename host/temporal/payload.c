#include "host/temporal/payload.h"

#include <string.h>

#include "lib/base/text.h"

void cmaw_temporal_key_id(const uint8_t run_id[static 32], char ret_key_id[static CMAW_TEMPORAL_KEY_ID_SIZE])
{
    memcpy(ret_key_id, "sst/1:", 6);
    // The capacity is right by definition.
    CMAW_IGNORE(cmaw_hex_to_cstr(cmaw_slice_of(run_id, 32), ret_key_id + 6, CMAW_TEMPORAL_KEY_ID_SIZE - 6));
}

struct cmaw_temporal_payload cmaw_temporal_payload_clear(const char *message_type, struct cmaw_slice data)
{
    return (struct cmaw_temporal_payload){.message_type = cmaw_slice_of_cstr(message_type), .data = data};
}

struct cmaw_temporal_payload cmaw_temporal_payload_sealed(const char *message_type, const char *key_id,
                                                          struct cmaw_slice data)
{
    return (struct cmaw_temporal_payload){
        .message_type = cmaw_slice_of_cstr(message_type), .key_id = cmaw_slice_of_cstr(key_id), .data = data};
}

bool cmaw_temporal_payload_is(const struct cmaw_temporal_payload *payload, const char *message_type)
{
    const char *encoding = payload->key_id.size > 0 ? "binary/encrypted" : "binary/protobuf";

    return cmaw_slice_eq_cstr(payload->message_type, message_type) && cmaw_slice_eq_cstr(payload->encoding, encoding);
}
