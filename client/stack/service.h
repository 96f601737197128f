/* How each program of a stack is started: one place knows the command lines. */
#ifndef CMAW_CLIENT_STACK_SERVICE_H
#define CMAW_CLIENT_STACK_SERVICE_H

#include "client/stack/stack.h"

enum { CMAW_SERVICE_ARGS_MAX = 128, CMAW_SERVICE_ENV_MAX = 256, CMAW_SERVICE_TEXT_MAX = 256 * 1024, CMAW_READY_FD = 3 };

/* About 260 KiB: on the heap. argv and env point into text or the caller's environment. */
struct cmaw_service {
    const char *argv[CMAW_SERVICE_ARGS_MAX + 1];
    const char *env[CMAW_SERVICE_ENV_MAX + 1];
    size_t argc;
    size_t envc;
    uint16_t probe_port; /* ready when this loopback port accepts; 0: it reports on descriptor CMAW_READY_FD */
    char log[CMAW_PATH_MAX];
    enum cmaw_err err;
    size_t used;
    char text[CMAW_SERVICE_TEXT_MAX];
};

/* "devd", "temporal", "proxy", "enclave-ROLE", "worker": what to execute for it now. Reads credentials where they are needed.
 * NOT_FOUND for another name or a program that is not there. Free with free(). */
enum cmaw_err cmaw_service_of(const struct cmaw_stack *stack, const char *name, struct cmaw_service **ret_service,
                              struct cmaw_diag *diag);
/* Calls visit with every name in starting order. */
enum cmaw_err cmaw_service_each(const struct cmaw_stack *stack, enum cmaw_err (*visit)(void *context, const char *name),
                                void *context);

/* Whether programs of a stack get a variable ("NAME=…") of the caller's environment: not where it is the owner's, or would change how they work. */
bool cmaw_service_inherits(const char *variable);

/* The Temporal server: $CMAW_TEMPORAL, PATH, or the cache. NOT_FOUND with a hint. */
enum cmaw_err cmaw_service_temporal(char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);

/* {"AccessKeyId","SecretAccessKey"} of DIR/credentials/WHO.json. The secret is ours to wipe. */
struct cmaw_access_key {
    char id[129];
    char secret[129];
};
enum cmaw_err cmaw_stack_access_key(const struct cmaw_stack *stack, const char *who, struct cmaw_access_key *ret_key,
                                    struct cmaw_diag *diag);

#endif
