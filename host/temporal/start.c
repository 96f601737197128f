#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "host/temporal/rpc.h"
#include "lib/base/text.h"

enum { STARTS_PAYLOADS_MAX = 300, WORKFLOW_TASK_TIMEOUT_MS = 10000 };

enum cmaw_err cmaw_temporal_queue(const char *tenant, const uint8_t mh[static 32], const char *role,
                                  char ret_queue[static CMAW_TEMPORAL_QUEUE_SIZE])
{
    char hex[9];

    CMAW_TRY(cmaw_hex_to_cstr(cmaw_slice_of(mh, 4), hex, sizeof hex));
    const int n = snprintf(ret_queue, CMAW_TEMPORAL_QUEUE_SIZE, "cmaw.%s.%s%s%s", tenant, hex, role != NULL ? "." : "",
        role != NULL ? role : "");
    CMAW_REQUIRE(n > 0 && n < CMAW_TEMPORAL_QUEUE_SIZE, CMAW_E_TOO_LARGE);
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_request_id(char ret_id[static CMAW_TEMPORAL_ID_SIZE])
{
    uint8_t r[16];

    CMAW_REQUIRE(getrandom(r, sizeof r, 0) == (ssize_t)sizeof r, CMAW_E_IO);
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
    snprintf(ret_id, CMAW_TEMPORAL_ID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1],
        r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
    return CMAW_OK;
}

/* The run that an earlier try of the same start made: the server says whose request holds the id. */
static enum cmaw_err own_earlier_start(const struct cmaw_rpc_refusal *refusal, const char *request_id,
                                       char ret_run[static CMAW_TEMPORAL_ID_SIZE])
{
    CMAW_MESSAGE_AUTO(Google__Rpc__Status, status);
    CMAW_MESSAGE_AUTO(CMAW_API(Errordetails__V1__WorkflowExecutionAlreadyStartedFailure), held);

    status = cmaw_message_decode(&google__rpc__status__descriptor, cmaw_tb_slice(&refusal->details));
    if (status == NULL || status->n_details == 0) {
        return CMAW_E_EXISTS;
    }
    held = cmaw_message_decode(&temporal__api__errordetails__v1__workflow_execution_already_started_failure__descriptor,
        cmaw_proto_slice(status->details[0]->value));
    if (held == NULL || !cmaw_slice_eq_cstr(cmaw_slice_of_cstr(held->start_request_id), request_id)) {
        return CMAW_E_EXISTS;
    }
    return cmaw_slice_to_cstr(cmaw_slice_of_cstr(held->run_id), ret_run, CMAW_TEMPORAL_ID_SIZE);
}

static enum cmaw_err send_start(struct cmaw_temporal *temporal, const struct cmaw_temporal_start *start,
                                const CMAW_WF(StartWorkflowExecutionRequest) *request,
                                char ret_run[static CMAW_TEMPORAL_ID_SIZE], struct cmaw_diag *diag)
{
    CMAW_MESSAGE_AUTO(CMAW_WF(StartWorkflowExecutionResponse), response);
    struct cmaw_rpc_refusal refusal = {0};
    const struct cmaw_rpc_options options = {
        .method = "StartWorkflowExecution",
        .request = &request->base,
        .response = &temporal__api__workflowservice__v1__start_workflow_execution_response__descriptor,
    };

    enum cmaw_err err = cmaw_temporal_call(temporal, &options, NULL, &response, &refusal, diag);
    if (err == CMAW_E_EXISTS) {
        err = own_earlier_start(&refusal, start->request_id, ret_run);
        if (err == CMAW_E_EXISTS) {
            err = cmaw_diag_set(diag, err, "workflow %s was started before", start->workflow_id);
        }
    } else if (err == CMAW_OK) {
        err = cmaw_slice_to_cstr(cmaw_slice_of_cstr(response->run_id), ret_run, CMAW_TEMPORAL_ID_SIZE);
    }
    tb_bytes_free(&refusal.details);
    return err;
}

/* Payload messages of a start: the array and the list of pointers that protobuf-c wants. */
struct payload_list {
    struct cmaw_message_payload *items;
    CMAW_API(Common__V1__Payload) **pointers;
};

static void payload_list_free(struct payload_list *list)
{
    free(list->items);
    free(list->pointers);
}

static enum cmaw_err payload_list_fill(const struct cmaw_temporal_start *start, struct payload_list *list)
{
    CMAW_REQUIRE(start->count <= STARTS_PAYLOADS_MAX, CMAW_E_TOO_LARGE);
    list->items = calloc(start->count + 1, sizeof *list->items);
    list->pointers = calloc(start->count + 1, sizeof *list->pointers);
    CMAW_REQUIRE(list->items != NULL && list->pointers != NULL, CMAW_E_NO_MEMORY);
    for (size_t i = 0; i < start->count; i++) {
        cmaw_message_payload(&start->payloads[i], &list->items[i]);
        list->pointers[i] = &list->items[i].message;
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_start(struct cmaw_temporal *temporal, const struct cmaw_temporal_start *start,
                                  char ret_run[static CMAW_TEMPORAL_ID_SIZE], struct cmaw_diag *diag)
{
    [[gnu::cleanup(payload_list_free)]] struct payload_list list = {NULL, NULL};
    CMAW_WF(StartWorkflowExecutionRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__START_WORKFLOW_EXECUTION_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowType) type = TEMPORAL__API__COMMON__V1__WORKFLOW_TYPE__INIT;
    CMAW_API(Taskqueue__V1__TaskQueue) queue = TEMPORAL__API__TASKQUEUE__V1__TASK_QUEUE__INIT;
    CMAW_API(Common__V1__Payloads) input = TEMPORAL__API__COMMON__V1__PAYLOADS__INIT;
    Google__Protobuf__Duration timeout = cmaw_message_duration(start->timeout_ms);
    Google__Protobuf__Duration task_timeout = cmaw_message_duration(WORKFLOW_TASK_TIMEOUT_MS);

    CMAW_TRY(payload_list_fill(start, &list));
    type.name = cmaw_proto_text(start->type);
    queue.name = cmaw_proto_text(start->queue);
    input.n_payloads = start->count;
    input.payloads = list.pointers;
    request.namespace_ = temporal->ns;
    request.workflow_id = cmaw_proto_text(start->workflow_id);
    request.workflow_type = &type;
    request.task_queue = &queue;
    request.input = &input;
    request.workflow_execution_timeout = start->timeout_ms > 0 ? &timeout : NULL;
    request.workflow_task_timeout = &task_timeout;
    request.identity = temporal->identity;
    request.request_id = cmaw_proto_text(start->request_id);
    request.workflow_id_reuse_policy =
        TEMPORAL__API__ENUMS__V1__WORKFLOW_ID_REUSE_POLICY__WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE;
    request.workflow_id_conflict_policy =
        TEMPORAL__API__ENUMS__V1__WORKFLOW_ID_CONFLICT_POLICY__WORKFLOW_ID_CONFLICT_POLICY_FAIL;
    if (protobuf_c_message_get_packed_size(&input.base) > CMAW_TEMPORAL_PAYLOADS_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the inputs are over %d bytes, the most that Temporal takes",
            CMAW_TEMPORAL_PAYLOADS_MAX);
    }
    return send_start(temporal, start, &request, ret_run, diag);
}
