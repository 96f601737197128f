#include "client/stack/bringup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/deploy/manifest_file.h"
#include "client/deploy/provision.h"
#include "client/settings.h"
#include "client/stack/control.h"
#include "client/stack/kms_of.h"
#include "client/stack/tier.h"
#include "client/stack/tools.h"
#include "client/store/store.h"
#include "sys/daemon.h"

static bool exists(const struct cmaw_stack *stack, const char *name)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    return cmaw_stack_path(stack, path, &diag, "%s", name) == CMAW_OK && access(path, F_OK) == 0;
}

static enum cmaw_err make_folders(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static const char *const names[] = {"devd", "temporal", "images", "enclaves", "enclaves/state", "credentials", "logs"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[CMAW_PATH_MAX];
        CMAW_TRY(cmaw_stack_path(stack, path, diag, "%s", names[i]));
        CMAW_TRY(cmaw_dir_make(path, diag));
    }
    return exists(stack, "devd/devd.db") && exists(stack, "devd/tls-ca.pem") ? CMAW_OK : cmaw_tool_devd_init(stack, diag);
}

static enum cmaw_err launch_supervisor(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    return cmaw_control_running(stack) ? CMAW_OK : cmaw_control_launch(stack, diag);
}

static bool is_ready(const struct cmaw_stack *stack, const char *name)
{
    CMAW_STACK_AUTO(now);
    struct cmaw_diag diag = {0};
    if (cmaw_stack_load(stack->dir, &now, &diag) != CMAW_OK) {
        return false;
    }
    for (size_t i = 0; i < now->process_count; i++) {
        const struct cmaw_stack_process *process = &now->processes[i];
        if (strcmp(process->name, name) == 0) {
            return process->state == CMAW_PROCESS_READY && cmaw_stack_alive(process->pid, process->started);
        }
    }
    return false;
}

/* Starts one process unless it runs, and waits until it is ready. */
static enum cmaw_err ensure(const struct cmaw_stack *stack, const char *name, struct cmaw_diag *diag)
{
    if (is_ready(stack, name)) {
        return CMAW_OK;
    }
    const uint64_t start = cmaw_clock_ms();
    cmaw_progress("start %s", name);
    CMAW_TRY(cmaw_control_start(stack, name, diag));
    const uint64_t took = cmaw_clock_ms() - start;
    if (took > 2000) {
        cmaw_progress("%s is ready (%.1f s)", name, (double)took / 1000);
    }
    return CMAW_OK;
}

static enum cmaw_err ensure_on_port(const struct cmaw_stack *stack, const char *name, const enum cmaw_stack_port *ports, size_t count,
                                    struct cmaw_diag *diag)
{
    if (!is_ready(stack, name)) {
        for (size_t i = 0; i < count; i++) {
            CMAW_TRY(cmaw_stack_check_port(stack, ports[i], diag));
        }
    }
    return ensure(stack, name, diag);
}

static enum cmaw_err start_devd(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static const enum cmaw_stack_port ports[] = {CMAW_PORT_DEVD};
    return ensure_on_port(stack, "devd", ports, 1, diag);
}

static enum cmaw_err start_temporal(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static const enum cmaw_stack_port ports[] = {CMAW_PORT_TEMPORAL, CMAW_PORT_UI, CMAW_PORT_HTTP, CMAW_PORT_METRICS};
    return ensure_on_port(stack, "temporal", ports, sizeof ports / sizeof ports[0], diag);
}

static enum cmaw_err make_access_keys(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static const char *const who[][2] = {{"admin", "kms-admin"}, {"parent", "enclave-parent"}, {"auditor", "auditor"}};
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "credentials/%s.json", who[i][0]);
        if (!exists(stack, name)) {
            CMAW_TRY(cmaw_tool_access_key(stack, who[i][0], who[i][1], diag));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err make_images(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < stack->role_count; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "images/%s.eif", stack->roles[i].name);
        if (!exists(stack, name)) {
            cmaw_progress("build the image of %s", stack->roles[i].name);
            CMAW_TRY(cmaw_tool_build_image(stack, &stack->roles[i], diag));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err start_enclaves(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    CMAW_TRY(ensure_on_port(stack, "proxy", (enum cmaw_stack_port[]){CMAW_PORT_PROXY}, 1, diag));
    for (size_t i = 0; i < stack->role_count; i++) {
        char name[CMAW_PROCESS_NAME_SIZE];
        (void)snprintf(name, sizeof name, "enclave-%s", stack->roles[i].name);
        CMAW_TRY(ensure(stack, name, diag));
    }
    return CMAW_OK;
}

/* keys.json: {"ROLE": "ARN", …}, written after each key so that none is made twice. */
static enum cmaw_err make_keys(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "keys.json"));
    CMAW_JSON_AUTO(keys);
    if (exists(stack, "keys.json")) {
        CMAW_TRY(cmaw_json_read(path, &keys, diag));
    } else {
        keys = json_object();
        CMAW_REQUIRE(keys != NULL, CMAW_E_NO_MEMORY);
    }
    for (size_t i = 0; i < stack->role_count; i++) {
        const char *role = stack->roles[i].name;
        if (json_object_get(keys, role) != NULL) {
            continue;
        }
        cmaw_progress("make the KMS key of role %s", role);
        CMAW_STACK_KMS_AUTO(kms);
        CMAW_TRY(cmaw_stack_kms(stack, "admin", &kms, diag));
        char arn[CMAW_ARN_MAX + 1];
        CMAW_TRY(cmaw_kms_create_key(&kms.endpoint, &kms.principals, role, arn, diag));
        CMAW_TRY(cmaw_json_set_text(keys, role, arn));
        CMAW_TRY(cmaw_json_write(path, keys, 0600, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err fill_spec(const struct cmaw_stack *stack, const json_t *keys, struct cmaw_manifest_spec *spec, struct cmaw_diag *diag)
{
    enum { DAY_MS = 86400 * 1000, SLACK_MS = 60 * 1000 };
    char root[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, root, diag, "devd/attestation-root.der"));
    CMAW_TRY(cmaw_manifest_root_of_file(root, &spec->attestation_root, diag));
    (void)snprintf(spec->tenant, sizeof spec->tenant, "%s", stack->tenant);
    spec->serial = 1;
    spec->epoch = 1;
    spec->not_before_ms = cmaw_wall_clock_ms() - SLACK_MS;
    spec->not_after_ms = spec->not_before_ms + (uint64_t)stack->validity_days * DAY_MS;
    for (; spec->role_count < stack->role_count; spec->role_count++) {
        struct cmaw_manifest_role_spec *role = &spec->roles[spec->role_count];
        char eif[CMAW_PATH_MAX];
        role->id = stack->roles[spec->role_count].id;
        (void)snprintf(role->name, sizeof role->name, "%s", stack->roles[spec->role_count].name);
        CMAW_TRY(cmaw_json_text(keys, role->name, role->kms_key_arn, sizeof role->kms_key_arn));
        CMAW_TRY(cmaw_stack_path(stack, eif, diag, "images/%s.eif", role->name));
        CMAW_TRY(cmaw_manifest_add_image(role, eif, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err make_manifest(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    if (exists(stack, "manifest.bin")) {
        return CMAW_OK;
    }
    char path[CMAW_PATH_MAX];
    CMAW_JSON_AUTO(keys);
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "keys.json"));
    CMAW_TRY(cmaw_json_read(path, &keys, diag));
    CMAW_BUF_AUTO(manifest, CMAW_MANIFEST_MAX);
    struct cmaw_manifest_spec *spec = calloc(1, sizeof *spec);
    enum cmaw_err err = spec == NULL ? CMAW_E_NO_MEMORY : fill_spec(stack, keys, spec, diag);
    err = err != CMAW_OK ? err : cmaw_manifest_make(spec, &manifest, diag);
    free(spec);
    CMAW_TRY(err);
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "manifest.bin"));
    return cmaw_file_write(path, cmaw_buf_slice(&manifest), 0644, diag);
}

static enum cmaw_err put_policies(const struct cmaw_stack *stack, const struct cmaw_manifest *manifest, struct cmaw_diag *diag)
{
    CMAW_STACK_KMS_AUTO(kms);
    CMAW_TRY(cmaw_stack_kms(stack, "admin", &kms, diag));
    for (size_t i = 0; i < manifest->role_count; i++) {
        char arn[CMAW_ARN_MAX + 1];
        CMAW_JSON_AUTO(policy);
        CMAW_TRY(cmaw_slice_to_cstr(manifest->roles[i].kms_key_arn, arn, sizeof arn));
        CMAW_TRY(cmaw_kms_role_policy(manifest, &manifest->roles[i], &kms.principals, &policy));
        CMAW_TRY(cmaw_kms_put_policy(&kms.endpoint, arn, policy, diag));
    }
    return CMAW_OK;
}

static enum cmaw_err give_births(const struct cmaw_stack *stack, struct cmaw_slice manifest, struct cmaw_buf *bundle, struct cmaw_diag *diag)
{
    struct cmaw_access_key key;
    CMAW_TRY(cmaw_stack_access_key(stack, "parent", &key, diag));
    const struct cmaw_credentials credentials = {.access_key_id = cmaw_slice_of_cstr(key.id), .secret_access_key = cmaw_slice_of_cstr(key.secret)};
    char (*addrs)[CMAW_PATH_MAX] = calloc(stack->role_count, sizeof *addrs);
    struct cmaw_enclave_at *enclaves = calloc(stack->role_count, sizeof *enclaves);
    enum cmaw_err err = addrs == NULL || enclaves == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
    for (size_t i = 0; err == CMAW_OK && i < stack->role_count; i++) {
        (void)snprintf(enclaves[i].role, sizeof enclaves[i].role, "%s", stack->roles[i].name);
        enclaves[i].addr = addrs[i];
        err = cmaw_stack_enclave(stack, stack->roles[i].name, addrs[i], diag);
    }
    err = err != CMAW_OK ? err : cmaw_provision(manifest, enclaves, stack->role_count, &credentials, cmaw_tier_doc_trust(stack), bundle, diag);
    free(addrs);
    free(enclaves);
    cmaw_wipe(&key, sizeof key);
    return err;
}

static enum cmaw_err make_bundle(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    if (exists(stack, "bundle.bin")) {
        return CMAW_OK;
    }
    char path[CMAW_PATH_MAX];
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "manifest.bin"));
    CMAW_TRY(cmaw_file_read(path, &bytes, diag));
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    enum cmaw_err err = manifest == NULL ? CMAW_E_NO_MEMORY : cmaw_manifest_parse(cmaw_buf_slice(&bytes), manifest);
    err = err != CMAW_OK ? err : put_policies(stack, manifest, diag);
    free(manifest);
    CMAW_TRY(err);
    CMAW_BUF_AUTO(bundle, CMAW_BUNDLE_MAX);
    CMAW_TRY(give_births(stack, cmaw_buf_slice(&bytes), &bundle, diag));
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "bundle.bin"));
    return cmaw_file_write(path, cmaw_buf_slice(&bundle), 0644, diag);
}

static enum cmaw_err start_worker(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    return ensure_on_port(stack, "worker", (enum cmaw_stack_port[]){CMAW_PORT_WORKER}, 1, diag);
}

enum cmaw_err cmaw_bringup(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    static enum cmaw_err (*const stages[])(struct cmaw_stack *stack, struct cmaw_diag *diag) = {
        make_folders, launch_supervisor, start_devd, start_temporal, make_access_keys, make_images, start_enclaves,
        make_keys, make_manifest, make_bundle, start_worker,
    };
    if (stack->tier == CMAW_STACK_QEMU) {
        cmaw_progress("WARNING: %s", cmaw_tier_note(stack));
    }
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        CMAW_TRY(stages[i](stack, diag));
    }
    return CMAW_OK;
}
