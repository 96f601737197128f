/* What every measuring program needs: a clock, a sort, an end. */
#ifndef CMAW_BENCH_CLOCK_H
#define CMAW_BENCH_CLOCK_H

#include <stddef.h>

[[gnu::noreturn]] void bench_die(const char *why);
/* CLOCK_MONOTONIC in microseconds. */
double bench_now_us(void);
/* Ascending, for percentiles. */
void bench_sort(double *values, size_t count);

#endif
