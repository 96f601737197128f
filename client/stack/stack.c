#include "client/stack/stack.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/json.h"
#include "client/settings.h"
#include "sys/pid.h"

static const char *const port_names[CMAW_PORT_COUNT] = {"temporal", "ui", "http", "metrics", "devd", "worker_http", "proxy_http"};
static const char *const state_names[] = {"stopped", "starting", "ready", "waiting", "failed"};

static const char *const tier_names[CMAW_STACK_TIERS] = {"sim", "qemu"};

const char *cmaw_stack_tier_name(enum cmaw_stack_tier tier)
{
    return tier_names[tier];
}

enum cmaw_err cmaw_stack_tier_find(const char *name, enum cmaw_stack_tier *ret_tier)
{
    for (enum cmaw_stack_tier tier = CMAW_STACK_SIM; tier < CMAW_STACK_TIERS; tier++) {
        if (strcmp(name, tier_names[tier]) == 0) {
            *ret_tier = tier;
            return CMAW_OK;
        }
    }
    return CMAW_E_NOT_FOUND;
}

const char *cmaw_process_state_name(enum cmaw_process_state state)
{
    return (unsigned)state < sizeof state_names / sizeof state_names[0] ? state_names[state] : "unknown";
}

void cmaw_stack_free(struct cmaw_stack **stack)
{
    free(*stack);
    *stack = NULL;
}

enum cmaw_err cmaw_stack_path(const struct cmaw_stack *stack, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag,
                              const char *format, ...)
{
    char rest[CMAW_PATH_MAX];
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(rest, sizeof rest, format, args);
    va_end(args);
    if (size < 0 || size >= CMAW_PATH_MAX || cmaw_path(ret_path, "%s/%s", stack->dir, rest) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the stack's folder has too long a path");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_enclave(const struct cmaw_stack *stack, const char *role, char ret_addr[static CMAW_PATH_MAX],
                                 struct cmaw_diag *diag)
{
    if (cmaw_path(ret_addr, "uds:%s/enclaves/%s.sock:%d", stack->dir, role, CMAW_ENCLAVE_RPC_PORT) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the stack's folder has too long a path");
    }
    return CMAW_OK;
}

void cmaw_stack_host_port(const struct cmaw_stack *stack, enum cmaw_stack_port port, char ret_text[static CMAW_HOST_PORT_SIZE])
{
    (void)snprintf(ret_text, CMAW_HOST_PORT_SIZE, "127.0.0.1:%u", stack->ports[port]);
}

bool cmaw_stack_alive(pid_t pid, uint64_t started)
{
    CMAW_FD_AUTO(pidfd);
    if (cmaw_pid_open(pid, started, &pidfd) != CMAW_OK) {
        return false;
    }
    struct pollfd ended = {.fd = pidfd, .events = POLLIN}; /* as of one that its parent has not collected yet */
    return poll(&ended, 1, 0) == 0;
}

static void read_boot_id(char ret_id[static 64])
{
    CMAW_BUF_AUTO(text, 64);
    struct cmaw_diag diag = {0};
    ret_id[0] = '\0';
    if (cmaw_file_read("/proc/sys/kernel/random/boot_id", &text, &diag) == CMAW_OK && text.size > 0) {
        CMAW_IGNORE(cmaw_slice_to_cstr(cmaw_slice_of(text.data, text.size - 1), ret_id, 64)); /* then no pid is believed */
    }
}

static enum cmaw_err role_from(const json_t *json, struct cmaw_stack_role *role)
{
    uint64_t id = 0;
    CMAW_TRY(cmaw_json_u64(json, "id", UINT32_MAX, &id));
    role->id = (uint32_t)id;
    CMAW_TRY(cmaw_json_text(json, "name", role->name, sizeof role->name));
    return cmaw_json_text(json, "image", role->image, sizeof role->image);
}

static enum cmaw_err process_from(const json_t *json, struct cmaw_stack_process *process)
{
    uint64_t pid = 0;
    uint64_t restarts = 0;
    char state[16];
    CMAW_TRY(cmaw_json_text(json, "name", process->name, sizeof process->name));
    CMAW_TRY(cmaw_json_text(json, "state", state, sizeof state));
    CMAW_TRY(cmaw_json_u64(json, "pid", INT32_MAX, &pid));
    CMAW_TRY(cmaw_json_u64(json, "started", UINT64_MAX, &process->started));
    CMAW_TRY(cmaw_json_u64(json, "restarts", UINT32_MAX, &restarts));
    process->pid = (pid_t)pid;
    process->restarts = (uint32_t)restarts;
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (strcmp(state, state_names[i]) == 0) {
            process->state = (enum cmaw_process_state)i;
            return CMAW_OK;
        }
    }
    return CMAW_E_MALFORMED;
}

/* A stack that was made before there were tiers names none. */
static enum cmaw_err tier_from(const json_t *json, struct cmaw_stack *stack)
{
    char name[8];
    uint64_t memory = 0;
    CMAW_REQUIRE(json_object_get(json, "tier") != NULL, CMAW_OK);
    CMAW_TRY(cmaw_json_text(json, "tier", name, sizeof name));
    CMAW_TRY(cmaw_stack_tier_find(name, &stack->tier));
    CMAW_REQUIRE(stack->tier == CMAW_STACK_QEMU, CMAW_OK);
    CMAW_TRY(cmaw_json_text(json, "vm", stack->vm, sizeof stack->vm));
    CMAW_TRY(cmaw_json_u64(json, "memory_mib", UINT32_MAX, &memory));
    stack->memory_mib = (uint32_t)memory;
    return CMAW_OK;
}

static enum cmaw_err settings_from(const json_t *json, struct cmaw_stack *stack)
{
    uint64_t days = 0;
    CMAW_TRY(cmaw_json_text(json, "name", stack->name, sizeof stack->name));
    CMAW_TRY(cmaw_json_text(json, "tenant", stack->tenant, sizeof stack->tenant));
    CMAW_TRY(cmaw_json_text(json, "account", stack->account, sizeof stack->account));
    CMAW_TRY(cmaw_json_text(json, "region", stack->region, sizeof stack->region));
    CMAW_TRY(cmaw_json_text(json, "namespace", stack->ns, sizeof stack->ns));
    CMAW_TRY(cmaw_json_u64(json, "validity_days", UINT32_MAX, &days));
    stack->validity_days = (uint32_t)days;
    stack->log_json = json_is_true(json_object_get(json, "log_json"));
    CMAW_TRY(tier_from(json, stack));
    const json_t *ports = json_object_get(json, "ports");
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        uint64_t port = 0;
        if (i < CMAW_PORT_WORKER || json_object_get(ports, port_names[i]) != NULL) {
            CMAW_TRY(cmaw_json_u64(ports, port_names[i], UINT16_MAX, &port));
        }
        stack->ports[i] = (uint16_t)port;
    }
    return CMAW_OK;
}

static enum cmaw_err lists_from(const json_t *json, struct cmaw_stack *stack)
{
    const json_t *roles = json_object_get(json, "roles");
    const json_t *processes = json_object_get(json, "processes");
    CMAW_REQUIRE(json_array_size(roles) <= CMAW_ROLES_MAX, CMAW_E_MALFORMED);
    CMAW_REQUIRE(json_array_size(processes) <= CMAW_STACK_PROCESSES_MAX, CMAW_E_MALFORMED);
    for (; stack->role_count < json_array_size(roles); stack->role_count++) {
        CMAW_TRY(role_from(json_array_get(roles, stack->role_count), &stack->roles[stack->role_count]));
    }
    for (; stack->process_count < json_array_size(processes); stack->process_count++) {
        CMAW_TRY(process_from(json_array_get(processes, stack->process_count), &stack->processes[stack->process_count]));
    }
    return CMAW_OK;
}

static enum cmaw_err supervisor_from(const json_t *json, struct cmaw_stack *stack)
{
    uint64_t pid = 0;
    CMAW_TRY(cmaw_json_u64(json, "pid", INT32_MAX, &pid));
    stack->supervisor_pid = (pid_t)pid;
    return cmaw_json_u64(json, "started", UINT64_MAX, &stack->supervisor_started);
}

static void drop_pids_of_another_boot(struct cmaw_stack *stack)
{
    char now[64];
    read_boot_id(now);
    if (now[0] == '\0' || strcmp(now, stack->boot_id) != 0) {
        stack->supervisor_pid = 0;
        stack->process_count = 0;
    }
}

static enum cmaw_err parse(const json_t *json, struct cmaw_stack *stack)
{
    uint64_t version = 0;
    CMAW_TRY(cmaw_json_u64(json, "version", 1, &version));
    CMAW_TRY(settings_from(json, stack));
    CMAW_TRY(lists_from(json, stack));
    CMAW_TRY(cmaw_json_text(json, "boot_id", stack->boot_id, sizeof stack->boot_id));
    CMAW_TRY(supervisor_from(json_object_get(json, "supervisor"), stack));
    drop_pids_of_another_boot(stack);
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_load(const char *dir, struct cmaw_stack **ret_stack, struct cmaw_diag *diag)
{
    CMAW_STACK_AUTO(stack);
    stack = calloc(1, sizeof *stack);
    CMAW_REQUIRE(stack != NULL, CMAW_E_NO_MEMORY);
    char path[CMAW_PATH_MAX];
    if (cmaw_path(stack->dir, "%s", dir) != CMAW_OK || cmaw_path(path, "%s/stack.json", dir) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the stack's folder has too long a path");
    }
    CMAW_JSON_AUTO(json);
    const enum cmaw_err err = cmaw_json_read(path, &json, diag);
    if (err == CMAW_E_NOT_FOUND) {
        cmaw_diag_hint(diag, "cmaw up makes one; --dir or CMAW_DIR says where");
        return cmaw_diag_set(diag, err, "there is no stack in %s", dir);
    }
    CMAW_TRY(err);
    if (parse(json, stack) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is not a stack's description", path);
    }
    *ret_stack = stack;
    stack = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_find(const struct cmaw_settings *settings, struct cmaw_stack **ret_stack, struct cmaw_diag *diag)
{
    char dir[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_dir(settings, dir, diag));
    return cmaw_stack_load(dir, ret_stack, diag);
}

static enum cmaw_err put_addresses(const struct cmaw_stack *stack, json_t *json, struct cmaw_diag *diag)
{
    json_t *addresses = json_object();
    json_t *enclaves = json_object();
    CMAW_TRY(cmaw_json_set(json, "addresses", addresses));
    CMAW_TRY(cmaw_json_set(addresses, "enclaves", enclaves));
    char text[CMAW_HOST_PORT_SIZE];
    cmaw_stack_host_port(stack, CMAW_PORT_TEMPORAL, text);
    CMAW_TRY(cmaw_json_set_text(addresses, "temporal", text));
    cmaw_stack_host_port(stack, CMAW_PORT_UI, text);
    CMAW_TRY(cmaw_json_set(addresses, "ui", json_sprintf("http://%s", text)));
    cmaw_stack_host_port(stack, CMAW_PORT_DEVD, text);
    CMAW_TRY(cmaw_json_set(addresses, "devd", json_sprintf("https://%s", text)));
    for (enum cmaw_stack_port port = CMAW_PORT_WORKER; port <= CMAW_PORT_PROXY; port++) {
        if (stack->ports[port] != 0) {
            cmaw_stack_host_port(stack, port, text);
            CMAW_TRY(cmaw_json_set(addresses, port_names[port], json_sprintf("http://%s", text)));
        }
    }
    for (size_t i = 0; i < stack->role_count; i++) {
        char addr[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_stack_enclave(stack, stack->roles[i].name, addr, diag));
        CMAW_TRY(cmaw_json_set_text(enclaves, stack->roles[i].name, addr));
    }
    return CMAW_OK;
}

static enum cmaw_err put_settings(const struct cmaw_stack *stack, json_t *json)
{
    CMAW_TRY(cmaw_json_set_u64(json, "version", 1));
    CMAW_TRY(cmaw_json_set_text(json, "name", stack->name));
    CMAW_TRY(cmaw_json_set_text(json, "tenant", stack->tenant));
    CMAW_TRY(cmaw_json_set_text(json, "account", stack->account));
    CMAW_TRY(cmaw_json_set_text(json, "region", stack->region));
    CMAW_TRY(cmaw_json_set_text(json, "namespace", stack->ns));
    CMAW_TRY(cmaw_json_set_u64(json, "validity_days", stack->validity_days));
    CMAW_TRY(cmaw_json_set(json, "log_json", json_boolean(stack->log_json)));
    CMAW_TRY(cmaw_json_set_text(json, "tier", cmaw_stack_tier_name(stack->tier)));
    if (stack->tier == CMAW_STACK_QEMU) {
        CMAW_TRY(cmaw_json_set_text(json, "vm", stack->vm));
        CMAW_TRY(cmaw_json_set_u64(json, "memory_mib", stack->memory_mib));
    }
    json_t *ports = json_object();
    CMAW_TRY(cmaw_json_set(json, "ports", ports));
    for (size_t i = 0; i < CMAW_PORT_COUNT; i++) {
        CMAW_TRY(cmaw_json_set_u64(ports, port_names[i], stack->ports[i]));
    }
    return CMAW_OK;
}

static enum cmaw_err put_roles(const struct cmaw_stack *stack, json_t *json)
{
    json_t *roles = json_array();
    CMAW_TRY(cmaw_json_set(json, "roles", roles));
    for (size_t i = 0; i < stack->role_count; i++) {
        json_t *role = json_object();
        CMAW_TRY(cmaw_json_append(roles, role));
        CMAW_TRY(cmaw_json_set_u64(role, "id", stack->roles[i].id));
        CMAW_TRY(cmaw_json_set_text(role, "name", stack->roles[i].name));
        CMAW_TRY(cmaw_json_set_text(role, "image", stack->roles[i].image));
    }
    return CMAW_OK;
}

static enum cmaw_err put_processes(const struct cmaw_stack *stack, json_t *json)
{
    json_t *supervisor = json_object();
    CMAW_TRY(cmaw_json_set_text(json, "boot_id", stack->boot_id));
    CMAW_TRY(cmaw_json_set(json, "supervisor", supervisor));
    CMAW_TRY(cmaw_json_set_u64(supervisor, "pid", (uint64_t)stack->supervisor_pid));
    CMAW_TRY(cmaw_json_set_u64(supervisor, "started", stack->supervisor_started));
    json_t *processes = json_array();
    CMAW_TRY(cmaw_json_set(json, "processes", processes));
    for (size_t i = 0; i < stack->process_count; i++) {
        const struct cmaw_stack_process *process = &stack->processes[i];
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(processes, entry));
        CMAW_TRY(cmaw_json_set_text(entry, "name", process->name));
        CMAW_TRY(cmaw_json_set_text(entry, "state", cmaw_process_state_name(process->state)));
        CMAW_TRY(cmaw_json_set_u64(entry, "pid", (uint64_t)process->pid));
        CMAW_TRY(cmaw_json_set_u64(entry, "started", process->started));
        CMAW_TRY(cmaw_json_set_u64(entry, "restarts", process->restarts));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_save(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    read_boot_id(stack->boot_id);
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(put_settings(stack, json));
    CMAW_TRY(put_addresses(stack, json, diag));
    CMAW_TRY(put_roles(stack, json));
    CMAW_TRY(put_processes(stack, json));
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "stack.json"));
    return cmaw_json_write(path, json, 0600, diag);
}
