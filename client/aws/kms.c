#include "client/aws/kms.h"

#include <string.h>

static enum cmaw_err policy_text(const json_t *policy, json_t **ret_text)
{
    CMAW_BUF_AUTO(text, 32768); /* KMS's limit */
    CMAW_TRY(cmaw_json_put(&text, policy));
    *ret_text = json_stringn((const char *)text.data, text.size);
    return *ret_text == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
}

static json_t *admin_statement(const char *admin)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:[s,s,s,s,s,s,s,s,s,s], s:s}", "Sid", "Admin", "Effect", "Allow", "Principal", "AWS", admin,
                     "Action", "kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:EnableKey",
                     "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "kms:TagResource", "Resource", "*");
}

enum cmaw_err cmaw_kms_create_key(const struct cmaw_aws_endpoint *endpoint, const struct cmaw_kms_principals *principals,
                                  const char *description, char ret_arn[static CMAW_ARN_MAX + 1], struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(policy);
    policy = json_pack("{s:s, s:[o]}", "Version", "2012-10-17", "Statement", admin_statement(principals->admin));
    CMAW_REQUIRE(policy != NULL, CMAW_E_NO_MEMORY);
    json_t *text = NULL;
    CMAW_TRY(policy_text(policy, &text));
    CMAW_JSON_AUTO(request);
    request = json_pack("{s:s, s:o}", "Description", description, "Policy", text);
    CMAW_REQUIRE(request != NULL, CMAW_E_NO_MEMORY);
    CMAW_JSON_AUTO(answer);
    CMAW_TRY(cmaw_aws_call(endpoint, "kms", "TrentService.CreateKey", request, &answer, diag));
    if (cmaw_json_text(json_object_get(answer, "KeyMetadata"), "Arn", ret_arn, CMAW_ARN_MAX + 1) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "CreateKey was answered without the key's ARN");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_put_policy(const struct cmaw_aws_endpoint *endpoint, const char *arn, const json_t *policy,
                                  struct cmaw_diag *diag)
{
    json_t *text = NULL;
    CMAW_TRY(policy_text(policy, &text));
    CMAW_JSON_AUTO(request);
    request = json_pack("{s:s, s:s, s:o}", "KeyId", arn, "PolicyName", "default", "Policy", text);
    CMAW_REQUIRE(request != NULL, CMAW_E_NO_MEMORY);
    CMAW_JSON_AUTO(answer);
    return cmaw_aws_call(endpoint, "kms", "TrentService.PutKeyPolicy", request, &answer, diag);
}
