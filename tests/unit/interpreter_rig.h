/* An interpreter over a run of run_make.h, driven by hand, for tests. */
#ifndef CMAW_TESTS_INTERPRETER_RIG_H
#define CMAW_TESTS_INTERPRETER_RIG_H

#include "host/worker/interpreter.h"
#include "tests/unit/run_make.h"

enum { BUF_MAX = 16 * 1024 * 1024, CONTENT = 64 };

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static inline struct cmaw_interpreter *begin(const struct run_make *made)
{
    struct cmaw_slice states[CMAW_EDGES_MAX];
    struct cmaw_interpreter *run = NULL;

    for (uint32_t i = 0; i < made->input_count; i++) {
        states[i] = cmaw_buf_slice(&made->inputs[i]);
    }
    const struct cmaw_run_input input = {.workflow_id = made->workflow_id, .plan = cmaw_buf_slice(&made->plan_bytes),
        .ticket = cmaw_buf_slice(&made->ticket), .states = states, .state_count = made->input_count};
    OK(cmaw_interpreter_new(&input, &run));
    return run;
}

/* All commands that are there now, as text: "S1.1#1 P2#1:200 F2:DENIED C X". */
static inline const char *drain(struct cmaw_interpreter *run, char *text, size_t size)
{
    struct cmaw_command c;
    size_t n = 0;

    text[0] = '\0';
    while (cmaw_interpreter_next(run, &c)) {
        const char *gap = n > 0 ? " " : "";
        switch (c.kind) {
        case CMAW_COMMAND_STEP:
            n += (size_t)snprintf(text + n, size - n, "%sS%u.%u#%u", gap, c.step, c.attempt, c.seq);
            break;
        case CMAW_COMMAND_PAUSE:
            n += (size_t)snprintf(text + n, size - n, "%sP%u#%u:%u", gap, c.step, c.seq, (unsigned)c.pause_ms);
            break;
        case CMAW_COMMAND_FAIL:
            n += (size_t)snprintf(text + n, size - n, "%sF%u:%s", gap, c.step, cmaw_code_name(c.code));
            break;
        case CMAW_COMMAND_COMPLETE:
            n += (size_t)snprintf(text + n, size - n, "%sC", gap);
            break;
        case CMAW_COMMAND_CANCELED:
            n += (size_t)snprintf(text + n, size - n, "%sX", gap);
            break;
        }
        assert_true(n < size);
    }
    return text;
}

static inline void done(const struct run_make *made, struct cmaw_interpreter *run, uint32_t seq, uint32_t step)
{
    CMAW_BUF_AUTO(result, BUF_MAX);

    run_make_result(&made->plan, &made->run_id, step, false, CONTENT, &result);
    OK(cmaw_interpreter_step_done(run, seq, cmaw_buf_slice(&result)));
}

#endif
