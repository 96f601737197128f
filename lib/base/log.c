#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "cmaw";
static enum cmaw_log_level lowest_level = CMAW_LOG_INFO;
static void (*line_sink)(const char *line, size_t size);

void cmaw_log_init(const char *program, enum cmaw_log_level lowest)
{
    program_name = program;
    lowest_level = lowest;
}

void cmaw_log_to(void (*sink)(const char *line, size_t size))
{
    line_sink = sink;
}

static size_t put_prefix(char *line, size_t capacity, enum cmaw_log_level level, const char *event)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    (void)gmtime_r(&now.tv_sec, &utc);
    char stamp[32];
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    const int used = snprintf(line, capacity, "%s.%03ldZ %s %s %s ", stamp, now.tv_nsec / 1000000, names[level],
                              program_name, event);
    return used < 0 ? 0 : (size_t)used;
}

void cmaw_log(enum cmaw_log_level level, const char *event, const char *format, ...)
{
    if (level < lowest_level) {
        return;
    }
    char line[1024];
    const size_t prefix = put_prefix(line, sizeof line, level, event);
    if (prefix >= sizeof line) {
        return;
    }
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + prefix, sizeof line - prefix, format, args);
    va_end(args);
    size_t size = strlen(line);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)line[i] < 0x20) {
            line[i] = '?';
        }
    }
    line[size < sizeof line - 1 ? size : sizeof line - 2] = '\n';
    size = size < sizeof line - 1 ? size + 1 : sizeof line - 1;
    if (line_sink != NULL) {
        line_sink(line, size);
        return;
    }
    /* a log line that cannot be written has nowhere to be reported */
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, size);
}
