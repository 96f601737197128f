/* One call to the server: typed messages in and out, errors in our terms. Internal to host/temporal. */
#ifndef CMAW_TEMPORAL_RPC_H
#define CMAW_TEMPORAL_RPC_H

#include <temporal_bridge.h>

#include "host/temporal/client.h"
#include "host/temporal/message.h"

struct cmaw_temporal {
    struct tb_runtime *runtime;
    struct tb_client *client;
    char ns[256];
    char identity[128];
};

struct cmaw_rpc_options {
    const char *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *response; /* NULL: not decoded */
    uint32_t timeout_ms;                        /* 0: core's default */
    bool once;                                  /* without core's retries */
    const int *stop;                            /* ends the call with UNAVAILABLE */
};

/* What the server said where it refused. Empty otherwise. */
struct cmaw_rpc_refusal {
    int32_t grpc_code;
    struct tb_bytes details; /* google.rpc.Status; release with tb_bytes_free */
};

/* Where bytes is not NULL it gets the encoded response (release with tb_bytes_free). ret_response and refusal may be NULL. */
enum cmaw_err cmaw_temporal_call(struct cmaw_temporal *temporal, const struct cmaw_rpc_options *options,
                                 struct tb_bytes *ret_bytes, void *ret_response, struct cmaw_rpc_refusal *ret_refusal,
                                 struct cmaw_diag *diag);

static inline struct cmaw_slice cmaw_tb_slice(const struct tb_bytes *bytes)
{
    return cmaw_slice_of(bytes->data, bytes->len);
}
/* A tb_bytes variable that releases itself at the end of its scope. */
#define CMAW_TB_BYTES_AUTO(name) [[gnu::cleanup(tb_bytes_free)]] struct tb_bytes name = {NULL, 0, 0}

/* The WorkflowExecution of an id, latest run. */
static inline CMAW_API(Common__V1__WorkflowExecution) cmaw_rpc_execution(const char *workflow_id)
{
    CMAW_API(Common__V1__WorkflowExecution) execution = TEMPORAL__API__COMMON__V1__WORKFLOW_EXECUTION__INIT;

    execution.workflow_id = cmaw_proto_text(workflow_id);
    return execution;
}

#endif
