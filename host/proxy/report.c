#include <stdio.h>

#include "host/proxy/proxy.h"
#include "lib/base/log.h"
#include "sys/metrics.h"

/* The counters of a forward, with what its open connections have moved so far. */
static struct proxy_counters sum_of(const struct proxy *proxy, size_t index)
{
    struct proxy_counters sum = proxy->ports[index].counters;
    for (const struct proxy_link *link = proxy->first; link != NULL; link = link->next) {
        sum.bytes_out += link->port->index == index ? link->out.total : 0;
        sum.bytes_in += link->port->index == index ? link->in.total : 0;
    }
    return sum;
}

void cmaw_proxy_log_counters(const struct proxy *proxy)
{
    for (size_t i = 0; i < proxy->options->forward_count; i++) {
        const struct proxy_counters sum = sum_of(proxy, i);
        const struct proxy_target *to = &proxy->options->forwards[i].to;
        cmaw_log(CMAW_LOG_INFO, "proxy.counters",
                 "forward=%zu target=%s:%u active=%u accepted=%llu refused=%llu connected=%llu unreachable=%llu timed_out=%llu "
                 "finished=%llu failed=%llu bytes_out=%llu bytes_in=%llu", i, to->host, to->port, sum.active,
                 (unsigned long long)sum.accepted, (unsigned long long)sum.refused, (unsigned long long)sum.connected,
                 (unsigned long long)sum.unreachable, (unsigned long long)sum.timed_out, (unsigned long long)sum.finished,
                 (unsigned long long)sum.failed, (unsigned long long)sum.bytes_out, (unsigned long long)sum.bytes_in);
    }
}

static const struct cmaw_metric
    ended = {"cmaw_proxy_connections_total", CMAW_METRIC_COUNTER, "Connections that have ended, by how: finished, failed, timed_out, unreachable target, refused at the limit."},
    bytes = {"cmaw_proxy_bytes_total", CMAW_METRIC_COUNTER, "Bytes carried; out is from the enclave to the target."},
    established = {"cmaw_proxy_connections_established_total", CMAW_METRIC_COUNTER, "Connections that reached their target."},
    active = {"cmaw_proxy_connections_active", CMAW_METRIC_GAUGE, "Connections that are open."},
    limit = {"cmaw_proxy_connections_limit", CMAW_METRIC_GAUGE, "Connections that each forward may have open at once."};

/* One forward's samples. The labels are what the command line says. */
struct forward_labels {
    char from[sizeof((struct cmaw_addr *)0)->path + 32];
    char to[PROXY_HOST_MAX + 16];
};

static void name_forward(const struct proxy_forward *forward, struct forward_labels *ret_labels)
{
    (void)snprintf(ret_labels->from, sizeof ret_labels->from, "%.*s", (int)forward->text_size, forward->text);
    (void)snprintf(ret_labels->to, sizeof ret_labels->to, "%s:%u", forward->to.host, forward->to.port);
}

static void put_ended(const struct forward_labels *names, const struct proxy_counters *sum, struct cmaw_buf *text)
{
    const struct {
        const char *result;
        uint64_t count;
    } results[] = {{"finished", sum->finished}, {"failed", sum->failed}, {"timed_out", sum->timed_out}, {"unreachable", sum->unreachable}, {"refused", sum->refused}};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        cmaw_metric_u64(text, &ended, CMAW_METRIC_LABELS({"forward", names->from}, {"target", names->to}, {"result", results[i].result}), results[i].count);
    }
}

static void put_bytes(const struct forward_labels *names, const struct proxy_counters *sum, struct cmaw_buf *text)
{
    cmaw_metric_u64(text, &bytes, CMAW_METRIC_LABELS({"forward", names->from}, {"target", names->to}, {"direction", "out"}), sum->bytes_out);
    cmaw_metric_u64(text, &bytes, CMAW_METRIC_LABELS({"forward", names->from}, {"target", names->to}, {"direction", "in"}), sum->bytes_in);
}

static void put_established(const struct forward_labels *names, const struct proxy_counters *sum, struct cmaw_buf *text)
{
    cmaw_metric_u64(text, &established, CMAW_METRIC_LABELS({"forward", names->from}, {"target", names->to}), sum->connected);
}

static void put_active(const struct forward_labels *names, const struct proxy_counters *sum, struct cmaw_buf *text)
{
    cmaw_metric_u64(text, &active, CMAW_METRIC_LABELS({"forward", names->from}, {"target", names->to}), sum->active);
}

static const struct {
    const struct cmaw_metric *metric;
    void (*put)(const struct forward_labels *names, const struct proxy_counters *sum, struct cmaw_buf *text);
} of_forwards[] = {{&ended, put_ended}, {&bytes, put_bytes}, {&established, put_established}, {&active, put_active}};

void cmaw_proxy_metrics(const struct proxy *proxy, struct cmaw_buf *text)
{
    cmaw_metric_build_info(text, "proxy");
    for (size_t k = 0; k < sizeof of_forwards / sizeof of_forwards[0]; k++) {
        cmaw_metric_head(text, of_forwards[k].metric);
        for (size_t i = 0; i < proxy->options->forward_count; i++) {
            const struct proxy_counters sum = sum_of(proxy, i);
            struct forward_labels names;
            name_forward(&proxy->options->forwards[i], &names);
            of_forwards[k].put(&names, &sum, text);
        }
    }
    cmaw_metric_head(text, &limit);
    cmaw_metric_u64(text, &limit, NULL, 0, proxy->options->max_connections);
}
