/* One log line per event on standard error, as text ("2026-01-02T03:04:05.678Z info worker step.done run=… step=2") or as one JSON object
 * ({"time":…,"level":"info","program":"worker","event":"step.done","fields":{"run":"…","step":2}}).
 * Fields are codes, counters and identifiers; never content, a secret, or text that came from either. */
#ifndef CMAW_BASE_LOG_H
#define CMAW_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

enum cmaw_log_level { CMAW_LOG_DEBUG, CMAW_LOG_INFO, CMAW_LOG_WARN, CMAW_LOG_ERROR };

/* Names the program and the lowest level that is written; before this, "cmaw" and INFO. program must outlive the process. */
void cmaw_log_init(const char *program, enum cmaw_log_level lowest);
/* "text", which it is before, or "json". Before any thread logs. USAGE for another. */
enum cmaw_err cmaw_log_set_format(const char *name);
bool cmaw_log_is_json(void);
/* Lines go to sink instead of standard error: size bytes that end in a line feed. Thread-safe if sink is. NULL: back again. */
void cmaw_log_to(void (*sink)(const char *line, size_t size));
/* event is a constant like "step.done"; format, a constant, gives "key=value key=\"value\"". What JSON calls a field is decided by
 * the format alone, so that no value can add one: where a value is one number conversion (key=%u) it is a number there. Words of the
 * format without key= become the field "text". Values are cut where the line is full. Thread-safe, one write per line. */
[[gnu::format(printf, 3, 4)]] void cmaw_log(enum cmaw_log_level level, const char *event, const char *format, ...);

#endif
