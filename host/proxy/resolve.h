/* Names to addresses without holding up the loop: one thread asks the system's resolver, the loop reads what it found. */
#ifndef CMAW_PROXY_RESOLVE_H
#define CMAW_PROXY_RESOLVE_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "host/proxy/options.h"

enum { PROXY_ADDRESSES_MAX = 8 };

struct proxy_addresses {
    struct { struct sockaddr_storage addr; socklen_t size; } list[PROXY_ADDRESSES_MAX];
    size_t count;     /* 0: the name does not resolve */
    uint64_t expires; /* of cmaw_clock_ms; asked again after that */
};

struct proxy_resolver;

/* Serves the targets of options->forwards, by index. *ret_notify becomes readable when something was found. */
enum cmaw_err cmaw_proxy_resolver_new(const struct proxy_options *options, struct proxy_resolver **ret_resolver, int *ret_notify);
/* BUSY: being asked; try again when notified. UNAVAILABLE: does not resolve. */
enum cmaw_err cmaw_proxy_resolve(struct proxy_resolver *resolver, size_t forward, struct proxy_addresses *ret_addresses);
/* Takes back the notification. */
void cmaw_proxy_resolver_clear(struct proxy_resolver *resolver);

#endif
