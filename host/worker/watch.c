#include "host/worker/watch.h"

static bool is_ready(void *context, struct cmaw_buf *reason)
{
    struct cmaw_watch *watch = context;
    bool ready = true;

    pthread_mutex_lock(&watch->lock);
    if (!watch->serving) {
        cmaw_buf_put_cstr(reason, watch->temporal == NULL ? "temporal: not connected\n" : "worker: starting or draining\n");
        ready = false;
    }
    for (uint32_t i = 0; i < watch->view.role_count; i++) {
        if (!cmaw_enclave_ready(watch->view.roles[i].from)) {
            cmaw_buf_printf(reason, "enclave %s: not ready\n", watch->view.roles[i].name);
            ready = false;
        }
    }
    pthread_mutex_unlock(&watch->lock);
    return ready;
}

static void put_metrics(void *context, struct cmaw_buf *text)
{
    struct cmaw_watch *watch = context;

    pthread_mutex_lock(&watch->lock);
    watch->view.runs = watch->runs != NULL ? cmaw_runs_count(watch->runs) : 0;
    cmaw_worker_metrics(&watch->view, text);
    if (watch->temporal != NULL) {
        cmaw_temporal_metrics(watch->temporal, text);
    }
    pthread_mutex_unlock(&watch->lock);
}

enum cmaw_err cmaw_watch_start(struct cmaw_watch *watch, const char *address, struct cmaw_diag *diag)
{
    const struct cmaw_health_source source = {is_ready, put_metrics, watch};

    pthread_mutex_init(&watch->lock, NULL);
    return address == NULL ? CMAW_OK : cmaw_health_start(address, &source, true, &watch->health, diag);
}

void cmaw_watch_credentials(struct cmaw_watch *watch, struct cmaw_aws_provider *credentials)
{
    pthread_mutex_lock(&watch->lock);
    watch->view.credentials = credentials;
    pthread_mutex_unlock(&watch->lock);
}

void cmaw_watch_role(struct cmaw_watch *watch, const char *name, struct cmaw_enclave *enclave, const struct cmaw_role_metrics *metrics)
{
    pthread_mutex_lock(&watch->lock);
    watch->view.roles[watch->view.role_count++] = (struct cmaw_metrics_role){.name = name, .metrics = metrics, .from = enclave};
    pthread_mutex_unlock(&watch->lock);
}

void cmaw_watch_temporal(struct cmaw_watch *watch, struct cmaw_temporal *temporal)
{
    pthread_mutex_lock(&watch->lock);
    watch->temporal = temporal;
    pthread_mutex_unlock(&watch->lock);
}

void cmaw_watch_serving(struct cmaw_watch *watch, struct cmaw_runs *runs, bool serving)
{
    pthread_mutex_lock(&watch->lock);
    watch->runs = runs;
    watch->serving = serving;
    pthread_mutex_unlock(&watch->lock);
}

void cmaw_watch_stop(struct cmaw_watch *watch)
{
    cmaw_health_stop(&watch->health);
}
