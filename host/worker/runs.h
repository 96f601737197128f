/* The runs that are in memory, by Temporal's run id, with the bytes that they hold. Core gives one activation of a run at a time: a run that was found
 * is the caller's until it is settled or removed. Thread-safe. */
#ifndef CMAW_WORKER_RUNS_H
#define CMAW_WORKER_RUNS_H

#include "host/temporal/client.h"
#include "host/worker/interpreter.h"

struct cmaw_runs;

enum cmaw_err cmaw_runs_new(struct cmaw_runs **ret_runs);
void cmaw_runs_free(struct cmaw_runs *runs);
/* NULL if it is not in memory. */
struct cmaw_interpreter *cmaw_runs_find(struct cmaw_runs *runs, const char *id);
/* Takes over the interpreter, replacing one of the same id. On failure the caller keeps it. */
enum cmaw_err cmaw_runs_put(struct cmaw_runs *runs, const char *id, struct cmaw_interpreter *interpreter);
void cmaw_runs_remove(struct cmaw_runs *runs, const char *id);
/* After an activation: notes what the run weighs now. True, with the id of the run used longest ago in ret_victim, where all
 * together are over the budget: it should be evicted. Each run is named once. */
bool cmaw_runs_settle(struct cmaw_runs *runs, const char *id, char ret_victim[static CMAW_TEMPORAL_ID_SIZE]);
size_t cmaw_runs_count(struct cmaw_runs *runs);

#endif
