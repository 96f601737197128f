/* Temporal payloads as the worker and cmaw make them: metadata `encoding` and `messageType`, and for whatever
 * contains sealed states `encryption-key-id` = "sst/1:<run id>". The data is one object of sst.proto or host.proto as is. */
#ifndef CMAW_TEMPORAL_PAYLOAD_H
#define CMAW_TEMPORAL_PAYLOAD_H

#include "lib/base/bytes.h"

/* Message types that occur in payloads. */
#define CMAW_TEMPORAL_PLAN "cmaw.v1.Plan"
#define CMAW_TEMPORAL_TICKET "cmaw.v1.Ticket"
#define CMAW_TEMPORAL_STATE "cmaw.v1.State"
#define CMAW_TEMPORAL_STEP_TASK "cmaw.v1.StepTask"
#define CMAW_TEMPORAL_STEP_RESULT "cmaw.v1.StepResult"
#define CMAW_TEMPORAL_RUN_RESULT "cmaw.v1.RunResult"

/* The server refuses a payload list over 2 MiB; we stop short of it, metadata included. */
enum { CMAW_TEMPORAL_PAYLOADS_MAX = 2 * 1024 * 1024 - 16 * 1024 };

/* Borrowed. With key_id empty the encoding is binary/protobuf, otherwise binary/encrypted. For a payload read from
 * Temporal every field is hostile, encoding is what it says, and may be anything. */
struct cmaw_temporal_payload {
    struct cmaw_slice encoding; /* filled when read; ignored when written */
    struct cmaw_slice message_type;
    struct cmaw_slice key_id;
    struct cmaw_slice data;
};

enum { CMAW_TEMPORAL_KEY_ID_SIZE = 6 + 64 + 1 };
/* "sst/1:" and the run id (32 bytes) in hex. */
void cmaw_temporal_key_id(const uint8_t run_id[static 32], char ret_key_id[static CMAW_TEMPORAL_KEY_ID_SIZE]);
/* Plan: binary/protobuf. */
struct cmaw_temporal_payload cmaw_temporal_payload_clear(const char *message_type, struct cmaw_slice data);
/* Ticket, State, StepTask, StepResult, RunResult: binary/encrypted. key_id is borrowed. */
struct cmaw_temporal_payload cmaw_temporal_payload_sealed(const char *message_type, const char *key_id,
                                                          struct cmaw_slice data);
/* True if the payload has the message type, and an encoding that fits it. */
bool cmaw_temporal_payload_is(const struct cmaw_temporal_payload *payload, const char *message_type);

#endif
