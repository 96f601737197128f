#include <string.h>

#include "dev/kms.h"
#include "dev/policy.h"
#include "dev/sql.h"

enum { LIST_MAX = 1000, POLICY_MEMBER_MAX = 131072 }; /* that the service model lets through */

/* U+0009, 000A, 000D and 0020 to 00FF. */
static bool in_charset(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at > 0xc3 || (*at < 0x20 && strchr("\t\n\r", *at) == NULL)) {
            return false;
        }
    }
    return true;
}

enum cmaw_err cmaw_kms_arg_policy(struct cmaw_kms_call *call, bool required)
{
    const char *policy = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "Policy", 1, POLICY_MEMBER_MAX, required, &policy));
    CMAW_REQUIRE(policy == NULL || in_charset(policy),
                 cmaw_kms_invalid(call, "Policy", NULL, "satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+"));
    CMAW_REQUIRE(policy == NULL || strlen(policy) <= CMAW_POLICY_SIZE_MAX,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_LIMIT_EXCEEDED, "The key policy is larger than %d bytes.", CMAW_POLICY_SIZE_MAX));
    return CMAW_OK;
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
    static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *name = NULL;
    CMAW_TRY(cmaw_kms_check_key(call));
    CMAW_TRY(cmaw_kms_arg_text(call, "PolicyName", 1, 128, false, &name));
    CMAW_REQUIRE(name == NULL || name[strspn(name, word)] == '\0',
                 cmaw_kms_invalid(call, "PolicyName", name, "satisfy regular expression pattern: [\\w]+"));
    CMAW_REQUIRE(name == NULL || strcmp(name, "default") == 0,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "No such policy exists"));
    return CMAW_OK;
}

static enum cmaw_err get_policy(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_answer(call, "Policy", json_string(key.policy)));
    return cmaw_kms_answer(call, "PolicyName", json_string("default"));
}

static enum cmaw_err check_put_policy(struct cmaw_kms_call *call)
{
    CMAW_TRY(check_policy_name(call));
    return cmaw_kms_arg_policy(call, true);
}

static enum cmaw_err put_policy(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    const char *policy = json_string_value(json_object_get(call->request, "Policy"));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_policy_check(call, policy));
    return cmaw_sql_run(call->db, "UPDATE kms_key SET policy = ? WHERE id = ?", "tt", policy, key.id);
}

static enum cmaw_err check_list(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_arg_page(call, LIST_MAX, LIST_MAX, &page);
}

/* There is one, so there is one page. */
static enum cmaw_err list_policies(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_answer(call, "PolicyNames", json_pack("[s]", "default")));
    return cmaw_kms_answer(call, "Truncated", json_false());
}

const struct cmaw_kms_operation cmaw_kms_policy_operations[] = {
    {"GetKeyPolicy", check_policy_name, get_policy, false, true, "KeyId PolicyName"},
    {"PutKeyPolicy", check_put_policy, put_policy, false, false,
     "KeyId PolicyName Policy BypassPolicyLockoutSafetyCheck"},
    {"ListKeyPolicies", check_list, list_policies, false, true, "KeyId Limit Marker"},
    {NULL},
};
