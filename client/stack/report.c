#include "client/stack/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/stack/tier.h"
#include "client/table.h"
#include "client/terminal.h"
#include "lib/base/text.h"
#include "lib/rpc/call.h"
#include "lib/rpc/diagnosis.h"
#include "lib/sst/manifest.h"
#include "sys/addr.h"

enum { DESCRIBE_MS = 2000, DETAIL_MAX = 2048 };

static const char *state_of(const struct cmaw_stack_process *process)
{
    const bool alive = process->pid > 0 && cmaw_stack_alive(process->pid, process->started);
    return alive || process->state >= CMAW_PROCESS_WAITING ? cmaw_process_state_name(process->state) : "stopped";
}

bool cmaw_report_all_ready(const struct cmaw_stack *stack)
{
    bool ready = stack->process_count > 0 && cmaw_stack_alive(stack->supervisor_pid, stack->supervisor_started);
    for (size_t i = 0; i < stack->process_count; i++) {
        ready = ready && strcmp(state_of(&stack->processes[i]), "ready") == 0;
    }
    return ready;
}

/* The manifest points into bytes. */
static enum cmaw_err read_manifest(const struct cmaw_stack *stack, struct cmaw_buf *bytes, struct cmaw_manifest *ret_manifest)
{
    struct cmaw_diag diag = {0};
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, &diag, "manifest.bin"));
    CMAW_TRY(cmaw_file_read(path, bytes, &diag));
    return cmaw_manifest_parse(cmaw_buf_slice(bytes), ret_manifest);
}

static enum cmaw_err ask_enclave(const struct cmaw_stack *stack, const char *role, struct cmaw_buf *frame, struct cmaw_response *ret_response)
{
    char text[CMAW_PATH_MAX];
    struct cmaw_addr addr;
    struct cmaw_diag diag = {0};
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_stack_enclave(stack, role, text, &diag));
    CMAW_TRY(cmaw_addr_parse(text, &addr, &diag));
    CMAW_TRY(cmaw_addr_connect(&addr, DESCRIBE_MS, &fd));
    struct cmaw_request *request = calloc(1, sizeof *request);
    CMAW_REQUIRE(request != NULL, CMAW_E_NO_MEMORY);
    request->verb = CMAW_VERB_DESCRIBE;
    const enum cmaw_err err = cmaw_rpc_call(fd, request, cmaw_deadline_in(DESCRIBE_MS), frame, ret_response);
    free(request);
    return err;
}

static void put_failure(const struct cmaw_stack *stack, const char *role_name, const struct cmaw_kms_error *error, struct cmaw_buf *text)
{
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    const bool read = manifest != NULL && read_manifest(stack, &bytes, manifest) == CMAW_OK;
    cmaw_kms_error_say(error, text);
    cmaw_buf_put_cstr(text, "; ");
    for (uint32_t i = 0; read && i < manifest->role_count; i++) {
        if (cmaw_slice_eq_cstr(manifest->roles[i].name, role_name)) {
            cmaw_kms_error_compare(error, manifest, &manifest->roles[i], text);
        }
    }
    free(manifest);
}

/* A process for people: where it is, or what the enclave says of itself ("new", "role locked", "ready"), and what its last Provision or Configure
 * failed of. Empty where there is nothing to say. */
struct detail {
    struct cmaw_buf where;
    struct cmaw_buf failure;
};

static void detail_release(struct detail *detail)
{
    cmaw_buf_free(&detail->where);
    cmaw_buf_free(&detail->failure);
}
#define DETAIL_AUTO(name) [[gnu::cleanup(detail_release)]] struct detail name = {CMAW_BUF(DETAIL_MAX), CMAW_BUF(DETAIL_MAX)}

static void put_enclave(const struct cmaw_stack *stack, const char *role, struct detail *detail)
{
    static const char *const names[] = {"", "new", "role locked", "ready"};
    CMAW_BUF_AUTO(frame, CMAW_FRAME_MAX);
    struct cmaw_response *response = calloc(1, sizeof *response);
    if (response != NULL && ask_enclave(stack, role, &frame, response) == CMAW_OK && response->code == CMAW_CODE_OK &&
        response->verb == CMAW_VERB_DESCRIBE && response->describe.state <= CMAW_ENCLAVE_READY) {
        cmaw_buf_put_cstr(&detail->where, names[response->describe.state]);
        if (response->has_kms_error) {
            put_failure(stack, role, &response->kms_error, &detail->failure);
        }
    }
    free(response);
}

/* Ends both texts with a NUL. */
static void find_detail(const struct cmaw_stack *stack, const struct cmaw_stack_process *process, struct detail *detail)
{
    static const char prefix[] = "enclave-";
    if (strncmp(process->name, prefix, sizeof prefix - 1) == 0) {
        if (strcmp(state_of(process), "ready") == 0) {
            put_enclave(stack, process->name + sizeof prefix - 1, detail);
        }
    } else if (strcmp(process->name, "temporal") == 0) {
        cmaw_buf_printf(&detail->where, "127.0.0.1:%u", stack->ports[CMAW_PORT_TEMPORAL]);
    } else if (strcmp(process->name, "devd") == 0) {
        cmaw_buf_printf(&detail->where, "https://127.0.0.1:%u", stack->ports[CMAW_PORT_DEVD]);
    }
    const bool worker = strcmp(process->name, "worker") == 0, proxy = strcmp(process->name, "proxy") == 0;
    const uint16_t http = worker ? stack->ports[CMAW_PORT_WORKER] : proxy ? stack->ports[CMAW_PORT_PROXY] : 0;
    if (http != 0) {
        cmaw_buf_printf(&detail->where, "http://127.0.0.1:%u", http);
    }
    cmaw_buf_put_u8(&detail->where, '\0');
    cmaw_buf_put_u8(&detail->failure, '\0');
}

static const char *text_of(const struct cmaw_buf *buf)
{
    return buf->err == CMAW_OK ? (const char *)buf->data : "…";
}

static enum cmaw_err manifest_hash(const struct cmaw_stack *stack, struct cmaw_bytes32 *ret_mh)
{
    CMAW_BUF_AUTO(bytes, CMAW_MANIFEST_MAX);
    struct cmaw_manifest *manifest = calloc(1, sizeof *manifest);
    CMAW_REQUIRE(manifest != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = read_manifest(stack, &bytes, manifest);
    if (err == CMAW_OK) {
        *ret_mh = manifest->mh;
    }
    free(manifest);
    return err;
}

enum { COLUMNS = 5 };

static const struct cmaw_table_column columns[COLUMNS] = {
    {"PROCESS", 8, false}, {"STATE", 0, false}, {"PID", 0, true}, {"RESTARTS", 0, true}, {"WHERE", 8, false}};

struct numbers {
    char pid[16];
    char restarts[16];
};

static enum cmaw_err print_rows(const struct cmaw_stack *stack, const struct detail *details, struct numbers *numbers, const char **cells)
{
    for (size_t i = 0; i < stack->process_count; i++) {
        const struct cmaw_stack_process *process = &stack->processes[i];
        (void)snprintf(numbers[i].pid, sizeof numbers[i].pid, "%d", process->pid);
        (void)snprintf(numbers[i].restarts, sizeof numbers[i].restarts, "%u", process->restarts);
        const char *const row[COLUMNS] = {process->name, state_of(process), numbers[i].pid, numbers[i].restarts, text_of(&details[i].where)};
        for (size_t k = 0; k < COLUMNS; k++) {
            cells[i * COLUMNS + k] = row[k];
        }
    }
    const struct cmaw_table table = {.columns = columns, .column_count = COLUMNS, .cells = cells, .row_count = stack->process_count};
    return cmaw_table_print(&table);
}

/* What failed takes more than a cell. */
static enum cmaw_err print_failures(const struct cmaw_stack *stack, const struct detail *details)
{
    CMAW_BUF_AUTO(text, CMAW_STACK_PROCESSES_MAX * DETAIL_MAX * 2);
    for (size_t i = 0; i < stack->process_count; i++) {
        if (text_of(&details[i].failure)[0] != '\0') {
            cmaw_buf_printf(&text, "\n%s failed with\n", stack->processes[i].name);
            cmaw_text_wrap(text_of(&details[i].failure), 2, cmaw_terminal_width(1), &text);
        }
    }
    CMAW_TRY(text.err);
    return text.size == 0 || fwrite(text.data, 1, text.size, stdout) == text.size ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err print_processes(const struct cmaw_stack *stack)
{
    struct detail details[CMAW_STACK_PROCESSES_MAX];
    struct numbers numbers[CMAW_STACK_PROCESSES_MAX];
    const char *cells[CMAW_STACK_PROCESSES_MAX * COLUMNS];
    for (size_t i = 0; i < stack->process_count; i++) {
        details[i] = (struct detail){CMAW_BUF(DETAIL_MAX), CMAW_BUF(DETAIL_MAX)};
        find_detail(stack, &stack->processes[i], &details[i]);
    }
    enum cmaw_err err = print_rows(stack, details, numbers, cells);
    err = err != CMAW_OK ? err : print_failures(stack, details);
    for (size_t i = 0; i < stack->process_count; i++) {
        detail_release(&details[i]);
    }
    return err;
}

enum cmaw_err cmaw_report_print(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    (void)diag;
    (void)printf("stack %s in %s\ntier %s: %s\n\n", stack->name, stack->dir, cmaw_stack_tier_name(stack->tier),
                 cmaw_tier_note(stack));
    CMAW_TRY(print_processes(stack));
    (void)printf("\nweb pages http://127.0.0.1:%u\nbundle %s/bundle.bin\n", stack->ports[CMAW_PORT_UI], stack->dir);
    struct cmaw_bytes32 mh;
    if (manifest_hash(stack, &mh) == CMAW_OK) {
        char text[2 * CMAW_HASH_SIZE + 1];
        CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&mh), text, sizeof text));
        (void)printf("manifest %s\n", text);
    }
    return CMAW_OK;
}

/* One text of both parts, for JSON. */
static enum cmaw_err put_detail(const struct cmaw_stack *stack, const struct cmaw_stack_process *process, json_t *entry)
{
    DETAIL_AUTO(detail);
    find_detail(stack, process, &detail);
    CMAW_TRY(cmaw_json_set_text(entry, "where", text_of(&detail.where)));
    return text_of(&detail.failure)[0] == '\0' ? CMAW_OK : cmaw_json_set_text(entry, "failure", text_of(&detail.failure));
}

static enum cmaw_err put_processes(const struct cmaw_stack *stack, json_t *json)
{
    json_t *list = json_array();
    CMAW_TRY(cmaw_json_set(json, "processes", list));
    for (size_t i = 0; i < stack->process_count; i++) {
        const struct cmaw_stack_process *process = &stack->processes[i];
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(list, entry));
        CMAW_TRY(cmaw_json_set_text(entry, "name", process->name));
        CMAW_TRY(cmaw_json_set_text(entry, "state", state_of(process)));
        CMAW_TRY(cmaw_json_set_u64(entry, "pid", (uint64_t)process->pid));
        CMAW_TRY(cmaw_json_set_u64(entry, "restarts", process->restarts));
        CMAW_TRY(cmaw_json_set(entry, "log", json_sprintf("%s/logs/%s.log", stack->dir, process->name)));
        CMAW_TRY(put_detail(stack, process, entry));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_report_print_json(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(stored);
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "stack.json"));
    CMAW_TRY(cmaw_json_read(path, &stored, diag));
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set_text(json, "name", stack->name));
    CMAW_TRY(cmaw_json_set_text(json, "dir", stack->dir));
    CMAW_TRY(cmaw_json_set(json, "simulation", json_boolean(stack->tier == CMAW_STACK_SIM)));
    CMAW_TRY(cmaw_json_set_text(json, "tier", cmaw_stack_tier_name(stack->tier)));
    if (stack->tier == CMAW_STACK_QEMU) {
        CMAW_TRY(cmaw_json_set_u64(json, "memory_mib", stack->memory_mib));
    }
    CMAW_TRY(cmaw_json_set(json, "ready", json_boolean(cmaw_report_all_ready(stack))));
    CMAW_TRY(cmaw_json_set(json, "supervisor_running", json_boolean(cmaw_stack_alive(stack->supervisor_pid, stack->supervisor_started))));
    CMAW_TRY(cmaw_json_set_text(json, "namespace", stack->ns));
    CMAW_TRY(cmaw_json_set_text(json, "tenant", stack->tenant));
    CMAW_TRY(cmaw_json_set(json, "ports", json_incref(json_object_get(stored, "ports"))));
    CMAW_TRY(cmaw_json_set(json, "addresses", json_incref(json_object_get(stored, "addresses"))));
    CMAW_TRY(cmaw_json_set(json, "supervisor", json_incref(json_object_get(stored, "supervisor"))));
    struct cmaw_bytes32 mh;
    if (manifest_hash(stack, &mh) == CMAW_OK) {
        CMAW_TRY(cmaw_json_set_hex(json, "manifest", cmaw_bytes32_slice(&mh)));
        CMAW_TRY(cmaw_json_set(json, "bundle", json_sprintf("%s/bundle.bin", stack->dir)));
    }
    CMAW_TRY(put_processes(stack, json));
    return cmaw_json_print(json);
}
