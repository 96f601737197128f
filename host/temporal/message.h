/* Helpers on Temporal's messages, for host/temporal and host/worker. */
#ifndef CMAW_TEMPORAL_MESSAGE_H
#define CMAW_TEMPORAL_MESSAGE_H

#include "host/temporal/payload.h"
#include "host/temporal/printable.h"
#include "host/temporal/proto.h"

/* A Payload that borrows what it says: fill with cmaw_message_payload, use message, do not move. */
struct cmaw_message_payload {
    CMAW_API(Common__V1__Payload) message;
    CMAW_API(Common__V1__Payload__MetadataEntry) entries[3];
    CMAW_API(Common__V1__Payload__MetadataEntry) *entry_list[3];
};
void cmaw_message_payload(const struct cmaw_temporal_payload *payload, struct cmaw_message_payload *ret_message);
/* The view of a Payload that was read. */
struct cmaw_temporal_payload cmaw_message_payload_view(const CMAW_API(Common__V1__Payload) *message);

/* Appends the encoding of a message; latches in buf. */
void cmaw_message_encode(const ProtobufCMessage *message, struct cmaw_buf *buf);
/* Decodes; NULL for MALFORMED or without memory. Free with cmaw_message_free. */
void *cmaw_message_decode(const ProtobufCMessageDescriptor *descriptor, struct cmaw_slice bytes);
void cmaw_message_free(void *message);
void cmaw_message_free_at(void *message_pointer);
/* A decoded message that is freed at the end of its scope. */
#define CMAW_MESSAGE_AUTO(type, name) [[gnu::cleanup(cmaw_message_free_at)]] type *name = NULL

/* 0 for NULL or negative. */
uint64_t cmaw_message_ms(const Google__Protobuf__Timestamp *time);
Google__Protobuf__Duration cmaw_message_duration(uint64_t ms);

/* The failure nearest to the root that has application info; NULL if none. */
const CMAW_API(Failure__V1__Failure) *cmaw_message_application_failure(const CMAW_API(Failure__V1__Failure) *failure);

#endif
