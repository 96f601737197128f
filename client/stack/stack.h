/* A local stack: one folder with everything in it, described by stack.json. cmaw up writes it, then the supervisor alone
 * while it runs. */
#ifndef CMAW_CLIENT_STACK_STACK_H
#define CMAW_CLIENT_STACK_STACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/diag.h"
#include "lib/sst/limits.h"
#include "sys/file.h"

enum cmaw_stack_port { CMAW_PORT_TEMPORAL, CMAW_PORT_UI, CMAW_PORT_HTTP, CMAW_PORT_METRICS, CMAW_PORT_DEVD, CMAW_PORT_WORKER,
                       CMAW_PORT_PROXY, CMAW_PORT_COUNT };

/* What its enclaves are: namespaces of the host, or QEMU's nitro-enclave machine, whose attestation documents nobody signs. */
enum cmaw_stack_tier { CMAW_STACK_SIM, CMAW_STACK_QEMU, CMAW_STACK_TIERS };
const char *cmaw_stack_tier_name(enum cmaw_stack_tier tier);
/* NOT_FOUND for another name. */
enum cmaw_err cmaw_stack_tier_find(const char *name, enum cmaw_stack_tier *ret_tier);

enum { CMAW_ENCLAVE_RPC_PORT = 5000, CMAW_STACK_PROCESSES_MAX = 4 + CMAW_ROLES_MAX, CMAW_PROCESS_NAME_SIZE = 80 };

struct cmaw_stack_role {
    uint32_t id;
    char name[CMAW_NAME_MAX + 1];
    char image[CMAW_PATH_MAX]; /* absolute path of the image YAML */
};

enum cmaw_process_state {
    CMAW_PROCESS_STOPPED, CMAW_PROCESS_STARTING, CMAW_PROCESS_READY, CMAW_PROCESS_WAITING, CMAW_PROCESS_FAILED,
};
const char *cmaw_process_state_name(enum cmaw_process_state state);

struct cmaw_stack_process {
    char name[CMAW_PROCESS_NAME_SIZE];
    enum cmaw_process_state state;
    pid_t pid;          /* 0: none */
    uint64_t started;   /* ticks, sys/pid.h */
    uint32_t restarts;
};

/* About 140 KiB: on the heap. */
struct cmaw_stack {
    char dir[CMAW_PATH_MAX];
    char name[CMAW_NAME_MAX + 1];
    char tenant[CMAW_NAME_MAX + 1];
    char account[13];
    char region[33];
    char ns[CMAW_NAME_MAX + 1];
    uint32_t validity_days;
    uint16_t ports[CMAW_PORT_COUNT]; /* 0: of a stack that was made before there was this one */
    bool log_json;                   /* how its processes log */
    enum cmaw_stack_tier tier;       /* chosen when it was made */
    char vm[CMAW_PATH_MAX];          /* qemu: absolute path of the folder with its tools */
    uint32_t memory_mib;             /* qemu: of each enclave */
    size_t role_count;
    struct cmaw_stack_role roles[CMAW_ROLES_MAX];
    char boot_id[64];   /* of the boot in which the pids below mean something */
    pid_t supervisor_pid;
    uint64_t supervisor_started;
    size_t process_count;
    struct cmaw_stack_process processes[CMAW_STACK_PROCESSES_MAX];
};

void cmaw_stack_free(struct cmaw_stack **stack);
#define CMAW_STACK_AUTO(name) [[gnu::cleanup(cmaw_stack_free)]] struct cmaw_stack *name = NULL

struct cmaw_settings;
/* Reads DIR/stack.json. NOT_FOUND, with a hint, where there is no stack; pids of an earlier boot are dropped. */
enum cmaw_err cmaw_stack_load(const char *dir, struct cmaw_stack **ret_stack, struct cmaw_diag *diag);
/* The same in the folder of the settings. */
enum cmaw_err cmaw_stack_find(const struct cmaw_settings *settings, struct cmaw_stack **ret_stack, struct cmaw_diag *diag);
enum cmaw_err cmaw_stack_save(struct cmaw_stack *stack, struct cmaw_diag *diag);
/* A stack from its YAML description, without ports and processes. relative image paths are taken from the YAML's folder. */
enum cmaw_err cmaw_stack_from_yaml(const char *yaml, const char *dir, struct cmaw_stack **ret_stack, struct cmaw_diag *diag);

/* DIR/<formatted>. TOO_LARGE with a message. */
[[gnu::format(printf, 4, 5)]] enum cmaw_err cmaw_stack_path(const struct cmaw_stack *stack, char ret_path[static CMAW_PATH_MAX],
                                                            struct cmaw_diag *diag, const char *format, ...);
/* "uds:DIR/enclaves/ROLE.sock:5000" */
enum cmaw_err cmaw_stack_enclave(const struct cmaw_stack *stack, const char *role, char ret_addr[static CMAW_PATH_MAX],
                                 struct cmaw_diag *diag);
/* Whether the process is alive, by pid and start time. */
bool cmaw_stack_alive(pid_t pid, uint64_t started);
/* "127.0.0.1:PORT" */
enum { CMAW_HOST_PORT_SIZE = 32 };
void cmaw_stack_host_port(const struct cmaw_stack *stack, enum cmaw_stack_port port, char ret_text[static CMAW_HOST_PORT_SIZE]);

/* Chooses free loopback ports for those that are 0. */
enum cmaw_err cmaw_stack_choose_ports(struct cmaw_stack *stack, struct cmaw_diag *diag);
/* EXISTS, with the port and what it is for, if another program listens on one. */
enum cmaw_err cmaw_stack_check_port(const struct cmaw_stack *stack, enum cmaw_stack_port port, struct cmaw_diag *diag);

#endif
