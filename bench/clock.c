#include "bench/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void bench_die(const char *why)
{
    (void)fprintf(stderr, "bench: %s\n", why);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void bench_sort(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_value);
}
