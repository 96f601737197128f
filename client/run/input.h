/* The files that go onto the edges from the client. */
#ifndef CMAW_CLIENT_RUN_INPUT_H
#define CMAW_CLIENT_RUN_INPUT_H

#include "client/run/prepare.h"
#include "lib/sst/run.h"

/* Reads and seals one file for each edge from the client and appends lp(State) each, in edge order. */
enum cmaw_err cmaw_inputs_seal(const struct cmaw_new_run *run, const struct cmaw_run_request *request, struct cmaw_buf *states,
                               struct cmaw_diag *diag);

#endif
