#include "dev/policy.h"

#include <stdio.h>
#include <string.h>

#include "dev/policy_cond.h"

static const char *const elements[] = {"Sid",       "Effect",   "Principal",   "Action", "NotAction",
                                       "Resource", "NotResource", "Condition"};

static json_t *at(json_t *value, size_t i)
{
    return json_is_array(value) ? json_array_get(value, i) : value;
}

static size_t count(json_t *value)
{
    return json_is_array(value) ? json_array_size(value) : 1;
}

static bool strings_valid(json_t *value)
{
    for (size_t i = 0; i < count(value); i++) {
        const char *text = json_string_value(at(value, i));
        if (text == NULL || strstr(text, "${") != NULL) {
            return false;
        }
    }
    return true;
}

static bool element_known(const char *name)
{
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++) {
        if (strcmp(elements[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* "*", twelve digits, or an ARN of IAM or STS */
static bool aws_principals_valid(json_t *value)
{
    if (!strings_valid(value) || count(value) == 0) {
        return false;
    }
    for (size_t i = 0; i < count(value); i++) {
        const char *text = json_string_value(at(value, i));
        const bool arn = strncmp(text, "arn:aws:iam::", 13) == 0 || strncmp(text, "arn:aws:sts::", 13) == 0;
        if (strcmp(text, "*") != 0 && !cmaw_account_valid(text) && (!arn || strpbrk(text, "*?") != NULL)) {
            return false;
        }
    }
    return true;
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
        if (!(aws ? aws_principals_valid(value) : other && strings_valid(value))) {
            return false;
        }
    }
    return json_object_size(principal) > 0;
}

static const char *effect_of(json_t *statement)
{
    const char *effect = json_string_value(json_object_get(statement, "Effect"));
    return effect == NULL ? "" : effect;
}

/* NULL, or what is wrong with the statement. */
static const char *statement_fault(json_t *statement, enum cmaw_policy_kind kind)
{
    const char *name = NULL, *reason = NULL;
    json_t *value = NULL;
    if (!json_is_object(statement)) {
        return "a statement is not an object";
    }
    json_object_foreach(statement, name, value) {
        if (!element_known(name)) {
            return "a statement has an element that is not supported";
        }
        const bool list = strstr(name, "Action") != NULL || strstr(name, "Resource") != NULL;
        if (list && !strings_valid(value)) {
            return "an action or resource is not a plain string";
        }
    }
    if (strcmp(effect_of(statement), "Allow") != 0 && strcmp(effect_of(statement), "Deny") != 0) {
        return "an Effect is neither Allow nor Deny";
    }
    json_t *principal = json_object_get(statement, "Principal");
    if (kind == CMAW_POLICY_KEY ? !principal_valid(principal) : principal != NULL) {
        return "Policy contains a statement with one or more invalid principals.";
    }
    json_t *condition = json_object_get(statement, "Condition");
    return condition == NULL || cmaw_policy_cond_valid(condition, &reason) ? NULL : reason;
}

static const char *policy_fault(json_t *policy, enum cmaw_policy_kind kind)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(policy, name, value) {
        if (strcmp(name, "Version") != 0 && strcmp(name, "Id") != 0 && strcmp(name, "Statement") != 0) {
            return "the policy has an element that is not supported";
        }
    }
    const char *version = json_string_value(json_object_get(policy, "Version"));
    if (version == NULL || (strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)) {
        return "the Version is not 2012-10-17";
    }
    json_t *statements = json_object_get(policy, "Statement");
    if (statements == NULL || count(statements) == 0) {
        return "the policy has no statement";
    }
    for (size_t i = 0; i < count(statements); i++) {
        const char *fault = statement_fault(at(statements, i), kind);
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

enum cmaw_err cmaw_policy_parse(const char *text, enum cmaw_policy_kind kind, json_t **ret_policy,
                                char ret_reason[static 256])
{
    const size_t size = strlen(text);
    if (size > CMAW_POLICY_SIZE_MAX) {
        (void)snprintf(ret_reason, 256, "the policy is larger than %d bytes", CMAW_POLICY_SIZE_MAX);
        return CMAW_E_TOO_LARGE;
    }
    json_error_t error;
    json_t *policy = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    const char *fault = !json_is_object(policy) ? "the policy is not a JSON object" : policy_fault(policy, kind);
    if (fault != NULL) {
        (void)snprintf(ret_reason, 256, "%s", fault);
        json_decref(policy);
        return CMAW_E_MALFORMED;
    }
    *ret_policy = policy;
    return CMAW_OK;
}

static bool list_matches(json_t *patterns, const char *text, bool fold)
{
    for (size_t i = 0; i < count(patterns); i++) {
        if (cmaw_wildcard_match(json_string_value(at(patterns, i)), text, fold)) {
            return true;
        }
    }
    return false;
}

/* A statement that lacks both forms is stored but inert (facts/KMS.md section 3.1). */
static bool element_matches(json_t *statement, const char *name, const char *inverse, const char *text, bool fold)
{
    json_t *patterns = json_object_get(statement, name);
    json_t *others = json_object_get(statement, inverse);
    if (patterns != NULL) {
        return list_matches(patterns, text, fold);
    }
    return others != NULL && !list_matches(others, text, fold);
}

enum scope { SCOPE_NONE, SCOPE_ACCOUNT, SCOPE_CALLER };

static enum scope principal_scope(const char *text, const struct cmaw_principal *who)
{
    char root[CMAW_ARN_MAX];
    (void)snprintf(root, sizeof root, "arn:aws:iam::%s:root", who->account);
    if (strcmp(text, "*") == 0 || strcmp(text, who->arn) == 0 || strcmp(text, who->caller) == 0) {
        return SCOPE_CALLER;
    }
    return strcmp(text, root) == 0 || strcmp(text, who->account) == 0 ? SCOPE_ACCOUNT : SCOPE_NONE;
}

static enum scope statement_scope(json_t *statement, enum cmaw_policy_kind kind, const struct cmaw_principal *who)
{
    if (kind == CMAW_POLICY_IDENTITY) {
        return SCOPE_CALLER;
    }
    json_t *principal = json_object_get(statement, "Principal");
    if (json_is_string(principal)) {
        return SCOPE_CALLER; /* "*", as checked when it was parsed */
    }
    json_t *names = json_object_get(principal, "AWS");
    enum scope scope = SCOPE_NONE;
    for (size_t i = 0; names != NULL && i < count(names); i++) {
        const enum scope one = principal_scope(json_string_value(at(names, i)), who);
        scope = one > scope ? one : scope;
    }
    return scope;
}

static bool statement_applies(json_t *statement, const struct cmaw_policy_request *request)
{
    json_t *condition = json_object_get(statement, "Condition");
    return element_matches(statement, "Action", "NotAction", request->action, true)
           && element_matches(statement, "Resource", "NotResource", request->resource, false)
           && (condition == NULL || cmaw_policy_cond_holds(condition, request->keys));
}

struct cmaw_policy_verdict cmaw_policy_eval(json_t *policy, enum cmaw_policy_kind kind,
                                            const struct cmaw_policy_request *request)
{
    struct cmaw_policy_verdict verdict = {0};
    json_t *statements = json_object_get(policy, "Statement");
    for (size_t i = 0; i < count(statements); i++) {
        json_t *statement = at(statements, i);
        const enum scope scope = statement_scope(statement, kind, request->who);
        if (scope == SCOPE_NONE || !statement_applies(statement, request)) {
            continue;
        }
        const bool deny = strcmp(effect_of(statement), "Deny") == 0;
        verdict.deny |= deny;
        verdict.allow |= !deny && scope == SCOPE_CALLER;
        verdict.allow_account |= !deny && scope == SCOPE_ACCOUNT;
    }
    return verdict;
}
