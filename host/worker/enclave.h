/* An enclave of one role as the worker knows it: its connections, and the thread that keeps it configured. Thread-safe. */
#ifndef CMAW_WORKER_ENCLAVE_H
#define CMAW_WORKER_ENCLAVE_H

#include "lib/rpc/message.h"
#include "lib/sst/bundle.h"
#include "sys/addr.h"
#include "sys/aws/provider.h"

struct cmaw_enclave_options {
    const char *role_name; /* for the log */
    struct cmaw_addr addr;
    const struct cmaw_manifest *manifest;
    const struct cmaw_role_key *key;            /* what it is configured with */
    struct cmaw_aws_provider *credentials;      /* of the instance role */
    uint32_t connections;                       /* kept idle at most */
};

struct cmaw_enclave;

enum { CMAW_ENCLAVE_CODES = CMAW_CODE_INTERNAL + 1 };

/* What is known of it, for an operator. */
struct cmaw_enclave_view {
    bool ready;
    uint64_t lost;                          /* how often it was ready and then not */
    uint64_t configured[CMAW_ENCLAVE_CODES]; /* attempts to configure it, by the code of its answer */
    bool has_stats;                         /* what follows is the enclave's own word, some seconds old at most; not while it is not ready */
    uint64_t uptime_ms;
    bool simulated;
    struct cmaw_stats_response stats;
};

/* Everything in options must outlive the enclave. Starts the keeper, which configures the enclave whenever it is not ready. */
enum cmaw_err cmaw_enclave_open(const struct cmaw_enclave_options *options, struct cmaw_enclave **ret_enclave);
/* Ends the keeper and closes the connections; all must have been given back. NULL-safe. */
void cmaw_enclave_close(struct cmaw_enclave *enclave);

/* True while it is believed to serve steps of the role and manifest. */
bool cmaw_enclave_ready(const struct cmaw_enclave *enclave);
void cmaw_enclave_view(struct cmaw_enclave *enclave, struct cmaw_enclave_view *ret_view);
/* It does not: the keeper is to look at it. */
void cmaw_enclave_suspect(struct cmaw_enclave *enclave);

/* A connection for one exchange at a time; *ret_reused says that it was idle, and so may be dead. UNAVAILABLE, TIMEOUT. */
enum cmaw_err cmaw_enclave_connect(struct cmaw_enclave *enclave, int *ret_fd, bool *ret_reused);
/* Gives a connection back after a complete exchange. */
void cmaw_enclave_put(struct cmaw_enclave *enclave, int fd);
/* Closes a broken one, and all idle ones, which are likely to be so too. */
void cmaw_enclave_drop(struct cmaw_enclave *enclave, int fd);

#endif
