/* Prometheus' text format, version 0.0.4, as our daemons write it, and what they count with. */
#ifndef CMAW_SYS_METRICS_H
#define CMAW_SYS_METRICS_H

#include "lib/base/bytes.h"

/* All that a daemon says of itself fits in this. */
enum { CMAW_METRICS_MAX = 1024 * 1024 };

enum cmaw_metric_type { CMAW_METRIC_COUNTER, CMAW_METRIC_GAUGE, CMAW_METRIC_HISTOGRAM };
/* Constants; the name says the unit, and ends in _total for a counter. */
struct cmaw_metric {
    const char *name;
    enum cmaw_metric_type type;
    const char *help;
};
struct cmaw_metric_label {
    const char *name;
    const char *value; /* any text: it is escaped */
};
#define CMAW_METRIC_LABELS(...) (const struct cmaw_metric_label[]){__VA_ARGS__}, sizeof((const struct cmaw_metric_label[]){__VA_ARGS__}) / sizeof(struct cmaw_metric_label)

/* "# HELP" and "# TYPE"; once, before the metric's samples, which must follow each other. */
void cmaw_metric_head(struct cmaw_buf *text, const struct cmaw_metric *metric);
/* One sample. */
void cmaw_metric_u64(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count, uint64_t value);
void cmaw_metric_double(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count, double value);
/* cmaw_build_info, with its head: which program, which version. */
void cmaw_metric_build_info(struct cmaw_buf *text, const char *program);

/* Durations in buckets that suit steps: from 5 ms to 10 min. Zeroed is empty. Adding and reading need no lock; a reader that comes in between sees
 * some observations and not others, but sum and count never shrink, and the count is that of the buckets. */
enum { CMAW_HISTOGRAM_BOUNDS = 15 };
struct cmaw_histogram {
    _Atomic uint64_t buckets[CMAW_HISTOGRAM_BOUNDS + 1];
    _Atomic uint64_t sum_ms;
};
void cmaw_histogram_add(struct cmaw_histogram *histogram, uint64_t ms);
/* Its samples, in seconds. */
void cmaw_metric_histogram(struct cmaw_buf *text, const struct cmaw_metric *metric, const struct cmaw_metric_label *labels, size_t count,
                           const struct cmaw_histogram *histogram);

#endif
