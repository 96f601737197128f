#include "host/worker/interpreter.h"

#include <stdlib.h>

#include "host/temporal/objects.h"
#include "host/worker/interpreter_state.h"
#include "lib/sst/state.h"
#include "lib/sst/ticket.h"

/* The server takes messages of 4 MiB; what one activation commands stays below. */
enum { PAUSE_FIRST_MS = 200, PAUSE_LAST_MS = 10000, HELD_MAX = 4 * 1024 * 1024, COMMANDED_MAX = 3 * 1024 * 1024 };

static struct cmaw_buf copy_of(struct cmaw_slice bytes)
{
    struct cmaw_buf buf = CMAW_BUF(HELD_MAX);

    cmaw_buf_put(&buf, bytes);
    return buf;
}

static void end_run(struct cmaw_interpreter *run, enum cmaw_run_state state, enum cmaw_code code, uint32_t step)
{
    if (run->state == CMAW_RUN_RUNNING) {
        run->state = state;
        run->code = code;
        run->failed_step = step;
    }
}

/* Keeps a State as that of an edge; MALFORMED unless it is a data state of this run and edge. */
static enum cmaw_err keep_state(struct cmaw_interpreter *run, const struct cmaw_plan_edge *edge, struct cmaw_slice bytes)
{
    struct cmaw_state state;

    CMAW_TRY(cmaw_state_parse(bytes, &state));
    CMAW_REQUIRE(state.header.edge == edge->id && state.header.kind == CMAW_STATE_DATA, CMAW_E_MALFORMED);
    CMAW_REQUIRE(cmaw_bytes32_eq(&run->run_id, state.header.run), CMAW_E_MALFORMED);
    struct cmaw_buf *held = &run->edges[edge->id - 1];
    cmaw_buf_free(held);
    *held = copy_of(bytes);
    return cmaw_buf_err(held);
}

/* Keeps states as those that leave a step (0: the client), all of them and no other. */
static enum cmaw_err keep_states(struct cmaw_interpreter *run, uint32_t step, const struct cmaw_slice *states, size_t count)
{
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;
    size_t i = 0, sum = 0;

    while ((edge = cmaw_plan_next_out(&run->plan, step, &cursor)) != NULL) {
        CMAW_REQUIRE(i < count, CMAW_E_MALFORMED);
        CMAW_TRY(keep_state(run, edge, states[i]));
        sum += states[i++].size;
    }
    CMAW_REQUIRE(i == count, CMAW_E_MALFORMED);
    CMAW_REQUIRE(sum <= CMAW_SUM_MAX + count * CMAW_STATE_HEADER_MAX, CMAW_E_TOO_LARGE);
    return CMAW_OK;
}

static enum cmaw_err begin(struct cmaw_interpreter *run, const struct cmaw_run_input *input)
{
    struct cmaw_ticket ticket;
    struct cmaw_ticket_header header;
    char workflow_id[CMAW_WORKFLOW_ID_SIZE];

    run->plan_bytes = copy_of(input->plan);
    run->ticket = copy_of(input->ticket);
    CMAW_TRY(cmaw_buf_err(&run->plan_bytes));
    CMAW_TRY(cmaw_buf_err(&run->ticket));
    CMAW_TRY(cmaw_plan_parse_public(cmaw_buf_slice(&run->plan_bytes), &run->plan));
    CMAW_TRY(cmaw_ticket_parse(cmaw_buf_slice(&run->ticket), &ticket));
    CMAW_TRY(cmaw_ticket_header_parse(ticket.header, &header));
    run->run_id = header.run_id;
    cmaw_workflow_id(&run->run_id, workflow_id);
    CMAW_REQUIRE(cmaw_slice_eq_cstr(cmaw_slice_of_cstr(workflow_id), input->workflow_id), CMAW_E_MALFORMED);
    return keep_states(run, 0, input->states, input->state_count);
}

static bool has_inputs(const struct cmaw_interpreter *run, uint32_t step)
{
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;

    while ((edge = cmaw_plan_next_in(&run->plan, step, &cursor)) != NULL) {
        if (run->edges[edge->id - 1].size == 0) {
            return false;
        }
    }
    return true;
}

/* Marks what has become due; completes the run when nothing is left. */
static void advance(struct cmaw_interpreter *run)
{
    bool all_done = true;

    if (run->state != CMAW_RUN_RUNNING) {
        return;
    }
    for (uint32_t i = 0; i < run->plan.step_count; i++) {
        struct cmaw_step_run *step = &run->steps[i];
        if (step->state == CMAW_STEP_PENDING && !step->due && has_inputs(run, i + 1)) {
            step->due = true;
        }
        all_done = all_done && step->state == CMAW_STEP_DONE;
    }
    if (all_done) {
        end_run(run, CMAW_RUN_COMPLETED, CMAW_CODE_OK, 0);
    }
}

enum cmaw_err cmaw_interpreter_new(const struct cmaw_run_input *input, struct cmaw_interpreter **ret_interpreter)
{
    struct cmaw_interpreter *run = calloc(1, sizeof *run);

    CMAW_REQUIRE(run != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = begin(run, input);
    if (err == CMAW_E_NO_MEMORY) {
        cmaw_interpreter_free(run);
        return err;
    }
    if (err != CMAW_OK) {
        run->plan = (struct cmaw_plan){0};
        end_run(run, CMAW_RUN_FAILED, err == CMAW_E_TOO_LARGE ? CMAW_CODE_TOO_LARGE : CMAW_CODE_BAD_REQUEST, 0);
    }
    *ret_interpreter = run;
    return CMAW_OK;
}

void cmaw_interpreter_free(struct cmaw_interpreter *interpreter)
{
    if (interpreter == NULL) {
        return;
    }
    for (uint32_t i = 0; i < CMAW_STEPS_MAX; i++) {
        cmaw_buf_free(&interpreter->steps[i].receipt);
        cmaw_buf_free(&interpreter->steps[i].ak_doc);
    }
    for (uint32_t i = 0; i < CMAW_EDGES_MAX; i++) {
        cmaw_buf_free(&interpreter->edges[i]);
    }
    cmaw_buf_free(&interpreter->plan_bytes);
    cmaw_buf_free(&interpreter->ticket);
    cmaw_buf_free(&interpreter->failure);
    free(interpreter);
}

/* The step whose activity this is, or 0. */
static uint32_t step_of_activity(const struct cmaw_interpreter *run, uint32_t seq)
{
    for (uint32_t i = 0; i < run->plan.step_count; i++) {
        if (run->steps[i].state == CMAW_STEP_RUNNING && run->steps[i].activity == seq) {
            return i + 1;
        }
    }
    return 0;
}

static void drop_inputs(struct cmaw_interpreter *run, uint32_t step)
{
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;

    while ((edge = cmaw_plan_next_in(&run->plan, step, &cursor)) != NULL) {
        cmaw_buf_free(&run->edges[edge->id - 1]);
    }
}

static enum cmaw_err take_result(struct cmaw_interpreter *run, uint32_t step, struct cmaw_slice result)
{
    struct cmaw_step_output output;
    struct cmaw_step_run *done = &run->steps[step - 1];

    CMAW_TRY(cmaw_step_output_decode(result, &output));
    CMAW_REQUIRE(output.receipt.size > 0 && output.receipt.size <= CMAW_RECEIPT_MAX, CMAW_E_MALFORMED);
    CMAW_REQUIRE(output.ak_doc.size > 0 && output.ak_doc.size <= CMAW_AK_DOC_MAX, CMAW_E_MALFORMED);
    CMAW_TRY(keep_states(run, step, output.states, output.state_count));
    done->receipt = copy_of(output.receipt);
    done->ak_doc = copy_of(output.ak_doc);
    CMAW_TRY(cmaw_buf_err(&done->receipt));
    return cmaw_buf_err(&done->ak_doc);
}

enum cmaw_err cmaw_interpreter_step_done(struct cmaw_interpreter *interpreter, uint32_t seq, struct cmaw_slice result)
{
    const uint32_t step = step_of_activity(interpreter, seq);

    if (step == 0 || interpreter->state != CMAW_RUN_RUNNING) {
        return CMAW_OK;
    }
    const enum cmaw_err err = take_result(interpreter, step, result);
    CMAW_REQUIRE(err != CMAW_E_NO_MEMORY, err);
    interpreter->steps[step - 1].state = err == CMAW_OK ? CMAW_STEP_DONE : CMAW_STEP_FAILED;
    if (err != CMAW_OK) {
        end_run(interpreter, CMAW_RUN_FAILED, CMAW_CODE_INTERNAL, step);
        return CMAW_OK;
    }
    drop_inputs(interpreter, step);
    return CMAW_OK;
}

enum cmaw_err cmaw_interpreter_step_failed(struct cmaw_interpreter *interpreter, uint32_t seq, enum cmaw_code code,
                                           struct cmaw_slice failure)
{
    const uint32_t id = step_of_activity(interpreter, seq);

    if (id == 0 || interpreter->state != CMAW_RUN_RUNNING) {
        return CMAW_OK;
    }
    struct cmaw_step_run *step = &interpreter->steps[id - 1];
    const uint32_t max_attempts = interpreter->plan.steps[id - 1].max_attempts;
    if (!cmaw_code_is_final(code) && step->attempt < max_attempts) {
        step->state = CMAW_STEP_WAITING;
        step->due = true;
        return CMAW_OK;
    }
    step->state = CMAW_STEP_FAILED;
    interpreter->failure = copy_of(failure);
    end_run(interpreter, CMAW_RUN_FAILED, code, id);
    return cmaw_buf_err(&interpreter->failure);
}

void cmaw_interpreter_pause_over(struct cmaw_interpreter *interpreter, uint32_t seq)
{
    if (interpreter->deferred && interpreter->defer_timer == seq) {
        interpreter->deferred = false;
    }
    for (uint32_t i = 0; i < interpreter->plan.step_count; i++) {
        struct cmaw_step_run *step = &interpreter->steps[i];
        if (step->state == CMAW_STEP_WAITING && !step->due && step->timer == seq) {
            step->state = CMAW_STEP_PENDING;
        }
    }
}

void cmaw_interpreter_cancel(struct cmaw_interpreter *interpreter)
{
    end_run(interpreter, CMAW_RUN_CANCELED, CMAW_CODE_OK, 0);
}

void cmaw_interpreter_refuse(struct cmaw_interpreter *interpreter, enum cmaw_code code)
{
    end_run(interpreter, CMAW_RUN_FAILED, code, 0);
}

static uint64_t pause_after(uint32_t attempt)
{
    const uint32_t doublings = attempt > 0 ? attempt - 1 : 0;

    return doublings < 6 ? (uint64_t)PAUSE_FIRST_MS << doublings : PAUSE_LAST_MS;
}

static void command_step(struct cmaw_interpreter *run, uint32_t index, struct cmaw_command *ret_command)
{
    struct cmaw_step_run *step = &run->steps[index];

    step->due = false;
    if (step->state == CMAW_STEP_WAITING) {
        step->timer = ++run->timers;
        *ret_command = (struct cmaw_command){.kind = CMAW_COMMAND_PAUSE, .seq = step->timer, .step = index + 1,
            .attempt = step->attempt, .pause_ms = pause_after(step->attempt)};
        return;
    }
    step->state = CMAW_STEP_RUNNING;
    step->attempt++;
    step->activity = ++run->activities;
    *ret_command = (struct cmaw_command){
        .kind = CMAW_COMMAND_STEP, .seq = step->activity, .step = index + 1, .attempt = step->attempt};
}

static size_t task_size(const struct cmaw_interpreter *run, uint32_t step)
{
    const struct cmaw_plan_edge *edge;
    size_t size = run->plan_bytes.size + run->ticket.size;
    uint32_t cursor = 0;

    while ((edge = cmaw_plan_next_in(&run->plan, step, &cursor)) != NULL) {
        size += run->edges[edge->id - 1].size;
    }
    return size;
}

/* True if the step's task does not fit any more; the first time, a pause of its own is commanded. */
static bool defer(struct cmaw_interpreter *run, uint32_t step, bool *ret_pause)
{
    const size_t size = task_size(run, step);

    *ret_pause = false;
    if (run->used == 0 || run->used + size <= COMMANDED_MAX) {
        run->used += size;
        run->commanded += size;
        return false;
    }
    if (!run->deferred) {
        run->deferred = true;
        run->defer_timer = ++run->timers;
        *ret_pause = true;
    }
    return true;
}

/* The next of what is due in a running run. */
static bool next_due(struct cmaw_interpreter *run, struct cmaw_command *ret_command)
{
    for (uint32_t i = 0; i < run->plan.step_count; i++) {
        bool pause = false;
        if (!run->steps[i].due) {
            continue;
        }
        if (run->steps[i].state == CMAW_STEP_PENDING && defer(run, i + 1, &pause)) {
            if (pause) {
                *ret_command = (struct cmaw_command){.kind = CMAW_COMMAND_PAUSE, .seq = run->defer_timer, .pause_ms = 1};
                return true;
            }
            continue;
        }
        command_step(run, i, ret_command);
        return true;
    }
    run->used = 0;
    return false;
}

bool cmaw_interpreter_next(struct cmaw_interpreter *interpreter, struct cmaw_command *ret_command)
{
    static const enum cmaw_command_kind ends[] = {
        [CMAW_RUN_COMPLETED] = CMAW_COMMAND_COMPLETE, [CMAW_RUN_FAILED] = CMAW_COMMAND_FAIL, [CMAW_RUN_CANCELED] = CMAW_COMMAND_CANCELED};

    advance(interpreter);
    if (interpreter->state != CMAW_RUN_RUNNING) {
        if (interpreter->told) {
            return false;
        }
        interpreter->told = true;
        *ret_command = (struct cmaw_command){
            .kind = ends[interpreter->state], .step = interpreter->failed_step, .code = interpreter->code};
        return true;
    }
    return next_due(interpreter, ret_command);
}
