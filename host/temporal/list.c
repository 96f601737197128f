#include <stdio.h>
#include <string.h>

#include "host/temporal/rpc.h"

enum { PAGE_SIZE = 100 };

static void fill_info(const CMAW_API(Workflow__V1__WorkflowExecutionInfo) *info, struct cmaw_temporal_info *ret_info)
{
    *ret_info = (struct cmaw_temporal_info){
        .status = info->status >= 0 && info->status <= (int)CMAW_TEMPORAL_TIMED_OUT ? (enum cmaw_temporal_status)info->status
                                                                                   : CMAW_TEMPORAL_UNKNOWN,
        .started_ms = cmaw_message_ms(info->start_time),
        .closed_ms = cmaw_message_ms(info->close_time),
        .events = info->history_length > 0 ? (uint64_t)info->history_length : 0,
        .history_bytes = info->history_size_bytes > 0 ? (uint64_t)info->history_size_bytes : 0,
    };
    if (info->execution != NULL) {
        cmaw_printable(cmaw_slice_of_cstr(info->execution->workflow_id), ret_info->workflow_id,
            sizeof ret_info->workflow_id);
        cmaw_printable(cmaw_slice_of_cstr(info->execution->run_id), ret_info->run, sizeof ret_info->run);
    }
    cmaw_printable(cmaw_slice_of_cstr(info->type != NULL ? info->type->name : NULL), ret_info->type,
        sizeof ret_info->type);
    cmaw_printable(cmaw_slice_of_cstr(info->task_queue), ret_info->queue, sizeof ret_info->queue);
}

enum cmaw_err cmaw_temporal_describe(struct cmaw_temporal *temporal, const char *workflow_id,
                                     struct cmaw_temporal_info *ret_info, struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(CMAW_WF(DescribeWorkflowExecutionResponse), response);
    CMAW_WF(DescribeWorkflowExecutionRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__DESCRIBE_WORKFLOW_EXECUTION_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    const struct cmaw_rpc_options options = {
        .method = "DescribeWorkflowExecution",
        .request = &request.base,
        .response = &temporal__api__workflowservice__v1__describe_workflow_execution_response__descriptor,
    };

    request.namespace_ = temporal->ns;
    request.execution = &execution;
    CMAW_TRY(cmaw_temporal_call(temporal, &options, NULL, &response, NULL, diag));
    if (response->workflow_execution_info == NULL) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: workflow %s is described by nothing", workflow_id);
    }
    fill_info(response->workflow_execution_info, ret_info);
    return CMAW_OK;
}

/* One page; *limit is lowered by what was visited. */
static enum cmaw_err list_page(struct cmaw_temporal *temporal, size_t *limit, struct cmaw_buf *token,
                               enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_info *info), void *context,
                               struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(CMAW_WF(ListWorkflowExecutionsResponse), response);
    CMAW_WF(ListWorkflowExecutionsRequest) request = TEMPORAL__API__WORKFLOWSERVICE__V1__LIST_WORKFLOW_EXECUTIONS_REQUEST__INIT;
    const struct cmaw_rpc_options options = {
        .method = "ListWorkflowExecutions",
        .request = &request.base,
        .response = &temporal__api__workflowservice__v1__list_workflow_executions_response__descriptor,
    };

    request.namespace_ = temporal->ns;
    request.page_size = *limit < PAGE_SIZE ? (int32_t)*limit : PAGE_SIZE;
    request.query = cmaw_proto_text("WorkflowType = '" CMAW_TEMPORAL_WORKFLOW_TYPE "'");
    request.next_page_token = cmaw_proto_bytes(cmaw_buf_slice(token));
    CMAW_TRY(cmaw_temporal_call(temporal, &options, NULL, &response, NULL, diag));
    for (size_t i = 0; i < response->n_executions && *limit > 0; i++, (*limit)--) {
        struct cmaw_temporal_info info;
        fill_info(response->executions[i], &info);
        CMAW_TRY(visit(context, &info));
    }
    cmaw_buf_reset(token);
    cmaw_buf_put(token, cmaw_proto_slice(response->next_page_token));
    return cmaw_buf_err(token);
}

enum cmaw_err cmaw_temporal_list(struct cmaw_temporal *temporal, size_t limit,
                                 enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_info *info),
                                 void *context, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(token, 64 * 1024);

    while (limit > 0) {
        CMAW_TRY(list_page(temporal, &limit, &token, visit, context, diag));
        if (token.size == 0) {
            break;
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_check(struct cmaw_temporal *temporal, struct cmaw_diag *diag)
{
    CMAW_WF(DescribeNamespaceRequest) request = TEMPORAL__API__WORKFLOWSERVICE__V1__DESCRIBE_NAMESPACE_REQUEST__INIT;
    const struct cmaw_rpc_options options = {.method = "DescribeNamespace", .request = &request.base, .once = true};

    request.namespace_ = temporal->ns;
    return cmaw_temporal_call(temporal, &options, NULL, NULL, NULL, diag);
}
