#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "dev/sql.h"

enum { ALIASES_PER_KEY = 50, LIST_MAX = 100, LIST_DEFAULT = 50 };

static enum cmaw_err read_alias(struct cmaw_kms_call *call, const char **ret_name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/_-";
    const char *name = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "AliasName", 1, CMAW_KMS_ALIAS_MAX, true, &name));
    CMAW_REQUIRE(name[strspn(name, allowed)] == '\0',
                 cmaw_kms_invalid(call, "AliasName", name, "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"));
    CMAW_REQUIRE(strncmp(name, "alias/", 6) == 0 && name[6] != '\0',
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "Alias must start with the prefix \"alias/\". Please see "
                                "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"));
    CMAW_REQUIRE(strncmp(name, "alias/aws/", 10) != 0, cmaw_fault_set(&call->fault, CMAW_FAULT_NOT_AUTHORIZED));
    CMAW_REQUIRE(strchr(name, ':') == NULL, cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                                           "%s contains invalid characters for an alias", name));
    *ret_name = name;
    return CMAW_OK;
}

static const char *alias_of(const struct cmaw_kms_call *call)
{
    return json_string_value(json_object_get(call->request, "AliasName"));
}

static void alias_arn(const struct cmaw_kms_call *call, const char *name, char ret_arn[static CMAW_KMS_OTHER_ARN_MAX])
{
    (void)snprintf(ret_arn, CMAW_KMS_OTHER_ARN_MAX, "arn:aws:kms:%s:%s:%s", call->kms->region, call->kms->account, name);
}

static enum cmaw_err check_alias(struct cmaw_kms_call *call)
{
    const char *name = NULL;
    return read_alias(call, &name);
}

static enum cmaw_err check_target(struct cmaw_kms_call *call)
{
    CMAW_TRY(check_alias(call));
    return cmaw_kms_arg_key(call, "TargetKeyId", true, &call->key_id);
}

/* Every change of an alias needs the permission twice: on the alias, by identity policy, and on each key concerned. */
static enum cmaw_err authorise_alias(struct cmaw_kms_call *call)
{
    char action[32];
    alias_arn(call, alias_of(call), call->other_arn);
    (void)snprintf(action, sizeof action, "kms:%s", call->operation);
    return cmaw_kms_authorise_arn(call, action, call->other_arn);
}

/* The key that the alias stands for, opened under the call's own operation. */
static enum cmaw_err open_present_key(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key)
{
    char id[CMAW_UUID_SIZE + 1];
    const char *target = call->key_id;
    CMAW_TRY(cmaw_kms_alias_find(call, alias_of(call), id));
    call->key_id = id;
    const enum cmaw_err err = cmaw_kms_open_key(call, ret_key);
    call->key_id = target;
    return err;
}

static enum cmaw_err require_room(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT count(*) FROM kms_alias WHERE key_id = ?", "t", key->id));
    CMAW_TRY(cmaw_sql_next(rows));
    CMAW_REQUIRE(cmaw_sql_i64(rows, 0) < ALIASES_PER_KEY,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_LIMIT_EXCEEDED, "A key cannot have more than %d aliases.", ALIASES_PER_KEY));
    return CMAW_OK;
}

static enum cmaw_err require_free(struct cmaw_kms_call *call, const char *name)
{
    char id[CMAW_UUID_SIZE + 1];
    const enum cmaw_err err = cmaw_kms_alias_find(call, name, id);
    if (err == CMAW_OK) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_ALREADY_EXISTS, "An alias with the name %s already exists", call->other_arn);
    }
    CMAW_REQUIRE(call->fault.type == CMAW_FAULT_NOT_FOUND, err);
    call->fault = (struct cmaw_fault){0};
    return CMAW_OK;
}

static enum cmaw_err create_alias(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(authorise_alias(call));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    CMAW_TRY(require_free(call, alias_of(call)));
    CMAW_TRY(require_room(call, &key));
    /* a row may be there still, of a key that is gone */
    return cmaw_sql_run(call->db, "INSERT OR REPLACE INTO kms_alias (name, key_id, created_ms, updated_ms) VALUES (?, ?, ?, ?)",
                        "ttii", alias_of(call), key.id, call->now_ms, call->now_ms);
}

static enum cmaw_err update_alias(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(before);
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(authorise_alias(call));
    CMAW_TRY(open_present_key(call, &before));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    CMAW_REQUIRE((before.spec == NULL) == (key.spec == NULL),
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                "The new target of an alias must have the type and the key usage of the present one."));
    if (strcmp(before.id, key.id) != 0) {
        CMAW_TRY(require_room(call, &key));
    }
    return cmaw_sql_run(call->db, "UPDATE kms_alias SET key_id = ?, updated_ms = ? WHERE name = ?", "tit", key.id,
                        call->now_ms, alias_of(call));
}

static enum cmaw_err delete_alias(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(authorise_alias(call));
    CMAW_TRY(open_present_key(call, &key));
    return cmaw_sql_run(call->db, "DELETE FROM kms_alias WHERE name = ?", "t", alias_of(call));
}

static enum cmaw_err check_list(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_TRY(cmaw_kms_arg_key(call, "KeyId", false, &call->key_id));
    return cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page);
}

static json_t *list_item(struct cmaw_kms_call *call, struct sqlite3_stmt *rows)
{
    char arn[CMAW_KMS_OTHER_ARN_MAX];
    alias_arn(call, cmaw_sql_text(rows, 0), arn);
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "AliasName", cmaw_sql_text(rows, 0), "AliasArn", arn, "TargetKeyId",
                     cmaw_sql_text(rows, 1), "CreationDate", cmaw_kms_seconds(cmaw_sql_i64(rows, 2)), "LastUpdatedDate",
                     cmaw_kms_seconds(cmaw_sql_i64(rows, 3)));
}

static enum cmaw_err list_aliases(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_KMS_KEY_AUTO(key);
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ListAliases", NULL, NULL));
    if (call->key_id != NULL) {
        CMAW_TRY(cmaw_kms_key_load(call, call->key_id, &key));
    }
    CMAW_TRY(cmaw_sql_query(call->db, &rows,
                            "SELECT name, key_id, kms_alias.created_ms, updated_ms FROM kms_alias JOIN kms_key ON id = key_id"
                            " WHERE name > ? AND (deletion_ms = 0 OR deletion_ms > ?) AND (? = '' OR key_id = ?)"
                            " ORDER BY name LIMIT ?", "titti", page.marker, call->now_ms, key.id, key.id, page.limit + 1));
    return cmaw_kms_answer_page(call, "Aliases", &page, rows, list_item);
}

const struct cmaw_kms_operation cmaw_kms_alias_operations[] = {
    {"CreateAlias", check_target, create_alias, false, false, "AliasName TargetKeyId"},
    {"UpdateAlias", check_target, update_alias, false, false, "AliasName TargetKeyId"},
    {"DeleteAlias", check_alias, delete_alias, false, false, "AliasName"},
    {"ListAliases", check_list, list_aliases, false, true, "KeyId Limit Marker"},
    {NULL},
};
