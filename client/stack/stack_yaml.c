#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/settings.h"
#include "client/stack/stack.h"
#include "lib/sst/text.h"
#include "sys/yaml.h"

#define PATTERN "demo/stack.yaml of the sources is a stack to begin with"

struct role_yaml {
    uint32_t id;
    char *name;
    char *image;
};

struct ports_yaml {
    uint16_t temporal, ui, http, metrics, devd, worker_http, proxy_http;
};

struct stack_yaml {
    uint32_t version;
    char *name, *tenant, *account, *region, *ns;
    uint32_t validity_days;
    struct ports_yaml ports;
    struct role_yaml *roles;
    unsigned roles_count;
};

static const cyaml_schema_field_t role_fields[] = {
    CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct role_yaml, id),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct role_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("image", CYAML_FLAG_POINTER, struct role_yaml, image, 1, CMAW_PATH_MAX - 1),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t role_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct role_yaml, role_fields)};
static const cyaml_schema_field_t ports_fields[] = {
    CYAML_FIELD_UINT("temporal", CYAML_FLAG_OPTIONAL, struct ports_yaml, temporal),
    CYAML_FIELD_UINT("ui", CYAML_FLAG_OPTIONAL, struct ports_yaml, ui),
    CYAML_FIELD_UINT("http", CYAML_FLAG_OPTIONAL, struct ports_yaml, http),
    CYAML_FIELD_UINT("metrics", CYAML_FLAG_OPTIONAL, struct ports_yaml, metrics),
    CYAML_FIELD_UINT("devd", CYAML_FLAG_OPTIONAL, struct ports_yaml, devd),
    CYAML_FIELD_UINT("worker_http", CYAML_FLAG_OPTIONAL, struct ports_yaml, worker_http),
    CYAML_FIELD_UINT("proxy_http", CYAML_FLAG_OPTIONAL, struct ports_yaml, proxy_http),
    CYAML_FIELD_END,
};
static const cyaml_schema_field_t stack_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct stack_yaml, version),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct stack_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("tenant", CYAML_FLAG_POINTER, struct stack_yaml, tenant, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("account", CYAML_FLAG_POINTER, struct stack_yaml, account, 12, 12),
    CYAML_FIELD_STRING_PTR("region", CYAML_FLAG_POINTER, struct stack_yaml, region, 1, 32),
    CYAML_FIELD_STRING_PTR("namespace", CYAML_FLAG_POINTER, struct stack_yaml, ns, 1, CMAW_NAME_MAX),
    CYAML_FIELD_UINT("validity_days", CYAML_FLAG_DEFAULT, struct stack_yaml, validity_days),
    CYAML_FIELD_MAPPING("ports", CYAML_FLAG_OPTIONAL, struct stack_yaml, ports, ports_fields),
    CYAML_FIELD_SEQUENCE("roles", CYAML_FLAG_POINTER, struct stack_yaml, roles, &role_schema, 1, CMAW_ROLES_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t stack_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct stack_yaml, stack_fields)};

/* They are shown at terminals; those of roles and the namespace become parts of paths and words of command lines, before any manifest is made of them. */
static enum cmaw_err check_names(const struct stack_yaml *from, const char *yaml, struct cmaw_diag *diag)
{
    if (!cmaw_text_is_printable(cmaw_slice_of_cstr(from->name))) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: name is not printable ASCII", yaml);
    }
    if (!cmaw_text_is_printable(cmaw_slice_of_cstr(from->ns)) || from->ns[0] == '-') {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: namespace is not printable ASCII, or starts with a dash", yaml);
    }
    for (unsigned i = 0; i < from->roles_count; i++) {
        if (!cmaw_text_is_name(cmaw_slice_of_cstr(from->roles[i].name))) {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: the name of role %u is not 1..64 of [a-z0-9_-]", yaml, from->roles[i].id);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err take_role(const struct role_yaml *from, const char *folder, struct cmaw_stack_role *role,
                               struct cmaw_diag *diag)
{
    role->id = from->id;
    (void)snprintf(role->name, sizeof role->name, "%s", from->name);
    if (cmaw_path(role->image, "%s%s%s", from->image[0] == '/' ? "" : folder, from->image[0] == '/' ? "" : "/",
                  from->image) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the path of an image is too long");
    }
    return CMAW_OK;
}

static enum cmaw_err take(const struct stack_yaml *from, const char *yaml, struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    if (from->version != 1) {
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "%s: version %u is not supported", yaml, from->version);
    }
    CMAW_TRY(check_names(from, yaml, diag));
    (void)snprintf(stack->name, sizeof stack->name, "%s", from->name);
    (void)snprintf(stack->tenant, sizeof stack->tenant, "%s", from->tenant);
    (void)snprintf(stack->account, sizeof stack->account, "%s", from->account);
    (void)snprintf(stack->region, sizeof stack->region, "%s", from->region);
    (void)snprintf(stack->ns, sizeof stack->ns, "%s", from->ns);
    stack->validity_days = from->validity_days;
    const uint16_t ports[CMAW_PORT_COUNT] = {from->ports.temporal, from->ports.ui, from->ports.http, from->ports.metrics,
                                             from->ports.devd, from->ports.worker_http, from->ports.proxy_http};
    memcpy(stack->ports, ports, sizeof ports);
    char folder[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path_absolute(yaml, folder, diag));
    const char *parent = dirname(folder);
    for (; stack->role_count < from->roles_count; stack->role_count++) {
        CMAW_TRY(take_role(&from->roles[stack->role_count], parent, &stack->roles[stack->role_count], diag));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_stack_from_yaml(const char *yaml, const char *dir, struct cmaw_stack **ret_stack, struct cmaw_diag *diag)
{
    CMAW_STACK_AUTO(stack);
    stack = calloc(1, sizeof *stack);
    CMAW_REQUIRE(stack != NULL, CMAW_E_NO_MEMORY);
    if (cmaw_path(stack->dir, "%s", dir) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the stack's folder has too long a path");
    }
    void *data = NULL;
    const enum cmaw_err read = cmaw_yaml_load(yaml, &stack_schema, &data, diag);
    if (read == CMAW_E_MALFORMED) {
        cmaw_diag_otherwise(diag, PATTERN);
    }
    CMAW_TRY(read);
    const enum cmaw_err err = take(data, yaml, stack, diag);
    cmaw_yaml_free(&stack_schema, data);
    if (err == CMAW_E_MALFORMED) {
        cmaw_diag_otherwise(diag, PATTERN);
    }
    CMAW_TRY(err);
    *ret_stack = stack;
    stack = NULL;
    return CMAW_OK;
}
