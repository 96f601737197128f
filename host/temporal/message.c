#include "host/temporal/message.h"

#include <stdlib.h>

void cmaw_message_payload(const struct cmaw_temporal_payload *payload, struct cmaw_message_payload *ret_message)
{
    const struct cmaw_slice sealed = CMAW_SLICE_LIT("binary/encrypted"), clear = CMAW_SLICE_LIT("binary/protobuf");
    const struct {
        const char *key;
        struct cmaw_slice value;
    } metadata[] = {
        {"encoding", payload->key_id.size > 0 ? sealed : clear},
        {"messageType", payload->message_type},
        {"encryption-key-id", payload->key_id},
    };

    temporal__api__common__v1__payload__init(&ret_message->message);
    for (size_t i = 0; i < 3; i++) {
        if (metadata[i].value.size == 0) {
            continue;
        }
        const size_t at = ret_message->message.n_metadata++;
        temporal__api__common__v1__payload__metadata_entry__init(&ret_message->entries[at]);
        ret_message->entries[at].key = cmaw_proto_text(metadata[i].key);
        ret_message->entries[at].value = cmaw_proto_bytes(metadata[i].value);
        ret_message->entry_list[at] = &ret_message->entries[at];
    }
    ret_message->message.metadata = ret_message->entry_list;
    ret_message->message.data = cmaw_proto_bytes(payload->data);
}

struct cmaw_temporal_payload cmaw_message_payload_view(const CMAW_API(Common__V1__Payload) *message)
{
    struct cmaw_temporal_payload view = {.data = cmaw_proto_slice(message->data)};

    for (size_t i = 0; i < message->n_metadata; i++) {
        const struct cmaw_slice key = cmaw_slice_of_cstr(message->metadata[i]->key);
        const struct cmaw_slice value = cmaw_proto_slice(message->metadata[i]->value);
        if (cmaw_slice_eq_cstr(key, "encoding")) {
            view.encoding = value;
        } else if (cmaw_slice_eq_cstr(key, "messageType")) {
            view.message_type = value;
        } else if (cmaw_slice_eq_cstr(key, "encryption-key-id")) {
            view.key_id = value;
        }
    }
    return view;
}

void cmaw_message_encode(const ProtobufCMessage *message, struct cmaw_buf *buf)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *at = cmaw_buf_extend(buf, size);

    if (at != NULL) {
        protobuf_c_message_pack(message, at);
    }
}

void *cmaw_message_decode(const ProtobufCMessageDescriptor *descriptor, struct cmaw_slice bytes)
{
    return protobuf_c_message_unpack(descriptor, NULL, bytes.size, bytes.data);
}

void cmaw_message_free(void *message)
{
    if (message != NULL) {
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

void cmaw_message_free_at(void *message_pointer)
{
    cmaw_message_free(*(void **)message_pointer);
}

uint64_t cmaw_message_ms(const Google__Protobuf__Timestamp *time)
{
    if (time == NULL || time->seconds < 0 || time->nanos < 0) {
        return 0;
    }
    return (uint64_t)time->seconds * 1000 + (uint64_t)time->nanos / 1000000;
}

Google__Protobuf__Duration cmaw_message_duration(uint64_t ms)
{
    Google__Protobuf__Duration duration = GOOGLE__PROTOBUF__DURATION__INIT;

    duration.seconds = (int64_t)(ms / 1000);
    duration.nanos = (int32_t)(ms % 1000) * 1000000;
    return duration;
}

const CMAW_API(Failure__V1__Failure) *cmaw_message_application_failure(const CMAW_API(Failure__V1__Failure) *failure)
{
    while (failure != NULL &&
           failure->failure_info_case != TEMPORAL__API__FAILURE__V1__FAILURE__FAILURE_INFO_APPLICATION_FAILURE_INFO) {
        failure = failure->cause;
    }
    return failure;
}
