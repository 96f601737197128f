#include "dev/rate.h"

#include <stdio.h>
#include <string.h>

enum { MILLI = 1000 };

/* The bucket of the account, or else the one that is longest unused, emptied of its owner. */
static size_t find(struct cmaw_rate *rate, const char *account)
{
    size_t oldest = 0;
    for (size_t i = 0; i < CMAW_RATE_ACCOUNTS; i++) {
        if (strcmp(rate->buckets[i].account, account) == 0) {
            return i;
        }
        if (rate->buckets[i].at_ms < rate->buckets[oldest].at_ms) {
            oldest = i;
        }
    }
    (void)snprintf(rate->buckets[oldest].account, sizeof rate->buckets[oldest].account, "%s", account);
    rate->buckets[oldest].at_ms = 0;
    rate->buckets[oldest].milli_tokens = 0;
    return oldest;
}

bool cmaw_rate_take(struct cmaw_rate *rate, const char *account, int64_t now_ms)
{
    if (rate->per_second == 0) {
        return true;
    }
    const size_t at = find(rate, account);
    const int64_t full = (int64_t)rate->per_second * MILLI;
    int64_t passed_ms = now_ms - rate->buckets[at].at_ms;
    /* a clock that was set back gives nothing; a second fills any bucket */
    passed_ms = passed_ms < 0 ? 0 : passed_ms > MILLI ? MILLI : passed_ms;
    const int64_t filled = rate->buckets[at].milli_tokens + passed_ms * (int64_t)rate->per_second;
    rate->buckets[at].milli_tokens = filled > full ? full : filled;
    rate->buckets[at].at_ms = now_ms;
    if (rate->buckets[at].milli_tokens < MILLI) {
        return false;
    }
    rate->buckets[at].milli_tokens -= MILLI;
    return true;
}
