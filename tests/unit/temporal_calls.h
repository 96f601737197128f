/* Calls to Temporal that only tests make: what an operator does to a workflow with Temporal's own tools. Errors as in host/temporal/client.h. */
#ifndef CMAW_TESTS_TEMPORAL_CALLS_H
#define CMAW_TESTS_TEMPORAL_CALLS_H

#include "host/temporal/client.h"

/* Appends the JSON that the query is answered with. Needs a live worker, else TIMEOUT. */
enum cmaw_err temporal_query(struct cmaw_temporal *temporal, const char *workflow_id, const char *query, uint32_t timeout_ms,
                             struct cmaw_buf *json, struct cmaw_diag *diag);
enum cmaw_err temporal_cancel(struct cmaw_temporal *temporal, const char *workflow_id, struct cmaw_diag *diag);
enum cmaw_err temporal_terminate(struct cmaw_temporal *temporal, const char *workflow_id, const char *reason, struct cmaw_diag *diag);

#endif
