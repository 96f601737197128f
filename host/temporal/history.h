/* The complete event history of a workflow, for whoever has to look at everything that Temporal was told. */
#ifndef CMAW_TEMPORAL_HISTORY_H
#define CMAW_TEMPORAL_HISTORY_H

#include "host/temporal/client.h"

/* One event, borrowed for the time of the visit. */
struct cmaw_temporal_event {
    uint64_t id;
    uint32_t type;          /* temporal.api.enums.v1.EventType */
    const char *type_name;  /* "EVENT_TYPE_ACTIVITY_TASK_COMPLETED"; "" if unknown */
    struct cmaw_slice raw;  /* the encoded temporal.api.history.v1.HistoryEvent */
};

/* Visits all events in order. An error of visit ends it. TOO_LARGE over 64 MiB in all. */
enum cmaw_err cmaw_temporal_history(struct cmaw_temporal *temporal, const char *workflow_id,
                                    enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_event *event),
                                    void *context, struct cmaw_diag *diag);
/* Appends a binary temporal.api.history.v1.History: what replay tests read, and `cmaw verify` may keep. */
enum cmaw_err cmaw_temporal_history_fetch(struct cmaw_temporal *temporal, const char *workflow_id,
                                          struct cmaw_buf *history, struct cmaw_diag *diag);
/* Visits the events of such a History. MALFORMED. */
enum cmaw_err cmaw_temporal_history_events(struct cmaw_slice history,
                                           enum cmaw_err (*visit)(void *context, const struct cmaw_temporal_event *event),
                                           void *context);

/* What an event holds. path is like "activity_task_completed_event_attributes.result.payloads". Any of the functions may be
 * NULL. leaf gets every string and bytes field, those of payloads (metadata too) included; payload every Payload. */
struct cmaw_temporal_event_visitor {
    enum cmaw_err (*leaf)(void *context, const char *path, struct cmaw_slice value);
    enum cmaw_err (*payload)(void *context, const char *path, const struct cmaw_temporal_payload *payload);
    void *context;
};
/* MALFORMED if the event cannot be decoded or is nested too deeply. Fields unknown to us are given to leaf with path "unknown". */
enum cmaw_err cmaw_temporal_event_walk(const struct cmaw_temporal_event *event,
                                       const struct cmaw_temporal_event_visitor *visitor);

#endif
