/* The complete event history of a workflow, for whoever has to look at everything that Temporal was told. */
#ifndef CMAW_TEMPORAL_HISTORY_H
#define CMAW_TEMPORAL_HISTORY_H

#include "host/temporal/client.h"

/* Appends all of it, a binary temporal.api.history.v1.History: what replay tests read. TOO_LARGE over 64 MiB. */
enum cmaw_err cmaw_temporal_history_fetch(struct cmaw_temporal *temporal, const char *workflow_id,
                                          struct cmaw_buf *history, struct cmaw_diag *diag);

/* What a history holds. path is like "activity_task_completed_event_attributes.result.payloads". Either of the functions may be
 * NULL. leaf gets every string and bytes field, those of payloads (metadata too) included; payload every Payload. */
struct cmaw_temporal_visitor {
    enum cmaw_err (*leaf)(void *context, const char *path, struct cmaw_slice value);
    enum cmaw_err (*payload)(void *context, const char *path, const struct cmaw_temporal_payload *payload);
    void *context;
};
/* Visits such a History, event by event in order; *ret_events is their count. An error of the visitor ends it. MALFORMED if it cannot be decoded or is
 * nested too deeply; hostile input. Fields unknown to us are given to leaf with path "unknown". */
enum cmaw_err cmaw_temporal_history_walk(struct cmaw_slice history, const struct cmaw_temporal_visitor *visitor, size_t *ret_events);

#endif
