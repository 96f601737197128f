#include "host/proxy/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "sys/daemon.h"
#include "sys/file.h"

enum { GOOD_FOR_MS = 60 * 1000, BAD_FOR_MS = 2 * 1000 };

struct proxy_resolver {
    const struct proxy_options *options;
    pthread_mutex_t lock;
    pthread_cond_t asked;
    int notify;
    struct { struct proxy_addresses addresses; bool wanted; } entries[PROXY_FORWARDS_MAX];
};

static void ask_system(const struct proxy_target *target, struct proxy_addresses *addresses)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", target->port);
    *addresses = (struct proxy_addresses){0};
    if (getaddrinfo(target->host, port, &hints, &found) == 0) {
        for (const struct addrinfo *at = found; at != NULL && addresses->count < PROXY_ADDRESSES_MAX; at = at->ai_next) {
            memcpy(&addresses->list[addresses->count].addr, at->ai_addr, at->ai_addrlen);
            addresses->list[addresses->count++].size = at->ai_addrlen;
        }
        freeaddrinfo(found);
    }
    addresses->expires = cmaw_clock_ms() + (addresses->count > 0 ? GOOD_FOR_MS : BAD_FOR_MS);
}

/* The first entry that is wanted; waits for one. The lock is held. */
static size_t next_wanted(struct proxy_resolver *resolver)
{
    for (;;) {
        for (size_t i = 0; i < resolver->options->forward_count; i++) {
            if (resolver->entries[i].wanted) {
                return i;
            }
        }
        (void)pthread_cond_wait(&resolver->asked, &resolver->lock);
    }
}

/* Answers one question. The lock is held before and after, not while the system is asked. */
static void answer_one(struct proxy_resolver *resolver)
{
    const size_t index = next_wanted(resolver);
    struct proxy_addresses addresses;
    (void)pthread_mutex_unlock(&resolver->lock);
    ask_system(&resolver->options->forwards[index].to, &addresses);
    (void)pthread_mutex_lock(&resolver->lock);
    resolver->entries[index].addresses = addresses;
    resolver->entries[index].wanted = false;
    (void)eventfd_write(resolver->notify, 1);
}

static void *resolver_main(void *resolver)
{
    (void)pthread_mutex_lock(&((struct proxy_resolver *)resolver)->lock);
    for (;;) {
        answer_one(resolver);
    }
    return NULL;
}

static enum cmaw_err start_thread(struct proxy_resolver *resolver)
{
    pthread_t thread;
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const int errnum = pthread_create(&thread, NULL, resolver_main, resolver);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    CMAW_REQUIRE(errnum == 0, cmaw_err_of_errno(errnum));
    (void)pthread_detach(thread); /* lives as long as the process */
    return CMAW_OK;
}

enum cmaw_err cmaw_proxy_resolver_new(const struct proxy_options *options, struct proxy_resolver **ret_resolver, int *ret_notify)
{
    struct proxy_resolver *resolver = calloc(1, sizeof *resolver);
    CMAW_REQUIRE(resolver != NULL, CMAW_E_NO_MEMORY);
    resolver->options = options;
    (void)pthread_mutex_init(&resolver->lock, NULL);
    (void)pthread_cond_init(&resolver->asked, NULL);
    resolver->notify = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    const enum cmaw_err err = resolver->notify < 0 ? cmaw_err_of_errno(errno) : start_thread(resolver);
    if (err != CMAW_OK) {
        cmaw_fd_close(&resolver->notify);
        free(resolver);
        return err;
    }
    *ret_resolver = resolver;
    *ret_notify = resolver->notify;
    return CMAW_OK;
}

enum cmaw_err cmaw_proxy_resolve(struct proxy_resolver *resolver, size_t forward, struct proxy_addresses *ret_addresses)
{
    (void)pthread_mutex_lock(&resolver->lock);
    *ret_addresses = resolver->entries[forward].addresses;
    const bool fresh = ret_addresses->expires > cmaw_clock_ms();
    if (!fresh) {
        resolver->entries[forward].wanted = true;
        (void)pthread_cond_signal(&resolver->asked);
    }
    (void)pthread_mutex_unlock(&resolver->lock);
    CMAW_REQUIRE(fresh, CMAW_E_BUSY);
    return ret_addresses->count > 0 ? CMAW_OK : CMAW_E_UNAVAILABLE;
}

void cmaw_proxy_resolver_clear(struct proxy_resolver *resolver)
{
    eventfd_t unused;
    (void)eventfd_read(resolver->notify, &unused);
}
