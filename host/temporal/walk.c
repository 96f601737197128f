/* Visits whatever the events of a history hold, by protobuf-c's descriptors, so that no field is forgotten. */
#include <stdio.h>
#include <string.h>

#include "host/temporal/history.h"
#include "host/temporal/message.h"
#include "lib/pb/pb.h"

enum { DEPTH_MAX = 40, PATH_SIZE = 512 };
enum { HISTORY_EVENTS = 1 }; /* the field of temporal.api.history.v1.History */

struct walk {
    const struct cmaw_temporal_visitor *visitor;
    unsigned depth;
    size_t path_size;
    char path[PATH_SIZE];
};

static enum cmaw_err walk_message(struct walk *walk, const ProtobufCMessage *message);

static enum cmaw_err give_leaf(const struct walk *walk, struct cmaw_slice value)
{
    if (walk->visitor->leaf == NULL || value.size == 0) {
        return CMAW_OK;
    }
    return walk->visitor->leaf(walk->visitor->context, walk->path, value);
}

/* One value of a field, at where it is in the message. */
static enum cmaw_err walk_value(struct walk *walk, const ProtobufCFieldDescriptor *field, const void *at)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return give_leaf(walk, cmaw_slice_of_cstr(*(char *const *)at));
    case PROTOBUF_C_TYPE_BYTES:
        return give_leaf(walk, cmaw_proto_slice(*(const ProtobufCBinaryData *)at));
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *message = *(ProtobufCMessage *const *)at;
        return message != NULL ? walk_message(walk, message) : CMAW_OK;
    }
    default:
        return CMAW_OK;
    }
}

static size_t value_size(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
}

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) {
        return true;
    }
    return *(const uint32_t *)(const void *)((const char *)message + field->quantifier_offset) == field->id;
}

static enum cmaw_err walk_field(struct walk *walk, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const char *at = (const char *)message + field->offset;
    const size_t kept = walk->path_size;
    enum cmaw_err err = CMAW_OK;

    if (!is_set(message, field)) {
        return CMAW_OK;
    }
    const int n = snprintf(walk->path + kept, PATH_SIZE - kept, "%s%s", kept > 0 ? "." : "", field->name);
    CMAW_REQUIRE(n > 0 && (size_t)n < PATH_SIZE - kept, CMAW_E_MALFORMED);
    walk->path_size += (size_t)n;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        err = walk_value(walk, field, at);
    } else if (field->type >= PROTOBUF_C_TYPE_STRING) {
        const size_t count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
        const char *items = *(char *const *)(const void *)at;
        for (size_t i = 0; i < count && err == CMAW_OK; i++) {
            err = walk_value(walk, field, items + i * value_size(field));
        }
    }
    walk->path_size = kept;
    walk->path[kept] = '\0';
    return err;
}

static enum cmaw_err walk_unknown(struct walk *walk, const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->n_unknown_fields && walk->visitor->leaf != NULL; i++) {
        const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];
        CMAW_TRY(walk->visitor->leaf(walk->visitor->context, "unknown", cmaw_slice_of(field->data, field->len)));
    }
    return CMAW_OK;
}

static enum cmaw_err walk_message(struct walk *walk, const ProtobufCMessage *message)
{
    CMAW_REQUIRE(walk->depth < DEPTH_MAX, CMAW_E_MALFORMED);
    walk->depth++;
    if (message->descriptor == &temporal__api__common__v1__payload__descriptor && walk->visitor->payload != NULL) {
        const struct cmaw_temporal_payload view =
            cmaw_message_payload_view((const CMAW_API(Common__V1__Payload) *)message);
        CMAW_TRY(walk->visitor->payload(walk->visitor->context, walk->path, &view));
    }
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        CMAW_TRY(walk_field(walk, message, &message->descriptor->fields[i]));
    }
    CMAW_TRY(walk_unknown(walk, message));
    walk->depth--;
    return CMAW_OK;
}

static enum cmaw_err walk_event(struct cmaw_slice event, const struct cmaw_temporal_visitor *visitor)
{
    CMAW_MESSAGE_AUTO(CMAW_API(History__V1__HistoryEvent), message);
    struct walk walk = {.visitor = visitor};

    message = cmaw_message_decode(&temporal__api__history__v1__history_event__descriptor, event);
    CMAW_REQUIRE(message != NULL, CMAW_E_MALFORMED);
    return walk_message(&walk, &message->base);
}

enum cmaw_err cmaw_temporal_history_walk(struct cmaw_slice history, const struct cmaw_temporal_visitor *visitor, size_t *ret_events)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(history);
    struct cmaw_pb_field field;
    size_t events = 0;

    while (cmaw_pb_any(&reader, &field)) {
        CMAW_REQUIRE(field.number == HISTORY_EVENTS && field.wire_type == 2, CMAW_E_MALFORMED);
        CMAW_TRY(walk_event(field.bytes, visitor));
        events++;
    }
    CMAW_TRY(cmaw_pb_end(&reader));
    *ret_events = events;
    return CMAW_OK;
}
