/* What an interpreter holds. Internal to interpreter.c and interpreter_view.c. */
#ifndef CMAW_WORKER_INTERPRETER_STATE_H
#define CMAW_WORKER_INTERPRETER_STATE_H

#include "host/worker/interpreter.h"

enum cmaw_step_state { CMAW_STEP_PENDING, CMAW_STEP_RUNNING, CMAW_STEP_WAITING, CMAW_STEP_DONE, CMAW_STEP_FAILED };
enum cmaw_run_state { CMAW_RUN_RUNNING, CMAW_RUN_COMPLETED, CMAW_RUN_FAILED, CMAW_RUN_CANCELED };

struct cmaw_step_run {
    enum cmaw_step_state state;
    uint32_t attempt;  /* of what runs or ran last; 0: none yet */
    uint32_t activity; /* seq while running */
    uint32_t timer;    /* seq while waiting */
    bool due;          /* to be commanded: an activity if pending, a timer if waiting */
    struct cmaw_buf receipt;
    struct cmaw_buf ak_doc;
};

struct cmaw_interpreter {
    struct cmaw_buf plan_bytes;
    struct cmaw_buf ticket;
    struct cmaw_plan plan;
    struct cmaw_bytes32 run_id;
    enum cmaw_run_state state;
    enum cmaw_code code;
    uint32_t failed_step;
    struct cmaw_buf failure;
    bool told; /* the terminal command was given */
    size_t used;   /* bytes of tasks commanded since the last event */
    size_t commanded; /* bytes of all tasks commanded */
    uint32_t defer_timer;
    bool deferred; /* a pause without step was commanded, since more tasks would not fit into one message to the server */
    uint32_t activities;
    uint32_t timers;
    struct cmaw_step_run steps[CMAW_STEPS_MAX];
    struct cmaw_buf edges[CMAW_EDGES_MAX]; /* whole State messages; dropped once their consumer is done */
};

#endif
