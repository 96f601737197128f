/* The verdict on one request from everything that has a say in it (facts/KMS.md section 3.1): the policy of the resource, the
 * caller's identity policies, the policy of its session, and grants. No state and no text: tables of tests run it. */
#ifndef CMAW_DEV_AUTHZ_H
#define CMAW_DEV_AUTHZ_H

#include "dev/policy.h"

struct cmaw_authz {
    const struct cmaw_policy_request *request;
    json_t *resource;                    /* parsed policy of the key or role; NULL: the action has no resource */
    enum cmaw_policy_kind resource_kind;
    const char *owner;                   /* account of the resource */
    json_t *identity;                    /* array of parsed policies; NULL: none */
    json_t *session;                     /* parsed policy; NULL: the session has none */
    enum cmaw_scope granted;             /* how far a grant allows this */
};

enum cmaw_authz_verdict {
    CMAW_AUTHZ_ALLOWED,
    CMAW_AUTHZ_DENIED_BY_RESOURCE, /* explicit Deny, in this order */
    CMAW_AUTHZ_DENIED_BY_IDENTITY,
    CMAW_AUTHZ_DENIED_BY_SESSION,
    CMAW_AUTHZ_NOT_IN_RESOURCE,    /* nothing there allows it */
    CMAW_AUTHZ_NOT_IN_IDENTITY,
    CMAW_AUTHZ_NOT_IN_SESSION,
};

/* An explicit Deny anywhere wins over all, grants too. Within one account the resource's word is enough; for a caller of
 * another both sides must allow. What names a session itself is not bounded by the session's policy. */
enum cmaw_authz_verdict cmaw_authz_decide(const struct cmaw_authz *authz);
/* "because no resource-based policy allows the kms:Decrypt action", "with an explicit deny in a session policy"; "" if allowed. */
void cmaw_authz_because(enum cmaw_authz_verdict verdict, const char *action, char ret_text[static 160]);

#endif
