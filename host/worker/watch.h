/* What the worker shows over HTTP (sys/health.h). */
#ifndef CMAW_WORKER_WATCH_H
#define CMAW_WORKER_WATCH_H

#include <pthread.h>

#include "host/temporal/client.h"
#include "host/worker/metrics.h"
#include "host/worker/runs.h"
#include "sys/health.h"

/* Filled while it is looked at: each field is set, under the lock, once what it points to can be used, until cmaw_watch_stop. */
struct cmaw_watch {
    pthread_mutex_t lock;
    struct cmaw_health *health;
    struct cmaw_metrics_view view;
    struct cmaw_temporal *temporal;
    struct cmaw_runs *runs;
    bool serving; /* every queue is polled */
};

/* address NULL: not at all. Errors as cmaw_health_start. */
enum cmaw_err cmaw_watch_start(struct cmaw_watch *watch, const char *address, struct cmaw_diag *diag);
void cmaw_watch_credentials(struct cmaw_watch *watch, struct cmaw_aws_provider *credentials);
void cmaw_watch_role(struct cmaw_watch *watch, const char *name, struct cmaw_enclave *enclave, const struct cmaw_role_metrics *metrics);
void cmaw_watch_temporal(struct cmaw_watch *watch, struct cmaw_temporal *temporal);
void cmaw_watch_serving(struct cmaw_watch *watch, struct cmaw_runs *runs, bool serving);
/* Nothing is looked at any more. */
void cmaw_watch_stop(struct cmaw_watch *watch);

#endif
