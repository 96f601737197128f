/* What cmaw-worker was told: the command line, the bundle, where its AWS credentials are. */
#ifndef CMAW_WORKER_CONFIG_H
#define CMAW_WORKER_CONFIG_H

#include "lib/base/diag.h"
#include "lib/sst/bundle.h"
#include "sys/addr.h"
#include "sys/aws/chain.h"

struct cmaw_worker_role {
    char name[CMAW_NAME_MAX + 1];
    struct cmaw_addr addr;
    const struct cmaw_role_key *key; /* in the bundle */
};

struct cmaw_worker_config {
    const char *temporal;
    const char *ns;
    uint32_t activities;       /* steps at once, for each role */
    uint64_t grace_ms;         /* what running steps get at SIGTERM */
    int ready_fd;
    const char *http;          /* where health and metrics are served; NULL: nowhere */
    struct cmaw_buf bundle_bytes;
    struct cmaw_bundle bundle;
    struct cmaw_manifest manifest;
    char tenant[CMAW_NAME_MAX + 1];
    struct cmaw_aws_settings aws; /* of the instance role */
    uint32_t role_count;
    struct cmaw_worker_role roles[CMAW_ROLES_MAX];
};

enum cmaw_worker_action { CMAW_WORKER_RUN, CMAW_WORKER_HELP, CMAW_WORKER_VERSION };

/* Reads everything. USAGE: the command line; others: the bundle. config must be zeroed, and freed in any case. */
enum cmaw_err cmaw_worker_config_read(int argc, char **argv, struct cmaw_worker_config *config,
                                      enum cmaw_worker_action *ret_action, struct cmaw_diag *diag);
void cmaw_worker_config_free(struct cmaw_worker_config *config);
void cmaw_worker_usage(void);

#endif
