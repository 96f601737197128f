/* The workflow cmaw.run: interprets a plan. Pure: events in, commands out, no clock, no randomness, no Temporal; the same events give
 * the same commands, as replay demands. A step starts when all its in-edges have their states; a step that failed in a way that another attempt may
 * mend is tried again after a pause, up to the plan's max_attempts; the run ends when every step is done, or with the first final failure. */
#ifndef CMAW_WORKER_INTERPRETER_H
#define CMAW_WORKER_INTERPRETER_H

#include "lib/sst/code.h"
#include "lib/sst/plan.h"

enum cmaw_command_kind {
    CMAW_COMMAND_STEP,     /* schedule activity seq: this attempt of this step; its StepTask is cmaw_interpreter_task */
    CMAW_COMMAND_PAUSE,    /* start timer seq of pause_ms; step 0: more commands follow it that do not fit into one message */
    CMAW_COMMAND_COMPLETE, /* the run is done: cmaw_interpreter_result */
    CMAW_COMMAND_FAIL,     /* the run failed: step (0: the input), code, cmaw_interpreter_failure */
    CMAW_COMMAND_CANCELED, /* the run was cancelled */
};

struct cmaw_command {
    enum cmaw_command_kind kind;
    uint32_t seq; /* activities and timers are numbered apart, each from 1 */
    uint32_t step;
    uint32_t attempt;
    uint64_t pause_ms;
    enum cmaw_code code;
};

/* What a run begins with. Borrowed. */
struct cmaw_run_input {
    const char *workflow_id;
    struct cmaw_slice plan;
    struct cmaw_slice ticket;
    const struct cmaw_slice *states; /* of the edges from the client, in edge order */
    size_t state_count;
};

struct cmaw_interpreter;

/* Begins a run. All input is hostile; what is not a run makes one whose only command is FAIL with BAD_REQUEST. NO_MEMORY. */
enum cmaw_err cmaw_interpreter_new(const struct cmaw_run_input *input, struct cmaw_interpreter **ret_interpreter);
void cmaw_interpreter_free(struct cmaw_interpreter *interpreter);

/* Events. result is a StepResult, copied; one that is not what the step has to give fails the run with INTERNAL. A number that is not pending is
 * ignored, and so is everything after the run has ended. */
enum cmaw_err cmaw_interpreter_step_done(struct cmaw_interpreter *interpreter, uint32_t seq, struct cmaw_slice result);
/* failure: a StepResult with the failure state, or empty. */
enum cmaw_err cmaw_interpreter_step_failed(struct cmaw_interpreter *interpreter, uint32_t seq, enum cmaw_code code,
                                           struct cmaw_slice failure);
void cmaw_interpreter_pause_over(struct cmaw_interpreter *interpreter, uint32_t seq);
void cmaw_interpreter_cancel(struct cmaw_interpreter *interpreter);
/* Ends the run as failed for a reason that the caller found; step 0. */
void cmaw_interpreter_refuse(struct cmaw_interpreter *interpreter, enum cmaw_code code);

/* The next command, in the order of step ids, after all events of one activation were given; false: none. A terminal command comes last and once. */
bool cmaw_interpreter_next(struct cmaw_interpreter *interpreter, struct cmaw_command *ret_command);

/* What a command is about. Valid until the next event. */
const struct cmaw_plan *cmaw_interpreter_plan(const struct cmaw_interpreter *interpreter);
const struct cmaw_bytes32 *cmaw_interpreter_run_id(const struct cmaw_interpreter *interpreter);
/* Appends the StepTask for a step that was commanded. */
enum cmaw_err cmaw_interpreter_task(const struct cmaw_interpreter *interpreter, uint32_t step, struct cmaw_buf *buf);
/* Appends the RunResult of a completed run. */
enum cmaw_err cmaw_interpreter_result(const struct cmaw_interpreter *interpreter, struct cmaw_buf *buf);
/* The StepResult that came with the final failure, or empty. */
struct cmaw_slice cmaw_interpreter_failure(const struct cmaw_interpreter *interpreter);
/* Appends what query `status` answers: {"state":"running","steps":[{"id":1,"name":"intake","state":"done","attempt":1},…]}, with states pending, running,
 * waiting (for its next attempt), done, failed. Nothing in it comes from content. */
enum cmaw_err cmaw_interpreter_status(const struct cmaw_interpreter *interpreter, struct cmaw_buf *json);
/* Bytes of states, documents and receipts that the run holds, and of its tasks, of which core keeps copies as long as it caches the run. */
size_t cmaw_interpreter_weight(const struct cmaw_interpreter *interpreter);

#endif
