/* Whether a text is a policy: everything that the evaluation relies on is checked here, once. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dev/policy.h"
#include "dev/policy_cond.h"
#include "dev/policy_vars.h"

static const char *const invalid_principal = "Policy contains a statement with one or more invalid principals.";

static const struct element {
    const char *name;
    const char *inverse; /* of which a statement has one at most; NULL: none */
} elements[] = {
    {"Sid", NULL}, {"Effect", NULL}, {"Condition", NULL}, {"Principal", "NotPrincipal"}, {"Action", "NotAction"},
    {"Resource", "NotResource"},
};

[[gnu::format(printf, 2, 3)]] static bool fail(char reason[static 256], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(reason, 256, format, args);
    va_end(args);
    return false;
}

static bool element_known(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        if (strcmp(elements[i].name, name) == 0
            || (elements[i].inverse != NULL && strcmp(elements[i].inverse, name) == 0)) {
            return true;
        }
    }
    return false;
}

static bool elements_known(json_t *statement, char reason[static 256])
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(statement, name, value) {
        if (!element_known(name)) {
            return fail(reason, "the element %.64s is not known", name);
        }
    }
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        const struct element *one = &elements[i];
        if (one->inverse != NULL && json_object_get(statement, one->name) != NULL
            && json_object_get(statement, one->inverse) != NULL) {
            return fail(reason, "it has both %s and %s", one->name, one->inverse);
        }
    }
    return true;
}

/* "*", or a service and a name: "kms:Decrypt", "kms:Describe*" */
static bool action_valid(const char *text)
{
    const size_t service = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
    return strcmp(text, "*") == 0
           || (service > 0 && text[service] == ':' && text[service + 1] != '\0' && strchr(text + service + 1, ':') == NULL
               && strstr(text, "${") == NULL);
}

static bool resource_valid(const char *text)
{
    return strcmp(text, "*") == 0 || strncmp(text, "arn:", 4) == 0;
}

/* Each is a text that valid accepts; the element may be absent. */
static bool list_valid(json_t *statement, const char *name, bool (*valid)(const char *text), bool variables,
                       char reason[static 256])
{
    json_t *list = json_object_get(statement, name);
    if (list != NULL && cmaw_policy_count(list) == 0) {
        return fail(reason, "its %s is empty", name);
    }
    for (size_t i = 0; i < cmaw_policy_count(list); i++) {
        const char *text = json_string_value(cmaw_policy_at(list, i));
        if (text == NULL) {
            return fail(reason, "a value of %s is not a string", name);
        }
        if (!valid(text) || strlen(text) >= CMAW_POLICY_VALUE_MAX || strchr(text, CMAW_WILDCARD_LITERAL) != NULL) {
            return fail(reason, "%.128s is no value for %s", text, name);
        }
        if (variables && !cmaw_policy_vars_valid(text)) {
            return fail(reason, "the policy variable in %.128s is not supported by this emulator", text);
        }
    }
    return true;
}

/* "*", twelve digits, or an ARN of IAM or STS; no part of it is a wildcard */
static bool aws_principals_valid(json_t *value)
{
    for (size_t i = 0; i < cmaw_policy_count(value); i++) {
        const char *text = json_string_value(cmaw_policy_at(value, i));
        if (text == NULL || (strcmp(text, "*") != 0 && !cmaw_account_valid(text) && !cmaw_principal_arn_valid(text))) {
            return false;
        }
    }
    return cmaw_policy_count(value) > 0;
}

static bool strings_only(json_t *value)
{
    for (size_t i = 0; i < cmaw_policy_count(value); i++) {
        if (!json_is_string(cmaw_policy_at(value, i))) {
            return false;
        }
    }
    return cmaw_policy_count(value) > 0;
}

static bool principal_valid(json_t *principal)
{
    if (json_is_string(principal)) {
        return strcmp(json_string_value(principal), "*") == 0;
    }
    const char *kind = NULL;
    json_t *value = NULL;
    json_object_foreach(principal, kind, value) {
        const bool aws = strcmp(kind, "AWS") == 0;
        const bool other = strcmp(kind, "Service") == 0 || strcmp(kind, "Federated") == 0;
        if (!(aws ? aws_principals_valid(value) : other && strings_only(value))) {
            return false;
        }
    }
    return json_object_size(principal) > 0;
}

static bool principals_valid(json_t *statement, enum cmaw_policy_kind kind, bool deny, char reason[static 256])
{
    json_t *principal = json_object_get(statement, "Principal");
    json_t *not_principal = json_object_get(statement, "NotPrincipal");
    if (kind == CMAW_POLICY_IDENTITY) {
        return (principal == NULL && not_principal == NULL) || fail(reason, "an identity policy has no Principal");
    }
    if (not_principal != NULL && (!deny || kind == CMAW_POLICY_TRUST)) {
        return fail(reason, "NotPrincipal is for a Deny of a key policy only");
    }
    return principal_valid(not_principal != NULL ? not_principal : principal) || fail(reason, "%s", invalid_principal);
}

/* Key policies may lack an action or a resource: such a statement does nothing. */
static bool completeness(json_t *statement, enum cmaw_policy_kind kind, char reason[static 256])
{
    const bool action = json_object_get(statement, "Action") != NULL || json_object_get(statement, "NotAction") != NULL;
    const bool resource = json_object_get(statement, "Resource") != NULL || json_object_get(statement, "NotResource") != NULL;
    if (kind != CMAW_POLICY_KEY && !action) {
        return fail(reason, "it has no Action");
    }
    if (kind == CMAW_POLICY_IDENTITY && !resource) {
        return fail(reason, "it has no Resource");
    }
    return kind != CMAW_POLICY_TRUST || !resource || fail(reason, "a trust policy has no Resource");
}

static bool statement_valid(json_t *statement, enum cmaw_policy_kind kind, bool variables, char reason[static 256])
{
    if (!json_is_object(statement)) {
        return fail(reason, "it is not an object");
    }
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    json_t *sid = json_object_get(statement, "Sid");
    json_t *condition = json_object_get(statement, "Condition");
    const bool deny = effect != NULL && strcmp(effect, "Deny") == 0;
    if (!deny && (effect == NULL || strcmp(effect, "Allow") != 0)) {
        return fail(reason, "its Effect is neither Allow nor Deny");
    }
    if (sid != NULL && !json_is_string(sid)) {
        return fail(reason, "its Sid is not a string");
    }
    return elements_known(statement, reason) && completeness(statement, kind, reason)
           && list_valid(statement, "Action", action_valid, false, reason)
           && list_valid(statement, "NotAction", action_valid, false, reason)
           && list_valid(statement, "Resource", resource_valid, variables, reason)
           && list_valid(statement, "NotResource", resource_valid, variables, reason)
           && principals_valid(statement, kind, deny, reason)
           && (condition == NULL || cmaw_policy_cond_prepare(condition, variables, reason));
}

static bool members_valid(json_t *policy, char reason[static 256])
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(policy, name, value) {
        if (strcmp(name, "Version") != 0 && strcmp(name, "Id") != 0 && strcmp(name, "Statement") != 0) {
            return fail(reason, "the element %.64s of the policy is not known", name);
        }
    }
    json_t *version = json_object_get(policy, "Version");
    const char *text = json_string_value(version);
    /* an absent one is 2008-10-17 */
    if (version != NULL && (text == NULL || (strcmp(text, "2012-10-17") != 0 && strcmp(text, "2008-10-17") != 0))) {
        return fail(reason, "the Version is not 2012-10-17");
    }
    return cmaw_policy_count(json_object_get(policy, "Statement")) > 0 || fail(reason, "the policy has no Statement");
}

static bool policy_valid(json_t *policy, enum cmaw_policy_kind kind, char ret_reason[static 256])
{
    char reason[256];
    json_t *statements = json_object_get(policy, "Statement");
    if (!json_is_object(policy)) {
        return fail(ret_reason, "the policy is not a JSON object");
    }
    if (!members_valid(policy, ret_reason)) {
        return false;
    }
    for (size_t i = 0; i < cmaw_policy_count(statements); i++) {
        json_t *statement = cmaw_policy_at(statements, i);
        if (!statement_valid(statement, kind, cmaw_policy_has_variables(policy), reason)) {
            const char *sid = json_string_value(json_object_get(statement, "Sid"));
            return fail(ret_reason, "statement %zu%s%.40s%s: %.180s", i + 1, sid == NULL ? "" : " (", sid == NULL ? "" : sid,
                        sid == NULL ? "" : ")", reason);
        }
    }
    return true;
}

enum cmaw_err cmaw_policy_parse(const char *text, enum cmaw_policy_kind kind, json_t **ret_policy,
                                char ret_reason[static 256])
{
    const size_t size = strlen(text);
    if (size > CMAW_POLICY_SIZE_MAX) {
        (void)fail(ret_reason, "the policy is larger than %d bytes", CMAW_POLICY_SIZE_MAX);
        return CMAW_E_TOO_LARGE;
    }
    json_error_t error;
    json_t *policy = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (policy == NULL) {
        (void)fail(ret_reason, "the policy is not JSON: line %d: %.160s", error.line, error.text);
        return CMAW_E_MALFORMED;
    }
    if (!policy_valid(policy, kind, ret_reason)) {
        json_decref(policy);
        return CMAW_E_MALFORMED;
    }
    *ret_policy = policy;
    return CMAW_OK;
}
