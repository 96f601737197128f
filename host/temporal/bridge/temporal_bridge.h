/* A blocking C interface over Temporal's core (Rust). Messages go in and out as encoded protobuf. Every call may come from any
 * thread that is not one of the runtime's. A panic inside is caught and answers TB_EINTERNAL. The functions are written in src/. */
#ifndef TEMPORAL_BRIDGE_H
#define TEMPORAL_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

enum { TB_ABI_VERSION = 3 };

enum tb_status {
    TB_OK = 0,
    TB_SHUTDOWN = 1,   /* poll: drained, no more tasks of this kind */
    TB_EINVAL = -1,    /* bad argument, option or message */
    TB_ECONNECT = -2,  /* connecting failed */
    TB_ERPC = -3,      /* the server answered an error: see tb_rpc_error */
    TB_EFATAL = -4,    /* polling failed for good, the worker is shutting down */
    TB_EBUSY = -5,     /* finalize while another call uses the worker */
    TB_EINTERNAL = -6, /* a panic was caught */
    TB_ESTOPPED = -7,  /* the caller's stop flag was set */
};

struct tb_runtime;
struct tb_client;
struct tb_worker;
struct tb_feeder;

/* Owned by the bridge: release with tb_bytes_free. {NULL, 0, 0} is empty. */
struct tb_bytes {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* level: 1 error, 2 warning. text has neither values nor payloads: what core says, cut before the first value. run_id may be
 * empty. Called on any thread; must not call the bridge. */
typedef void (*tb_log_fn)(void *context, int level, const char *text, size_t text_len, const char *run_id,
                          size_t run_id_len);

struct tb_runtime_options {
    uint32_t abi_version; /* TB_ABI_VERSION */
    uint32_t io_threads;  /* at least 1 */
    tb_log_fn log;        /* NULL: no log */
    void *log_context;
    uint32_t metrics;     /* not 0: keep what core measures, for tb_runtime_metrics */
};

struct tb_client_options {
    const char *target;   /* "host:port" */
    const char *identity;
    const char *client_name;
    const char *client_version;
    uint32_t connect_timeout_ms;
};

struct tb_worker_options {
    const char *ns;
    const char *task_queue;
    uint32_t enable_workflows;
    uint32_t enable_activities;
    uint32_t max_cached_workflows;
    uint32_t max_workflow_tasks; /* outstanding */
    uint32_t max_activities;     /* outstanding */
    uint32_t workflow_pollers;
    uint32_t activity_pollers;
    uint32_t sticky_timeout_ms;
    uint64_t grace_ms;           /* how long running activities are left alone at shutdown */
};

struct tb_rpc_error {
    int32_t grpc_code;
    struct tb_bytes message;
    struct tb_bytes details; /* google.rpc.Status */
};

uint32_t tb_abi_version(void);
void tb_bytes_free(struct tb_bytes *bytes);

enum tb_status tb_runtime_new(const struct tb_runtime_options *options, struct tb_runtime **ret, struct tb_bytes *err);
/* What core has measured, in Prometheus' text format (temporal_*): counters end in _total, durations are in seconds. Types of workflows and
 * activities that are not ours are "other", so that the number of series is bounded; no label has an id. Empty without metrics. */
enum tb_status tb_runtime_metrics(const struct tb_runtime *runtime, struct tb_bytes *ret);
/* After all clients and workers. */
void tb_runtime_free(struct tb_runtime *runtime);

/* One try. The runtime must outlive the client. */
enum tb_status tb_client_connect(struct tb_runtime *runtime, const struct tb_client_options *options,
                                 struct tb_client **ret, struct tb_bytes *err);
void tb_client_free(struct tb_client *client);

/* One call of WorkflowService. timeout_ms 0: core's default. retry: with core's retries. stop, if not NULL, is looked at ten
 * times a second; non-zero ends the call with TB_ESTOPPED. */
enum tb_status tb_rpc_call(struct tb_client *client, const char *method, const uint8_t *request, size_t request_len,
                           uint32_t timeout_ms, int retry, const int *stop, struct tb_bytes *ret,
                           struct tb_rpc_error *ret_error);

/* Makes the worker and checks the namespace with the server. */
enum tb_status tb_worker_new(struct tb_client *client, const struct tb_worker_options *options, struct tb_worker **ret,
                             struct tb_bytes *err);
/* A worker that polls nothing but the histories that are fed to ret_feeder. */
enum tb_status tb_replay_worker_new(struct tb_runtime *runtime, const struct tb_worker_options *options,
                                    struct tb_worker **ret, struct tb_feeder **ret_feeder, struct tb_bytes *err);
/* history: an encoded temporal.api.history.v1.History. Waits while one is waiting already. */
enum tb_status tb_feeder_feed(struct tb_feeder *feeder, const char *workflow_id, const uint8_t *history,
                              size_t history_len);
/* No more histories: the worker shuts down after the last. */
void tb_feeder_free(struct tb_feeder *feeder);

enum tb_status tb_worker_poll_activation(struct tb_worker *worker, struct tb_bytes *ret, struct tb_bytes *err);
/* The completions take message over: it is from malloc, and freed before anything is waited for. */
enum tb_status tb_worker_complete_activation(struct tb_worker *worker, uint8_t *message, size_t len,
                                             struct tb_bytes *err);
/* Core then sends an eviction for the run, in time. */
enum tb_status tb_worker_evict(struct tb_worker *worker, const char *run_id);
enum tb_status tb_worker_poll_activity(struct tb_worker *worker, struct tb_bytes *ret, struct tb_bytes *err);
enum tb_status tb_worker_complete_activity(struct tb_worker *worker, uint8_t *message, size_t len,
                                           struct tb_bytes *err);
/* Does not wait. */
enum tb_status tb_worker_heartbeat(struct tb_worker *worker, const uint8_t *message, size_t len);
/* Does not wait; may be called again. */
void tb_worker_shutdown(struct tb_worker *worker);
/* After the polls have answered TB_SHUTDOWN and no other call uses the worker. */
enum tb_status tb_worker_finalize(struct tb_worker *worker, struct tb_bytes *err);
void tb_worker_free(struct tb_worker *worker);

#endif
