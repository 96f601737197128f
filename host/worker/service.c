#include "host/worker/service.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "host/worker/activities.h"
#include "host/worker/thread.h"
#include "host/worker/watch.h"
#include "host/worker/workflow.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

enum {
    WORKFLOW_THREADS = 8,
    // What is polled is in memory: more of them is hardly faster, and costs 20 MB when runs are large.
    WORKFLOW_TASKS = 24,
    WORKFLOW_POLLERS = 20,
    ACTIVITY_POLLERS = 16,
    CACHED_RUNS = 512,
    STICKY_TIMEOUT_MS = 5000,
    CONNECT_EVERY_MS = 500,
    IO_THREADS = 2,
};

struct role_service {
    struct cmaw_temporal_worker *worker;
    struct cmaw_enclave *enclave;
    struct cmaw_activities *activities;
    struct cmaw_role_metrics metrics;
};

struct service {
    struct cmaw_worker_config *config;
    int signal_fd;
    int failed_fd; /* becomes readable when polling failed for good */
    struct cmaw_aws_provider *credentials;
    struct cmaw_temporal *temporal;
    struct cmaw_workflows workflows;
    uint32_t thread_count;
    pthread_t threads[WORKFLOW_THREADS];
    uint32_t role_count;
    struct role_service roles[CMAW_ROLES_MAX];
    struct cmaw_watch watch;
};

static void poll_failed(void *context)
{
    const struct service *service = context;

    if (eventfd_write(service->failed_fd, 1) != 0) {
        cmaw_log(CMAW_LOG_ERROR, "worker.cannot_end", "fd=%d", service->failed_fd);
    }
}

static void *serve_workflows(void *argument)
{
    struct service *service = argument;

    const enum cmaw_err err = cmaw_workflow_serve(&service->workflows);
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "workflows.poll_failed", "text=\"%s\"", cmaw_err_text(err));
        poll_failed(service);
    }
    return NULL;
}

/* True if a signal arrives within the time. */
static bool signalled(const struct service *service, int ms)
{
    struct pollfd fds = {.fd = service->signal_fd, .events = POLLIN};

    return poll(&fds, 1, ms) > 0 && cmaw_signals_next(service->signal_fd) != 0;
}

/* True for what the next moment may mend. */
static bool is_passing(enum cmaw_err err)
{
    return err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT || err == CMAW_E_BUSY;
}

/* Connects, however long it takes. CLOSED: a signal came first. */
static enum cmaw_err connect_temporal(struct service *service, struct cmaw_diag *diag)
{
    const struct cmaw_temporal_options options = {.address = service->config->temporal, .ns = service->config->ns,
        .identity = "cmaw-worker", .io_threads = IO_THREADS,
        .metrics = service->config->http != NULL};
    bool told = false;

    for (;;) {
        struct cmaw_diag attempt = {0};
        enum cmaw_err err = cmaw_temporal_connect(&options, &service->temporal, &attempt);
        if (err == CMAW_OK) {
            err = cmaw_temporal_check(service->temporal, &attempt);
        }
        if (err == CMAW_OK) {
            cmaw_watch_temporal(&service->watch, service->temporal);
            return CMAW_OK;
        }
        cmaw_temporal_close(service->temporal);
        service->temporal = NULL;
        if (!is_passing(err)) {
            *diag = attempt;
            return err;
        }
        if (!told) {
            cmaw_log(CMAW_LOG_WARN, "temporal.waiting", "text=\"%s\"", attempt.text);
            told = true;
        }
        CMAW_REQUIRE(!signalled(service, CONNECT_EVERY_MS), CMAW_E_CLOSED);
    }
}

static enum cmaw_err start_workflows(struct service *service, struct cmaw_diag *diag)
{
    const struct cmaw_worker_config *config = service->config;
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];
    const struct cmaw_temporal_worker_options options = {
        .queue = queue,
        .workflows = true,
        .cached_workflows = CACHED_RUNS,
        .workflow_tasks = WORKFLOW_TASKS,
        .workflow_pollers = WORKFLOW_POLLERS,
        .sticky_timeout_ms = STICKY_TIMEOUT_MS,
        .grace_ms = config->grace_ms,
    };

    CMAW_TRY(cmaw_temporal_queue(config->tenant, config->manifest.mh.bytes, NULL, queue));
    service->workflows.manifest = &config->manifest;
    service->workflows.tenant = config->tenant;
    CMAW_TRY(cmaw_runs_new(&service->workflows.runs));
    CMAW_TRY(cmaw_temporal_worker_new(service->temporal, &options, &service->workflows.worker, diag));
    while (service->thread_count < WORKFLOW_THREADS) {
        CMAW_TRY(cmaw_thread_start(serve_workflows, service, &service->threads[service->thread_count]));
        service->thread_count++;
    }
    return CMAW_OK;
}

static enum cmaw_err start_role(struct service *service, const struct cmaw_worker_role *role, struct cmaw_diag *diag)
{
    const struct cmaw_worker_config *config = service->config;
    struct role_service *serving = &service->roles[role - config->roles];
    char queue[CMAW_TEMPORAL_QUEUE_SIZE];
    const struct cmaw_temporal_worker_options worker = {
        .queue = queue,
        .activities = true,
        .activity_tasks = config->activities,
        .activity_pollers = ACTIVITY_POLLERS,
        .grace_ms = config->grace_ms,
    };

    CMAW_TRY(cmaw_temporal_queue(config->tenant, config->manifest.mh.bytes, role->name, queue));
    CMAW_TRY(cmaw_temporal_worker_new(service->temporal, &worker, &serving->worker, diag));
    const struct cmaw_activities_options activities = {.worker = serving->worker, .enclave = serving->enclave,
        .metrics = &serving->metrics, .executors = config->activities, .failed = poll_failed, .context = service};
    return cmaw_activities_start(&activities, &serving->activities);
}

static enum cmaw_err open_enclave(struct service *service, const struct cmaw_worker_role *role)
{
    const struct cmaw_worker_config *config = service->config;
    const struct cmaw_enclave_options options = {.role_name = role->name, .addr = role->addr, .manifest = &config->manifest,
        .key = role->key, .credentials = service->credentials, .connections = config->activities};

    struct role_service *serving = &service->roles[service->role_count++];
    CMAW_TRY(cmaw_enclave_open(&options, &serving->enclave));
    cmaw_watch_role(&service->watch, role->name, serving->enclave, &serving->metrics);
    return CMAW_OK;
}

static enum cmaw_err find_credentials(void *context, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    return cmaw_aws_keys_find(context, ret_keys, diag);
}

/* The enclaves first: they are configured while Temporal is waited for. */
static enum cmaw_err start_all(struct service *service, struct cmaw_diag *diag)
{
    const struct cmaw_aws_supply supply = {find_credentials, &service->config->aws};

    CMAW_TRY(cmaw_watch_start(&service->watch, service->config->http, diag));
    CMAW_TRY(cmaw_aws_provider_open(&supply, &service->credentials, diag));
    cmaw_watch_credentials(&service->watch, service->credentials);
    for (uint32_t i = 0; i < service->config->role_count; i++) {
        CMAW_TRY(open_enclave(service, &service->config->roles[i]));
    }
    CMAW_TRY(connect_temporal(service, diag));
    CMAW_TRY(start_workflows(service, diag));
    for (uint32_t i = 0; i < service->config->role_count; i++) {
        CMAW_TRY(start_role(service, &service->config->roles[i], diag));
    }
    return CMAW_OK;
}

/* A second signal while draining ends the process: what was in flight is repeated elsewhere. */
static void *end_hard(void *argument)
{
    const struct service *service = argument;

    for (;;) {
        if (signalled(service, -1)) {
            cmaw_log(CMAW_LOG_WARN, "worker.ended_hard", "fd=%d", service->signal_fd);
            _exit(1);
        }
    }
}

static void drain(struct service *service)
{
    pthread_t watcher;

    cmaw_watch_serving(&service->watch, service->workflows.runs, false);
    if (cmaw_thread_start(end_hard, service, &watcher) == CMAW_OK) {
        pthread_detach(watcher);
    }
    if (service->workflows.worker != NULL) {
        cmaw_temporal_worker_shutdown(service->workflows.worker);
    }
    for (uint32_t i = 0; i < service->role_count; i++) {
        if (service->roles[i].worker != NULL) {
            cmaw_temporal_worker_shutdown(service->roles[i].worker);
        }
    }
    for (uint32_t i = 0; i < service->role_count; i++) {
        cmaw_activities_join(service->roles[i].activities);
    }
    cmaw_watch_stop(&service->watch);
    for (uint32_t i = 0; i < service->role_count; i++) {
        cmaw_temporal_worker_free(service->roles[i].worker);
        cmaw_enclave_close(service->roles[i].enclave);
    }
    cmaw_aws_provider_close(service->credentials);
    for (uint32_t i = 0; i < service->thread_count; i++) {
        pthread_join(service->threads[i], NULL);
    }
    cmaw_temporal_worker_free(service->workflows.worker);
    cmaw_runs_free(service->workflows.runs);
    cmaw_temporal_close(service->temporal);
}

/* Waits for a signal (OK) or for polling to fail (PEER). */
static enum cmaw_err await_end(const struct service *service)
{
    struct pollfd fds[2] = {{.fd = service->signal_fd, .events = POLLIN}, {.fd = service->failed_fd, .events = POLLIN}};

    for (;;) {
        if (poll(fds, 2, -1) <= 0) {
            continue;
        }
        if (fds[1].revents != 0) {
            return CMAW_E_PEER;
        }
        const int signal = cmaw_signals_next(service->signal_fd);
        if (signal != 0) {
            cmaw_log(CMAW_LOG_INFO, "worker.draining", "signal=%d grace_ms=%llu", signal,
                (unsigned long long)service->config->grace_ms);
            return CMAW_OK;
        }
    }
}

enum cmaw_err cmaw_worker_serve(struct cmaw_worker_config *config, int signal_fd, struct cmaw_diag *diag)
{
    struct service *service = calloc(1, sizeof *service);

    CMAW_REQUIRE(service != NULL, CMAW_E_NO_MEMORY);
    service->config = config;
    service->signal_fd = signal_fd;
    service->failed_fd = eventfd(0, EFD_CLOEXEC);
    enum cmaw_err err = service->failed_fd >= 0 ? start_all(service, diag) : CMAW_E_NO_MEMORY;
    if (err == CMAW_OK) {
        cmaw_watch_serving(&service->watch, service->workflows.runs, true);
        cmaw_log(CMAW_LOG_INFO, "worker.serving", "tenant=%s roles=%u activities=%u", config->tenant, config->role_count,
            config->activities);
        cmaw_ready_notify(&config->ready_fd);
        err = await_end(service);
    }
    drain(service);
    cmaw_fd_close(&service->failed_fd);
    // A signal that came before anything was served ends it as well as one that came later.
    return err == CMAW_E_CLOSED ? CMAW_OK : err;
}
