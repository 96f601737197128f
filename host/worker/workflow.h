/* Serves the activations of the workflow cmaw.run: jobs to the interpreter's events, its commands to a completion. */
#ifndef CMAW_WORKER_WORKFLOW_H
#define CMAW_WORKER_WORKFLOW_H

#include "host/temporal/worker.h"
#include "host/worker/runs.h"
#include "lib/sst/manifest.h"

struct cmaw_workflows {
    struct cmaw_temporal_worker *worker;
    const struct cmaw_manifest *manifest; /* names the roles, and the only one whose plans are run */
    const char *tenant;
    struct cmaw_runs *runs;
};

/* Handles one activation and completes it; the data of its arguments is freed on the way. BUG where core refuses the completion. */
enum cmaw_err cmaw_workflow_handle(const struct cmaw_workflows *workflows, const cmaw_activation *activation);
/* Polls and handles until the worker is drained. PEER: polling failed for good. */
enum cmaw_err cmaw_workflow_serve(const struct cmaw_workflows *workflows);

#endif
