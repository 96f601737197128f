#include "sys/metrics.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>

static const char *const type_names[] = {"counter", "gauge", "histogram"};
static const uint32_t bounds_ms[CMAW_HISTOGRAM_BOUNDS] = {5,    10,   25,   50,    100,   250,   500,   1000,
                                                          2500, 5000, 10000, 30000, 60000, 300000, 600000};
static const char *const bounds_s[CMAW_HISTOGRAM_BOUNDS] = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1",
                                                            "2.5",   "5",    "10",    "30",   "60",  "300",  "600"};

static const struct cmaw_metric build_info = {"cmaw_build_info", CMAW_METRIC_GAUGE, "1, with the program and its version as labels."};

/* A line of one sample begins with a name and ends with a value: nothing in between may end it. */
static void put_escaped(struct cmaw_buf *text, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            cmaw_buf_put_cstr(text, "\\n");
            continue;
        }
        if (*at == '"' || *at == '\\') {
            cmaw_buf_put_u8(text, '\\');
        }
        cmaw_buf_put_u8(text, (uint8_t)*at);
    }
}

void cmaw_metric_head(struct cmaw_buf *text, const struct cmaw_metric *metric)
{
    cmaw_buf_printf(text, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, type_names[metric->type]);
}

/* le: NULL but for a bucket of a histogram. */
static void put_name(struct cmaw_buf *text, const struct cmaw_metric *metric, const char *suffix, const struct cmaw_metric_label *labels, size_t count,
                     const char *le)
{
    cmaw_buf_printf(text, "%s%s", metric->name, suffix);
    const char *before = "{";
    for (size_t i = 0; i < count; i++) {
        cmaw_buf_printf(text, "%s%s=\"", before, labels[i].name);
        put_escaped(text, labels[i].value);
        cmaw_buf_put_cstr(text, "\"");
        before = ",";
    }
    if (le != NULL) {
        cmaw_buf_printf(text, "%sle=\"%s\"", before, le);
        before = ",";
    }
    cmaw_buf_put_cstr(text, before[0] == ',' ? "} " : " ");
}

void cmaw_metric_u64(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count, uint64_t value)
{
    put_name(text, metric, "", labels, count, NULL);
    cmaw_buf_printf(text, "%llu\n", (unsigned long long)value);
}

void cmaw_metric_double(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count, double value)
{
    put_name(text, metric, "", labels, count, NULL);
    if (isinf(value)) {
        cmaw_buf_put_cstr(text, value > 0 ? "+Inf\n" : "-Inf\n");
    } else {
        cmaw_buf_printf(text, "%.3f\n", value);
    }
}

void cmaw_metric_build_info(struct cmaw_buf *text, const char *program)
{
    cmaw_metric_head(text, &build_info);
    cmaw_metric_u64(text, &build_info, CMAW_METRIC_LABELS({"program", program}, {"version", CMAW_VERSION}), 1);
}

void cmaw_histogram_add(struct cmaw_histogram *histogram, uint64_t ms)
{
    size_t at = 0;
    while (at < CMAW_HISTOGRAM_BOUNDS && ms > bounds_ms[at]) {
        at++;
    }
    atomic_fetch_add(&histogram->sum_ms, ms);
    atomic_fetch_add(&histogram->buckets[at], 1);
}

void cmaw_metric_histogram(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count,
                           const struct cmaw_histogram *histogram)
{
    uint64_t total = 0;
    for (size_t i = 0; i <= CMAW_HISTOGRAM_BOUNDS; i++) {
        total += atomic_load(&histogram->buckets[i]);
        put_name(text, metric, "_bucket", labels, count, i < CMAW_HISTOGRAM_BOUNDS ? bounds_s[i] : "+Inf");
        cmaw_buf_printf(text, "%llu\n", (unsigned long long)total);
    }
    put_name(text, metric, "_sum", labels, count, NULL);
    cmaw_buf_printf(text, "%.3f\n", (double)atomic_load(&histogram->sum_ms) / 1000);
    put_name(text, metric, "_count", labels, count, NULL);
    cmaw_buf_printf(text, "%llu\n", (unsigned long long)total);
}
