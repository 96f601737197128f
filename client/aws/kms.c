#include "client/aws/kms.h"

#include <string.h>

enum { PAGES_MAX = 10000 };

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

static enum cmaw_err visit_page(const json_t *answer, enum cmaw_err (*visit)(void *context, const json_t *event), void *context,
                                struct cmaw_diag *diag)
{
    size_t index;
    json_t *entry;
    json_array_foreach(json_object_get(answer, "Events"), index, entry) {
        const json_t *text = json_object_get(entry, "CloudTrailEvent");
        CMAW_JSON_AUTO(event);
        if (!json_is_string(text)) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "an event of CloudTrail has no CloudTrailEvent");
        }
        CMAW_TRY(cmaw_json_parse("CloudTrailEvent", cmaw_slice_of(json_string_value(text), json_string_length(text)), &event, diag));
        CMAW_TRY(visit(context, event));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_trail_each(const struct cmaw_aws_endpoint *endpoint, const char *resource,
                              enum cmaw_err (*visit)(void *context, const json_t *event), void *context, struct cmaw_diag *diag)
{
    CMAW_JSON_AUTO(request);
    request = json_pack("{s:[{s:s, s:s}], s:i}", "LookupAttributes", "AttributeKey", "ResourceName", "AttributeValue", resource,
                        "MaxResults", 50);
    CMAW_REQUIRE(request != NULL, CMAW_E_NO_MEMORY);
    for (size_t page = 0; page < PAGES_MAX; page++) {
        CMAW_JSON_AUTO(answer);
        CMAW_TRY(cmaw_aws_call(endpoint, "cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", request,
                               &answer, diag));
        CMAW_TRY(visit_page(answer, visit, context, diag));
        json_t *next = json_object_get(answer, "NextToken");
        if (next == NULL || json_is_null(next)) {
            return CMAW_OK;
        }
        CMAW_REQUIRE(json_object_set(request, "NextToken", next) == 0, CMAW_E_NO_MEMORY);
    }
    return cmaw_diag_set(diag, CMAW_E_PEER, "CloudTrail's list of events does not end");
}
