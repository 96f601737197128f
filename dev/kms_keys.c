#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "dev/policy.h"
#include "dev/sql.h"
#include "lib/base/text.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 100, DESCRIPTION_MAX = 8192, DAY_MS = 86400000, MARKER_MAX = 320 };

static json_t *seconds(int64_t ms)
{
    return json_real((double)ms / 1000);
}

static json_t *metadata(const struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    char material[2 * CMAW_KMS_MATERIAL_SIZE + 1] = "";
    CMAW_IGNORE(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(key->material_id), material, sizeof material)); /* it fits */
    json_t *data = json_pack("{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:b, s:s}",
                             "AWSAccountId", call->kms->account, "KeyId", key->id, "Arn", key->arn, "CreationDate",
                             seconds(key->created_ms), "Enabled", strcmp(key->state, "Enabled") == 0, "Description",
                             key->description, "KeyUsage", "ENCRYPT_DECRYPT", "KeyState", key->state, "Origin",
                             "AWS_KMS", "KeyManager", "CUSTOMER", "CustomerMasterKeySpec", "SYMMETRIC_DEFAULT",
                             "KeySpec", "SYMMETRIC_DEFAULT", "EncryptionAlgorithms", "SYMMETRIC_DEFAULT", "MultiRegion",
                             0, "CurrentKeyMaterialId", material);
    if (key->deletion_ms != 0) {
        (void)json_object_set_new(data, "DeletionDate", seconds(key->deletion_ms));
    }
    return data;
}

static enum cmaw_err answer(struct cmaw_kms_call *call, const char *member, json_t *value)
{
    return json_object_set_new(call->response, member, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err check_key(struct cmaw_kms_call *call)
{
    return cmaw_kms_arg_key(call, "KeyId", true, &call->key_id);
}

/* Only what the emulator makes is accepted: one symmetric key of one region. */
static enum cmaw_err check_create(struct cmaw_kms_call *call)
{
    static const char *const specs[] = {"SYMMETRIC_DEFAULT", NULL};
    static const char *const usages[] = {"ENCRYPT_DECRYPT", NULL};
    static const char *const origins[] = {"AWS_KMS", NULL};
    const char *ignored = NULL;
    bool multi_region = false;
    CMAW_TRY(cmaw_kms_arg_choice(call, "KeySpec", specs, &ignored));
    CMAW_TRY(cmaw_kms_arg_choice(call, "CustomerMasterKeySpec", specs, &ignored));
    CMAW_TRY(cmaw_kms_arg_choice(call, "KeyUsage", usages, &ignored));
    CMAW_TRY(cmaw_kms_arg_choice(call, "Origin", origins, &ignored));
    CMAW_TRY(cmaw_kms_arg_text(call, "Description", 0, DESCRIPTION_MAX, false, &ignored));
    CMAW_TRY(cmaw_kms_arg_text(call, "Policy", 1, CMAW_POLICY_SIZE_MAX, false, &ignored));
    CMAW_TRY(cmaw_kms_arg_flag(call, "MultiRegion", &multi_region));
    return multi_region ? cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED) : CMAW_OK;
}

static enum cmaw_err create_key(struct cmaw_kms_call *call)
{
    CMAW_BUF_AUTO(standard, 1024);
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_authorise(call, "kms:CreateKey", NULL, NULL));
    CMAW_TRY(cmaw_kms_policy_default(call->kms, &standard));
    const char *policy = json_string_value(json_object_get(call->request, "Policy"));
    const char *description = json_string_value(json_object_get(call->request, "Description"));
    if (policy != NULL) {
        CMAW_TRY(cmaw_kms_policy_check(call, policy));
    }
    CMAW_TRY(cmaw_kms_key_insert(call, description == NULL ? "" : description,
                                 policy == NULL ? (const char *)standard.data : policy, &key));
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", key.arn);
    return answer(call, "KeyMetadata", metadata(call, &key));
}

static enum cmaw_err describe_key(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    return answer(call, "KeyMetadata", metadata(call, &key));
}

static enum cmaw_err set_state(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *state,
                               int64_t deletion_ms)
{
    return cmaw_sql_run(call->db, "UPDATE kms_key SET state = ?, deletion_ms = ? WHERE id = ?", "tit", state, deletion_ms,
                        key->id);
}

static enum cmaw_err require_kept(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    return key->deletion_ms == 0 ? CMAW_OK : cmaw_kms_require_enabled(call, key);
}

static enum cmaw_err switch_key(struct cmaw_kms_call *call, const char *state)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(require_kept(call, &key));
    return set_state(call, &key, state, 0);
}

static enum cmaw_err enable_key(struct cmaw_kms_call *call)
{
    return switch_key(call, "Enabled");
}

static enum cmaw_err disable_key(struct cmaw_kms_call *call)
{
    return switch_key(call, "Disabled");
}

static enum cmaw_err check_deletion(struct cmaw_kms_call *call)
{
    int64_t days = 0;
    CMAW_TRY(check_key(call));
    return cmaw_kms_arg_number(call, "PendingWindowInDays", 7, 30, false, &days);
}

static enum cmaw_err schedule_deletion(struct cmaw_kms_call *call)
{
    int64_t days = 30;
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_arg_number(call, "PendingWindowInDays", 7, 30, false, &days));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(require_kept(call, &key));
    const int64_t deletion_ms = call->now_ms + days * DAY_MS;
    CMAW_TRY(set_state(call, &key, "PendingDeletion", deletion_ms));
    CMAW_TRY(answer(call, "KeyId", json_string(key.arn)));
    CMAW_TRY(answer(call, "DeletionDate", seconds(deletion_ms)));
    CMAW_TRY(answer(call, "KeyState", json_string("PendingDeletion")));
    return answer(call, "PendingWindowInDays", json_integer(days));
}

static enum cmaw_err cancel_deletion(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_REQUIRE(key.deletion_ms != 0, cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_STATE,
                                                      "%s is not pending deletion.", key.arn));
    CMAW_TRY(set_state(call, &key, "Disabled", 0));
    return answer(call, "KeyId", json_string(key.arn));
}

static enum cmaw_err check_list(struct cmaw_kms_call *call)
{
    int64_t limit = 0;
    const char *marker = NULL;
    CMAW_TRY(cmaw_kms_arg_number(call, "Limit", 1, LIST_MAX, false, &limit));
    return cmaw_kms_arg_text(call, "Marker", 1, MARKER_MAX, false, &marker);
}

static enum cmaw_err put_page(struct cmaw_kms_call *call, struct sqlite3_stmt *rows, int64_t limit)
{
    json_t *keys = json_array();
    bool more = false;
    char arn[CMAW_KMS_ARN_MAX], last[CMAW_UUID_SIZE + 1] = "";
    CMAW_TRY(answer(call, "Keys", keys));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        more = (int64_t)json_array_size(keys) == limit;
        if (more) {
            break;
        }
        CMAW_TRY(cmaw_sql_copy(rows, 0, last, sizeof last));
        (void)snprintf(arn, sizeof arn, "arn:aws:kms:%s:%s:key/%s", call->kms->region, call->kms->account, last);
        (void)json_array_append_new(keys, json_pack("{s:s, s:s}", "KeyId", last, "KeyArn", arn));
    }
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    CMAW_TRY(answer(call, "Truncated", json_boolean(more)));
    return more ? answer(call, "NextMarker", json_string(last)) : CMAW_OK;
}

static enum cmaw_err list_keys(struct cmaw_kms_call *call)
{
    int64_t limit = LIST_DEFAULT;
    const char *marker = NULL;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_kms_arg_number(call, "Limit", 1, LIST_MAX, false, &limit));
    CMAW_TRY(cmaw_kms_arg_text(call, "Marker", 1, MARKER_MAX, false, &marker));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ListKeys", NULL, NULL));
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT id FROM kms_key WHERE id > ? AND (deletion_ms = 0 OR deletion_ms > ?)"
                                             " ORDER BY id LIMIT ?", "tii", marker == NULL ? "" : marker, call->now_ms,
                            limit + 1));
    return put_page(call, rows, limit);
}

const struct cmaw_kms_operation cmaw_kms_key_operations[] = {
    {"CreateKey", check_create, create_key, false, false,
     "Policy Description KeySpec KeyUsage Origin MultiRegion BypassPolicyLockoutSafetyCheck"},
    {"DescribeKey", check_key, describe_key, false, true, "KeyId"},
    {"EnableKey", check_key, enable_key, false, false, "KeyId"},
    {"DisableKey", check_key, disable_key, false, false, "KeyId"},
    {"ScheduleKeyDeletion", check_deletion, schedule_deletion, false, false, "KeyId PendingWindowInDays"},
    {"CancelKeyDeletion", check_key, cancel_deletion, false, false, "KeyId"},
    {"ListKeys", check_list, list_keys, false, true, NULL},
    {NULL},
};
