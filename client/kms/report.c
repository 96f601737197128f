#include "client/kms/report.h"

#include <stdio.h>

enum { TEXT_MAX = 8192 };

static enum cmaw_err set_place(json_t *object, const struct cmaw_lint_statement *statement)
{
    CMAW_TRY(cmaw_json_set_u64(object, "statement", statement->index));
    return cmaw_json_set_text(object, "sid", statement->sid);
}

static enum cmaw_err set_buf(json_t *object, const char *key, struct cmaw_buf *text)
{
    cmaw_buf_put_u8(text, 0);
    CMAW_TRY(cmaw_buf_err(text));
    return cmaw_json_set_text(object, key, (const char *)text->data);
}

static enum cmaw_err add_deny(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path,
                              const struct cmaw_lint_statement *deny, json_t *list)
{
    CMAW_BUF_AUTO(why, TEXT_MAX);
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(list, entry));
    CMAW_TRY(set_place(entry, deny));
    cmaw_lint_why_not_denied(input, path, deny, &why);
    return set_buf(entry, "why", &why);
}

static enum cmaw_err add_identity(const struct cmaw_lint_path *path, json_t *object)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_set(object, "identity", entry));
    CMAW_TRY(cmaw_json_set_text(entry, "file", path->principal->identity->name));
    CMAW_TRY(cmaw_json_set_text(entry, "account", path->principal->account));
    return set_place(entry, path->identity);
}

/* How a principal is called in JSON: an account by its root. */
static enum cmaw_err set_principal(const struct cmaw_lint_principal *principal, json_t *object)
{
    char text[64];
    static const char *const kinds[] = {"anyone", "named", "account", "holder", "outside"};
    (void)snprintf(text, sizeof text, "arn:aws:iam::%s:root", principal->account);
    CMAW_TRY(cmaw_json_set_text(object, "principal_kind", kinds[principal->kind]));
    return cmaw_json_set_text(object, "principal", principal->kind == CMAW_LINT_ACCOUNT ? text : principal->name);
}

static enum cmaw_err fill_path(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path, json_t *object)
{
    CMAW_BUF_AUTO(why, TEXT_MAX);
    CMAW_TRY(set_place(object, path->allow));
    CMAW_TRY(set_principal(path->principal, object));
    CMAW_TRY(cmaw_json_set_text(object, "action", path->action->name));
    CMAW_TRY(cmaw_json_set_text(object, "attestation", cmaw_lint_attestation_name(path->attestation)));
    CMAW_TRY(cmaw_json_set_text(object, "cause", cmaw_lint_why_allowed(input, path, &why)));
    CMAW_TRY(set_buf(object, "why", &why));
    CMAW_TRY(cmaw_json_set_text(object, "outcome", path->action->outcome));
    if (path->granted != NULL) {
        CMAW_TRY(cmaw_json_set_text(object, "grant", path->granted->name));
    }
    if (path->identity != NULL) {
        CMAW_TRY(add_identity(path, object));
    }
    json_t *denies = json_array();
    CMAW_TRY(cmaw_json_set(object, "not_denied", denies));
    for (size_t i = 0; i < input->policy->count; i++) {
        if (input->policy->statements[i].deny) {
            CMAW_TRY(add_deny(input, path, &input->policy->statements[i], denies));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err add_paths(const struct cmaw_lint_input *input, const struct cmaw_lint_path *paths, size_t count, const char *key,
                               json_t *json)
{
    json_t *list = json_array();
    CMAW_TRY(cmaw_json_set(json, key, list));
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        CMAW_TRY(cmaw_json_append(list, object));
        CMAW_TRY(fill_path(input, &paths[i], object));
    }
    return CMAW_OK;
}

static enum cmaw_err add_warning(void *context, const struct cmaw_lint_warning *warning)
{
    json_t *entry = json_object();
    CMAW_TRY(cmaw_json_append(context, entry));
    CMAW_TRY(set_place(entry, warning->statement));
    return cmaw_json_set_text(entry, "text", warning->text);
}

enum cmaw_err cmaw_lint_json(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report, json_t **ret_json)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(add_paths(input, report->paths, report->path_count, "paths", json));
    CMAW_TRY(add_paths(input, report->trusted, report->trusted_count, "trusted", json));
    json_t *warnings = json_array();
    CMAW_TRY(cmaw_json_set(json, "warnings", warnings));
    CMAW_TRY(cmaw_lint_warnings(input, add_warning, warnings));
    *ret_json = json;
    json = NULL;
    return CMAW_OK;
}

static void put_statement(struct cmaw_buf *text, const struct cmaw_lint_statement *statement)
{
    cmaw_buf_printf(text, "statement %zu", statement->index);
    if (statement->sid[0] != '\0') {
        cmaw_buf_printf(text, " (%s)", statement->sid);
    }
}

static void put_principal(struct cmaw_buf *text, const struct cmaw_lint_path *path)
{
    const struct cmaw_lint_principal *principal = path->principal;
    switch (principal->kind) {
    case CMAW_LINT_ANYONE:
        cmaw_buf_put_cstr(text, "anyone");
        break;
    case CMAW_LINT_ACCOUNT:
        cmaw_buf_printf(text, "the root user of account %s and whoever an identity policy there allows it", principal->account);
        break;
    case CMAW_LINT_HOLDER:
        cmaw_buf_printf(text, "whoever in account %s has %s (", principal->account, principal->name);
        put_statement(text, path->identity);
        cmaw_buf_put_cstr(text, ")");
        break;
    case CMAW_LINT_NAMED:
    case CMAW_LINT_OUTSIDE:
        cmaw_buf_put_cstr(text, principal->name);
        break;
    }
}

static void put_attestation(struct cmaw_buf *text, const struct cmaw_lint_path *path)
{
    static const char *const phrases[CMAW_LINT_ATTESTATIONS] = {
        "without an attestation", "from an enclave in debug mode", "from an enclave with another image", "from the right image in another role"};
    if (path->action->effect == CMAW_LINT_EFFECT_DATA) {
        cmaw_buf_printf(text, ", %s", phrases[path->attestation]);
    }
}

static void put_path(struct cmaw_buf *text, const struct cmaw_lint_input *input, const struct cmaw_lint_path *path)
{
    cmaw_buf_printf(text, "%s by ", path->action->name);
    put_principal(text, path);
    put_attestation(text, path);
    cmaw_buf_printf(text, "\n  outcome: %s\n  allowed by ", path->action->outcome);
    put_statement(text, path->allow);
    cmaw_buf_put_cstr(text, ": ");
    (void)cmaw_lint_why_allowed(input, path, text);
    cmaw_buf_put_cstr(text, "\n");
    for (size_t i = 0; i < input->policy->count; i++) {
        CMAW_BUF_AUTO(why, TEXT_MAX);
        if (input->policy->statements[i].deny) {
            cmaw_lint_why_not_denied(input, path, &input->policy->statements[i], &why);
            cmaw_buf_put_cstr(text, "  not denied by ");
            put_statement(text, &input->policy->statements[i]);
            cmaw_buf_put_cstr(text, ": ");
            cmaw_buf_put(text, cmaw_buf_slice(&why));
            cmaw_buf_put_cstr(text, "\n");
        }
    }
}

static enum cmaw_err print_warning(void *context, const struct cmaw_lint_warning *warning)
{
    (void)context;
    CMAW_BUF_AUTO(place, TEXT_MAX);
    put_statement(&place, warning->statement);
    CMAW_TRY(place.err);
    return printf("warning: %.*s: %s\n", (int)place.size, (const char *)place.data, warning->text) < 0 ? CMAW_E_IO : CMAW_OK;
}

enum cmaw_err cmaw_lint_print(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report)
{
    for (size_t i = 0; i < report->path_count; i++) {
        CMAW_BUF_AUTO(text, CMAW_JSON_FILE_MAX);
        put_path(&text, input, &report->paths[i]);
        CMAW_TRY(text.err);
        (void)printf("path %zu: %.*s", i + 1, (int)text.size, (const char *)text.data);
    }
    for (size_t i = 0; i < report->trusted_count; i++) {
        (void)printf("trusted: %s may replace the policy, and with it all that it says\n", report->trusted[i].principal->name);
    }
    CMAW_TRY(cmaw_lint_warnings(input, print_warning, NULL));
    if (report->path_count == 0) {
        (void)printf("no key material comes out without a matching attestation\n");
    }
    return CMAW_OK;
}
