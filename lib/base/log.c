#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log_json.h"
#include "lib/base/text.h"

enum { TIME_SIZE = 48 };

static const char *program_name = "cmaw";
static enum cmaw_log_level lowest_level = CMAW_LOG_INFO;
static bool json_lines;
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

enum cmaw_err cmaw_log_set_format(const char *name)
{
    CMAW_REQUIRE(strcmp(name, "text") == 0 || strcmp(name, "json") == 0, CMAW_E_USAGE);
    json_lines = name[0] == 'j';
    return CMAW_OK;
}

bool cmaw_log_is_json(void)
{
    return json_lines;
}

static void put_time(char ret_time[static TIME_SIZE])
{
    struct timespec now;
    struct tm utc;
    char stamp[24];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(ret_time, TIME_SIZE, "%s.%03ldZ", stamp, now.tv_nsec / 1000000);
}

/* Cut to the capacity, with '?' for what a terminal would obey and a line feed at its end. */
[[gnu::format(printf, 2, 0)]] static size_t put_text(const struct cmaw_log_head *head, const char *format, va_list args, char *line, size_t capacity)
{
    const int prefix = snprintf(line, capacity, "%s %s %s %s ", head->time, head->level, head->program, head->event);
    if (prefix < 0 || (size_t)prefix >= capacity) {
        return 0;
    }
    (void)vsnprintf(line + prefix, capacity - (size_t)prefix, format, args);
    const size_t size = strnlen(line, capacity - 2);
    line[size] = '\0';
    cmaw_text_tame(line);
    line[size] = '\n';
    return size + 1;
}

void cmaw_log(enum cmaw_log_level level, const char *event, const char *format, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < lowest_level) {
        return;
    }
    char time[TIME_SIZE], line[CMAW_LOG_JSON_MAX];
    const struct cmaw_log_head head = {time, names[level], program_name, event};
    put_time(time);
    va_list args;
    va_start(args, format);
    const size_t size = json_lines ? cmaw_log_json(&head, format, args, line) : put_text(&head, format, args, line, CMAW_LOG_VALUES_MAX);
    va_end(args);
    if (size == 0) {
        return;
    }
    if (line_sink != NULL) {
        line_sink(line, size);
        return;
    }
    /* a log line that cannot be written has nowhere to be reported */
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line, size);
}
