/* Access keys that are renewed before they expire, by a thread of their own. Thread-safe. */
#ifndef CMAW_SYS_AWS_PROVIDER_H
#define CMAW_SYS_AWS_PROVIDER_H

#include "sys/aws/keys.h"

/* Gets keys anew; may take seconds. Called by one thread at a time. Errors as in sources.h. */
struct cmaw_aws_supply {
    enum cmaw_err (*fetch)(void *context, struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag);
    void *context;
};

struct cmaw_aws_provider;

/* Gets the first keys. Where that fails with UNAVAILABLE, TIMEOUT or BUSY, it goes on trying and there are none meanwhile; another error
 * ends it here. What happens later is in the log, without any part of a key. */
enum cmaw_err cmaw_aws_provider_open(const struct cmaw_aws_supply *supply, struct cmaw_aws_provider **ret_provider, struct cmaw_diag *diag);
/* Waits for a fetch that is going on. NULL-safe. */
void cmaw_aws_provider_close(struct cmaw_aws_provider *provider);

/* A copy of the present keys; they may have expired where no newer ones can be had. *ret_generation tells them from later ones.
 * UNAVAILABLE: there are none yet. */
enum cmaw_err cmaw_aws_provider_get(struct cmaw_aws_provider *provider, struct cmaw_aws_keys *ret_keys, uint64_t *ret_generation);
struct cmaw_aws_provider_status {
    uint64_t generation; /* how many keys there have been; 0: none yet */
    uint64_t failures;   /* fetches that failed, ever */
    int64_t expires_s;   /* of the present keys, since 1970; 0: never */
};
void cmaw_aws_provider_status(struct cmaw_aws_provider *provider, struct cmaw_aws_provider_status *ret_status);
/* The keys of that generation were refused as expired or unknown. They are fetched anew at once, but only once for a generation,
 * however many report it. True: there are other keys now. */
bool cmaw_aws_provider_refused(struct cmaw_aws_provider *provider, uint64_t generation);

/* After how long keys that are good for left_s more seconds are fetched anew: 15 to 20 minutes before they expire; in the last 20 minutes after at most half of
 * what is left, and at most 5 minutes; at least one second. chance: any number. */
uint64_t cmaw_aws_renew_in_ms(int64_t left_s, uint32_t chance);

#endif
