#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "dev/sql.h"

enum { LIST_MAX = 1000, LIST_DEFAULT = 100, DAY_MS = 86400000 };

static enum cmaw_err set_state(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *state,
                               int64_t deletion_ms)
{
    return cmaw_sql_run(call->db, "UPDATE kms_key SET state = ?, deletion_ms = ? WHERE id = ?", "tit", state, deletion_ms,
                        key->id);
}

static enum cmaw_err switch_key(struct cmaw_kms_call *call, const char *state)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
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
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_arg_number(call, "PendingWindowInDays", 7, 30, false, &days);
}

static enum cmaw_err schedule_deletion(struct cmaw_kms_call *call)
{
    int64_t days = 30;
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_arg_number(call, "PendingWindowInDays", 7, 30, false, &days));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    const int64_t deletion_ms = call->now_ms + days * DAY_MS;
    CMAW_TRY(set_state(call, &key, "PendingDeletion", deletion_ms));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    CMAW_TRY(cmaw_kms_answer(call, "DeletionDate", cmaw_kms_seconds(deletion_ms)));
    CMAW_TRY(cmaw_kms_answer(call, "KeyState", json_string("PendingDeletion")));
    return cmaw_kms_answer(call, "PendingWindowInDays", json_integer(days));
}

static enum cmaw_err cancel_deletion(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_REQUIRE(key.deletion_ms != 0, cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_STATE,
                                                      "%s is not pending deletion.", key.arn));
    CMAW_TRY(set_state(call, &key, "Disabled", 0));
    return cmaw_kms_answer(call, "KeyId", json_string(key.arn));
}

static enum cmaw_err check_description(struct cmaw_kms_call *call)
{
    const char *description = NULL;
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_arg_text(call, "Description", 0, CMAW_KMS_DESCRIPTION_MAX, true, &description);
}

static enum cmaw_err update_description(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    return cmaw_sql_run(call->db, "UPDATE kms_key SET description = ? WHERE id = ?", "tt",
                        json_string_value(json_object_get(call->request, "Description")), key.id);
}

/* Keys are not rotated here, and that is what the answer says. */
static enum cmaw_err rotation_status(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    CMAW_REQUIRE(key.spec == NULL, cmaw_fault_say(&call->fault, CMAW_FAULT_UNSUPPORTED, "%s", ""));
    CMAW_TRY(cmaw_kms_answer(call, "KeyId", json_string(key.arn)));
    return cmaw_kms_answer(call, "KeyRotationEnabled", json_false());
}

static enum cmaw_err check_list(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    return cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page);
}

static json_t *list_item(struct cmaw_kms_call *call, struct sqlite3_stmt *rows)
{
    char arn[CMAW_KMS_ARN_MAX];
    (void)snprintf(arn, sizeof arn, "arn:aws:kms:%s:%s:key/%s", call->kms->region, call->kms->account, cmaw_sql_text(rows, 0));
    return json_pack("{s:s, s:s}", "KeyId", cmaw_sql_text(rows, 0), "KeyArn", arn);
}

static enum cmaw_err list_keys(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ListKeys", NULL, NULL));
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT id FROM kms_key WHERE id > ? AND (deletion_ms = 0 OR deletion_ms > ?)"
                                             " ORDER BY id LIMIT ?", "tii", page.marker, call->now_ms, page.limit + 1));
    return cmaw_kms_answer_page(call, "Keys", &page, rows, list_item);
}

const struct cmaw_kms_operation cmaw_kms_key_operations[] = {
    {"EnableKey", cmaw_kms_check_key, enable_key, false, false, "KeyId"},
    {"DisableKey", cmaw_kms_check_key, disable_key, false, false, "KeyId"},
    {"ScheduleKeyDeletion", check_deletion, schedule_deletion, false, false, "KeyId PendingWindowInDays"},
    {"CancelKeyDeletion", cmaw_kms_check_key, cancel_deletion, false, false, "KeyId"},
    {"UpdateKeyDescription", check_description, update_description, false, false, "KeyId Description"},
    {"GetKeyRotationStatus", cmaw_kms_check_key, rotation_status, false, true, "KeyId"},
    {"ListKeys", check_list, list_keys, false, true, NULL},
    {NULL},
};
