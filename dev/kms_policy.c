#include <string.h>

#include "dev/kms.h"
#include "dev/policy.h"
#include "dev/sql.h"

static enum cmaw_err answer(struct cmaw_kms_call *call, const char *member, json_t *value)
{
    return json_object_set_new(call->response, member, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err check_key(struct cmaw_kms_call *call)
{
    return cmaw_kms_arg_key(call, "KeyId", true, &call->key_id);
}

enum cmaw_err cmaw_kms_policy_default(const struct cmaw_kms *kms, struct cmaw_buf *policy)
{
    cmaw_buf_printf(policy,
                    "{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {\n"
                    "    \"Sid\" : \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n"
                    "    \"Principal\" : {\n      \"AWS\" : \"arn:aws:iam::%s:root\"\n    },\n"
                    "    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  } ]\n}",
                    kms->account);
    cmaw_buf_put_u8(policy, 0);
    return cmaw_buf_err(policy);
}

enum cmaw_err cmaw_kms_policy_check(struct cmaw_kms_call *call, const char *text)
{
    char reason[256];
    json_t *policy = NULL;
    bool bypass = false;
    CMAW_TRY(cmaw_kms_arg_flag(call, "BypassPolicyLockoutSafetyCheck", &bypass));
    if (cmaw_policy_parse(text, CMAW_POLICY_KEY, &policy, reason) != CMAW_OK) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_MALFORMED_POLICY, "%s", reason);
    }
    json_decref(policy);
    if (!bypass && !cmaw_kms_policy_allows(call, text, "kms:PutKeyPolicy", call->key_arn)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_MALFORMED_POLICY,
                              "The new key policy will not allow you to update the key policy in the future.");
    }
    return CMAW_OK;
}

/* The key policy is the only one there is. */
static enum cmaw_err check_policy_name(struct cmaw_kms_call *call)
{
    const char *name = NULL;
    CMAW_TRY(check_key(call));
    CMAW_TRY(cmaw_kms_arg_text(call, "PolicyName", 1, 128, false, &name));
    CMAW_REQUIRE(name == NULL || strcmp(name, "default") == 0,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "No such policy exists"));
    return CMAW_OK;
}

static enum cmaw_err get_policy(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(answer(call, "Policy", json_string(key.policy)));
    return answer(call, "PolicyName", json_string("default"));
}

static enum cmaw_err check_put_policy(struct cmaw_kms_call *call)
{
    const char *policy = NULL;
    CMAW_TRY(check_policy_name(call));
    return cmaw_kms_arg_text(call, "Policy", 1, CMAW_POLICY_SIZE_MAX, true, &policy);
}

static enum cmaw_err put_policy(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    const char *policy = json_string_value(json_object_get(call->request, "Policy"));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_policy_check(call, policy));
    return cmaw_sql_run(call->db, "UPDATE kms_key SET policy = ? WHERE id = ?", "tt", policy, key.id);
}

static enum cmaw_err list_policies(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(answer(call, "PolicyNames", json_pack("[s]", "default")));
    return answer(call, "Truncated", json_false());
}

const struct cmaw_kms_operation cmaw_kms_policy_operations[] = {
    {"GetKeyPolicy", check_policy_name, get_policy, false, true, "KeyId PolicyName"},
    {"PutKeyPolicy", check_put_policy, put_policy, false, false,
     "KeyId PolicyName Policy BypassPolicyLockoutSafetyCheck"},
    {"ListKeyPolicies", check_key, list_policies, false, true, "KeyId"},
    {NULL},
};
