/* A log line as JSON: of log.c, and nobody else. */
#ifndef CMAW_BASE_LOG_JSON_H
#define CMAW_BASE_LOG_JSON_H

#include <stdarg.h>
#include <stddef.h>

enum { CMAW_LOG_VALUES_MAX = 1024, CMAW_LOG_JSON_MAX = 4096 /* one write to a pipe is whole up to here */ };

struct cmaw_log_head {
    const char *time, *level, *program, *event;
};

/* Writes one object and a line feed, in all at most CMAW_LOG_JSON_MAX bytes; returns their number. The line is well-formed UTF-8 without
 * control characters, whatever the values hold: what is neither is '?'. */
size_t cmaw_log_json(const struct cmaw_log_head *head, const char *format, va_list args, char ret_line[static CMAW_LOG_JSON_MAX]);

#endif
