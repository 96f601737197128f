/* By which names a request may call a key. */
#include <stdio.h>
#include <string.h>

#include "dev/kms.h"
#include "dev/sql.h"

static enum cmaw_err no_such_alias(struct cmaw_kms_call *call, const char *name)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Alias arn:aws:kms:%s:%s:%.256s is not found.",
                          call->kms->region, call->kms->account, name);
}

enum cmaw_err cmaw_kms_alias_find(struct cmaw_kms_call *call, const char *name, char ret_id[static CMAW_UUID_SIZE + 1])
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows,
                            "SELECT key_id FROM kms_alias JOIN kms_key ON id = key_id WHERE name = ?"
                            " AND (deletion_ms = 0 OR deletion_ms > ?)", "ti", name, call->now_ms));
    const enum cmaw_err err = cmaw_sql_next(rows);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, no_such_alias(call, name));
    CMAW_TRY(err);
    return cmaw_sql_copy(rows, 0, ret_id, CMAW_UUID_SIZE + 1);
}

static bool is_key_id(const char *text)
{
    return strlen(text) == CMAW_UUID_SIZE && strspn(text, "0123456789abcdef-") == CMAW_UUID_SIZE;
}

/* Of multi-region keys, of which there are none. */
static bool is_multi_region_id(const char *text)
{
    return strncmp(text, "mrk-", 4) == 0 && strlen(text) == 36 && strspn(text + 4, "0123456789abcdef") == 32;
}

static enum cmaw_err no_such_id(struct cmaw_kms_call *call, const char *key_id)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Invalid keyId '%.256s'", key_id);
}

/* Operations on the key itself do not go by an alias, which could be moved to another key between two of them. */
static enum cmaw_err by_alias(struct cmaw_kms_call *call, const char *name, char ret_id[static CMAW_UUID_SIZE + 1])
{
    CMAW_REQUIRE(call->naming != CMAW_KMS_NAMED_BY_KEY, no_such_id(call, name));
    CMAW_TRY(cmaw_kms_alias_find(call, name, ret_id));
    (void)snprintf(call->alias, sizeof call->alias, "%s", name);
    return CMAW_OK;
}

static enum cmaw_err by_id(struct cmaw_kms_call *call, const char *id, const char *sent, char ret_id[static CMAW_UUID_SIZE + 1])
{
    CMAW_REQUIRE(is_key_id(id) || is_multi_region_id(id), no_such_id(call, sent));
    (void)snprintf(ret_id, CMAW_UUID_SIZE + 1, "%s", id);
    return CMAW_OK;
}

/* arn:PARTITION:kms:REGION:ACCOUNT:key/ID or …:alias/NAME. */
static enum cmaw_err by_arn(struct cmaw_kms_call *call, const char *arn, char ret_id[static CMAW_UUID_SIZE + 1])
{
    char partition[32], region[32], account[32], prefix[128];
    int used = 0;
    if (sscanf(arn, "arn:%31[^:]:kms:%31[^:]:%31[^:]:%n", partition, region, account, &used) != 3 || used == 0) {
        return cmaw_fault_say(&call->fault, call->naming == CMAW_KMS_NAMED_IN_CRYPTO ? CMAW_FAULT_NOT_FOUND : CMAW_FAULT_INVALID_ARN,
                              "Invalid arn %.256s", arn);
    }
    if (strcmp(region, call->kms->region) != 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Invalid arn %s", region);
    }
    (void)snprintf(prefix, sizeof prefix, "arn:aws:kms:%s:%s:", call->kms->region, call->kms->account);
    const char *rest = arn + used;
    const bool ours = strncmp(arn, prefix, strlen(prefix)) == 0;
    if (ours && strncmp(rest, "alias/", 6) == 0) {
        return by_alias(call, rest, ret_id);
    }
    if (!ours || strncmp(rest, "key/", 4) != 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Key '%.256s' does not exist", arn);
    }
    return by_id(call, rest + 4, arn, ret_id);
}

enum cmaw_err cmaw_kms_resolve(struct cmaw_kms_call *call, const char *key_id, char ret_id[static CMAW_UUID_SIZE + 1])
{
    call->alias[0] = '\0';
    if (strncmp(key_id, "arn:", 4) == 0) {
        return by_arn(call, key_id, ret_id);
    }
    return strncmp(key_id, "alias/", 6) == 0 ? by_alias(call, key_id, ret_id) : by_id(call, key_id, key_id, ret_id);
}
