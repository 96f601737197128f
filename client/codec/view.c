#include "client/codec/view.h"

#include <stdlib.h>

#include "client/codec/receipt.h"
#include "host/temporal/objects.h"

static enum cmaw_err set_step(json_t *json, const struct cmaw_plan_step *step)
{
    return cmaw_codec_set_slice(json, "step", step->name);
}

static enum cmaw_err view_ticket(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json)
{
    (void)source;
    CMAW_REQUIRE(cmaw_slice_eq(data, cmaw_buf_slice(&run->record.ticket)), CMAW_E_AUTH);
    CMAW_TRY(cmaw_codec_set_slice(json, "workflow", run->plan.name));
    CMAW_TRY(cmaw_json_set_hex(json, "manifest", cmaw_bytes32_slice(&run->record.mh)));
    return cmaw_codec_set_time(json, "expires", run->header.expires_ms);
}

static enum cmaw_err view_state(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json)
{
    (void)source;
    json_t *states = json_array();
    CMAW_TRY(cmaw_json_set(json, "states", states));
    return cmaw_codec_put_state(run, data, cmaw_codec_edge_of(run, data), NULL, states);
}

static enum cmaw_err put_inputs(const struct cmaw_codec_run *run, const struct cmaw_step_task *task, json_t *inputs)
{
    for (uint32_t i = 0; i < task->input_count; i++) {
        const struct cmaw_plan_edge *edge = cmaw_codec_edge_of(run, task->inputs[i]);
        CMAW_REQUIRE(edge != NULL && edge->to == task->step, CMAW_E_AUTH);
        CMAW_TRY(cmaw_codec_put_state(run, task->inputs[i], edge, NULL, inputs));
    }
    return CMAW_OK;
}

static enum cmaw_err put_task(const struct cmaw_codec_run *run, const struct cmaw_step_task *task, json_t *json)
{
    const struct cmaw_plan_step *step = cmaw_plan_step_at(&run->plan, task->step);
    CMAW_REQUIRE(step != NULL && cmaw_slice_eq(task->plan, cmaw_buf_slice(&run->record.plan)) &&
                 cmaw_slice_eq(task->ticket, cmaw_buf_slice(&run->record.ticket)), CMAW_E_AUTH);
    CMAW_TRY(set_step(json, step));
    CMAW_TRY(cmaw_json_set_u64(json, "attempt", task->attempt));
    json_t *inputs = json_array();
    CMAW_TRY(cmaw_json_set(json, "inputs", inputs));
    return put_inputs(run, task, inputs);
}

static enum cmaw_err view_task(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json)
{
    (void)source;
    struct cmaw_step_task *task = calloc(1, sizeof *task);
    CMAW_REQUIRE(task != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_step_task_decode(data, task);
    if (err == CMAW_OK) {
        err = put_task(run, task, json);
    }
    free(task);
    return err;
}

/* A failure state has its own form, and its own verification. */
static enum cmaw_err put_failure(const struct cmaw_codec_run *run, const struct cmaw_step_output *output, json_t *json)
{
    const struct cmaw_failure failure = {.manifest = run->deployment->bundle.manifest, .plan = cmaw_buf_slice(&run->record.plan),
                                         .ticket_header = run->header.bytes, .ak_doc = output->ak_doc, .receipt = output->receipt,
                                         .state = output->states[0], .trust = run->trust};
    const struct cmaw_plan_edge *edge = cmaw_codec_edge_of(run, output->states[0]);
    CMAW_REQUIRE(output->state_count == 1 && edge != NULL, CMAW_E_AUTH);
    CMAW_BUF_AUTO(text, CMAW_CLASS_MAX_SIZE);
    uint32_t step = 0;
    CMAW_TRY(cmaw_failure_open(&failure, &run->record.mh, cmaw_edge_secrets_of(&run->secrets, edge->id), &step, &text, NULL));
    json_t *words = json_stringn((const char *)text.data, text.size);
    return cmaw_json_set(json, "failure", words == NULL ? json_string("(not UTF-8)") : words);
}

static enum cmaw_err put_outputs(const struct cmaw_codec_run *run, const struct cmaw_step_output *output, const struct cmaw_receipt *claims,
                                 json_t *json)
{
    json_t *outputs = json_array();
    CMAW_TRY(cmaw_json_set(json, "outputs", outputs));
    CMAW_REQUIRE(output->state_count == claims->output_count, CMAW_E_AUTH);
    for (uint32_t i = 0; i < output->state_count; i++) {
        const struct cmaw_receipt_edge *entry = &cmaw_receipt_outputs(claims)[i];
        const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(&run->plan, entry->edge);
        CMAW_REQUIRE(edge != NULL && edge->from == claims->step, CMAW_E_AUTH);
        CMAW_TRY(cmaw_codec_put_state(run, output->states[i], edge, entry, outputs));
    }
    return CMAW_OK;
}

static enum cmaw_err put_result(const struct cmaw_codec_run *run, const struct cmaw_step_output *output, struct cmaw_signed_receipt *receipt,
                                json_t *json)
{
    const struct cmaw_receipt *claims = &receipt->claims;
    CMAW_TRY(cmaw_codec_receipt_check(run, output->receipt, output->ak_doc, receipt));
    CMAW_TRY(set_step(json, cmaw_plan_step_at(&run->plan, claims->step)));
    CMAW_TRY(claims->kind == CMAW_STATE_FAILURE ? put_failure(run, output, json) : put_outputs(run, output, claims, json));
    const struct cmaw_codec_receipt summary = {.role = cmaw_manifest_role(&run->deployment->manifest, claims->role)->name, .attempt = claims->attempt,
                                               .started_ms = claims->started_ms, .finished_ms = claims->finished_ms, .ak_doc = output->ak_doc};
    return cmaw_codec_receipt_set(json, &summary);
}

static enum cmaw_err view_result(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json)
{
    (void)source;
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    struct cmaw_signed_receipt *receipt = calloc(1, sizeof *receipt);
    enum cmaw_err err = output == NULL || receipt == NULL ? CMAW_E_NO_MEMORY : cmaw_step_output_decode(data, output);
    if (err == CMAW_OK) {
        err = put_result(run, output, receipt, json);
    }
    free(output);
    free(receipt);
    return err;
}

static enum cmaw_err put_run_outputs(const struct cmaw_outcome *outcome, json_t *json)
{
    struct cmaw_diag none = {0};
    const struct cmaw_plan_edge *edge;
    json_t *outputs = json_array();
    CMAW_TRY(cmaw_json_set(json, "outputs", outputs));
    for (uint32_t cursor = 0; (edge = cmaw_plan_next_in(&outcome->run->plan, 0, &cursor)) != NULL;) {
        CMAW_OPENED_AUTO(opened);
        CMAW_TRY(cmaw_outcome_open(outcome, edge->id, &opened, &none));
        CMAW_TRY(cmaw_codec_put_content(edge, &opened.content, outputs));
    }
    return CMAW_OK;
}

static enum cmaw_err put_steps(const struct cmaw_verified_run *run, json_t *json)
{
    json_t *steps = json_array();
    CMAW_TRY(cmaw_json_set(json, "steps", steps));
    for (uint32_t i = 0; i < run->plan.step_count; i++) {
        const struct cmaw_verified_step *step = &run->steps[i];
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(steps, entry));
        CMAW_TRY(set_step(entry, &run->plan.steps[i]));
        const struct cmaw_codec_receipt summary = {.role = cmaw_manifest_role(&run->manifest, run->plan.steps[i].role)->name, .attempt = step->attempt,
                                                   .started_ms = step->started_ms, .finished_ms = step->finished_ms,
                                                   .ak_doc = run->evidence->ak_docs[step->doc]};
        CMAW_TRY(cmaw_codec_receipt_set(entry, &summary));
    }
    return CMAW_OK;
}

/* The whole run is verified, as before its result is opened anywhere else. */
static enum cmaw_err view_run_result(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json)
{
    struct cmaw_diag none = {0};
    CMAW_OUTCOME_AUTO(outcome);
    cmaw_buf_reset(&run->record.result);
    cmaw_buf_put(&run->record.result, data);
    CMAW_TRY(run->record.result.err);
    CMAW_TRY(cmaw_outcome_verify(source->store, &run->record, NULL, &outcome, &none));
    CMAW_TRY(put_run_outputs(outcome, json));
    return put_steps(outcome->run, json);
}

static const struct {
    const char *type;
    const char *name;
    enum cmaw_err (*view)(struct cmaw_codec_source *source, struct cmaw_codec_run *run, struct cmaw_slice data, json_t *json);
} views[] = {
    {CMAW_TEMPORAL_TICKET, "Ticket", view_ticket},
    {CMAW_TEMPORAL_STATE, "State", view_state},
    {CMAW_TEMPORAL_STEP_TASK, "StepTask", view_task},
    {CMAW_TEMPORAL_STEP_RESULT, "StepResult", view_result},
    {CMAW_TEMPORAL_RUN_RESULT, "RunResult", view_run_result},
};

static enum cmaw_err view_sealed(struct cmaw_codec_source *source, const struct cmaw_temporal_payload *payload, const char *ns, json_t *json)
{
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++) {
        if (cmaw_temporal_payload_is(payload, views[i].type)) {
            CMAW_CODEC_RUN_AUTO(run);
            CMAW_TRY(cmaw_codec_run_load(source, payload->key_id, ns, &run));
            CMAW_TRY(cmaw_json_set_text(json, "message", views[i].name));
            CMAW_TRY(cmaw_json_set_text(json, "run", run->record.workflow_id));
            return views[i].view(source, run, payload->data, json);
        }
    }
    return CMAW_E_UNSUPPORTED;
}

enum cmaw_err cmaw_codec_view(struct cmaw_codec_source *source, const struct cmaw_temporal_payload *payload, const char *ns, json_t **ret_json)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_temporal_payload_is(payload, CMAW_TEMPORAL_PLAN) ? cmaw_codec_view_plan(payload->data, json)
                                                                  : view_sealed(source, payload, ns, json));
    *ret_json = json;
    json = NULL;
    return CMAW_OK;
}
