#include "host/temporal/history.h"

#include "host/temporal/rpc.h"
#include "lib/pb/pb.h"

/* A server that goes on with pages that hold nothing would be asked for ever. */
enum { HISTORY_MAX = 64 * 1024 * 1024, PAGE_EVENTS = 200, EMPTY_PAGES_MAX = 16 };
/* Field numbers of temporal.api's GetWorkflowExecutionHistoryResponse: history and next_page_token. */
enum { PAGE_HISTORY = 1, PAGE_TOKEN = 3 };

/* The History of an encoded page, and its token. */
static enum cmaw_err split_page(struct cmaw_slice page, struct cmaw_slice *ret_history, struct cmaw_buf *token)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(page);
    struct cmaw_pb_field field;

    *ret_history = CMAW_SLICE_EMPTY;
    cmaw_buf_reset(token);
    while (cmaw_pb_any(&reader, &field)) {
        if (field.number == PAGE_HISTORY && field.wire_type == 2) {
            *ret_history = field.bytes;
        } else if (field.number == PAGE_TOKEN && field.wire_type == 2) {
            cmaw_buf_put(token, field.bytes);
        }
    }
    CMAW_TRY(cmaw_buf_err(token));
    return cmaw_pb_end(&reader);
}

/* Encoded messages joined are one message with all their repeated fields. */
enum cmaw_err cmaw_temporal_history_fetch(struct cmaw_temporal *temporal, const char *workflow_id,
                                          struct cmaw_buf *history, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(token, 64 * 1024);
    CMAW_WF(GetWorkflowExecutionHistoryRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__GET_WORKFLOW_EXECUTION_HISTORY_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    const struct cmaw_rpc_options options = {.method = "GetWorkflowExecutionHistory", .request = &request.base};
    size_t total = 0, empty_pages = 0;

    request.namespace_ = temporal->ns;
    request.execution = &execution;
    request.maximum_page_size = PAGE_EVENTS;
    do {
        CMAW_TB_BYTES_AUTO(page);
        struct cmaw_slice part;
        request.next_page_token = cmaw_proto_bytes(cmaw_buf_slice(&token));
        CMAW_TRY(cmaw_temporal_call(temporal, &options, &page, NULL, NULL, diag));
        if (split_page(cmaw_tb_slice(&page), &part, &token) != CMAW_OK) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the history of %s cannot be decoded", workflow_id);
        }
        empty_pages = part.size == 0 ? empty_pages + 1 : 0;
        if (empty_pages > EMPTY_PAGES_MAX) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the history of %s has no end", workflow_id);
        }
        total += part.size;
        if (total > HISTORY_MAX) {
            return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the history of %s is over %d bytes", workflow_id, HISTORY_MAX);
        }
        cmaw_buf_put(history, part);
    } while (token.size > 0);
    return cmaw_buf_err(history);
}
