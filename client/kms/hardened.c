#include "client/kms/hardened.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/sst/keys.h"

/* The upper bound of context names: the policy names them all and nothing else. */
static const char *const context_names[] = {"sst", "tenant", "role", "manifest"};
enum { CONTEXT_COUNT = sizeof context_names / sizeof context_names[0], PCR_TEXT_SIZE = 2 * CMAW_PCR_SIZE + 1 };

/* arn:PARTITION:iam::ACCOUNT:role/NAME or user/NAME */
static bool is_role_or_user(const char *arn)
{
    static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_/-";
    char account[13] = "";
    int size = 0;
    if (sscanf(arn, "arn:%*[a-z-]:iam::%12[0-9]:%n", account, &size) != 1 || size == 0 || strlen(account) != 12) {
        return false;
    }
    const char *rest = arn + size;
    return (strncmp(rest, "role/", 5) == 0 || strncmp(rest, "user/", 5) == 0) && rest[5] != '\0' && strspn(rest + 5, name) == strlen(rest + 5);
}

enum cmaw_err cmaw_kms_principals_check(const struct cmaw_kms_principals *principals, struct cmaw_diag *diag)
{
    const char *const all[] = {principals->instance, principals->admin, principals->break_glass};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i] != NULL && !is_role_or_user(all[i])) {
            cmaw_diag_hint(diag, "arn:aws:iam::111122223333:role/NAME or …:user/NAME");
            return cmaw_diag_set(diag, CMAW_E_USAGE, "%.200s is not the ARN of a role or a user", all[i]);
        }
        for (size_t j = 0; j < i; j++) {
            if (all[i] != NULL && all[j] != NULL && strcmp(all[i], all[j]) == 0) {
                cmaw_diag_hint(diag, "the host's role, the administrator and whoever may end the key are three");
                return cmaw_diag_set(diag, CMAW_E_USAGE, "%.200s cannot be two of them", all[i]);
            }
        }
    }
    return CMAW_OK;
}

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

enum { ACTIONS_MAX = 16 };

/* Ends at the first NULL. */
struct actions {
    const char *names[ACTIONS_MAX];
};

/* what an enclave asks for, with its attestation */
static const struct actions attested = {{"kms:Decrypt", "kms:GenerateDataKey"}};
/* What nobody needs here: most of it cannot carry an attestation, and a grant asks for none. */
static const struct actions unneeded = {{"kms:Encrypt", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair*",
                                         "kms:DeriveSharedSecret", "kms:Sign", "kms:GenerateMac", "kms:CreateGrant", "kms:ReplicateKey",
                                         "kms:UpdatePrimaryRegion", "kms:ImportKeyMaterial"}};
static const struct actions looking = {{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"}};
static const struct actions rewriting = {{"kms:PutKeyPolicy"}};
static const struct actions administration = {{"kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant", "kms:EnableKey",
                                               "kms:DisableKey", "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"}};
static const struct actions breaking = {{"kms:DescribeKey", "kms:DisableKey", "kms:ScheduleKeyDeletion"}};

static enum cmaw_err set_actions(json_t *statement, const struct actions *actions)
{
    json_t *list = json_array();
    CMAW_TRY(cmaw_json_set(statement, "Action", list));
    for (size_t i = 0; i < ACTIONS_MAX && actions->names[i] != NULL; i++) {
        CMAW_TRY(cmaw_json_append(list, json_string(actions->names[i])));
    }
    return CMAW_OK;
}

struct text_of_statement {
    const char *sid;
    const char *effect;
    const char *principal; /* NULL: everyone */
    const struct actions *actions;
};

/* Takes condition over, also on failure; NULL: none. */
static enum cmaw_err add(json_t *list, const struct text_of_statement *text, json_t *condition)
{
    CMAW_JSON_AUTO(kept);
    kept = condition;
    json_t *statement = json_object();
    CMAW_TRY(cmaw_json_append(list, statement));
    CMAW_TRY(cmaw_json_set_text(statement, "Sid", text->sid));
    CMAW_TRY(cmaw_json_set_text(statement, "Effect", text->effect));
    json_t *who = text->principal == NULL ? json_string("*") : json_pack("{s:s}", "AWS", text->principal);
    CMAW_TRY(cmaw_json_set(statement, "Principal", who));
    CMAW_TRY(set_actions(statement, text->actions));
    CMAW_TRY(cmaw_json_set_text(statement, "Resource", "*"));
    return kept == NULL ? CMAW_OK : cmaw_json_set(statement, "Condition", json_incref(kept));
}

static enum cmaw_err add_attested_use(const struct cmaw_manifest *manifest, const struct cmaw_role *role, const char *instance,
                                      const char *lock, json_t *list)
{
    json_t *values = NULL;
    CMAW_TRY(context_values(manifest, role, &values));
    json_t *condition = json_pack("{s:{s:o, s:s}, s:o, s:{s:[s,s,s,s]}}", "StringEqualsIgnoreCase", "kms:RecipientAttestation:PCR0",
                                  pcr0_list(role), "kms:RecipientAttestation:PCR16", lock, "StringEquals", values,
                                  "ForAllValues:StringEquals", "kms:EncryptionContextKeys", context_names[0], context_names[1],
                                  context_names[2], context_names[3]);
    CMAW_REQUIRE(condition != NULL, CMAW_E_NO_MEMORY);
    return add(list, &(struct text_of_statement){"AttestedUse", "Allow", instance, &attested}, condition);
}

/* Negated operators are true of a call without attestation, so this denies those too. One register in each statement: two in one
 * would deny only where both differ. */
static enum cmaw_err add_denies(const struct cmaw_role *role, const char *lock, json_t *list)
{
    json_t *image = json_pack("{s:{s:o}}", "StringNotEqualsIgnoreCase", "kms:RecipientAttestation:PCR0", pcr0_list(role));
    CMAW_REQUIRE(image != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(add(list, &(struct text_of_statement){"NoUseWithoutImage", "Deny", NULL, &attested}, image));
    json_t *in_role = json_pack("{s:{s:s}}", "StringNotEqualsIgnoreCase", "kms:RecipientAttestation:PCR16", lock);
    CMAW_REQUIRE(in_role != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(add(list, &(struct text_of_statement){"NoUseWithoutRole", "Deny", NULL, &attested}, in_role));
    return add(list, &(struct text_of_statement){"NoOtherUse", "Deny", NULL, &unneeded}, NULL);
}

static enum cmaw_err add_people(const struct cmaw_kms_principals *principals, json_t *list)
{
    CMAW_TRY(add(list, &(struct text_of_statement){"Look", "Allow", principals->instance, &looking}, NULL));
    if (principals->admin != NULL) {
        CMAW_TRY(add(list, &(struct text_of_statement){"Admin", "Allow", principals->admin, &administration}, NULL));
    }
    if (principals->admin != NULL && !principals->immutable) {
        CMAW_TRY(add(list, &(struct text_of_statement){"Rewrite", "Allow", principals->admin, &rewriting}, NULL));
    }
    if (principals->break_glass != NULL) {
        CMAW_TRY(add(list, &(struct text_of_statement){"BreakGlass", "Allow", principals->break_glass, &breaking}, NULL));
    }
    return !principals->immutable ? CMAW_OK : add(list, &(struct text_of_statement){"NoRewrite", "Deny", NULL, &rewriting}, NULL);
}

enum cmaw_err cmaw_kms_role_policy(const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                                   const struct cmaw_kms_principals *principals, json_t **ret_policy)
{
    char lock[PCR_TEXT_SIZE];
    CMAW_TRY(lock_text(manifest, role, lock));
    CMAW_JSON_AUTO(policy);
    policy = json_pack("{s:s, s:[]}", "Version", "2012-10-17", "Statement");
    CMAW_REQUIRE(policy != NULL, CMAW_E_NO_MEMORY);
    json_t *list = json_object_get(policy, "Statement");
    CMAW_TRY(add_attested_use(manifest, role, principals->instance, lock, list));
    CMAW_TRY(add_denies(role, lock, list));
    CMAW_TRY(add_people(principals, list));
    *ret_policy = policy;
    policy = NULL;
    return CMAW_OK;
}
