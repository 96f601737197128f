/* The verbs of cmaw-launch. */
#ifndef CMAW_LAUNCH_VERBS_H
#define CMAW_LAUNCH_VERBS_H

#include "host/launch/options.h"

/* Runs until the enclave ends. OK if it was stopped; CLOSED if it died, TIMEOUT without a heartbeat. */
enum cmaw_err cmaw_launch_run(const struct launch_options *options, struct cmaw_diag *diag);
enum cmaw_err cmaw_launch_describe_all(const struct launch_options *options, struct cmaw_diag *diag);
/* Prints what an enclave in debug mode prints, until it ends. */
enum cmaw_err cmaw_launch_console(const struct launch_options *options, struct cmaw_diag *diag);
enum cmaw_err cmaw_launch_terminate(const struct launch_options *options, struct cmaw_diag *diag);

#endif
