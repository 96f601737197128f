#include "dev/kms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/uuid.h"
#include "lib/crypto/random.h"

#define COLUMNS "SELECT id, material_id, material, state, description, policy, created_ms, deletion_ms FROM kms_key"

void cmaw_kms_key_free(struct cmaw_kms_key *key)
{
    cmaw_secret_release(&key->material);
    free(key->description);
    free(key->policy);
    *key = (struct cmaw_kms_key){0};
}

static void set_arn(const struct cmaw_kms *kms, struct cmaw_kms_key *key)
{
    (void)snprintf(key->arn, sizeof key->arn, "arn:aws:kms:%s:%s:key/%s", kms->region, kms->account, key->id);
}

static char *copy_text(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = calloc(1, size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

static enum cmaw_err load_row(struct sqlite3_stmt *rows, const struct cmaw_kms *kms, int64_t now_ms,
                              struct cmaw_kms_key *ret_key)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_sql_next(rows));
    CMAW_TRY(cmaw_sql_copy(rows, 0, key.id, sizeof key.id));
    const struct cmaw_slice material_id = cmaw_sql_blob(rows, 1);
    CMAW_REQUIRE(material_id.size == sizeof key.material_id, CMAW_E_MALFORMED);
    memcpy(key.material_id, material_id.data, sizeof key.material_id);
    CMAW_TRY(cmaw_secret_copy(cmaw_sql_blob(rows, 2), &key.material));
    CMAW_TRY(cmaw_sql_copy(rows, 3, key.state, sizeof key.state));
    key.description = copy_text(cmaw_sql_text(rows, 4));
    key.policy = copy_text(cmaw_sql_text(rows, 5));
    CMAW_REQUIRE(key.description != NULL && key.policy != NULL, CMAW_E_NO_MEMORY);
    key.created_ms = cmaw_sql_i64(rows, 6);
    key.deletion_ms = cmaw_sql_i64(rows, 7);
    /* a key past its waiting period is gone */
    CMAW_REQUIRE(key.deletion_ms == 0 || key.deletion_ms > now_ms, CMAW_E_NOT_FOUND);
    set_arn(kms, &key);
    *ret_key = key;
    key = (struct cmaw_kms_key){0};
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_key_insert(struct cmaw_kms_call *call, const char *description, const char *policy,
                                  struct cmaw_kms_key *ret_key)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_uuid_new(key.id));
    CMAW_TRY(cmaw_random(key.material_id, sizeof key.material_id));
    CMAW_TRY(cmaw_random_secret(CMAW_KMS_MATERIAL_SIZE, &key.material));
    CMAW_TRY(cmaw_sql_run(call->db, "INSERT INTO kms_key VALUES (?, ?, ?, 'Enabled', ?, ?, ?, 0)", "tbbtti", key.id,
                          CMAW_SLICE_ARRAY(key.material_id), cmaw_secret_slice(&key.material), description, policy,
                          call->now_ms));
    return cmaw_kms_key_load(call, key.id, ret_key);
}

static enum cmaw_err no_such_key(struct cmaw_kms_call *call, const char *id)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Key 'arn:aws:kms:%s:%s:key/%.64s' does not exist",
                          call->kms->region, call->kms->account, id);
}

/* The bare id of an id or ARN of this account and region. */
static enum cmaw_err bare_id(struct cmaw_kms_call *call, const char *key_id, const char **ret_id)
{
    char region[32], prefix[96];
    const char *id = key_id;
    if (strncmp(key_id, "alias/", 6) == 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Alias arn:aws:kms:%s:%s:%.256s is not found.",
                              call->kms->region, call->kms->account, key_id);
    }
    if (strncmp(key_id, "arn:", 4) == 0) {
        (void)snprintf(prefix, sizeof prefix, "arn:aws:kms:%s:%s:key/", call->kms->region, call->kms->account);
        if (sscanf(key_id, "arn:aws:kms:%31[^:]:", region) == 1 && strcmp(region, call->kms->region) != 0) {
            return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Invalid arn %s", region);
        }
        if (strncmp(key_id, prefix, strlen(prefix)) != 0) {
            return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Key '%.256s' does not exist", key_id);
        }
        id = key_id + strlen(prefix);
    }
    if (strlen(id) != CMAW_UUID_SIZE || strspn(id, "0123456789abcdef-") != CMAW_UUID_SIZE) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Invalid keyId '%.256s'", key_id);
    }
    *ret_id = id;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_key_load(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key)
{
    const char *id = NULL;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(bare_id(call, key_id, &id));
    CMAW_TRY(cmaw_sql_query(call->db, &rows, COLUMNS " WHERE id = ?", "t", id));
    const enum cmaw_err err = load_row(rows, call->kms, call->now_ms, ret_key);
    return err == CMAW_E_NOT_FOUND ? no_such_key(call, id) : err;
}

enum cmaw_err cmaw_kms_key_load_material(struct cmaw_kms_call *call, struct cmaw_slice material_id,
                                         struct cmaw_kms_key *ret_key)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, COLUMNS " WHERE material_id = ?", "b", material_id));
    return load_row(rows, call->kms, call->now_ms, ret_key);
}
