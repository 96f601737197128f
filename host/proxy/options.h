/* The command line of cmaw-proxy. */
#ifndef CMAW_PROXY_OPTIONS_H
#define CMAW_PROXY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/addr.h"

enum { PROXY_FORWARDS_MAX = 64, PROXY_ALLOWED_MAX = 64, PROXY_HOST_MAX = 253 /* of a DNS name */ };

struct proxy_target {
    char host[PROXY_HOST_MAX + 1]; /* name, IPv4 address, or IPv6 address without brackets */
    uint16_t port;
};

struct proxy_forward {
    struct cmaw_addr from; /* where the enclave's connections arrive */
    struct proxy_target to;
    const char *text; /* the address as it was given */
    size_t text_size;
};

struct proxy_options {
    struct proxy_forward forwards[PROXY_FORWARDS_MAX];
    size_t forward_count;
    struct proxy_target allowed[PROXY_ALLOWED_MAX];
    size_t allowed_count;
    uint32_t max_connections; /* of each forward, so that one enclave cannot starve another */
    uint32_t connect_timeout_ms, idle_timeout_ms;
    int ready_fd;             /* -1: none */
    const char *http;         /* where health and metrics are served; NULL: nowhere */
};

/* USAGE with a hint; DENIED if a forward's target is not allowed. --help and --version print and exit. */
enum cmaw_err cmaw_proxy_options_parse(int argc, char **argv, struct proxy_options *ret_options, struct cmaw_diag *diag);

#endif
