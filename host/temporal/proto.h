/* Temporal's generated messages, and short names for the long ones. Messages that are built here live on the stack and borrow:
 * the generated structs have no const, so that what they borrow is cast. */
#ifndef CMAW_TEMPORAL_PROTO_H
#define CMAW_TEMPORAL_PROTO_H

#include <google/rpc/status.pb-c.h>
#include <tb.pb-c.h>
#include <temporal/api/errordetails/v1/message.pb-c.h>
#include <temporal/api/workflowservice/v1/request_response.pb-c.h>
#include <temporal/sdk/core/activity_task/activity_task.pb-c.h>
#include <temporal/sdk/core/workflow_activation/workflow_activation.pb-c.h>
#include <temporal/sdk/core/workflow_completion/workflow_completion.pb-c.h>

#include "lib/base/bytes.h"

#define CMAW_API(name) Temporal__Api__##name
#define CMAW_WF(name) Temporal__Api__Workflowservice__V1__##name
#define CMAW_CORE(name) Coresdk__##name

static inline char *cmaw_proto_text(const char *text)
{
    return (char *)(uintptr_t)text;
}
static inline ProtobufCBinaryData cmaw_proto_bytes(struct cmaw_slice bytes)
{
    return (ProtobufCBinaryData){bytes.size, (uint8_t *)(uintptr_t)bytes.data};
}
static inline struct cmaw_slice cmaw_proto_slice(ProtobufCBinaryData bytes)
{
    return cmaw_slice_of(bytes.data, bytes.len);
}

#endif
