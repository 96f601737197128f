/* The worker as a whole: a connection, a workflow queue, and for each role an activity queue and an enclave. */
#ifndef CMAW_WORKER_SERVICE_H
#define CMAW_WORKER_SERVICE_H

#include "host/worker/config.h"

/* Serves until a signal arrives on signal_fd, waiting for Temporal and enclaves that are not there, and drains. A second signal ends the
 * process at once. PEER: polling failed for good. */
enum cmaw_err cmaw_worker_serve(struct cmaw_worker_config *config, int signal_fd, struct cmaw_diag *diag);

#endif
