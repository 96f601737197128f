/* Wall-clock time of the simulation. */
#ifndef CMAW_DEV_CLOCK_H
#define CMAW_DEV_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds since 1970. */
static inline int64_t cmaw_wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* now_ms, but never before what it has given for the same latest: zero at first, shared by threads. A machine's clock can be set back, and then what
 * happens later would bear an earlier time. */
static inline int64_t cmaw_clock_forward(_Atomic int64_t *latest_ms, int64_t now_ms)
{
    int64_t latest = atomic_load(latest_ms);
    while (latest < now_ms && !atomic_compare_exchange_weak(latest_ms, &latest, now_ms)) {
    }
    return latest < now_ms ? now_ms : latest;
}

#endif
