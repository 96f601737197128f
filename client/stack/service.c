#include "client/stack/service.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/json.h"
#include "sys/proc.h"

#define TEMPORAL_VERSION "1.5.1"
#define INSTANCE_ID "i-0c3a2f5e8d7b61940"

[[gnu::format(printf, 2, 0)]] static const char *keep(struct cmaw_service *service, const char *format, va_list args)
{
    char *at = service->text + service->used;
    const size_t room = sizeof service->text - service->used;
    const int size = vsnprintf(at, room, format, args);
    if (size < 0 || (size_t)size >= room) {
        service->err = CMAW_E_TOO_LARGE;
        return "";
    }
    service->used += (size_t)size + 1;
    return at;
}

[[gnu::format(printf, 2, 3)]] static void arg(struct cmaw_service *service, const char *format, ...)
{
    if (service->argc == CMAW_SERVICE_ARGS_MAX) {
        service->err = CMAW_E_TOO_LARGE;
        return;
    }
    va_list args;
    va_start(args, format);
    service->argv[service->argc++] = keep(service, format, args);
    va_end(args);
}

[[gnu::format(printf, 2, 3)]] static void env(struct cmaw_service *service, const char *format, ...)
{
    if (service->envc == CMAW_SERVICE_ENV_MAX) {
        service->err = CMAW_E_TOO_LARGE;
        return;
    }
    va_list args;
    va_start(args, format);
    service->env[service->envc++] = keep(service, format, args);
    va_end(args);
}

bool cmaw_service_inherits(const char *variable)
{
    static const char *const dropped[] = {"TEMPORAL_", "AWS_", "CMAW_PASSPHRASE", "CMAW_STORE"};
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        if (strncmp(variable, dropped[i], strlen(dropped[i])) == 0) {
            return false;
        }
    }
    return true;
}

static void inherit_env(struct cmaw_service *service, bool with_home)
{
    for (char *const *at = environ; *at != NULL; at++) {
        if (cmaw_service_inherits(*at) && (with_home || strncmp(*at, "HOME=", 5) != 0)) {
            env(service, "%s", *at);
        }
    }
}

static enum cmaw_err program(struct cmaw_service *service, const char *name, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_proc_find(name, path, diag));
    arg(service, "%s", path);
    return CMAW_OK;
}

static void ready_fd(struct cmaw_service *service)
{
    arg(service, "--ready-fd");
    arg(service, "%d", CMAW_READY_FD);
}

/* --log-format of every program of ours; --http where the stack has a port for it. */
static void observed(const struct cmaw_stack *stack, struct cmaw_service *service, uint16_t http_port)
{
    arg(service, "--log-format");
    arg(service, "%s", stack->log_json ? "json" : "text");
    if (http_port != 0) {
        arg(service, "--http");
        arg(service, "127.0.0.1:%u", http_port);
    }
}

static enum cmaw_err devd(const struct cmaw_stack *stack, struct cmaw_service *service, struct cmaw_diag *diag)
{
    CMAW_TRY(program(service, "cmaw-devd", diag));
    arg(service, "serve");
    arg(service, "--dir");
    arg(service, "%s/devd", stack->dir);
    arg(service, "--port");
    arg(service, "%u", stack->ports[CMAW_PORT_DEVD]);
    arg(service, "--lookup-rate"); /* several cmaw verify at once share one account's rate */
    arg(service, "50");
    if (stack->tier == CMAW_STACK_QEMU) {
        arg(service, "--accept-unsigned-qemu-documents");
    }
    ready_fd(service);
    observed(stack, service, 0);
    inherit_env(service, true);
    return CMAW_OK;
}

enum cmaw_err cmaw_service_temporal(char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    const char *given = getenv("CMAW_TEMPORAL");
    if (given != NULL && given[0] != '\0') {
        if (access(given, X_OK) == 0) {
            return cmaw_path(ret_path, "%s", given);
        }
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "CMAW_TEMPORAL is %s, which is no program", given);
    }
    struct cmaw_diag ignored = {0};
    if (cmaw_proc_find("temporal", ret_path, &ignored) == CMAW_OK) {
        return CMAW_OK;
    }
    const char *cache = getenv("CMAW_CACHE");
    const char *home = getenv("HOME");
    char path[CMAW_PATH_MAX];
    const enum cmaw_err err = cache != NULL ? cmaw_path(path, "%s/temporal-" TEMPORAL_VERSION "/temporal", cache)
                                            : cmaw_path(path, "%s/.cache/cmaw/temporal-" TEMPORAL_VERSION "/temporal", home == NULL ? "" : home);
    if (err == CMAW_OK && access(path, X_OK) == 0) {
        return cmaw_path(ret_path, "%s", path);
    }
    cmaw_diag_hint(diag, "scripts/setup builds it, or put the temporal command line, version " TEMPORAL_VERSION ", into PATH");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "cannot find the Temporal server");
}

static enum cmaw_err temporal(const struct cmaw_stack *stack, struct cmaw_service *service, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_service_temporal(path, diag));
    arg(service, "%s", path);
    arg(service, "server");
    arg(service, "start-dev");
    const struct {
        const char *flag;
        enum cmaw_stack_port port;
    } ports[] = {{"--port", CMAW_PORT_TEMPORAL}, {"--ui-port", CMAW_PORT_UI}, {"--http-port", CMAW_PORT_HTTP},
                 {"--metrics-port", CMAW_PORT_METRICS}};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        arg(service, "%s", ports[i].flag);
        arg(service, "%u", stack->ports[ports[i].port]);
    }
    arg(service, "--ip");
    arg(service, "127.0.0.1");
    arg(service, "--ui-ip");
    arg(service, "127.0.0.1");
    arg(service, "--db-filename");
    arg(service, "%s/temporal/temporal.db", stack->dir);
    arg(service, "--namespace");
    arg(service, "%s", stack->ns);
    arg(service, "--log-format");
    arg(service, "json");
    inherit_env(service, false);
    env(service, "HOME=%s/temporal", stack->dir);
    env(service, "TEMPORAL_VERSION_CHECK_DISABLED=1"); /* or it tells its makers, over the Internet, which cluster runs it */
    service->probe_port = stack->ports[CMAW_PORT_TEMPORAL];
    return CMAW_OK;
}

static enum cmaw_err proxy(const struct cmaw_stack *stack, struct cmaw_service *service, struct cmaw_diag *diag)
{
    CMAW_TRY(program(service, "cmaw-proxy", diag));
    for (size_t i = 0; i < stack->role_count; i++) {
        arg(service, "--forward");
        arg(service, "uds:%s/enclaves/%s.sock:8000=127.0.0.1:%u", stack->dir, stack->roles[i].name, stack->ports[CMAW_PORT_DEVD]);
    }
    arg(service, "--allow");
    arg(service, "127.0.0.1:%u", stack->ports[CMAW_PORT_DEVD]);
    ready_fd(service);
    observed(stack, service, stack->ports[CMAW_PORT_PROXY]);
    inherit_env(service, true);
    return CMAW_OK;
}

/* What an enclave runs on. */
static void backend(const struct cmaw_stack *stack, struct cmaw_service *service)
{
    arg(service, "--backend");
    arg(service, "%s", cmaw_stack_tier_name(stack->tier));
    if (stack->tier == CMAW_STACK_SIM) {
        arg(service, "--nsm");
        arg(service, "%s/devd/nsm.sock", stack->dir);
        return;
    }
    arg(service, "--vm");
    arg(service, "%s", stack->vm);
    arg(service, "--memory");
    arg(service, "%u", stack->memory_mib);
}

static enum cmaw_err enclave(const struct cmaw_stack *stack, const char *role, struct cmaw_service *service,
                             struct cmaw_diag *diag)
{
    CMAW_TRY(program(service, "cmaw-launch", diag));
    arg(service, "run");
    backend(stack, service);
    arg(service, "--eif");
    arg(service, "%s/images/%s.eif", stack->dir, role);
    arg(service, "--socket");
    arg(service, "%s/enclaves/%s.sock", stack->dir, role);
    arg(service, "--name");
    arg(service, "%s", role);
    arg(service, "--parent-role");
    arg(service, "arn:aws:iam::%s:role/enclave-parent", stack->account);
    arg(service, "--parent-id");
    arg(service, INSTANCE_ID);
    arg(service, "--state-dir");
    arg(service, "%s/enclaves/state", stack->dir);
    ready_fd(service);
    observed(stack, service, 0);
    inherit_env(service, true);
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_access_key(const struct cmaw_stack *stack, const char *who, struct cmaw_access_key *ret_key,
                                    struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "credentials/%s.json", who));
    CMAW_JSON_AUTO(json);
    CMAW_TRY(cmaw_json_read(path, &json, diag));
    if (cmaw_json_text(json, "AccessKeyId", ret_key->id, sizeof ret_key->id) != CMAW_OK ||
        cmaw_json_text(json, "SecretAccessKey", ret_key->secret, sizeof ret_key->secret) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is not an access key", path);
    }
    return CMAW_OK;
}

static enum cmaw_err worker(const struct cmaw_stack *stack, struct cmaw_service *service, struct cmaw_diag *diag)
{
    struct cmaw_access_key key;
    CMAW_TRY(cmaw_stack_access_key(stack, "parent", &key, diag));
    CMAW_TRY(program(service, "cmaw-worker", diag));
    arg(service, "--temporal");
    arg(service, "127.0.0.1:%u", stack->ports[CMAW_PORT_TEMPORAL]);
    arg(service, "--namespace");
    arg(service, "%s", stack->ns);
    arg(service, "--bundle");
    arg(service, "%s/bundle.bin", stack->dir);
    for (size_t i = 0; i < stack->role_count; i++) {
        char addr[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_stack_enclave(stack, stack->roles[i].name, addr, diag));
        arg(service, "--enclave");
        arg(service, "%s=%s", stack->roles[i].name, addr);
    }
    arg(service, "--credentials");
    arg(service, "environment");
    ready_fd(service);
    observed(stack, service, stack->ports[CMAW_PORT_WORKER]);
    inherit_env(service, true);
    env(service, "AWS_ACCESS_KEY_ID=%s", key.id);
    env(service, "AWS_SECRET_ACCESS_KEY=%s", key.secret);
    cmaw_wipe(&key, sizeof key);
    return CMAW_OK;
}

static const struct {
    const char *name;
    enum cmaw_err (*build)(const struct cmaw_stack *stack, struct cmaw_service *service, struct cmaw_diag *diag);
} builders[] = {{"devd", devd}, {"temporal", temporal}, {"proxy", proxy}, {"worker", worker}};

#define ENCLAVE_PREFIX "enclave-"

static enum cmaw_err build(const struct cmaw_stack *stack, const char *name, struct cmaw_service *service,
                           struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        if (strcmp(name, builders[i].name) == 0) {
            return builders[i].build(stack, service, diag);
        }
    }
    for (size_t i = 0; i < stack->role_count; i++) {
        if (strncmp(name, ENCLAVE_PREFIX, sizeof ENCLAVE_PREFIX - 1) == 0 &&
            strcmp(name + sizeof ENCLAVE_PREFIX - 1, stack->roles[i].name) == 0) {
            return enclave(stack, stack->roles[i].name, service, diag);
        }
    }
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "this stack has no process %s", name);
}

enum cmaw_err cmaw_service_of(const struct cmaw_stack *stack, const char *name, struct cmaw_service **ret_service,
                              struct cmaw_diag *diag)
{
    struct cmaw_service *service = calloc(1, sizeof *service);
    CMAW_REQUIRE(service != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = build(stack, name, service, diag);
    if (err == CMAW_OK) {
        err = cmaw_stack_path(stack, service->log, diag, "logs/%s.log", name);
    }
    if (err == CMAW_OK && service->err != CMAW_OK) {
        err = cmaw_diag_set(diag, service->err, "the command line of %s is too long", name);
    }
    if (err != CMAW_OK) {
        free(service);
        return err;
    }
    *ret_service = service;
    return CMAW_OK;
}

enum cmaw_err cmaw_service_each(const struct cmaw_stack *stack, enum cmaw_err (*visit)(void *context, const char *name),
                                void *context)
{
    CMAW_TRY(visit(context, "devd"));
    CMAW_TRY(visit(context, "temporal"));
    CMAW_TRY(visit(context, "proxy"));
    for (size_t i = 0; i < stack->role_count; i++) {
        char name[CMAW_PROCESS_NAME_SIZE];
        (void)snprintf(name, sizeof name, ENCLAVE_PREFIX "%s", stack->roles[i].name);
        CMAW_TRY(visit(context, name));
    }
    return visit(context, "worker");
}
