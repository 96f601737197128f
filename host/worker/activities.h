/* Serves the activity queue of one role: a thread polls and delivers cancellations, others run a step each in the role's enclave. */
#ifndef CMAW_WORKER_ACTIVITIES_H
#define CMAW_WORKER_ACTIVITIES_H

#include "host/temporal/worker.h"
#include "host/worker/enclave.h"
#include "host/worker/metrics.h"

struct cmaw_activities_options {
    struct cmaw_temporal_worker *worker;
    struct cmaw_enclave *enclave;
    struct cmaw_role_metrics *metrics;
    uint32_t executors; /* as many as the worker has activity slots */
    void (*failed)(void *context); /* called once if polling fails for good; from another thread */
    void *context;
};

struct cmaw_activities;

/* Starts the threads. worker, enclave and metrics must outlive it. */
enum cmaw_err cmaw_activities_start(const struct cmaw_activities_options *options, struct cmaw_activities **ret_activities);
/* Waits until the worker, which must have been shut down, is drained, and ends the threads. NULL-safe. */
void cmaw_activities_join(struct cmaw_activities *activities);

#endif
