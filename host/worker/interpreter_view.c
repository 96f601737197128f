/* What others read from an interpreter. */
#include <stdlib.h>

#include "host/temporal/objects.h"
#include "host/worker/interpreter_state.h"
#include "lib/base/text.h"

const struct cmaw_plan *cmaw_interpreter_plan(const struct cmaw_interpreter *interpreter)
{
    return &interpreter->plan;
}

const struct cmaw_bytes32 *cmaw_interpreter_run_id(const struct cmaw_interpreter *interpreter)
{
    return &interpreter->run_id;
}

enum cmaw_err cmaw_interpreter_task(const struct cmaw_interpreter *interpreter, uint32_t step, struct cmaw_buf *buf)
{
    struct cmaw_step_task task = {
        .plan = cmaw_buf_slice(&interpreter->plan_bytes),
        .ticket = cmaw_buf_slice(&interpreter->ticket),
        .step = step,
        .attempt = interpreter->steps[step - 1].attempt,
    };
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;

    while ((edge = cmaw_plan_next_in(&interpreter->plan, step, &cursor)) != NULL) {
        task.inputs[task.input_count++] = cmaw_buf_slice(&interpreter->edges[edge->id - 1]);
    }
    cmaw_step_task_encode(&task, buf);
    return cmaw_buf_err(buf);
}

static void add_once(struct cmaw_run_result *result, struct cmaw_slice ak_doc)
{
    for (uint32_t i = 0; i < result->ak_doc_count; i++) {
        if (cmaw_slice_eq(result->ak_docs[i], ak_doc)) {
            return;
        }
    }
    result->ak_docs[result->ak_doc_count++] = ak_doc;
}

enum cmaw_err cmaw_interpreter_result(const struct cmaw_interpreter *interpreter, struct cmaw_buf *buf)
{
    struct cmaw_run_result *result = calloc(1, sizeof *result);
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;

    CMAW_REQUIRE(result != NULL, CMAW_E_NO_MEMORY);
    while ((edge = cmaw_plan_next_in(&interpreter->plan, 0, &cursor)) != NULL) {
        result->states[result->state_count++] = cmaw_buf_slice(&interpreter->edges[edge->id - 1]);
    }
    for (uint32_t i = 0; i < interpreter->plan.step_count; i++) {
        result->receipts[result->receipt_count++] = cmaw_buf_slice(&interpreter->steps[i].receipt);
        add_once(result, cmaw_buf_slice(&interpreter->steps[i].ak_doc));
    }
    cmaw_run_result_encode(result, buf);
    free(result);
    return cmaw_buf_err(buf);
}

struct cmaw_slice cmaw_interpreter_failure(const struct cmaw_interpreter *interpreter)
{
    return cmaw_buf_slice(&interpreter->failure);
}

enum cmaw_err cmaw_interpreter_status(const struct cmaw_interpreter *interpreter, struct cmaw_buf *json)
{
    static const char *const runs[] = {
        [CMAW_RUN_RUNNING] = "running", [CMAW_RUN_COMPLETED] = "completed", [CMAW_RUN_FAILED] = "failed", [CMAW_RUN_CANCELED] = "canceled"};
    static const char *const states[] = {[CMAW_STEP_PENDING] = "pending", [CMAW_STEP_RUNNING] = "running",
        [CMAW_STEP_WAITING] = "waiting", [CMAW_STEP_DONE] = "done", [CMAW_STEP_FAILED] = "failed"};

    cmaw_buf_printf(json, "{\"state\":\"%s\",\"steps\":[", runs[interpreter->state]);
    for (uint32_t i = 0; i < interpreter->plan.step_count; i++) {
        const struct cmaw_step_run *step = &interpreter->steps[i];
        cmaw_buf_printf(json, "%s{\"id\":%u,\"name\":\"", i > 0 ? "," : "", i + 1);
        cmaw_buf_put_json_escaped(json, interpreter->plan.steps[i].name);
        cmaw_buf_printf(json, "\",\"state\":\"%s\",\"attempt\":%u}", states[step->state], step->attempt);
    }
    cmaw_buf_put_cstr(json, "]}");
    return cmaw_buf_err(json);
}

size_t cmaw_interpreter_weight(const struct cmaw_interpreter *interpreter)
{
    size_t weight = interpreter->plan_bytes.size + interpreter->ticket.size + interpreter->failure.size + interpreter->commanded;

    for (uint32_t i = 0; i < interpreter->plan.edge_count && i < CMAW_EDGES_MAX; i++) {
        weight += interpreter->edges[i].size;
    }
    for (uint32_t i = 0; i < interpreter->plan.step_count; i++) {
        weight += interpreter->steps[i].receipt.size + interpreter->steps[i].ak_doc.size;
    }
    return weight;
}
