/* Polling and completing tasks, for host/worker and the replay test. Messages are Temporal's generated ones. */
#ifndef CMAW_TEMPORAL_WORKER_H
#define CMAW_TEMPORAL_WORKER_H

#include "host/temporal/client.h"
#include "host/temporal/message.h"

typedef CMAW_CORE(WorkflowActivation__WorkflowActivation) cmaw_activation;
typedef CMAW_CORE(WorkflowCompletion__WorkflowActivationCompletion) cmaw_activation_completion;
typedef CMAW_CORE(ActivityTask__ActivityTask) cmaw_activity_task;
typedef Tb__ActivityTaskCompletion cmaw_activity_completion;

struct cmaw_temporal_worker;

struct cmaw_temporal_worker_options {
    const char *queue;
    bool workflows;
    bool activities;
    uint32_t cached_workflows;
    uint32_t workflow_tasks; /* outstanding */
    uint32_t activity_tasks; /* outstanding */
    uint32_t workflow_pollers;
    uint32_t activity_pollers;
    uint32_t sticky_timeout_ms;
    uint64_t grace_ms; /* running activities are left alone for so long at shutdown */
};

/* NOT_FOUND: no such namespace; UNAVAILABLE. The connection must outlive the worker. */
enum cmaw_err cmaw_temporal_worker_new(struct cmaw_temporal *temporal, const struct cmaw_temporal_worker_options *options,
                                       struct cmaw_temporal_worker **ret_worker, struct cmaw_diag *diag);
/* A worker that replays one binary History of a workflow and then ends its polls with CLOSED; it needs no server. */
enum cmaw_err cmaw_temporal_replay_new(const char *workflow_id, struct cmaw_slice history,
                                       struct cmaw_temporal_worker **ret_worker, struct cmaw_diag *diag);

/* Each waits for a task; free it with cmaw_message_free. CLOSED: shut down and drained. PEER: polling failed for good. */
enum cmaw_err cmaw_temporal_poll_activation(struct cmaw_temporal_worker *worker, cmaw_activation **ret_activation);
enum cmaw_err cmaw_temporal_poll_activity(struct cmaw_temporal_worker *worker, cmaw_activity_task **ret_task);
/* An encoded completion, with its error in it: what the message borrowed can be freed before core and the server are waited for. */
struct cmaw_buf cmaw_temporal_completion(const ProtobufCMessage *completion);
/* Each activation and each started activity must be completed once, from any thread; waits for the server. completion is moved in, and freed as
 * soon as core has read it. The buffer's error; BUG where core refuses it. */
enum cmaw_err cmaw_temporal_complete_activation(struct cmaw_temporal_worker *worker, struct cmaw_buf *completion);
enum cmaw_err cmaw_temporal_complete_activity(struct cmaw_temporal_worker *worker, struct cmaw_buf *completion);
/* Without details. Does not wait; without heartbeats no cancellation arrives. */
void cmaw_temporal_heartbeat(struct cmaw_temporal_worker *worker, struct cmaw_slice task_token);
/* Asks core to give up its cache of a run: an eviction follows. */
void cmaw_temporal_evict(struct cmaw_temporal_worker *worker, const char *run);

/* Begins to drain; polls go on until they answer CLOSED. */
void cmaw_temporal_worker_shutdown(struct cmaw_temporal_worker *worker);
/* After every thread that polled or completed has ended. NULL-safe. */
void cmaw_temporal_worker_free(struct cmaw_temporal_worker *worker);

#endif
