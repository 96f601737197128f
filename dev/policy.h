/* Key policies, identity policies and trust policies, facts/KMS.md section 3: statements, principals, wildcards, conditions.
 * What a policy says and this engine does not know is refused when it is stored, so that nothing is skipped silently. */
#ifndef CMAW_DEV_POLICY_H
#define CMAW_DEV_POLICY_H

#include <jansson.h>

#include "dev/arn.h"

enum { CMAW_POLICY_SIZE_MAX = 32768 }; /* bytes */

enum cmaw_policy_kind {
    CMAW_POLICY_KEY,      /* statements have a Principal */
    CMAW_POLICY_IDENTITY, /* statements have none: they stand for their holder. Also those of a session */
    CMAW_POLICY_TRUST,    /* of a role: a Principal and no Resource, which is the role */
};

struct cmaw_policy_request {
    const struct cmaw_principal *who;
    const char *action;   /* "kms:Decrypt" */
    const char *resource; /* ARN, or "*" where the action has none */
    /* condition keys: lower-case name -> array of strings; an absent name is a missing key */
    json_t *keys;
};

/* What one policy says about a request. */
struct cmaw_policy_verdict {
    bool deny;
    bool allow;         /* names the caller's role or user, or everyone; in an identity policy: allows */
    bool allow_session; /* names the caller's session */
    bool allow_account; /* allows the caller's account, which then decides by its identity policies */
};

/* MALFORMED with a reason for people that names the statement and what is wrong in it, TOO_LARGE. The object is the caller's
 * (json_decref). The text is hostile. */
enum cmaw_err cmaw_policy_parse(const char *text, enum cmaw_policy_kind kind, json_t **ret_policy,
                                char ret_reason[static 256]);
/* policy must come from cmaw_policy_parse. */
struct cmaw_policy_verdict cmaw_policy_eval(json_t *policy, enum cmaw_policy_kind kind,
                                            const struct cmaw_policy_request *request);

/* For policy_check.c and policy.c: an element may be one value or a list. */
json_t *cmaw_policy_at(json_t *value, size_t i);
size_t cmaw_policy_count(json_t *value);
/* True where ${…} is a variable, which it is in policies of 2012-10-17 only. */
bool cmaw_policy_has_variables(json_t *policy);

#endif
