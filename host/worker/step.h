/* One step of a run in its enclave. What is no fault of the agent (no connection, not configured, busy, no KMS) is waited for; the answer ends it. */
#ifndef CMAW_WORKER_STEP_H
#define CMAW_WORKER_STEP_H

#include "host/temporal/objects.h"
#include "host/worker/enclave.h"
#include "lib/sst/code.h"

/* How whoever asked for the step takes part while it runs. */
struct cmaw_step_control {
    int stop_fd;                    /* becomes readable when the step is to end */
    void (*beat)(void *context);    /* called about once a second */
    void *context;
    uint64_t deadline;              /* monotonic ms: when an answer is of no use any more */
};

enum cmaw_step_end {
    CMAW_STEP_END_ANSWER,  /* code says which; result has a StepResult for OK, and where the enclave gave a failure state */
    CMAW_STEP_END_WAITING, /* the enclave could not be had in time: to be repeated without counting; code says what it was last */
    CMAW_STEP_END_STOPPED,
};

struct cmaw_step_outcome {
    enum cmaw_step_end end;
    enum cmaw_code code;
    bool heavy;             /* the caller has a turn of heavy.h to give back, once the result is freed */
    struct cmaw_buf result; /* at most CMAW_TEMPORAL_PAYLOADS_MAX bytes, else the code is TOO_LARGE */
};

/* Free the outcome's result. */
void cmaw_step_run(struct cmaw_enclave *enclave, const struct cmaw_step_task *task, const struct cmaw_step_control *control,
                   struct cmaw_step_outcome *ret_outcome);

#endif
