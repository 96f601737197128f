#include "sys/aws/provider.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/crypto/random.h"
#include "sys/aws/http.h"
#include "sys/daemon.h"

enum {
    WINDOW_S = 20 * 60, /* new keys are given out some 5 minutes before the old ones expire, at the latest */
    JITTER_S = 5 * 60,
    OFTEN_S = 5 * 60,
    RENEW_LEAST_MS = 1000,
    RETRY_FIRST_MS = 1000,
    RETRY_LAST_MS = 60 * 1000,
    STACK_SIZE = 512 * 1024,
};

struct cmaw_aws_provider {
    struct cmaw_aws_supply supply;
    pthread_t thread;
    pthread_mutex_t fetching; /* taken before lock */
    pthread_mutex_t lock;     /* of all below */
    pthread_cond_t wake;
    struct cmaw_aws_keys keys;
    uint64_t generation; /* 0: none yet */
    bool refused;        /* the present generation */
    bool ending;
    uint64_t failures;   /* since the last success */
    uint64_t failures_ever;
    uint64_t due_ms;     /* when to fetch next; UINT64_MAX: never */
};

uint64_t cmaw_aws_renew_in_ms(int64_t left_s, uint32_t chance)
{
    if (left_s > WINDOW_S) {
        return (uint64_t)(left_s - WINDOW_S) * 1000 + (uint64_t)JITTER_S * 1000 * chance / UINT32_MAX;
    }
    const uint64_t half_ms = left_s > 0 ? (uint64_t)left_s * 500 : 0;
    const uint64_t most_ms = half_ms < OFTEN_S * 1000 ? half_ms : OFTEN_S * 1000;
    const uint64_t in_ms = most_ms / 2 + most_ms / 2 * chance / UINT32_MAX;
    return in_ms > RENEW_LEAST_MS ? in_ms : RENEW_LEAST_MS;
}

static uint64_t retry_in_ms(uint64_t failures)
{
    const uint64_t ms = failures < 6 ? (uint64_t)RETRY_FIRST_MS << failures : RETRY_LAST_MS;
    return cmaw_aws_jitter(ms);
}

/* When to fetch next, by what is known. Under the lock. */
static void schedule(struct cmaw_aws_provider *provider)
{
    const int64_t left_s = provider->keys.expires_s - (int64_t)time(NULL);
    uint32_t chance = 0;

    CMAW_IGNORE(cmaw_random((uint8_t *)&chance, sizeof chance)); /* then it is the earliest time */
    const bool expires = provider->keys.expires_s != 0;
    const uint64_t now = cmaw_clock_ms();
    if (provider->failures > 0) {
        provider->due_ms = now + retry_in_ms(provider->failures - 1);
    } else if (provider->refused || (expires && left_s <= 0)) {
        provider->due_ms = now + cmaw_aws_jitter(RETRY_LAST_MS);
    } else {
        provider->due_ms = expires ? now + cmaw_aws_renew_in_ms(left_s, chance) : UINT64_MAX;
    }
    pthread_cond_signal(&provider->wake);
}

/* Under the lock. keys become the provider's. */
static void take(struct cmaw_aws_provider *provider, struct cmaw_aws_keys *keys)
{
    provider->failures = 0;
    if (provider->generation > 0 && cmaw_aws_keys_same(&provider->keys, keys)) {
        provider->keys.expires_s = keys->expires_s;
        return;
    }
    cmaw_aws_keys_release(&provider->keys);
    provider->keys = *keys;
    *keys = (struct cmaw_aws_keys){0};
    provider->refused = false;
    provider->generation++;
    const int64_t left_s = provider->keys.expires_s - (int64_t)time(NULL);
    cmaw_log(CMAW_LOG_INFO, provider->generation == 1 ? "credentials.found" : "credentials.renewed", "source=%s expires_in_s=%lld",
        cmaw_aws_source_name(provider->keys.source), provider->keys.expires_s == 0 ? -1 : (long long)left_s);
    if (provider->keys.expires_s != 0 && left_s <= 0) {
        cmaw_log(CMAW_LOG_WARN, "credentials.expired", "source=%s text=\"they are used as long as there are no others\"",
            cmaw_aws_source_name(provider->keys.source));
    }
}

/* With fetching taken. */
static enum cmaw_err fetch(struct cmaw_aws_provider *provider, struct cmaw_diag *diag)
{
    CMAW_AWS_KEYS_AUTO(keys);
    const enum cmaw_err err = provider->supply.fetch(provider->supply.context, &keys, diag);

    pthread_mutex_lock(&provider->lock);
    if (err == CMAW_OK) {
        take(provider, &keys);
    } else {
        provider->failures++;
        provider->failures_ever++;
        cmaw_log(CMAW_LOG_WARN, "credentials.not_renewed", "failures=%llu text=\"%s\"", (unsigned long long)provider->failures,
            diag->text[0] != '\0' ? diag->text : cmaw_err_text(err));
    }
    schedule(provider);
    pthread_mutex_unlock(&provider->lock);
    return err;
}

/* Until it is time, or the end: true. */
static bool wait_until_due(struct cmaw_aws_provider *provider)
{
    pthread_mutex_lock(&provider->lock);
    while (!provider->ending && cmaw_clock_ms() < provider->due_ms) {
        if (provider->due_ms == UINT64_MAX) {
            pthread_cond_wait(&provider->wake, &provider->lock);
            continue;
        }
        const struct timespec until = {.tv_sec = (time_t)(provider->due_ms / 1000), .tv_nsec = (long)(provider->due_ms % 1000) * 1000000};
        (void)pthread_cond_timedwait(&provider->wake, &provider->lock, &until);
    }
    const bool ending = provider->ending;
    pthread_mutex_unlock(&provider->lock);
    return ending;
}

static void *renew(void *argument)
{
    struct cmaw_aws_provider *provider = argument;

    while (!wait_until_due(provider)) {
        struct cmaw_diag diag = {0};
        pthread_mutex_lock(&provider->fetching);
        CMAW_IGNORE(fetch(provider, &diag)); /* it is in the log, and the next time is set */
        pthread_mutex_unlock(&provider->fetching);
    }
    return NULL;
}

enum cmaw_err cmaw_aws_provider_get(struct cmaw_aws_provider *provider, struct cmaw_aws_keys *ret_keys, uint64_t *ret_generation)
{
    pthread_mutex_lock(&provider->lock);
    const enum cmaw_err err = provider->generation > 0 ? cmaw_aws_keys_copy(&provider->keys, ret_keys) : CMAW_E_UNAVAILABLE;
    if (err == CMAW_OK) {
        *ret_generation = provider->generation;
    }
    pthread_mutex_unlock(&provider->lock);
    return err;
}

void cmaw_aws_provider_status(struct cmaw_aws_provider *provider, struct cmaw_aws_provider_status *ret_status)
{
    pthread_mutex_lock(&provider->lock);
    *ret_status = (struct cmaw_aws_provider_status){provider->generation, provider->failures_ever, provider->keys.expires_s};
    pthread_mutex_unlock(&provider->lock);
}

/* True if it is for the caller to fetch; *ret_newer otherwise says whether there are others. */
static bool begin_refused(struct cmaw_aws_provider *provider, uint64_t generation, bool *ret_newer)
{
    pthread_mutex_lock(&provider->lock);
    *ret_newer = provider->generation != generation;
    const bool first = !*ret_newer && !provider->refused;
    if (first) {
        provider->refused = true;
    }
    pthread_mutex_unlock(&provider->lock);
    return first;
}

bool cmaw_aws_provider_refused(struct cmaw_aws_provider *provider, uint64_t generation)
{
    bool newer = false;

    pthread_mutex_lock(&provider->fetching);
    if (begin_refused(provider, generation, &newer)) {
        struct cmaw_diag diag = {0};
        CMAW_IGNORE(fetch(provider, &diag)); /* it is in the log, and tried again later */
        pthread_mutex_lock(&provider->lock);
        newer = provider->generation != generation;
        pthread_mutex_unlock(&provider->lock);
    }
    pthread_mutex_unlock(&provider->fetching);
    return newer;
}

static void release(struct cmaw_aws_provider *provider)
{
    cmaw_aws_keys_release(&provider->keys);
    pthread_cond_destroy(&provider->wake);
    pthread_mutex_destroy(&provider->lock);
    pthread_mutex_destroy(&provider->fetching);
    free(provider);
}

static enum cmaw_err start(struct cmaw_aws_provider *provider)
{
    pthread_attr_t attributes;

    CMAW_REQUIRE(pthread_attr_init(&attributes) == 0, CMAW_E_NO_MEMORY);
    int failed = pthread_attr_setstacksize(&attributes, STACK_SIZE);
    if (failed == 0) {
        failed = pthread_create(&provider->thread, &attributes, renew, provider);
    }
    (void)pthread_attr_destroy(&attributes);
    return failed == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_aws_provider_open(const struct cmaw_aws_supply *supply, struct cmaw_aws_provider **ret_provider, struct cmaw_diag *diag)
{
    struct cmaw_aws_provider *provider = calloc(1, sizeof *provider);
    pthread_condattr_t monotonic;

    CMAW_REQUIRE(provider != NULL, CMAW_E_NO_MEMORY);
    provider->supply = *supply;
    pthread_mutex_init(&provider->fetching, NULL);
    pthread_mutex_init(&provider->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&provider->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum cmaw_err err = fetch(provider, diag);
    if (err == CMAW_OK || err == CMAW_E_UNAVAILABLE || err == CMAW_E_TIMEOUT || err == CMAW_E_BUSY) {
        err = start(provider);
    }
    if (err != CMAW_OK) {
        release(provider);
        return err;
    }
    *ret_provider = provider;
    return CMAW_OK;
}

void cmaw_aws_provider_close(struct cmaw_aws_provider *provider)
{
    if (provider == NULL) {
        return;
    }
    pthread_mutex_lock(&provider->lock);
    provider->ending = true;
    pthread_cond_signal(&provider->wake);
    pthread_mutex_unlock(&provider->lock);
    pthread_join(provider->thread, NULL);
    release(provider);
}
