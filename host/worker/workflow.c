#include "host/worker/workflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/worker/heavy.h"
#include "host/worker/reply.h"
#include "lib/base/log.h"

#define JOB_CASE(name) CORESDK__WORKFLOW_ACTIVATION__WORKFLOW_ACTIVATION_JOB__VARIANT_##name
#define RESULT_CASE(name) CORESDK__ACTIVITY_RESULT__ACTIVITY_RESOLUTION__STATUS_##name

typedef CMAW_CORE(WorkflowActivation__WorkflowActivationJob) activation_job;
typedef CMAW_CORE(WorkflowActivation__InitializeWorkflow) initialize_job;
typedef CMAW_CORE(WorkflowActivation__ResolveActivity) resolve_job;

/* One activation in the making. */
struct turn {
    const struct cmaw_workflows *workflows;
    const char *id;                  /* Temporal's run id */
    struct cmaw_interpreter *run;    /* NULL: not in memory */
    struct cmaw_reply *reply;
    const char *refusal;             /* constant text: the activation cannot be processed */
};

/* The payload list [Plan, Ticket, State…] as input. MALFORMED: it is none. states has room for all arguments. */
static enum cmaw_err read_arguments(const initialize_job *job, struct cmaw_slice *states, struct cmaw_run_input *ret_input)
{
    static const char *const types[] = {CMAW_TEMPORAL_PLAN, CMAW_TEMPORAL_TICKET, CMAW_TEMPORAL_STATE};

    *ret_input = (struct cmaw_run_input){.workflow_id = job->workflow_id, .states = states};
    for (size_t i = 0; i < job->n_arguments; i++) {
        const struct cmaw_temporal_payload payload = cmaw_message_payload_view(job->arguments[i]);
        CMAW_REQUIRE(cmaw_temporal_payload_is(&payload, types[i < 2 ? i : 2]), CMAW_E_MALFORMED);
        if (i == 0) {
            ret_input->plan = payload.data;
        } else if (i == 1) {
            ret_input->ticket = payload.data;
        } else {
            states[ret_input->state_count++] = payload.data;
        }
    }
    return CMAW_OK;
}

/* A plan of another manifest is DENIED, as an enclave would answer; a role that the manifest lacks makes it invalid. */
static void check_manifest(const struct cmaw_workflows *workflows, struct cmaw_interpreter *run)
{
    const struct cmaw_plan *plan = cmaw_interpreter_plan(run);

    if (plan->step_count > 0 && !cmaw_bytes32_eq(&workflows->manifest->mh, plan->manifest)) {
        cmaw_interpreter_refuse(run, CMAW_CODE_DENIED);
    }
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (cmaw_manifest_role(workflows->manifest, plan->steps[i].role) == NULL) {
            cmaw_interpreter_refuse(run, CMAW_CODE_BAD_REQUEST);
        }
    }
}

static enum cmaw_err initialize(struct turn *turn, const initialize_job *job)
{
    struct cmaw_run_input input;
    struct cmaw_interpreter *run = NULL;

    if (strcmp(job->workflow_type, CMAW_TEMPORAL_WORKFLOW_TYPE) != 0) {
        turn->refusal = "unknown workflow type";
        return CMAW_OK;
    }
    struct cmaw_slice *states = calloc(job->n_arguments + 1, sizeof *states);
    CMAW_REQUIRE(states != NULL, CMAW_E_NO_MEMORY);
    if (read_arguments(job, states, &input) != CMAW_OK) {
        input = (struct cmaw_run_input){.workflow_id = job->workflow_id};
    }
    enum cmaw_err err = cmaw_interpreter_new(&input, &run);
    free(states);
    CMAW_TRY(err);
    check_manifest(turn->workflows, run);
    err = cmaw_runs_put(turn->workflows->runs, turn->id, run);
    if (err != CMAW_OK) {
        cmaw_interpreter_free(run);
        return err;
    }
    turn->run = run;
    return CMAW_OK;
}

static struct cmaw_slice step_result_of(const CMAW_API(Common__V1__Payload) *payload)
{
    if (payload == NULL) {
        return CMAW_SLICE_EMPTY;
    }
    const struct cmaw_temporal_payload view = cmaw_message_payload_view(payload);
    return cmaw_temporal_payload_is(&view, CMAW_TEMPORAL_STEP_RESULT) ? view.data : CMAW_SLICE_EMPTY;
}

/* The code that a failure ended with; INTERNAL for what is none of ours. ret_result: the failure's StepResult. */
static enum cmaw_code code_of(const CMAW_API(Failure__V1__Failure) *failure, struct cmaw_slice *ret_result)
{
    const CMAW_API(Failure__V1__Failure) *application = cmaw_message_application_failure(failure);

    *ret_result = CMAW_SLICE_EMPTY;
    if (application == NULL) {
        return CMAW_CODE_INTERNAL;
    }
    const CMAW_API(Failure__V1__ApplicationFailureInfo) *info = application->application_failure_info;
    if (info->details != NULL && info->details->n_payloads == 1) {
        *ret_result = step_result_of(info->details->payloads[0]);
    }
    const enum cmaw_code code = cmaw_code_find(cmaw_slice_of_cstr(info->type));
    return code != 0 && code != CMAW_CODE_OK ? code : CMAW_CODE_INTERNAL;
}

static enum cmaw_err resolve(const struct turn *turn, const resolve_job *job)
{
    struct cmaw_slice result = CMAW_SLICE_EMPTY;
    enum cmaw_code code = CMAW_CODE_INTERNAL;

    if (job->result != NULL && job->result->status_case == RESULT_CASE(COMPLETED)) {
        return cmaw_interpreter_step_done(turn->run, job->seq, step_result_of(job->result->completed->result));
    }
    if (job->result != NULL && job->result->status_case == RESULT_CASE(FAILED)) {
        code = code_of(job->result->failed->failure, &result);
    }
    return cmaw_interpreter_step_failed(turn->run, job->seq, code, result);
}

static enum cmaw_err answer_query(const struct turn *turn, const CMAW_CORE(WorkflowActivation__QueryWorkflow) *query)
{
    CMAW_BUF_AUTO(json, 64 * 1024);

    if (strcmp(query->query_type, CMAW_TEMPORAL_QUERY_STATUS) != 0) {
        return cmaw_reply_query(turn->reply, query->query_id, NULL, "unknown query: there is status");
    }
    CMAW_TRY(cmaw_interpreter_status(turn->run, &json));
    return cmaw_reply_query(turn->reply, query->query_id, &json, NULL);
}

static enum cmaw_err apply(struct turn *turn, const activation_job *job)
{
    if (job->variant_case == JOB_CASE(INITIALIZE_WORKFLOW)) {
        return initialize(turn, job->initialize_workflow);
    }
    if (turn->run == NULL) {
        turn->refusal = "the run is not in memory";
        return CMAW_OK;
    }
    switch (job->variant_case) {
    case JOB_CASE(RESOLVE_ACTIVITY):
        return resolve(turn, job->resolve_activity);
    case JOB_CASE(FIRE_TIMER):
        cmaw_interpreter_pause_over(turn->run, job->fire_timer->seq);
        return CMAW_OK;
    case JOB_CASE(CANCEL_WORKFLOW):
        cmaw_interpreter_cancel(turn->run);
        return CMAW_OK;
    case JOB_CASE(QUERY_WORKFLOW):
        return answer_query(turn, job->query_workflow);
    case JOB_CASE(DO_UPDATE):
        return cmaw_reply_reject_update(turn->reply, job->do_update->protocol_instance_id);
    default: // seeds, patches and signals mean nothing to a plan
        return CMAW_OK;
    }
}

static enum cmaw_err role_queue(const struct cmaw_workflows *workflows, uint32_t role_id,
                                char ret_queue[static CMAW_TEMPORAL_QUEUE_SIZE])
{
    const struct cmaw_role *role = cmaw_manifest_role(workflows->manifest, role_id);
    char name[CMAW_NAME_MAX + 1];

    CMAW_REQUIRE(role != NULL, CMAW_E_BUG);
    CMAW_TRY(cmaw_slice_to_cstr(role->name, name, sizeof name));
    return cmaw_temporal_queue(workflows->tenant, workflows->manifest->mh.bytes, name, ret_queue);
}

static enum cmaw_err command_step(const struct turn *turn, const struct cmaw_command *command, const char *key_id)
{
    CMAW_BUF_AUTO(task, CMAW_TEMPORAL_PAYLOADS_MAX);
    const struct cmaw_plan_step *step = cmaw_plan_step_at(cmaw_interpreter_plan(turn->run), command->step);
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];

    const enum cmaw_err err = cmaw_interpreter_task(turn->run, command->step, &task);
    if (err == CMAW_E_TOO_LARGE) {
        cmaw_interpreter_refuse(turn->run, CMAW_CODE_TOO_LARGE);
        return CMAW_OK;
    }
    CMAW_TRY(err);
    CMAW_TRY(role_queue(turn->workflows, step->role, queue));
    return cmaw_reply_step(turn->reply, command, step->timeout_s, queue, key_id, &task);
}

static enum cmaw_err command_complete(const struct turn *turn, const char *key_id)
{
    CMAW_BUF_AUTO(result, CMAW_TEMPORAL_PAYLOADS_MAX);

    const enum cmaw_err err = cmaw_interpreter_result(turn->run, &result);
    if (err == CMAW_E_TOO_LARGE) {
        const struct cmaw_command fail = {.kind = CMAW_COMMAND_FAIL, .code = CMAW_CODE_TOO_LARGE};
        return cmaw_reply_fail(turn->reply, &fail, key_id, CMAW_SLICE_EMPTY);
    }
    CMAW_TRY(err);
    return cmaw_reply_complete(turn->reply, key_id, &result);
}

static enum cmaw_err give_commands(const struct turn *turn)
{
    struct cmaw_command command;
    char key_id[CMAW_TEMPORAL_KEY_ID_SIZE];

    cmaw_temporal_key_id(cmaw_interpreter_run_id(turn->run)->bytes, key_id);
    while (cmaw_interpreter_next(turn->run, &command)) {
        switch (command.kind) {
        case CMAW_COMMAND_STEP:
            CMAW_TRY(command_step(turn, &command, key_id));
            break;
        case CMAW_COMMAND_PAUSE:
            CMAW_TRY(cmaw_reply_pause(turn->reply, &command));
            break;
        case CMAW_COMMAND_COMPLETE:
            CMAW_TRY(command_complete(turn, key_id));
            break;
        case CMAW_COMMAND_FAIL:
            CMAW_TRY(cmaw_reply_fail(turn->reply, &command, key_id, cmaw_interpreter_failure(turn->run)));
            break;
        case CMAW_COMMAND_CANCELED:
            CMAW_TRY(cmaw_reply_canceled(turn->reply));
            break;
        }
    }
    return CMAW_OK;
}

static bool is_query(const cmaw_activation *activation)
{
    return activation->n_jobs > 0 && activation->jobs[0]->variant_case == JOB_CASE(QUERY_WORKFLOW);
}

static enum cmaw_err take_events(struct turn *turn, const cmaw_activation *activation)
{
    for (size_t i = 0; i < activation->n_jobs && turn->refusal == NULL; i++) {
        CMAW_TRY(apply(turn, activation->jobs[i]));
    }
    return CMAW_OK;
}

static void free_data(CMAW_API(Common__V1__Payload) *payload)
{
    if (payload != NULL) {
        free(payload->data.data);
        payload->data = (ProtobufCBinaryData){0, NULL};
    }
}

/* The run has copies of what it needs: arguments and results need not wait for the server's answer. */
static void let_go(const cmaw_activation *activation)
{
    for (size_t i = 0; i < activation->n_jobs; i++) {
        const activation_job *job = activation->jobs[i];
        if (job->variant_case == JOB_CASE(INITIALIZE_WORKFLOW)) {
            for (size_t k = 0; k < job->initialize_workflow->n_arguments; k++) {
                free_data(job->initialize_workflow->arguments[k]);
            }
        } else if (job->variant_case == JOB_CASE(RESOLVE_ACTIVITY)) {
            const CMAW_CORE(ActivityResult__ActivityResolution) *result = job->resolve_activity->result;
            if (result != NULL && result->status_case == RESULT_CASE(COMPLETED)) {
                free_data(result->completed->result);
            }
        }
    }
}

static void settle(const struct cmaw_workflows *workflows, const char *id)
{
    char victim[CMAW_TEMPORAL_ID_SIZE];

    if (cmaw_runs_settle(workflows->runs, id, victim)) {
        cmaw_temporal_evict(workflows->worker, victim);
    }
}

/* Sends what the run commands now, and keeps the others' memory in bounds. */
static enum cmaw_err send_commands(struct turn *turn, const cmaw_activation *activation)
{
    // Core takes nothing but answers in the completion of queries.
    const bool commands = turn->refusal == NULL && turn->run != NULL && !is_query(activation);

    if (commands && give_commands(turn) != CMAW_OK) {
        turn->refusal = "out of memory";
    }
    settle(turn->workflows, turn->id);
    if (turn->refusal != NULL) {
        cmaw_log(CMAW_LOG_WARN, "workflow.refused", "temporal_run=%s reason=\"%s\"", turn->id, turn->refusal);
    }
    const enum cmaw_err err = cmaw_reply_send(turn->reply, turn->workflows->worker, turn->refusal);
    if (err == CMAW_OK || turn->refusal != NULL) {
        return err;
    }
    cmaw_log(CMAW_LOG_ERROR, "workflow.completion_refused", "temporal_run=%s text=\"%s\"", turn->id, cmaw_err_text(err));
    return cmaw_reply_send(turn->reply, turn->workflows->worker, "the completion was refused");
}

enum cmaw_err cmaw_workflow_handle(const struct cmaw_workflows *workflows, const cmaw_activation *activation)
{
    struct turn turn = {.workflows = workflows, .id = activation->run_id};

    CMAW_TRY(cmaw_reply_new(activation->run_id, &turn.reply));
    if (activation->n_jobs > 0 && activation->jobs[0]->variant_case == JOB_CASE(REMOVE_FROM_CACHE)) {
        cmaw_runs_remove(workflows->runs, activation->run_id);
    } else {
        turn.run = cmaw_runs_find(workflows->runs, activation->run_id);
        if (take_events(&turn, activation) != CMAW_OK) {
            turn.refusal = "out of memory";
        }
        let_go(activation);
    }
    // In a replay nothing is sent, and what holds a history should be done with it soon.
    const bool sends = turn.run != NULL && !activation->is_replaying;
    const bool heavy = cmaw_heavy_enter(sends ? cmaw_interpreter_weight(turn.run) : 0);
    const enum cmaw_err err = send_commands(&turn, activation);
    cmaw_reply_free(turn.reply);
    cmaw_heavy_leave(heavy);
    return err;
}

enum cmaw_err cmaw_workflow_serve(const struct cmaw_workflows *workflows)
{
    for (;;) {
        CMAW_MESSAGE_AUTO(cmaw_activation, activation);
        const enum cmaw_err err = cmaw_temporal_poll_activation(workflows->worker, &activation);
        if (err == CMAW_E_CLOSED) {
            return CMAW_OK;
        }
        CMAW_TRY(err);
        if (cmaw_workflow_handle(workflows, activation) != CMAW_OK) {
            // One run is stuck until the server gives up waiting; the others go on.
            cmaw_log(CMAW_LOG_ERROR, "workflow.stuck", "temporal_run=%s", activation->run_id);
        }
    }
}
