#include "host/worker/activities.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/worker/heavy.h"
#include "host/worker/step.h"
#include "host/worker/thread.h"
#include "host/worker/timing.h"
#include "lib/base/log.h"
#include "lib/rpc/frame.h"

#define TASK_CASE(name) CORESDK__ACTIVITY_TASK__ACTIVITY_TASK__VARIANT_##name
#define REASON(name) CORESDK__ACTIVITY_TASK__ACTIVITY_CANCEL_REASON__##name
#define RESULT_CASE(name) CORESDK__ACTIVITY_RESULT__ACTIVITY_EXECUTION_RESULT__STATUS_##name

typedef CMAW_CORE(ActivityResult__ActivityExecutionResult) execution_result;

/* A thread that runs one step at a time. All but thread and outcome is guarded by the lock of activities. */
struct executor {
    struct cmaw_activities *activities;
    pthread_t thread;
    pthread_cond_t wake;
    cmaw_activity_task *task; /* what it runs; NULL: it is free */
    int stop_fd;
    bool draining; /* stopped because the worker ends, not because the step is unwanted */
    struct cmaw_step_outcome outcome; /* of the task; the executor's own */
};

struct cmaw_activities {
    struct cmaw_activities_options options;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    pthread_t poller;
    bool ending;
    uint32_t started;
    struct executor *executors;
};

/* The result may be what the outcome holds, which is freed before the server is waited for. */
static void complete(struct executor *executor, const execution_result *result)
{
    cmaw_activity_completion completion = TB__ACTIVITY_TASK_COMPLETION__INIT;

    completion.task_token = executor->task->task_token;
    completion.result = (execution_result *)(uintptr_t)result;
    struct cmaw_buf bytes = cmaw_temporal_completion(&completion.base);
    cmaw_buf_free(&executor->outcome.result);
    if (cmaw_temporal_complete_activity(executor->activities->options.worker, &bytes) != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "step.completion_refused", "activity=%s", executor->task->start->activity_id);
    }
}

static void complete_done(struct executor *executor, const struct cmaw_temporal_payload *payload)
{
    CMAW_CORE(ActivityResult__Success) success = CORESDK__ACTIVITY_RESULT__SUCCESS__INIT;
    execution_result result = CORESDK__ACTIVITY_RESULT__ACTIVITY_EXECUTION_RESULT__INIT;
    struct cmaw_message_payload message;

    cmaw_message_payload(payload, &message);
    success.result = &message.message;
    result.status_case = RESULT_CASE(COMPLETED);
    result.completed = &success;
    complete(executor, &result);
}

/* payload: the StepResult with the failure state, or NULL. */
static void complete_failed(struct executor *executor, enum cmaw_code code, const struct cmaw_temporal_payload *payload)
{
    CMAW_CORE(ActivityResult__Failure) failed = CORESDK__ACTIVITY_RESULT__FAILURE__INIT;
    CMAW_API(Failure__V1__Failure) failure = TEMPORAL__API__FAILURE__V1__FAILURE__INIT;
    CMAW_API(Failure__V1__ApplicationFailureInfo) info = TEMPORAL__API__FAILURE__V1__APPLICATION_FAILURE_INFO__INIT;
    CMAW_API(Common__V1__Payloads) details = TEMPORAL__API__COMMON__V1__PAYLOADS__INIT;
    execution_result result = CORESDK__ACTIVITY_RESULT__ACTIVITY_EXECUTION_RESULT__INIT;
    struct cmaw_message_payload message;
    CMAW_API(Common__V1__Payload) *payloads[1] = {&message.message};

    if (payload != NULL) {
        cmaw_message_payload(payload, &message);
        details.n_payloads = 1;
        details.payloads = payloads;
        info.details = &details;
    }
    info.type = cmaw_proto_text(cmaw_code_name(code));
    info.non_retryable = cmaw_code_is_final(code);
    failure.message = cmaw_proto_text(cmaw_code_name(code));
    failure.source = cmaw_proto_text("cmaw");
    failure.failure_info_case = TEMPORAL__API__FAILURE__V1__FAILURE__FAILURE_INFO_APPLICATION_FAILURE_INFO;
    failure.application_failure_info = &info;
    failed.failure = &failure;
    result.status_case = RESULT_CASE(FAILED);
    result.failed = &failed;
    complete(executor, &result);
}

static void complete_cancelled(struct executor *executor)
{
    CMAW_CORE(ActivityResult__Cancellation) cancelled = CORESDK__ACTIVITY_RESULT__CANCELLATION__INIT;
    CMAW_API(Failure__V1__Failure) failure = TEMPORAL__API__FAILURE__V1__FAILURE__INIT;
    CMAW_API(Failure__V1__CanceledFailureInfo) info = TEMPORAL__API__FAILURE__V1__CANCELED_FAILURE_INFO__INIT;
    execution_result result = CORESDK__ACTIVITY_RESULT__ACTIVITY_EXECUTION_RESULT__INIT;

    failure.message = cmaw_proto_text("cancelled");
    failure.failure_info_case = TEMPORAL__API__FAILURE__V1__FAILURE__FAILURE_INFO_CANCELED_FAILURE_INFO;
    failure.canceled_failure_info = &info;
    cancelled.failure = &failure;
    result.status_case = RESULT_CASE(CANCELLED);
    result.cancelled = &cancelled;
    complete(executor, &result);
}

static void beat(void *context)
{
    const struct executor *executor = context;

    cmaw_temporal_heartbeat(executor->activities->options.worker, cmaw_proto_slice(executor->task->task_token));
}

static bool is_draining(struct executor *executor)
{
    pthread_mutex_lock(&executor->activities->lock);
    const bool draining = executor->draining;
    pthread_mutex_unlock(&executor->activities->lock);
    return draining;
}

static void log_end(const struct executor *executor, const struct cmaw_step_task *task, const struct cmaw_step_outcome *outcome,
                    uint64_t began)
{
    static const char *const ends[] = {
        [CMAW_STEP_END_ANSWER] = "answer", [CMAW_STEP_END_WAITING] = "waiting", [CMAW_STEP_END_STOPPED] = "stopped"};
    const CMAW_API(Common__V1__WorkflowExecution) *execution = executor->task->start->workflow_execution;

    cmaw_log(outcome->code == CMAW_CODE_OK ? CMAW_LOG_DEBUG : CMAW_LOG_INFO, "step.end",
        "workflow=%s step=%u attempt=%u end=%s code=%s ms=%llu", execution != NULL ? execution->workflow_id : "", task->step,
        task->attempt, ends[outcome->end], cmaw_code_name(outcome->code),
        (unsigned long long)(cmaw_monotonic_ms() - began));
}

static void finish(struct executor *executor, struct cmaw_slice key_id)
{
    const struct cmaw_step_outcome *outcome = &executor->outcome;
    const struct cmaw_temporal_payload payload = {
        .message_type = CMAW_SLICE_LIT(CMAW_TEMPORAL_STEP_RESULT), .key_id = key_id, .data = cmaw_buf_slice(&outcome->result)};

    if (outcome->end == CMAW_STEP_END_STOPPED && !is_draining(executor)) {
        complete_cancelled(executor);
    } else if (outcome->end == CMAW_STEP_END_ANSWER && outcome->code == CMAW_CODE_OK) {
        complete_done(executor, &payload);
    } else if (outcome->end == CMAW_STEP_END_ANSWER) {
        complete_failed(executor, outcome->code, payload.data.size > 0 ? &payload : NULL);
    } else {
        complete_failed(executor, CMAW_CODE_NOT_READY, NULL);
    }
}

/* The inputs are not needed for the completion, which waits for the server with copies enough of the result. */
static void let_go(CMAW_CORE(ActivityTask__Start) *start)
{
    for (size_t i = 0; i < start->n_input; i++) {
        free(start->input[i]->data.data);
        start->input[i]->data = (ProtobufCBinaryData){0, NULL};
    }
}

static uint64_t deadline_of(const CMAW_CORE(ActivityTask__Start) *start)
{
    const Google__Protobuf__Duration *timeout = start->start_to_close_timeout;

    return cmaw_deadline_in(timeout != NULL && timeout->seconds > 0 ? (uint64_t)timeout->seconds * 1000 : CMAW_STEP_MARGIN_MS);
}

static void run_task(struct executor *executor)
{
    const CMAW_CORE(ActivityTask__Start) *start = executor->task->start;
    const uint64_t began = cmaw_monotonic_ms();
    struct cmaw_temporal_payload payload = {0};
    struct cmaw_step_task task = {0};
    const struct cmaw_step_control control = {
        .stop_fd = executor->stop_fd, .beat = beat, .context = executor, .deadline = deadline_of(start)};

    cmaw_role_metrics_begin(executor->activities->options.metrics);
    executor->outcome = (struct cmaw_step_outcome){.end = CMAW_STEP_END_ANSWER, .code = CMAW_CODE_BAD_REQUEST};
    if (start->n_input == 1) {
        payload = cmaw_message_payload_view(start->input[0]);
    }
    const bool ours = strcmp(start->activity_type, CMAW_TEMPORAL_ACTIVITY_TYPE) == 0 &&
                      cmaw_temporal_payload_is(&payload, CMAW_TEMPORAL_STEP_TASK);
    if (ours && cmaw_step_task_decode(payload.data, &task) == CMAW_OK) {
        cmaw_step_run(executor->activities->options.enclave, &task, &control, &executor->outcome);
    }
    cmaw_role_metrics_end(executor->activities->options.metrics, &executor->outcome, cmaw_monotonic_ms() - began);
    log_end(executor, &task, &executor->outcome, began);
    let_go(executor->task->start);
    finish(executor, payload.key_id);
    cmaw_heavy_leave(executor->outcome.heavy);
}

/* Waits for a task; false at the end. */
static bool await_task(struct executor *executor)
{
    struct cmaw_activities *activities = executor->activities;

    pthread_mutex_lock(&activities->lock);
    while (executor->task == NULL && !activities->ending) {
        pthread_cond_wait(&executor->wake, &activities->lock);
    }
    const bool has_task = executor->task != NULL;
    pthread_mutex_unlock(&activities->lock);
    return has_task;
}

static void become_free(struct executor *executor)
{
    struct cmaw_activities *activities = executor->activities;
    uint64_t drained;

    pthread_mutex_lock(&activities->lock);
    cmaw_activity_task *task = executor->task;
    executor->task = NULL;
    executor->draining = false;
    // A stop that came too late must not end the next step.
    if (read(executor->stop_fd, &drained, sizeof drained) < 0) {
        drained = 0;
    }
    pthread_cond_signal(&activities->freed);
    pthread_mutex_unlock(&activities->lock);
    cmaw_message_free(task);
}

static void *execute(void *argument)
{
    struct executor *executor = argument;

    while (await_task(executor)) {
        run_task(executor);
        become_free(executor);
    }
    return NULL;
}

static struct executor *find_free(struct cmaw_activities *activities)
{
    for (uint32_t i = 0; i < activities->started; i++) {
        if (activities->executors[i].task == NULL) {
            return &activities->executors[i];
        }
    }
    return NULL;
}

/* Core gives out no more tasks than there are executors, so that one is free or is about to be. */
static void dispatch(struct cmaw_activities *activities, cmaw_activity_task *task)
{
    struct executor *executor;

    pthread_mutex_lock(&activities->lock);
    while ((executor = find_free(activities)) == NULL) {
        pthread_cond_wait(&activities->freed, &activities->lock);
    }
    executor->task = task;
    pthread_cond_signal(&executor->wake);
    pthread_mutex_unlock(&activities->lock);
}

static void stop_step(struct cmaw_activities *activities, const cmaw_activity_task *cancel)
{
    const struct cmaw_slice token = cmaw_proto_slice(cancel->task_token);

    pthread_mutex_lock(&activities->lock);
    for (uint32_t i = 0; i < activities->started; i++) {
        struct executor *executor = &activities->executors[i];
        if (executor->task != NULL && cmaw_slice_eq(cmaw_proto_slice(executor->task->task_token), token)) {
            executor->draining = cancel->cancel->reason == REASON(WORKER_SHUTDOWN);
            if (eventfd_write(executor->stop_fd, 1) != 0) {
                cmaw_log(CMAW_LOG_ERROR, "step.stop_failed", "activity=%s", executor->task->start->activity_id);
            }
        }
    }
    pthread_mutex_unlock(&activities->lock);
}

static void *poll_tasks(void *argument)
{
    struct cmaw_activities *activities = argument;
    cmaw_activity_task *task = NULL;
    enum cmaw_err err;

    while ((err = cmaw_temporal_poll_activity(activities->options.worker, &task)) == CMAW_OK) {
        if (task->variant_case == TASK_CASE(START)) {
            dispatch(activities, task);
            continue;
        }
        if (task->variant_case == TASK_CASE(CANCEL)) {
            stop_step(activities, task);
        }
        cmaw_message_free(task);
    }
    if (err != CMAW_E_CLOSED) {
        cmaw_log(CMAW_LOG_ERROR, "activities.poll_failed", "text=\"%s\"", cmaw_err_text(err));
        activities->options.failed(activities->options.context);
    }
    return NULL;
}

static enum cmaw_err start_executor(struct cmaw_activities *activities)
{
    struct executor *executor = &activities->executors[activities->started];

    executor->activities = activities;
    executor->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CMAW_REQUIRE(executor->stop_fd >= 0, CMAW_E_NO_MEMORY);
    pthread_cond_init(&executor->wake, NULL);
    const enum cmaw_err err = cmaw_thread_start(execute, executor, &executor->thread);
    if (err != CMAW_OK) {
        close(executor->stop_fd);
        return err;
    }
    pthread_mutex_lock(&activities->lock);
    activities->started++;
    pthread_mutex_unlock(&activities->lock);
    return CMAW_OK;
}

static void end_executors(struct cmaw_activities *activities)
{
    pthread_mutex_lock(&activities->lock);
    activities->ending = true;
    for (uint32_t i = 0; i < activities->started; i++) {
        pthread_cond_signal(&activities->executors[i].wake);
    }
    pthread_mutex_unlock(&activities->lock);
    for (uint32_t i = 0; i < activities->started; i++) {
        pthread_join(activities->executors[i].thread, NULL);
        close(activities->executors[i].stop_fd);
    }
    free(activities->executors);
    free(activities);
}

enum cmaw_err cmaw_activities_start(const struct cmaw_activities_options *options, struct cmaw_activities **ret_activities)
{
    struct cmaw_activities *activities = calloc(1, sizeof *activities);

    CMAW_REQUIRE(activities != NULL, CMAW_E_NO_MEMORY);
    activities->options = *options;
    pthread_mutex_init(&activities->lock, NULL);
    pthread_cond_init(&activities->freed, NULL);
    activities->executors = calloc(options->executors, sizeof *activities->executors);
    enum cmaw_err err = activities->executors != NULL ? CMAW_OK : CMAW_E_NO_MEMORY;
    for (uint32_t i = 0; i < options->executors && err == CMAW_OK; i++) {
        err = start_executor(activities);
    }
    if (err == CMAW_OK) {
        err = cmaw_thread_start(poll_tasks, activities, &activities->poller);
    }
    if (err != CMAW_OK) {
        end_executors(activities);
        return err;
    }
    *ret_activities = activities;
    return CMAW_OK;
}

void cmaw_activities_join(struct cmaw_activities *activities)
{
    if (activities == NULL) {
        return;
    }
    pthread_join(activities->poller, NULL);
    end_executors(activities);
}
