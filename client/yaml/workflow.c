#include "client/yaml/workflow.h"

#include <stdlib.h>
#include <string.h>

#include "sys/file.h"
#include "sys/yaml.h"

enum { DEFAULT_TIMEOUT_S = 60, DEFAULT_ATTEMPTS = 5 };

struct step_yaml {
    char *name;
    char *role;
    uint32_t timeout_s;
    uint32_t max_attempts;
};

struct edge_yaml {
    char *name;
    char *from;
    char *to;
    uint32_t size_class;
};

struct workflow_yaml {
    uint32_t version;
    char *name;
    struct step_yaml *steps;
    unsigned steps_count;
    struct edge_yaml *edges;
    unsigned edges_count;
};

static const cyaml_schema_field_t step_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct step_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("role", CYAML_FLAG_POINTER, struct step_yaml, role, 1, CMAW_NAME_MAX),
    CYAML_FIELD_UINT("timeout_s", CYAML_FLAG_OPTIONAL, struct step_yaml, timeout_s),
    CYAML_FIELD_UINT("max_attempts", CYAML_FLAG_OPTIONAL, struct step_yaml, max_attempts),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t step_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct step_yaml, step_fields)};
static const cyaml_schema_field_t edge_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct edge_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("from", CYAML_FLAG_POINTER, struct edge_yaml, from, 1, CMAW_NAME_MAX),
    CYAML_FIELD_STRING_PTR("to", CYAML_FLAG_POINTER, struct edge_yaml, to, 1, CMAW_NAME_MAX),
    CYAML_FIELD_UINT("size_class", CYAML_FLAG_OPTIONAL, struct edge_yaml, size_class),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t edge_schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct edge_yaml, edge_fields)};
static const cyaml_schema_field_t workflow_fields[] = {
    CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct workflow_yaml, version),
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct workflow_yaml, name, 1, CMAW_NAME_MAX),
    CYAML_FIELD_SEQUENCE("steps", CYAML_FLAG_POINTER, struct workflow_yaml, steps, &step_schema, 1, CMAW_STEPS_MAX),
    CYAML_FIELD_SEQUENCE("edges", CYAML_FLAG_POINTER, struct workflow_yaml, edges, &edge_schema, 1, CMAW_EDGES_MAX),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t workflow_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct workflow_yaml, workflow_fields)};

/* What messages need to know. */
struct source {
    const char *path;
    struct cmaw_slice text;
    struct cmaw_diag *diag;
};

/* The line of the index-th entry of a list: its n-th "name:" behind "steps:" or "edges:". */
static unsigned line_of_entry(const struct source *source, const char *list, size_t index)
{
    unsigned line = cmaw_yaml_line_of(source->text, list, 1);
    for (size_t i = 0; i <= index; i++) {
        line = cmaw_yaml_line_of(source->text, "name", i == 0 ? line : line + 1);
    }
    return line;
}

static enum cmaw_err take_steps(const struct workflow_yaml *yaml, const struct cmaw_manifest *manifest,
                                const struct source *source, struct cmaw_plan *plan)
{
    for (; plan->step_count < yaml->steps_count; plan->step_count++) {
        const struct step_yaml *step = &yaml->steps[plan->step_count];
        const struct cmaw_role *role = cmaw_manifest_role_named(manifest, cmaw_slice_of_cstr(step->role));
        if (role == NULL) {
            cmaw_diag_hint(source->diag, "cmaw manifest show lists the roles of the deployment");
            return cmaw_diag_set(source->diag, CMAW_E_MALFORMED, "%s:%u: step %s: the deployment has no role %s", source->path,
                                 line_of_entry(source, "steps", plan->step_count), step->name, step->role);
        }
        plan->steps[plan->step_count] = (struct cmaw_plan_step){
            .id = plan->step_count + 1,
            .name = cmaw_slice_of_cstr(step->name),
            .role = role->id,
            .timeout_s = step->timeout_s == 0 ? DEFAULT_TIMEOUT_S : step->timeout_s,
            .max_attempts = step->max_attempts == 0 ? DEFAULT_ATTEMPTS : step->max_attempts,
        };
    }
    return CMAW_OK;
}

static bool find_end(const struct cmaw_plan *plan, const char *name, uint32_t *ret_id)
{
    if (strcmp(name, "client") == 0) {
        *ret_id = 0;
        return true;
    }
    for (size_t i = 0; i < plan->step_count; i++) {
        if (cmaw_slice_eq_cstr(plan->steps[i].name, name)) {
            *ret_id = plan->steps[i].id;
            return true;
        }
    }
    return false;
}

static enum cmaw_err take_edges(const struct workflow_yaml *yaml, const struct source *source, struct cmaw_plan *plan)
{
    for (; plan->edge_count < yaml->edges_count; plan->edge_count++) {
        const struct edge_yaml *edge = &yaml->edges[plan->edge_count];
        struct cmaw_plan_edge *to = &plan->edges[plan->edge_count];
        *to = (struct cmaw_plan_edge){.id = plan->edge_count + 1, .name = cmaw_slice_of_cstr(edge->name), .size_class = edge->size_class};
        const bool from_known = find_end(plan, edge->from, &to->from);
        if (!from_known || !find_end(plan, edge->to, &to->to)) {
            return cmaw_diag_set(source->diag, CMAW_E_MALFORMED, "%s:%u: edge %s: there is no step %s", source->path,
                                 line_of_entry(source, "edges", plan->edge_count), edge->name, from_known ? edge->to : edge->from);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err make_plan(const struct workflow_yaml *yaml, const struct cmaw_manifest *manifest,
                               const struct source *source, struct cmaw_plan *plan, struct cmaw_buf *buf)
{
    if (yaml->version != 1) {
        return cmaw_diag_set(source->diag, CMAW_E_UNSUPPORTED, "%s:%u: version %u is not supported", source->path,
                             cmaw_yaml_line_of(source->text, "version", 1), yaml->version);
    }
    plan->version = 1;
    plan->name = cmaw_slice_of_cstr(yaml->name);
    plan->manifest = cmaw_bytes32_slice(&manifest->mh);
    CMAW_TRY(take_steps(yaml, manifest, source, plan));
    CMAW_TRY(take_edges(yaml, source, plan));
    const char *why = NULL;
    const enum cmaw_err err = cmaw_plan_check(plan, manifest, &why);
    if (err != CMAW_OK) {
        cmaw_diag_hint(source->diag, "each step lies on a way from the client to the client; agents/claim.yaml of the sources is a workflow to begin with");
        return cmaw_diag_set(source->diag, err, "%s: not a valid workflow: %s", source->path, why == NULL ? cmaw_err_text(err) : why);
    }
    cmaw_plan_encode(plan, buf);
    return buf->err;
}

enum cmaw_err cmaw_workflow_plan(const char *path, const struct cmaw_manifest *manifest, struct cmaw_buf *plan,
                                 struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_YAML_MAX);
    CMAW_TRY(cmaw_file_read(path, &text, diag));
    void *data = NULL;
    const enum cmaw_err read = cmaw_yaml_parse(path, cmaw_buf_slice(&text), &workflow_schema, &data, diag);
    if (read != CMAW_OK) {
        cmaw_diag_otherwise(diag, "agents/claim.yaml of the sources is a workflow to begin with");
        return read;
    }
    const struct source source = {path, cmaw_buf_slice(&text), diag};
    struct cmaw_plan *made = calloc(1, sizeof *made);
    enum cmaw_err err = made == NULL ? CMAW_E_NO_MEMORY : make_plan(data, manifest, &source, made, plan);
    free(made);
    cmaw_yaml_free(&workflow_schema, data);
    return err;
}
