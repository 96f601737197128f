#include "image/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

enum { QUIET_S = 2 };

void cmaw_image_progress(const char *format, ...)
{
    static time_t last;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    if (last == 0) {
        last = now.tv_sec;
    }
    if (now.tv_sec - last < QUIET_S) {
        return;
    }
    last = now.tv_sec;
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)fprintf(stderr, "cmaw-image: %s\n", text);
}
