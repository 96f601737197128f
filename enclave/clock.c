#include "enclave/clock.h"

#include <pthread.h>

#include "lib/rpc/frame.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t base_ms;      /* time at … */
static uint64_t monotonic_ms; /* … this moment */

void cmaw_clock_set(uint64_t timestamp_ms, uint64_t asked_ms, uint64_t answered_ms)
{
    pthread_mutex_lock(&lock);
    base_ms = timestamp_ms;
    monotonic_ms = asked_ms + (answered_ms - asked_ms) / 2;
    pthread_mutex_unlock(&lock);
}

uint64_t cmaw_clock_now_ms(void)
{
    pthread_mutex_lock(&lock);
    const uint64_t now = base_ms == 0 ? 0 : base_ms + (cmaw_monotonic_ms() - monotonic_ms);
    pthread_mutex_unlock(&lock);
    return now;
}
