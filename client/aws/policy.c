#include <stdio.h>

#include "client/aws/kms.h"
#include "lib/base/text.h"
#include "lib/sst/keys.h"

/* The upper bound of context names: the policy names them all and nothing else. */
static const char *const context_names[] = {"sst", "tenant", "role", "manifest"};
enum { CONTEXT_COUNT = sizeof context_names / sizeof context_names[0], PCR_TEXT_SIZE = 2 * CMAW_PCR_SIZE + 1 };

/* Distinct PCR0 values of the role's measurements, in hex. */
static json_t *pcr0_list(const struct cmaw_role *role)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < role->measurement_count; i++) {
        char text[PCR_TEXT_SIZE];
        if (cmaw_hex_to_cstr(role->measurements[i].pcrs[0], text, sizeof text) != CMAW_OK ||
            json_array_append_new(list, json_string(text)) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static enum cmaw_err lock_text(const struct cmaw_manifest *manifest, const struct cmaw_role *role, char ret_text[static PCR_TEXT_SIZE])
{
    struct cmaw_pcr pcr;
    CMAW_TRY(cmaw_role_lock_pcr(&manifest->mh, role->id, &pcr));
    return cmaw_hex_to_cstr(cmaw_pcr_slice(&pcr), ret_text, PCR_TEXT_SIZE);
}

/* {"kms:EncryptionContext:sst": "1", …}: the values that PROTOCOL.md section 5 gives. */
static enum cmaw_err context_values(const struct cmaw_manifest *manifest, const struct cmaw_role *role, json_t **ret_values)
{
    char tenant[CMAW_NAME_MAX + 1];
    char role_id[16];
    char mh[2 * CMAW_HASH_SIZE + 1];
    CMAW_TRY(cmaw_slice_to_cstr(manifest->tenant, tenant, sizeof tenant));
    (void)snprintf(role_id, sizeof role_id, "%u", role->id);
    CMAW_TRY(cmaw_hex_to_cstr(cmaw_bytes32_slice(&manifest->mh), mh, sizeof mh));
    const char *const values[CONTEXT_COUNT] = {"1", tenant, role_id, mh};
    CMAW_JSON_AUTO(object);
    object = json_object();
    CMAW_REQUIRE(object != NULL, CMAW_E_NO_MEMORY);
    for (size_t i = 0; i < CONTEXT_COUNT; i++) {
        char key[64];
        (void)snprintf(key, sizeof key, "kms:EncryptionContext:%s", context_names[i]);
        CMAW_TRY(cmaw_json_set_text(object, key, values[i]));
    }
    *ret_values = object;
    object = NULL;
    return CMAW_OK;
}

static enum cmaw_err attested_use(const struct cmaw_manifest *manifest, const struct cmaw_role *role, const char *instance,
                                  const char *lock, json_t **ret_statement)
{
    json_t *values = NULL;
    CMAW_TRY(context_values(manifest, role, &values));
    *ret_statement = json_pack(
        "{s:s, s:s, s:{s:s}, s:[s,s], s:s, s:{s:{s:o, s:s}, s:o, s:{s:[s,s,s,s]}}}", "Sid", "AttestedUse", "Effect", "Allow", "Principal", "AWS",
        instance, "Action", "kms:Decrypt", "kms:GenerateDataKey", "Resource", "*", "Condition", "StringEqualsIgnoreCase",
        "kms:RecipientAttestation:PCR0", pcr0_list(role), "kms:RecipientAttestation:PCR16", lock, "StringEquals", values,
        "ForAllValues:StringEquals", "kms:EncryptionContextKeys", context_names[0], context_names[1], context_names[2], context_names[3]);
    return *ret_statement == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
}

static json_t *look(const char *instance)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:[s,s,s], s:s}", "Sid", "Look", "Effect", "Allow", "Principal", "AWS", instance, "Action",
                     "kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "Resource", "*");
}

/* Encrypt, ReEncrypt, CreateGrant and the like carry no attestation, so this denies them to everyone. */
static json_t *deny_without(const char *sid, const char *pcr, json_t *values)
{
    return json_pack("{s:s, s:s, s:s, s:[s,s,s,s,s,s,s], s:s, s:{s:{s:o}}}", "Sid", sid, "Effect", "Deny", "Principal", "*", "Action",
                     "kms:Decrypt", "kms:GenerateDataKey*", "kms:DeriveSharedSecret", "kms:Encrypt", "kms:ReEncrypt*", "kms:CreateGrant",
                     "kms:ReplicateKey", "Resource", "*", "Condition", "StringNotEqualsIgnoreCase", pcr, values);
}

static json_t *admin(const char *principal)
{
    return json_pack("{s:s, s:s, s:{s:s}, s:[s,s,s,s,s,s,s,s,s], s:s}", "Sid", "Admin", "Effect", "Allow", "Principal", "AWS", principal,
                     "Action", "kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:EnableKey",
                     "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion", "Resource", "*");
}

enum cmaw_err cmaw_kms_role_policy(const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                                   const struct cmaw_kms_principals *principals, json_t **ret_policy)
{
    char lock[PCR_TEXT_SIZE];
    CMAW_TRY(lock_text(manifest, role, lock));
    json_t *use = NULL;
    CMAW_TRY(attested_use(manifest, role, principals->instance, lock, &use));
    *ret_policy = json_pack("{s:s, s:[o,o,o,o,o]}", "Version", "2012-10-17", "Statement", use, look(principals->instance),
                            deny_without("NoUseWithoutImage", "kms:RecipientAttestation:PCR0", pcr0_list(role)),
                            deny_without("NoUseWithoutRole", "kms:RecipientAttestation:PCR16", json_string(lock)),
                            admin(principals->admin));
    return *ret_policy == NULL ? CMAW_E_NO_MEMORY : CMAW_OK;
}
