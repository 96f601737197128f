#include "enclave/budget.h"

#include <time.h>

static struct timespec after(uint64_t timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    return until;
}

enum cmaw_err cmaw_share_take(struct cmaw_budget *budget, size_t amount, uint64_t timeout_ms, struct cmaw_share *share)
{
    CMAW_REQUIRE(share->amount == 0, CMAW_E_BUG);
    const size_t wanted = amount < budget->total ? amount : budget->total;
    const struct timespec until = after(timeout_ms);
    enum cmaw_err err = CMAW_OK;
    pthread_mutex_lock(&budget->lock);
    while (budget->total - budget->taken < wanted && err == CMAW_OK) {
        if (pthread_cond_clockwait(&budget->freed, &budget->lock, CLOCK_MONOTONIC, &until) != 0) {
            err = budget->total - budget->taken < wanted ? CMAW_E_BUSY : CMAW_OK;
        }
    }
    if (err == CMAW_OK) {
        budget->taken += wanted;
        *share = (struct cmaw_share){budget, wanted};
    }
    pthread_mutex_unlock(&budget->lock);
    return err;
}

void cmaw_share_release(struct cmaw_share *share)
{
    if (share->amount == 0) {
        return;
    }
    pthread_mutex_lock(&share->budget->lock);
    share->budget->taken -= share->amount;
    pthread_cond_broadcast(&share->budget->freed);
    pthread_mutex_unlock(&share->budget->lock);
    *share = (struct cmaw_share){0};
}

size_t cmaw_budget_taken(struct cmaw_budget *budget)
{
    pthread_mutex_lock(&budget->lock);
    const size_t taken = budget->taken;
    pthread_mutex_unlock(&budget->lock);
    return taken;
}
