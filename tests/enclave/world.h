/* A small world for tests of /init: the real cmaw-devd, and per role an image, a key, a proxy and a running enclave. The test
 * is the host and the data owner. Every function fails the test where something unexpected happens. */
#ifndef CMAW_TESTS_ENCLAVE_WORLD_H
#define CMAW_TESTS_ENCLAVE_WORLD_H

#include "enclave/kms/kms.h"
#include "lib/attest/eif.h"
#include "lib/rpc/call.h"
#include "lib/sst/run.h"
#include "sys/proc.h"

enum { ROLES_MAX = 4 };

struct node {
    const char *name;    /* of the role */
    const char *program; /* the agent's file on this machine; /bin/agent in the image */
    const char *mode;    /* its argument, or NULL */
    bool proto;
    uint32_t tmp_kib;
    bool as_nobody;      /* the launcher is not root: world_give_up_root */
    char eif[160], socket[160], state[160], log[160];
    struct cmaw_eif_pcrs pcrs;
    char arn[128];
    struct cmaw_proc launcher;
    struct cmaw_proc proxy;
};

struct world {
    char dir[64];
    uint16_t kms_port;
    struct cmaw_proc devd;
    struct cmaw_buf admin[3];  /* access key id, secret, ARN: of kms-admin */
    struct cmaw_buf parent[3]; /* of enclave-parent */
    struct cmaw_tls_client *tls;
    uint8_t attestation_root[32];
    struct node nodes[ROLES_MAX];
    uint32_t node_count;
    struct cmaw_buf manifest;
    struct cmaw_buf bundle;
    struct cmaw_deployment deployment; /* points into bundle */
};

void world_open(struct world *world);
/* SIGKILL, and a new one on the same folder and port. */
void world_restart_devd(struct world *world);
void world_close(struct world *world);
/* Adds a role: builds its image, measures it, makes its key. */
struct node *world_add(struct world *world, const char *name, const char *program, const char *mode, bool proto);
/* Once all roles are there: manifest, key policies; then starts all enclaves and births and configures them. */
void world_manifest(struct world *world);
/* Whether the instance role may call DescribeKey on the node's key; it may at first. */
void world_let_look(struct world *world, struct node *node, bool may_look);
void world_start(struct world *world, struct node *node);
void world_stop(struct node *node);
/* From its next start on the node's launcher runs as user nobody (needs root). */
void world_give_up_root(struct world *world, struct node *node);
void world_provision(struct world *world);
void world_configure(struct world *world, struct node *node);

/* Image and measurements of a node, at node->eif. Called by world_add. */
void node_build_image(const struct world *world, struct node *node);
/* Fails the test with what, unless err is OK. */
void must(enum cmaw_err err, const char *what);
/* The host's connection to a node's RPC port. */
int node_connect(const struct node *node);
/* One request and its answer, which points into buf. */
void node_call(int fd, const struct cmaw_request *request, struct cmaw_buf *buf, struct cmaw_response *ret_response);
/* A KMS call as kms-admin (admin) or enclave-parent; returns the HTTP status and appends the body. */
uint32_t world_kms(struct world *world, bool admin, const char *operation, const char *body, struct cmaw_buf *answer);
/* Requests as an honest host makes them. */
struct cmaw_request provision_request(const struct world *world, const struct node *node);
struct cmaw_request configure_request(const struct world *world, const struct node *node, const struct cmaw_role_key *key);
/* Milliseconds since 1970. */
uint64_t world_now_ms(void);
uint32_t node_role(const struct world *world, const struct node *node);
/* The enclave's process that makes agents. */
pid_t node_spawner(const struct node *node);
/* Resident bytes of the enclave's process with the keys, and of the whole of what runs in it. */
size_t node_resident(const struct node *node, bool all);

#endif
