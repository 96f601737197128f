#include "host/worker/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/timing.h"

#define COMMAND_CASE(name) CORESDK__WORKFLOW_COMMANDS__WORKFLOW_COMMAND__VARIANT_##name
#define REPLY_CASE(name) CORESDK__WORKFLOW_COMPLETION__WORKFLOW_ACTIVATION_COMPLETION__STATUS_##name

enum { ID_SIZE = 128 };

/* What a failure's ApplicationFailure is made of. */
struct failure_parts {
    CMAW_API(Failure__V1__Failure) failure;
    CMAW_API(Failure__V1__ApplicationFailureInfo) info;
    CMAW_API(Common__V1__Payloads) details;
};

/* One command and all that it points to. */
struct item {
    struct item *next;
    CMAW_CORE(WorkflowCommands__WorkflowCommand) command;
    union {
        CMAW_CORE(WorkflowCommands__ScheduleActivity) schedule;
        CMAW_CORE(WorkflowCommands__StartTimer) timer;
        CMAW_CORE(WorkflowCommands__CompleteWorkflowExecution) complete;
        CMAW_CORE(WorkflowCommands__FailWorkflowExecution) fail;
        CMAW_CORE(WorkflowCommands__CancelWorkflowExecution) cancel;
        CMAW_CORE(WorkflowCommands__QueryResult) query;
        CMAW_CORE(WorkflowCommands__UpdateResponse) update;
    };
    CMAW_CORE(WorkflowCommands__QuerySuccess) answer;
    struct failure_parts failure;
    CMAW_API(Common__V1__RetryPolicy) retry;
    Google__Protobuf__Duration durations[4];
    struct cmaw_message_payload payload;
    CMAW_API(Common__V1__Payload) *payloads[1];
    struct cmaw_buf data;
    char id[ID_SIZE];
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];
    char key_id[CMAW_TEMPORAL_KEY_ID_SIZE];
    char text[96];
};

struct cmaw_reply {
    const char *run_id;
    struct item *first;
    struct item **last;
    size_t count;
};

enum cmaw_err cmaw_reply_new(const char *run_id, struct cmaw_reply **ret_reply)
{
    struct cmaw_reply *reply = calloc(1, sizeof *reply);

    CMAW_REQUIRE(reply != NULL, CMAW_E_NO_MEMORY);
    reply->run_id = run_id;
    reply->last = &reply->first;
    *ret_reply = reply;
    return CMAW_OK;
}

static void drop_items(struct cmaw_reply *reply)
{
    for (struct item *item = reply->first; item != NULL;) {
        struct item *next = item->next;
        cmaw_buf_free(&item->data);
        free(item);
        item = next;
    }
    reply->first = NULL;
    reply->last = &reply->first;
    reply->count = 0;
}

void cmaw_reply_free(struct cmaw_reply *reply)
{
    if (reply == NULL) {
        return;
    }
    drop_items(reply);
    free(reply);
}

/* A new command at the end; NULL without memory. */
static struct item *add(struct cmaw_reply *reply, CMAW_CORE(WorkflowCommands__WorkflowCommand__VariantCase) variant)
{
    struct item *item = calloc(1, sizeof *item);

    if (item == NULL) {
        return NULL;
    }
    coresdk__workflow_commands__workflow_command__init(&item->command);
    item->command.variant_case = variant;
    *reply->last = item;
    reply->last = &item->next;
    reply->count++;
    return item;
}

/* Moves data into the item and makes its payload of it, sealed under key_id. */
static void hold_sealed(struct item *item, const char *type, const char *key_id, struct cmaw_buf *data)
{
    item->data = *data;
    *data = CMAW_BUF(data->max);
    snprintf(item->key_id, sizeof item->key_id, "%s", key_id);
    const struct cmaw_temporal_payload payload =
        cmaw_temporal_payload_sealed(type, item->key_id, cmaw_buf_slice(&item->data));
    cmaw_message_payload(&payload, &item->payload);
    item->payloads[0] = &item->payload.message;
}

/* What the server repeats of itself: whatever is not a code that an enclave's answer ended with. */
static void fill_retry(struct item *item)
{
    static const char *const ends[] = {"BAD_REQUEST", "DENIED", "EXPIRED", "TOO_LARGE", "AGENT_FAILED", "AGENT_TIMEOUT", "INTERNAL"};

    temporal__api__common__v1__retry_policy__init(&item->retry);
    item->durations[0] = cmaw_message_duration(CMAW_RETRY_FIRST_MS);
    item->durations[1] = cmaw_message_duration(CMAW_RETRY_LAST_MS);
    item->retry.initial_interval = &item->durations[0];
    item->retry.maximum_interval = &item->durations[1];
    item->retry.backoff_coefficient = 2.0;
    item->retry.n_non_retryable_error_types = sizeof ends / sizeof *ends;
    item->retry.non_retryable_error_types = (char **)(uintptr_t)ends;
}

enum cmaw_err cmaw_reply_step(struct cmaw_reply *reply, const struct cmaw_command *command, uint32_t timeout_s,
                              const char *queue, const char *key_id, struct cmaw_buf *task)
{
    struct item *item = add(reply, COMMAND_CASE(SCHEDULE_ACTIVITY));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    CMAW_CORE(WorkflowCommands__ScheduleActivity) *schedule = &item->schedule;
    coresdk__workflow_commands__schedule_activity__init(schedule);
    item->command.schedule_activity = schedule;
    hold_sealed(item, CMAW_TEMPORAL_STEP_TASK, key_id, task);
    snprintf(item->id, sizeof item->id, "%u.%u", command->step, command->attempt);
    snprintf(item->queue, sizeof item->queue, "%s", queue);
    fill_retry(item);
    item->durations[2] = cmaw_message_duration((uint64_t)timeout_s * 1000 + CMAW_STEP_MARGIN_MS);
    item->durations[3] = cmaw_message_duration(CMAW_HEARTBEAT_TIMEOUT_MS);
    schedule->seq = command->seq;
    schedule->activity_id = item->id;
    schedule->activity_type = cmaw_proto_text(CMAW_TEMPORAL_ACTIVITY_TYPE);
    schedule->task_queue = item->queue;
    schedule->n_arguments = 1;
    schedule->arguments = item->payloads;
    schedule->start_to_close_timeout = &item->durations[2];
    schedule->heartbeat_timeout = &item->durations[3];
    schedule->retry_policy = &item->retry;
    return CMAW_OK;
}

enum cmaw_err cmaw_reply_pause(struct cmaw_reply *reply, const struct cmaw_command *command)
{
    struct item *item = add(reply, COMMAND_CASE(START_TIMER));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__start_timer__init(&item->timer);
    item->command.start_timer = &item->timer;
    item->durations[0] = cmaw_message_duration(command->pause_ms);
    item->timer.seq = command->seq;
    item->timer.start_to_fire_timeout = &item->durations[0];
    return CMAW_OK;
}

enum cmaw_err cmaw_reply_complete(struct cmaw_reply *reply, const char *key_id, struct cmaw_buf *result)
{
    struct item *item = add(reply, COMMAND_CASE(COMPLETE_WORKFLOW_EXECUTION));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__complete_workflow_execution__init(&item->complete);
    item->command.complete_workflow_execution = &item->complete;
    hold_sealed(item, CMAW_TEMPORAL_RUN_RESULT, key_id, result);
    item->complete.result = &item->payload.message;
    return CMAW_OK;
}

static void fill_failure(struct item *item, const char *type)
{
    struct failure_parts *parts = &item->failure;

    temporal__api__failure__v1__failure__init(&parts->failure);
    temporal__api__failure__v1__application_failure_info__init(&parts->info);
    parts->failure.message = item->text;
    parts->failure.source = cmaw_proto_text("cmaw");
    parts->failure.failure_info_case = TEMPORAL__API__FAILURE__V1__FAILURE__FAILURE_INFO_APPLICATION_FAILURE_INFO;
    parts->failure.application_failure_info = &parts->info;
    parts->info.type = cmaw_proto_text(type);
    parts->info.non_retryable = 1;
    if (item->data.size > 0) {
        temporal__api__common__v1__payloads__init(&parts->details);
        parts->details.n_payloads = 1;
        parts->details.payloads = item->payloads;
        parts->info.details = &parts->details;
    }
}

enum cmaw_err cmaw_reply_fail(struct cmaw_reply *reply, const struct cmaw_command *command, const char *key_id,
                              struct cmaw_slice failure)
{
    struct item *item = add(reply, COMMAND_CASE(FAIL_WORKFLOW_EXECUTION));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__fail_workflow_execution__init(&item->fail);
    item->command.fail_workflow_execution = &item->fail;
    if (failure.size > 0) {
        struct cmaw_buf data = CMAW_BUF(CMAW_TEMPORAL_PAYLOADS_MAX);
        cmaw_buf_put(&data, failure);
        hold_sealed(item, CMAW_TEMPORAL_STEP_RESULT, key_id, &data);
        CMAW_TRY(cmaw_buf_err(&item->data));
    }
    if (command->step > 0) {
        snprintf(item->text, sizeof item->text, "step %u ended with %s", command->step, cmaw_code_name(command->code));
    } else {
        snprintf(item->text, sizeof item->text, "the run was refused with %s", cmaw_code_name(command->code));
    }
    fill_failure(item, cmaw_code_name(command->code));
    item->fail.failure = &item->failure.failure;
    return CMAW_OK;
}

enum cmaw_err cmaw_reply_canceled(struct cmaw_reply *reply)
{
    struct item *item = add(reply, COMMAND_CASE(CANCEL_WORKFLOW_EXECUTION));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__cancel_workflow_execution__init(&item->cancel);
    item->command.cancel_workflow_execution = &item->cancel;
    return CMAW_OK;
}

/* A json/plain payload, which cmaw_message_payload does not make. */
static void hold_json(struct item *item, struct cmaw_buf *json)
{
    CMAW_API(Common__V1__Payload__MetadataEntry) *entry = &item->payload.entries[0];

    item->data = *json;
    *json = CMAW_BUF(json->max);
    temporal__api__common__v1__payload__init(&item->payload.message);
    temporal__api__common__v1__payload__metadata_entry__init(entry);
    entry->key = cmaw_proto_text("encoding");
    entry->value = cmaw_proto_bytes(CMAW_SLICE_LIT("json/plain"));
    item->payload.entry_list[0] = entry;
    item->payload.message.n_metadata = 1;
    item->payload.message.metadata = item->payload.entry_list;
    item->payload.message.data = cmaw_proto_bytes(cmaw_buf_slice(&item->data));
}

enum cmaw_err cmaw_reply_query(struct cmaw_reply *reply, const char *query_id, struct cmaw_buf *json, const char *error)
{
    struct item *item = add(reply, COMMAND_CASE(RESPOND_TO_QUERY));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__query_result__init(&item->query);
    item->command.respond_to_query = &item->query;
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of_cstr(query_id), item->id, sizeof item->id));
    item->query.query_id = item->id;
    if (error != NULL) {
        snprintf(item->text, sizeof item->text, "%s", error);
        fill_failure(item, "BAD_REQUEST");
        item->query.variant_case = CORESDK__WORKFLOW_COMMANDS__QUERY_RESULT__VARIANT_FAILED;
        item->query.failed = &item->failure.failure;
        return CMAW_OK;
    }
    hold_json(item, json);
    coresdk__workflow_commands__query_success__init(&item->answer);
    item->answer.response = &item->payload.message;
    item->query.variant_case = CORESDK__WORKFLOW_COMMANDS__QUERY_RESULT__VARIANT_SUCCEEDED;
    item->query.succeeded = &item->answer;
    return CMAW_OK;
}

enum cmaw_err cmaw_reply_reject_update(struct cmaw_reply *reply, const char *protocol_instance_id)
{
    struct item *item = add(reply, COMMAND_CASE(UPDATE_RESPONSE));

    CMAW_REQUIRE(item != NULL, CMAW_E_NO_MEMORY);
    coresdk__workflow_commands__update_response__init(&item->update);
    item->command.update_response = &item->update;
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_slice_of_cstr(protocol_instance_id), item->id, sizeof item->id));
    snprintf(item->text, sizeof item->text, "there are no updates");
    fill_failure(item, "BAD_REQUEST");
    item->update.protocol_instance_id = item->id;
    item->update.response_case = CORESDK__WORKFLOW_COMMANDS__UPDATE_RESPONSE__RESPONSE_REJECTED;
    item->update.rejected = &item->failure.failure;
    return CMAW_OK;
}

static enum cmaw_err send_failure(struct cmaw_temporal_worker *worker, cmaw_activation_completion *completion,
                                  const char *reason)
{
    CMAW_CORE(WorkflowCompletion__Failure) failed = CORESDK__WORKFLOW_COMPLETION__FAILURE__INIT;
    CMAW_API(Failure__V1__Failure) failure = TEMPORAL__API__FAILURE__V1__FAILURE__INIT;

    failure.message = cmaw_proto_text(reason);
    failure.source = cmaw_proto_text("cmaw");
    failed.failure = &failure;
    completion->status_case = REPLY_CASE(FAILED);
    completion->failed = &failed;
    struct cmaw_buf bytes = cmaw_temporal_completion(&completion->base);
    return cmaw_temporal_complete_activation(worker, &bytes);
}

enum cmaw_err cmaw_reply_send(struct cmaw_reply *reply, struct cmaw_temporal_worker *worker, const char *reason)
{
    cmaw_activation_completion completion = CORESDK__WORKFLOW_COMPLETION__WORKFLOW_ACTIVATION_COMPLETION__INIT;
    CMAW_CORE(WorkflowCompletion__Success) success = CORESDK__WORKFLOW_COMPLETION__SUCCESS__INIT;
    CMAW_CORE(WorkflowCommands__WorkflowCommand) *commands[CMAW_REPLY_COMMANDS_MAX];

    completion.run_id = cmaw_proto_text(reply->run_id);
    if (reason != NULL || reply->count > CMAW_REPLY_COMMANDS_MAX) {
        return send_failure(worker, &completion, reason != NULL ? reason : "too many commands");
    }
    for (struct item *item = reply->first; item != NULL; item = item->next) {
        commands[success.n_commands++] = &item->command;
    }
    success.commands = commands;
    completion.status_case = REPLY_CASE(SUCCESSFUL);
    completion.successful = &success;
    struct cmaw_buf bytes = cmaw_temporal_completion(&completion.base);
    drop_items(reply);
    return cmaw_temporal_complete_activation(worker, &bytes);
}
