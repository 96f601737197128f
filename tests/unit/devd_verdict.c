#include "devd_verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dev/authz.h"

static json_t *parse(const char *text, enum cmaw_policy_kind kind)
{
    char reason[256];
    json_t *policy = NULL;
    return cmaw_policy_parse(text, kind, &policy, reason) == CMAW_OK ? policy : NULL;
}

json_t *devd_key_policy(const char *text)
{
    return parse(text, CMAW_POLICY_KEY);
}

bool devd_allows(json_t *policy, const char *arn, const char *action, const char *key_arn, json_t *keys)
{
    static const char everything[] = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}";
    struct cmaw_principal who;
    assert_int_equal(cmaw_principal_parse(arn, &who), CMAW_OK);
    json_t *all = json_pack("{s:[s], s:[s], s:[s]}", "aws:principalarn", who.arn, "aws:principalaccount", who.account, "kms:calleraccount", who.account);
    json_t *identity = json_pack("[o]", parse(everything, CMAW_POLICY_IDENTITY));
    assert_true(all != NULL && identity != NULL && json_object_update(all, keys) == 0);
    const struct cmaw_policy_request request = {&who, action, key_arn, all};
    const struct cmaw_authz authz = {.request = &request, .resource = policy, .resource_kind = CMAW_POLICY_KEY, .owner = "111122223333", .identity = identity};
    const bool allowed = cmaw_authz_decide(&authz) == CMAW_AUTHZ_ALLOWED;
    json_decref(identity);
    json_decref(all);
    return allowed;
}
