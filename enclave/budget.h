/* Bounds on what runs at once: a counter of something (bytes, agents) that is taken and given back, with waiting. */
#ifndef CMAW_ENCLAVE_BUDGET_H
#define CMAW_ENCLAVE_BUDGET_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

struct cmaw_budget {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    size_t total;
    size_t taken;
};
#define CMAW_BUDGET(amount) \
    ((struct cmaw_budget){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, (amount), 0})

/* A share of a budget; amount 0: none is held. */
struct cmaw_share {
    struct cmaw_budget *budget;
    size_t amount;
};

/* Waits until amount (at most the total is taken: what is larger runs alone) is free. BUSY when timeout_ms has passed.
 * share must hold nothing. */
enum cmaw_err cmaw_share_take(struct cmaw_budget *budget, size_t amount, uint64_t timeout_ms, struct cmaw_share *share);
/* Gives back; the share holds nothing afterwards. */
void cmaw_share_release(struct cmaw_share *share);
size_t cmaw_budget_taken(struct cmaw_budget *budget);

#endif
