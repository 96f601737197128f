#include "dev/kms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/uuid.h"
#include "lib/crypto/random.h"

#define COLUMNS "SELECT id, material_id, material, state, description, policy, created_ms, deletion_ms, spec" \
                " FROM kms_key LEFT JOIN kms_pair ON key_id = id"

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
    key.spec = cmaw_kms_spec_find(cmaw_sql_text(rows, 8));
    if (key.spec == NULL) {
        CMAW_TRY(cmaw_secret_copy(cmaw_sql_blob(rows, 2), &key.material));
    }
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
                                  const struct cmaw_kms_spec *spec, struct cmaw_kms_key *ret_key)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_uuid_new(key.id));
    CMAW_TRY(cmaw_random(key.material_id, sizeof key.material_id));
    if (spec == NULL) {
        CMAW_TRY(cmaw_random_secret(CMAW_KMS_MATERIAL_SIZE, &key.material));
    }
    CMAW_TRY(cmaw_sql_run(call->db, "INSERT INTO kms_key (id, material_id, material, state, description, policy, created_ms, deletion_ms)"
                                    " VALUES (?, ?, ?, 'Enabled', ?, ?, ?, 0)", "tbbtti", key.id,
                          CMAW_SLICE_ARRAY(key.material_id), cmaw_secret_slice(&key.material), description, policy,
                          call->now_ms));
    if (spec != NULL) {
        CMAW_TRY(cmaw_sql_run(call->db, "INSERT INTO kms_pair (key_id, spec, private, public) VALUES (?, ?, ?, ?)", "ttbb",
                              key.id, spec->name, cmaw_buf_slice(&call->private_der), cmaw_buf_slice(&call->public_der)));
    }
    return cmaw_kms_key_load(call, key.id, ret_key);
}

static enum cmaw_err no_such_key(struct cmaw_kms_call *call, const char *id)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Key 'arn:aws:kms:%s:%s:key/%.64s' does not exist",
                          call->kms->region, call->kms->account, id);
}

enum cmaw_err cmaw_kms_key_load(struct cmaw_kms_call *call, const char *key_id, struct cmaw_kms_key *ret_key)
{
    char id[CMAW_UUID_SIZE + 1];
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_kms_resolve(call, key_id, id));
    CMAW_TRY(cmaw_sql_query(call->db, &rows, COLUMNS " WHERE id = ?", "t", id));
    const enum cmaw_err err = load_row(rows, call->kms, call->now_ms, ret_key);
    return err == CMAW_E_NOT_FOUND ? no_such_key(call, id) : err;
}

enum cmaw_err cmaw_kms_key_load_material(struct cmaw_kms_call *call, struct cmaw_slice material_id,
                                         struct cmaw_kms_key *ret_key)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, COLUMNS " WHERE material_id = ? AND spec IS NULL", "b", material_id));
    return load_row(rows, call->kms, call->now_ms, ret_key);
}

enum cmaw_err cmaw_kms_key_pair(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, struct cmaw_buf *private_der,
                                struct cmaw_buf *public_der)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT private, public FROM kms_pair WHERE key_id = ?", "t", key->id));
    CMAW_TRY(cmaw_sql_next(rows));
    if (private_der != NULL) {
        cmaw_buf_put(private_der, cmaw_sql_blob(rows, 0));
        CMAW_TRY(cmaw_buf_err(private_der));
    }
    if (public_der != NULL) {
        cmaw_buf_put(public_der, cmaw_sql_blob(rows, 1));
        CMAW_TRY(cmaw_buf_err(public_der));
    }
    return CMAW_OK;
}
