/* How often the emulated services take a call: a bucket of tokens for each account. */
#ifndef CMAW_DEV_RATE_H
#define CMAW_DEV_RATE_H

#include <stdbool.h>

#include "dev/arn.h"

enum { CMAW_RATE_ACCOUNTS = 16 };

struct cmaw_rate {
    unsigned per_second; /* and as many at once after a pause; 0: no limit */
    struct {
        char account[CMAW_ACCOUNT_SIZE + 1];
        int64_t milli_tokens; /* thousandths of a call */
        int64_t at_ms;        /* when that was so */
    } buckets[CMAW_RATE_ACCOUNTS];
};

/* Takes a token of the account's bucket; false if there is none. Of more than CMAW_RATE_ACCOUNTS accounts, the one that has
 * been silent longest starts afresh. Not for two threads at once. */
bool cmaw_rate_take(struct cmaw_rate *rate, const char *account, int64_t now_ms);

#endif
