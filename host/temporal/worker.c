#include "host/temporal/worker.h"

#include <stdlib.h>

#include "host/temporal/rpc.h"

enum { COMPLETION_MAX = 8 * 1024 * 1024 };

struct cmaw_temporal_worker {
    struct tb_worker *core;
    struct tb_runtime *own_runtime; /* of a replay worker */
};

static enum cmaw_err bridge_failed(struct tb_bytes *reason, enum cmaw_err err, struct cmaw_diag *diag)
{
    char text[256];

    cmaw_printable(cmaw_tb_slice(reason), text, sizeof text);
    tb_bytes_free(reason);
    return cmaw_diag_set(diag, err, "temporal: %s", text[0] != '\0' ? text : cmaw_err_text(err));
}

static struct tb_worker_options core_options(const char *ns, const struct cmaw_temporal_worker_options *options)
{
    return (struct tb_worker_options){
        .ns = ns,
        .task_queue = options->queue,
        .enable_workflows = options->workflows,
        .enable_activities = options->activities,
        .max_cached_workflows = options->cached_workflows,
        .max_workflow_tasks = options->workflow_tasks,
        .max_activities = options->activity_tasks,
        .workflow_pollers = options->workflow_pollers,
        .activity_pollers = options->activity_pollers,
        .sticky_timeout_ms = options->sticky_timeout_ms,
        .grace_ms = options->grace_ms,
    };
}

enum cmaw_err cmaw_temporal_worker_new(struct cmaw_temporal *temporal, const struct cmaw_temporal_worker_options *options,
                                       struct cmaw_temporal_worker **ret_worker, struct cmaw_diag *diag)
{
    const struct tb_worker_options core = core_options(temporal->ns, options);
    struct tb_bytes reason = {NULL, 0, 0};
    struct cmaw_temporal_worker *worker = calloc(1, sizeof *worker);

    CMAW_REQUIRE(worker != NULL, CMAW_E_NO_MEMORY);
    // The namespace is looked up first, since core's own words for a missing one are hard to tell from an outage.
    enum cmaw_err err = cmaw_temporal_check(temporal, diag);
    if (err == CMAW_OK && tb_worker_new(temporal->client, &core, &worker->core, &reason) != TB_OK) {
        err = bridge_failed(&reason, CMAW_E_UNAVAILABLE, diag);
    }
    if (err != CMAW_OK) {
        free(worker);
        return err;
    }
    *ret_worker = worker;
    return CMAW_OK;
}

static enum cmaw_err replay_new(struct cmaw_temporal_worker *worker, const char *workflow_id, struct cmaw_slice history,
                                struct cmaw_diag *diag)
{
    const struct tb_runtime_options runtime = {.abi_version = TB_ABI_VERSION, .io_threads = 1};
    const struct tb_worker_options core = {.ns = "replay", .task_queue = "replay", .enable_workflows = 1};
    struct tb_bytes reason = {NULL, 0, 0};
    struct tb_feeder *feeder = NULL;

    if (tb_runtime_new(&runtime, &worker->own_runtime, &reason) != TB_OK ||
        tb_replay_worker_new(worker->own_runtime, &core, &worker->core, &feeder, &reason) != TB_OK) {
        return bridge_failed(&reason, CMAW_E_BUG, diag);
    }
    const enum tb_status status = tb_feeder_feed(feeder, workflow_id, history.data, history.size);
    tb_feeder_free(feeder);
    return status == TB_OK ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_MALFORMED, "the history cannot be decoded");
}

enum cmaw_err cmaw_temporal_replay_new(const char *workflow_id, struct cmaw_slice history,
                                       struct cmaw_temporal_worker **ret_worker, struct cmaw_diag *diag)
{
    struct cmaw_temporal_worker *worker = calloc(1, sizeof *worker);

    CMAW_REQUIRE(worker != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = replay_new(worker, workflow_id, history, diag);
    if (err != CMAW_OK) {
        tb_worker_free(worker->core);
        tb_runtime_free(worker->own_runtime);
        free(worker);
        return err;
    }
    *ret_worker = worker;
    return CMAW_OK;
}

static enum cmaw_err err_of_poll(enum tb_status status)
{
    if (status == TB_OK) {
        return CMAW_OK;
    }
    return status == TB_SHUTDOWN ? CMAW_E_CLOSED : CMAW_E_PEER;
}

enum cmaw_err cmaw_temporal_poll_activation(struct cmaw_temporal_worker *worker, cmaw_activation **ret_activation)
{
    CMAW_TB_BYTES_AUTO(bytes);

    CMAW_TRY(err_of_poll(tb_worker_poll_activation(worker->core, &bytes, NULL)));
    *ret_activation =
        cmaw_message_decode(&coresdk__workflow_activation__workflow_activation__descriptor, cmaw_tb_slice(&bytes));
    return *ret_activation != NULL ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_temporal_poll_activity(struct cmaw_temporal_worker *worker, cmaw_activity_task **ret_task)
{
    CMAW_TB_BYTES_AUTO(bytes);

    CMAW_TRY(err_of_poll(tb_worker_poll_activity(worker->core, &bytes, NULL)));
    *ret_task = cmaw_message_decode(&coresdk__activity_task__activity_task__descriptor, cmaw_tb_slice(&bytes));
    return *ret_task != NULL ? CMAW_OK : CMAW_E_NO_MEMORY;
}

struct cmaw_buf cmaw_temporal_completion(const ProtobufCMessage *completion)
{
    struct cmaw_buf bytes = CMAW_BUF(COMPLETION_MAX);

    cmaw_message_encode(completion, &bytes);
    return bytes;
}

static enum cmaw_err complete(enum tb_status (*function)(struct tb_worker *, uint8_t *, size_t, struct tb_bytes *),
                              struct cmaw_temporal_worker *worker, struct cmaw_buf *completion)
{
    const struct cmaw_buf taken = *completion;

    *completion = CMAW_BUF(COMPLETION_MAX);
    if (taken.err != CMAW_OK) {
        free(taken.data);
        return taken.err;
    }
    return function(worker->core, taken.data, taken.size, NULL) == TB_OK ? CMAW_OK : CMAW_E_BUG;
}

enum cmaw_err cmaw_temporal_complete_activation(struct cmaw_temporal_worker *worker, struct cmaw_buf *completion)
{
    return complete(tb_worker_complete_activation, worker, completion);
}

enum cmaw_err cmaw_temporal_complete_activity(struct cmaw_temporal_worker *worker, struct cmaw_buf *completion)
{
    return complete(tb_worker_complete_activity, worker, completion);
}

void cmaw_temporal_heartbeat(struct cmaw_temporal_worker *worker, struct cmaw_slice task_token)
{
    Tb__ActivityHeartbeat heartbeat = TB__ACTIVITY_HEARTBEAT__INIT;
    CMAW_BUF_AUTO(bytes, 4096);

    heartbeat.task_token = cmaw_proto_bytes(task_token);
    cmaw_message_encode(&heartbeat.base, &bytes);
    if (cmaw_buf_err(&bytes) == CMAW_OK) {
        tb_worker_heartbeat(worker->core, bytes.data, bytes.size);
    }
}

void cmaw_temporal_evict(struct cmaw_temporal_worker *worker, const char *run)
{
    tb_worker_evict(worker->core, run);
}

void cmaw_temporal_worker_shutdown(struct cmaw_temporal_worker *worker)
{
    tb_worker_shutdown(worker->core);
}

void cmaw_temporal_worker_free(struct cmaw_temporal_worker *worker)
{
    if (worker == NULL) {
        return;
    }
    tb_worker_finalize(worker->core, NULL);
    tb_worker_free(worker->core);
    tb_runtime_free(worker->own_runtime);
    free(worker);
}
