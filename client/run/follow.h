/* Waiting for the end of a run. */
#ifndef CMAW_CLIENT_RUN_FOLLOW_H
#define CMAW_CLIENT_RUN_FOLLOW_H

#include "client/run/connect.h"

/* Starts the run if it never was, waits until it has ended, shows each step on standard error (display.h), and stores how it
 * ended; record is read anew. TIMEOUT after timeout_ms (0: for ever) or Ctrl-C: it goes on. Does nothing for a run that has ended. */
enum cmaw_err cmaw_run_follow(struct cmaw_store *store, struct cmaw_temporal *temporal, struct cmaw_run_record *record, uint64_t timeout_ms,
                              struct cmaw_diag *diag);

#endif
