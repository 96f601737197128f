#include "host/temporal/history.h"

#include <string.h>

#include "host/temporal/rpc.h"
#include "lib/pb/pb.h"

enum { HISTORY_MAX = 64 * 1024 * 1024, PAGE_EVENTS = 200 };
/* Field numbers of temporal.api: History.events, HistoryEvent.event_id and .event_type,
 * GetWorkflowExecutionHistoryResponse.history and .next_page_token. */
enum { HISTORY_EVENTS = 1, EVENT_ID = 1, EVENT_TYPE = 3, PAGE_HISTORY = 1, PAGE_TOKEN = 3 };

static enum cmaw_err read_event(struct cmaw_slice raw, struct cmaw_temporal_event *ret_event)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(raw);
    struct cmaw_pb_field field;
    struct cmaw_temporal_event event = {.type_name = "", .raw = raw};

    while (cmaw_pb_any(&reader, &field)) {
        if (field.number == EVENT_ID && field.wire_type == 0) {
            event.id = field.value;
        } else if (field.number == EVENT_TYPE && field.wire_type == 0) {
            event.type = (uint32_t)field.value;
        }
    }
    CMAW_TRY(cmaw_pb_end(&reader));
    const ProtobufCEnumValue *name = protobuf_c_enum_descriptor_get_value(
        &temporal__api__enums__v1__event_type__descriptor, (int)event.type);
    if (name != NULL) {
        event.type_name = name->name;
    }
    *ret_event = event;
    return CMAW_OK;
}

enum cmaw_err cmaw_temporal_history_events(struct cmaw_slice history,
                                           enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_event *event),
                                           void *context)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(history);
    struct cmaw_pb_field field;

    while (cmaw_pb_any(&reader, &field)) {
        struct cmaw_temporal_event event;
        CMAW_REQUIRE(field.number == HISTORY_EVENTS && field.wire_type == 2, CMAW_E_MALFORMED);
        CMAW_TRY(read_event(field.bytes, &event));
        CMAW_TRY(visit(context, &event));
    }
    return cmaw_pb_end(&reader);
}

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

/* Visits the encoded History of every page. */
static enum cmaw_err each_page(struct cmaw_temporal *temporal, const char *workflow_id,
                               enum cmaw_err (*visit)(void *context, struct cmaw_slice history), void *context,
                               struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(token, 64 * 1024);
    CMAW_WF(GetWorkflowExecutionHistoryRequest) request =
        TEMPORAL__API__WORKFLOWSERVICE__V1__GET_WORKFLOW_EXECUTION_HISTORY_REQUEST__INIT;
    CMAW_API(Common__V1__WorkflowExecution) execution = cmaw_rpc_execution(workflow_id);
    const struct cmaw_rpc_options options = {.method = "GetWorkflowExecutionHistory", .request = &request.base};
    size_t total = 0;

    request.namespace_ = temporal->ns;
    request.execution = &execution;
    request.maximum_page_size = PAGE_EVENTS;
    do {
        CMAW_TB_BYTES_AUTO(page);
        struct cmaw_slice history;
        request.next_page_token = cmaw_proto_bytes(cmaw_buf_slice(&token));
        CMAW_TRY(cmaw_temporal_call(temporal, &options, &page, NULL, NULL, diag));
        if (split_page(cmaw_tb_slice(&page), &history, &token) != CMAW_OK) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the history of %s cannot be decoded", workflow_id);
        }
        total += history.size;
        if (total > HISTORY_MAX) {
            return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the history of %s is over %d bytes", workflow_id, HISTORY_MAX);
        }
        CMAW_TRY(visit(context, history));
    } while (token.size > 0);
    return CMAW_OK;
}

struct event_visit {
    enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_event *event);
    void *context;
};

static enum cmaw_err visit_page(void *context, struct cmaw_slice history)
{
    const struct event_visit *event_visit = context;

    return cmaw_temporal_history_events(history, event_visit->visit, event_visit->context);
}

enum cmaw_err cmaw_temporal_history(struct cmaw_temporal *temporal, const char *workflow_id,
                                    enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_event *event),
                                    void *context, struct cmaw_diag *diag)
{
    struct event_visit event_visit = {visit, context};

    return each_page(temporal, workflow_id, visit_page, &event_visit, diag);
}

/* Encoded messages joined are one message with all their repeated fields. */
static enum cmaw_err append_page(void *context, struct cmaw_slice history)
{
    struct cmaw_buf *buf = context;

    cmaw_buf_put(buf, history);
    return cmaw_buf_err(buf);
}

enum cmaw_err cmaw_temporal_history_fetch(struct cmaw_temporal *temporal, const char *workflow_id,
                                          struct cmaw_buf *history, struct cmaw_diag *diag)
{
    return each_page(temporal, workflow_id, append_page, history, diag);
}
