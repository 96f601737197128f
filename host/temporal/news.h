/* What happens to the steps of a run, as Temporal's history tells it: for whoever watches. Nothing of it is authentic. */
#ifndef CMAW_TEMPORAL_NEWS_H
#define CMAW_TEMPORAL_NEWS_H

#include "host/temporal/client.h"

enum cmaw_temporal_news_kind {
    CMAW_NEWS_QUEUED,  /* the workflow waits for a worker that decides what is next */
    CMAW_NEWS_TAKEN,   /* one has answered */
    CMAW_NEWS_STARTED, /* a step was scheduled; data: its StepTask */
    CMAW_NEWS_DONE,    /* data: its StepResult */
    CMAW_NEWS_FAILED,  /* code: of PROTOCOL.md section 8, or what Temporal calls it */
};

/* One event, borrowed for the time of the visit. */
struct cmaw_temporal_news {
    enum cmaw_temporal_news_kind kind;
    uint64_t scheduled; /* the event that scheduled the step: the same for its STARTED and its DONE or FAILED; 0: no step */
    struct cmaw_slice data;
    char code[32]; /* printable ASCII */
};
struct cmaw_temporal_watcher {
    void (*visit)(void *context, const struct cmaw_temporal_news *news);
    void *context;
};

/* Waits for the end by long polls, through outages of the server. TIMEOUT after timeout_ms: it still runs (0: looks
 * once without waiting; UINT64_MAX: for ever). ret_outcome is filled only on OK; free it. stop as for cmaw_temporal_connect. The watcher (NULL:
 * only the end is of interest) is given every event of the run in order, each once, also those from before the call. */
enum cmaw_err cmaw_temporal_watch(struct cmaw_temporal *temporal, const char *workflow_id, uint64_t timeout_ms, const int *stop,
                                  const struct cmaw_temporal_watcher *watcher, struct cmaw_temporal_outcome *ret_outcome,
                                  struct cmaw_diag *diag);

#endif
