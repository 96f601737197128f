/* What the worker counts of each role, and all that it tells Prometheus. Labels are names of roles and codes: no run, and nothing of its content. */
#ifndef CMAW_WORKER_METRICS_H
#define CMAW_WORKER_METRICS_H

#include <stdatomic.h>

#include "host/worker/enclave.h"
#include "host/worker/step.h"
#include "sys/metrics.h"

enum { CMAW_WORKER_CODES = CMAW_CODE_INTERNAL + 1 };

/* Of one role; zeroed at the start. Thread-safe. */
struct cmaw_role_metrics {
    _Atomic uint64_t codes[CMAW_WORKER_CODES]; /* by code; at 0 the steps that were stopped */
    _Atomic uint64_t running;
    struct cmaw_histogram duration;
};

void cmaw_role_metrics_begin(struct cmaw_role_metrics *metrics);
void cmaw_role_metrics_end(struct cmaw_role_metrics *metrics, const struct cmaw_step_outcome *outcome, uint64_t ms);

struct cmaw_metrics_role {
    const char *name;
    const struct cmaw_role_metrics *metrics;
    struct cmaw_enclave_view enclave; /* filled by cmaw_worker_metrics */
    struct cmaw_enclave *from;
};

struct cmaw_metrics_view {
    struct cmaw_metrics_role roles[CMAW_ROLES_MAX];
    uint32_t role_count;
    struct cmaw_aws_provider *credentials; /* NULL: not opened yet */
    uint64_t runs;                         /* in memory */
};

/* Appends every metric of ours. */
void cmaw_worker_metrics(struct cmaw_metrics_view *view, struct cmaw_buf *text);

#endif
