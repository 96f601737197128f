#include "host/worker/metrics.h"

#include <math.h>

#define COUNTER(metric, help) {"cmaw_" metric, CMAW_METRIC_COUNTER, help}
#define GAUGE(metric, help) {"cmaw_" metric, CMAW_METRIC_GAUGE, help}

static const struct cmaw_metric
    steps = COUNTER("worker_steps_total", "Steps that ended here, by the code of PROTOCOL.md section 8; STOPPED: cancelled or drained."),
    duration = {"cmaw_worker_step_duration_seconds", CMAW_METRIC_HISTOGRAM, "Time from taking a step to its end, waiting for its enclave included."},
    runs = GAUGE("worker_runs_in_memory", "Runs whose state the worker holds in memory, sealed."),
    configured = COUNTER("worker_enclave_configurations_total", "Attempts to configure the enclave: OK, or the code that it refused with."),
    expiry = GAUGE("credentials_expiry_timestamp_seconds", "When the AWS credentials in use expire, since 1970; +Inf: never; 0: there are none."),
    renewals = COUNTER("credentials_renewals_total", "Times that new AWS credentials were taken into use, the first included."),
    failures = COUNTER("credentials_renewal_failures_total", "Times that AWS credentials could not be had.");

void cmaw_role_metrics_begin(struct cmaw_role_metrics *metrics)
{
    atomic_fetch_add(&metrics->running, 1);
}

void cmaw_role_metrics_end(struct cmaw_role_metrics *metrics, const struct cmaw_step_outcome *outcome, uint64_t ms)
{
    const size_t at = outcome->end == CMAW_STEP_END_STOPPED ? 0 : (size_t)outcome->code;
    atomic_fetch_sub(&metrics->running, 1);
    atomic_fetch_add(&metrics->codes[at < CMAW_WORKER_CODES ? at : CMAW_CODE_INTERNAL], 1);
    cmaw_histogram_add(&metrics->duration, ms);
}

static const char *code_label(uint32_t code)
{
    return code == 0 ? "STOPPED" : cmaw_code_name((enum cmaw_code)code);
}

static uint64_t running_of(const struct cmaw_metrics_role *role)
{
    return atomic_load(&role->metrics->running);
}

#define NUMBER(name, where)                                         \
    static uint64_t name##_of(const struct cmaw_metrics_role *role) \
    {                                                               \
        return role->where;                                         \
    }
NUMBER(ready, enclave.ready)
NUMBER(lost, enclave.lost)
NUMBER(agents, enclave.stats.agents_running)
NUMBER(connections, enclave.stats.connections)
NUMBER(bytes_in, enclave.stats.bytes_in)
NUMBER(bytes_out, enclave.stats.bytes_out)
NUMBER(dropped, enclave.stats.log_lines_dropped)
NUMBER(resident, enclave.stats.resident_bytes)
NUMBER(uptime, enclave.uptime_ms / 1000)
NUMBER(simulated, enclave.simulated)
#undef NUMBER

/* Metrics with one number a role. */
static const struct role_gauge {
    struct cmaw_metric metric;
    uint64_t (*of)(const struct cmaw_metrics_role *role);
} of_worker[] = {
      {GAUGE("worker_steps_running", "Steps that are under way, waiting for their enclave included."), running_of},
      {GAUGE("worker_enclave_ready", "1 while the role's enclave is configured and answers."), ready_of},
      {COUNTER("worker_enclave_lost_total", "Times that an enclave which was ready was so no longer."), lost_of},
}, of_enclave[] = {
      {GAUGE("enclave_agents_running", "Agents that run in the enclave."), agents_of},
      {GAUGE("enclave_connections", "Connections of hosts that the enclave has open."), connections_of},
      {COUNTER("enclave_received_bytes_total", "Bytes of requests that the enclave has read: sealed states, plans and tickets."), bytes_in_of},
      {COUNTER("enclave_sent_bytes_total", "Bytes of sealed states and documents that the enclave has answered with."), bytes_out_of},
      {COUNTER("enclave_log_lines_dropped_total", "Log lines that the enclave could not send."), dropped_of},
      {GAUGE("enclave_resident_bytes", "Memory of the enclave's key process when no step ran last, in whole MiB."), resident_of},
      {GAUGE("enclave_uptime_seconds", "Time since the enclave started."), uptime_of},
      {GAUGE("enclave_simulated", "1: this is a simulation, and isolates nothing from the host."), simulated_of},
};
static const struct cmaw_metric enclave_steps = COUNTER("enclave_steps_total", "Steps that the enclave has answered since it started, by code.");

static void put_gauges(const struct cmaw_metrics_view *view, const struct role_gauge *gauges, size_t count, bool enclave, struct cmaw_buf *text)
{
    for (size_t i = 0; i < count; i++) {
        cmaw_metric_head(text, &gauges[i].metric);
        for (uint32_t k = 0; k < view->role_count; k++) {
            const struct cmaw_metrics_role *role = &view->roles[k];
            if (!enclave || role->enclave.has_stats) {
                cmaw_metric_u64(text, &gauges[i].metric, CMAW_METRIC_LABELS({"role", role->name}), gauges[i].of(role));
            }
        }
    }
}

static void put_steps(const struct cmaw_metrics_view *view, struct cmaw_buf *text)
{
    cmaw_metric_head(text, &steps);
    for (uint32_t k = 0; k < view->role_count; k++) {
        for (uint32_t code = 0; code < CMAW_WORKER_CODES; code++) {
            cmaw_metric_u64(text, &steps, CMAW_METRIC_LABELS({"role", view->roles[k].name}, {"code", code_label(code)}),
                            atomic_load(&view->roles[k].metrics->codes[code]));
        }
    }
    cmaw_metric_head(text, &duration);
    for (uint32_t k = 0; k < view->role_count; k++) {
        cmaw_metric_histogram(text, &duration, CMAW_METRIC_LABELS({"role", view->roles[k].name}), &view->roles[k].metrics->duration);
    }
}

static void put_configurations(const struct cmaw_metrics_view *view, struct cmaw_buf *text)
{
    cmaw_metric_head(text, &configured);
    for (uint32_t k = 0; k < view->role_count; k++) {
        for (uint32_t code = 1; code < CMAW_ENCLAVE_CODES; code++) {
            cmaw_metric_u64(text, &configured, CMAW_METRIC_LABELS({"role", view->roles[k].name}, {"code", code_label(code)}),
                            view->roles[k].enclave.configured[code]);
        }
    }
}

/* An enclave's counts are its own word, but the codes are those that exist. */
static void put_enclave_steps(const struct cmaw_metrics_view *view, struct cmaw_buf *text)
{
    cmaw_metric_head(text, &enclave_steps);
    for (uint32_t k = 0; k < view->role_count; k++) {
        const struct cmaw_enclave_view *enclave = &view->roles[k].enclave;
        uint64_t counts[CMAW_WORKER_CODES] = {0};
        for (uint32_t i = 0; enclave->has_stats && i < enclave->stats.code_count; i++) {
            const uint32_t code = enclave->stats.codes[i].code;
            counts[code < CMAW_WORKER_CODES ? code : 0] += enclave->stats.codes[i].count;
        }
        for (uint32_t code = 1; enclave->has_stats && code < CMAW_WORKER_CODES; code++) {
            cmaw_metric_u64(text, &enclave_steps, CMAW_METRIC_LABELS({"role", view->roles[k].name}, {"code", code_label(code)}), counts[code]);
        }
    }
}

static void put_credentials(const struct cmaw_metrics_view *view, struct cmaw_buf *text)
{
    struct cmaw_aws_provider_status status = {0};
    if (view->credentials != NULL) {
        cmaw_aws_provider_status(view->credentials, &status);
    }
    const bool forever = status.generation > 0 && status.expires_s == 0;
    cmaw_metric_head(text, &expiry);
    cmaw_metric_double(text, &expiry, NULL, 0, forever ? (double)INFINITY : (double)status.expires_s);
    cmaw_metric_head(text, &renewals);
    cmaw_metric_u64(text, &renewals, NULL, 0, status.generation);
    cmaw_metric_head(text, &failures);
    cmaw_metric_u64(text, &failures, NULL, 0, status.failures);
}

void cmaw_worker_metrics(struct cmaw_metrics_view *view, struct cmaw_buf *text)
{
    for (uint32_t k = 0; k < view->role_count; k++) {
        cmaw_enclave_view(view->roles[k].from, &view->roles[k].enclave);
    }
    cmaw_metric_build_info(text, "worker");
    put_steps(view, text);
    cmaw_metric_head(text, &runs);
    cmaw_metric_u64(text, &runs, NULL, 0, view->runs);
    put_gauges(view, of_worker, sizeof of_worker / sizeof of_worker[0], false, text);
    put_configurations(view, text);
    put_credentials(view, text);
    put_enclave_steps(view, text);
    put_gauges(view, of_enclave, sizeof of_enclave / sizeof of_enclave[0], true, text);
}
