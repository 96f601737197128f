#include "dev/policy.h"

#include <string.h>

#include "dev/policy_cond.h"
#include "dev/policy_vars.h"

json_t *cmaw_policy_at(json_t *value, size_t i)
{
    return json_is_array(value) ? json_array_get(value, i) : value;
}

size_t cmaw_policy_count(json_t *value)
{
    return value == NULL ? 0 : json_is_array(value) ? json_array_size(value) : 1;
}

bool cmaw_policy_has_variables(json_t *policy)
{
    const char *version = json_string_value(json_object_get(policy, "Version"));
    return version != NULL && strcmp(version, "2012-10-17") == 0;
}

static bool action_matches(const char *pattern, const struct cmaw_policy_request *request, bool variables)
{
    (void)variables; /* actions have none */
    return cmaw_wildcard_match(pattern, request->action, true);
}

static bool resource_matches(const char *pattern, const struct cmaw_policy_request *request, bool variables)
{
    char expanded[CMAW_POLICY_VALUE_MAX];
    if (strcmp(pattern, "*") == 0) {
        return true;
    }
    if (variables && strstr(pattern, "${") != NULL) {
        return cmaw_policy_vars_expand(pattern, request->keys, true, expanded, sizeof expanded)
               && cmaw_arn_match(expanded, request->resource, true);
    }
    return cmaw_arn_match(pattern, request->resource, true);
}

typedef bool matcher(const char *pattern, const struct cmaw_policy_request *request, bool variables);

static bool list_matches(json_t *patterns, matcher *matches, const struct cmaw_policy_request *request, bool variables)
{
    for (size_t i = 0; i < cmaw_policy_count(patterns); i++) {
        if (matches(json_string_value(cmaw_policy_at(patterns, i)), request, variables)) {
            return true;
        }
    }
    return false;
}

/* A statement that lacks both forms is stored but inert (facts/KMS.md section 3.1). */
static bool element_matches(json_t *patterns, json_t *others, matcher *matches,
                            const struct cmaw_policy_request *request, bool variables)
{
    if (patterns != NULL) {
        return list_matches(patterns, matches, request, variables);
    }
    return others != NULL && !list_matches(others, matches, request, variables);
}

/* In which ways the names of a Principal or NotPrincipal cover the caller: a bit for each enum cmaw_scope. */
static unsigned scopes(json_t *principal, const struct cmaw_principal *who)
{
    unsigned found = 0;
    /* a bare string is "*", as checked when it was parsed */
    json_t *names = json_is_string(principal) ? principal : json_object_get(principal, "AWS");
    for (size_t i = 0; i < cmaw_policy_count(names); i++) {
        found |= 1U << cmaw_principal_scope(json_string_value(cmaw_policy_at(names, i)), who);
    }
    return found & ~(1U << CMAW_SCOPE_NONE);
}

static bool names_everyone(json_t *principal)
{
    json_t *names = json_is_string(principal) ? principal : json_object_get(principal, "AWS");
    for (size_t i = 0; i < cmaw_policy_count(names); i++) {
        if (strcmp(json_string_value(cmaw_policy_at(names, i)), "*") == 0) {
            return true;
        }
    }
    return false;
}

/* NotPrincipal spares a caller whose account, whose role or user, and, of a role, whose session it names: AWS looks at one
 * after the other, and each that is missing denies (IAM User Guide, NotPrincipal). */
static bool spared(json_t *not_principal, const struct cmaw_principal *who)
{
    const unsigned named = scopes(not_principal, who);
    const unsigned session = who->session[0] == '\0' ? 0 : 1U << CMAW_SCOPE_SESSION;
    const unsigned needed = 1U << CMAW_SCOPE_ACCOUNT | 1U << CMAW_SCOPE_CALLER | session;
    const bool root = strcmp(who->type, "Root") == 0;
    return names_everyone(not_principal) || (root ? named != 0 : (named & needed) == needed);
}

static bool statement_applies(json_t *statement, enum cmaw_policy_kind kind, const struct cmaw_policy_request *request,
                              bool variables)
{
    json_t *condition = json_object_get(statement, "Condition");
    return element_matches(json_object_get(statement, "Action"), json_object_get(statement, "NotAction"), action_matches,
                           request, variables)
           && (kind == CMAW_POLICY_TRUST
               || element_matches(json_object_get(statement, "Resource"), json_object_get(statement, "NotResource"),
                                  resource_matches, request, variables))
           && (condition == NULL || cmaw_policy_cond_holds(condition, request->keys, variables));
}

static struct cmaw_policy_verdict statement_verdict(json_t *statement, enum cmaw_policy_kind kind,
                                                    const struct cmaw_principal *who)
{
    struct cmaw_policy_verdict verdict = {0};
    const bool deny = strcmp(json_string_value(json_object_get(statement, "Effect")), "Deny") == 0;
    json_t *not_principal = json_object_get(statement, "NotPrincipal");
    const unsigned named = kind == CMAW_POLICY_IDENTITY ? 1U << CMAW_SCOPE_CALLER
                                                        : scopes(json_object_get(statement, "Principal"), who);
    if (deny) {
        verdict.deny = not_principal != NULL ? !spared(not_principal, who) : named != 0;
        return verdict;
    }
    verdict.allow = (named & 1U << CMAW_SCOPE_CALLER) != 0;
    verdict.allow_session = (named & 1U << CMAW_SCOPE_SESSION) != 0;
    verdict.allow_account = (named & 1U << CMAW_SCOPE_ACCOUNT) != 0;
    return verdict;
}

struct cmaw_policy_verdict cmaw_policy_eval(json_t *policy, enum cmaw_policy_kind kind,
                                            const struct cmaw_policy_request *request)
{
    struct cmaw_policy_verdict all = {0};
    json_t *statements = json_object_get(policy, "Statement");
    const bool variables = cmaw_policy_has_variables(policy);
    for (size_t i = 0; i < cmaw_policy_count(statements); i++) {
        json_t *statement = cmaw_policy_at(statements, i);
        if (!statement_applies(statement, kind, request, variables)) {
            continue;
        }
        const struct cmaw_policy_verdict one = statement_verdict(statement, kind, request->who);
        all.deny |= one.deny;
        all.allow |= one.allow;
        all.allow_session |= one.allow_session;
        all.allow_account |= one.allow_account;
    }
    return all;
}
