#include "dev/authz.h"

#include <stdio.h>
#include <string.h>

static struct cmaw_policy_verdict identity_verdict(const struct cmaw_authz *authz)
{
    /* an account's root needs no policy */
    struct cmaw_policy_verdict all = {.allow = strcmp(authz->request->who->type, "Root") == 0};
    size_t i = 0;
    json_t *policy = NULL;
    json_array_foreach(authz->identity, i, policy) {
        const struct cmaw_policy_verdict one = cmaw_policy_eval(policy, CMAW_POLICY_IDENTITY, authz->request);
        all.allow |= one.allow;
        all.deny |= one.deny;
    }
    return all;
}

static struct cmaw_policy_verdict session_verdict(const struct cmaw_authz *authz)
{
    return authz->session == NULL ? (struct cmaw_policy_verdict){.allow = true}
                                  : cmaw_policy_eval(authz->session, CMAW_POLICY_IDENTITY, authz->request);
}

static struct cmaw_policy_verdict resource_verdict(const struct cmaw_authz *authz)
{
    struct cmaw_policy_verdict verdict = {0};
    if (authz->resource != NULL) {
        verdict = cmaw_policy_eval(authz->resource, authz->resource_kind, authz->request);
    }
    verdict.allow |= authz->granted == CMAW_SCOPE_CALLER;
    verdict.allow_session |= authz->granted == CMAW_SCOPE_SESSION;
    verdict.allow_account |= authz->granted == CMAW_SCOPE_ACCOUNT;
    return verdict;
}

enum cmaw_authz_verdict cmaw_authz_decide(const struct cmaw_authz *authz)
{
    const struct cmaw_policy_verdict resource = resource_verdict(authz), identity = identity_verdict(authz),
                                     session = session_verdict(authz);
    const bool own = authz->resource != NULL && strcmp(authz->owner, authz->request->who->account) == 0;
    if (resource.deny || identity.deny || session.deny) {
        return resource.deny   ? CMAW_AUTHZ_DENIED_BY_RESOURCE
               : identity.deny ? CMAW_AUTHZ_DENIED_BY_IDENTITY
                               : CMAW_AUTHZ_DENIED_BY_SESSION;
    }
    if (own && resource.allow_session) {
        return CMAW_AUTHZ_ALLOWED;
    }
    if (authz->resource != NULL && !resource.allow && !resource.allow_session && !resource.allow_account) {
        return CMAW_AUTHZ_NOT_IN_RESOURCE;
    }
    if (!(own && resource.allow) && !identity.allow) {
        return CMAW_AUTHZ_NOT_IN_IDENTITY;
    }
    return session.allow ? CMAW_AUTHZ_ALLOWED : CMAW_AUTHZ_NOT_IN_SESSION;
}

void cmaw_authz_because(enum cmaw_authz_verdict verdict, const char *action, char ret_text[static 160])
{
    static const char *const kinds[] = {
        [CMAW_AUTHZ_DENIED_BY_RESOURCE] = "a resource-based", [CMAW_AUTHZ_DENIED_BY_IDENTITY] = "an identity-based",
        [CMAW_AUTHZ_DENIED_BY_SESSION] = "a session",         [CMAW_AUTHZ_NOT_IN_RESOURCE] = "resource-based",
        [CMAW_AUTHZ_NOT_IN_IDENTITY] = "identity-based",      [CMAW_AUTHZ_NOT_IN_SESSION] = "session",
    };
    ret_text[0] = '\0';
    if (verdict >= CMAW_AUTHZ_NOT_IN_RESOURCE) {
        (void)snprintf(ret_text, 160, "because no %s policy allows the %.64s action", kinds[verdict], action);
    } else if (verdict != CMAW_AUTHZ_ALLOWED) {
        (void)snprintf(ret_text, 160, "with an explicit deny in %s policy", kinds[verdict]);
    }
}
