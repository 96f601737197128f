#include "tests/unit/temporal_calls.h"

#include "host/temporal/rpc.h"

enum { QUERY_RESULT_MAX = 256 * 1024 };

/* The data of a json/plain payload. */
static enum cmaw_err take_json(const CMAW_WF(QueryWorkflowResponse) *response, struct cmaw_buf *json, struct cmaw_diag *diag)
{
    const CMAW_API(Common__V1__Payloads) *payloads = response->query_result;

    if (payloads == NULL || payloads->n_payloads != 1) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the query was answered with nothing");
    }
    const struct cmaw_temporal_payload payload = cmaw_message_payload_view(payloads->payloads[0]);
    if (!cmaw_slice_eq_cstr(payload.encoding, "json/plain") || payload.data.size > QUERY_RESULT_MAX) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the query was not answered with JSON");
    }
    cmaw_buf_put(json, payload.data);
    return cmaw_buf_err(json);
}

enum cmaw_err temporal_query(struct cmaw_temporal *temporal, const char *workflow_id, const char *query, uint32_t timeout_ms,
                             struct cmaw_buf *json, struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(CMAW_WF(QueryWorkflowResponse), response);
    CMAW_WF(QueryWorkflowRequest) request = TEMPORAL__API__WORKFLOWSERVICE__V1__QUERY_WORKFLOW_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    CMAW_API(Query__V1__WorkflowQuery) what = TEMPORAL__API__QUERY__V1__WORKFLOW_QUERY__INIT;
    const struct cmaw_rpc_options options = {
        .method = "QueryWorkflow",
        .request = &request.base,
        .response = &temporal__api__workflowservice__v1__query_workflow_response__descriptor,
        .timeout_ms = timeout_ms,
        .once = true,
    };

    what.query_type = cmaw_proto_text(query);
    request.namespace_ = temporal->ns;
    request.execution = &execution;
    request.query = &what;
    CMAW_TRY(cmaw_temporal_call(temporal, &options, NULL, &response, NULL, diag));
    return take_json(response, json, diag);
}

enum cmaw_err temporal_cancel(struct cmaw_temporal *temporal, const char *workflow_id, struct cmaw_diag *diag)
{
    CMAW_WF(RequestCancelWorkflowExecutionRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__REQUEST_CANCEL_WORKFLOW_EXECUTION_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    char request_id[CMAW_TEMPORAL_ID_SIZE];
    const struct cmaw_rpc_options options = {.method = "RequestCancelWorkflowExecution", .request = &request.base};

    CMAW_TRY(cmaw_temporal_request_id(request_id));
    request.namespace_ = temporal->ns;
    request.workflow_execution = &execution;
    request.identity = temporal->identity;
    request.request_id = request_id;
    return cmaw_temporal_call(temporal, &options, NULL, NULL, NULL, diag);
}

enum cmaw_err temporal_terminate(struct cmaw_temporal *temporal, const char *workflow_id, const char *reason, struct cmaw_diag *diag)
{
    CMAW_WF(TerminateWorkflowExecutionRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__TERMINATE_WORKFLOW_EXECUTION_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    const struct cmaw_rpc_options options = {.method = "TerminateWorkflowExecution", .request = &request.base};

    request.namespace_ = temporal->ns;
    request.workflow_execution = &execution;
    request.reason = cmaw_proto_text(reason);
    request.identity = temporal->identity;
    return cmaw_temporal_call(temporal, &options, NULL, NULL, NULL, diag);
}
