#include "client/store/store_private.h"

static enum cmaw_err move_secrets(struct cmaw_store *store, const struct cmaw_secret *old, struct cmaw_slice run_id, struct cmaw_slice sealed,
                                  struct cmaw_diag *diag)
{
    struct cmaw_bytes32 id;
    CMAW_TRY(cmaw_bytes32_of(run_id, &id));
    CMAW_BUF_AUTO(packed, CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_buf_reserve(&packed, CMAW_STORE_SECRETS_MAX)); /* no copy is left behind by growing */
    if (old->bytes == NULL || cmaw_store_unseal(old, "run", run_id, sealed, &packed) != CMAW_OK) {
        cmaw_diag_hint(diag, "take the file from a backup; this one was left as it is");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the run store is damaged: the secrets of a run cannot be opened");
    }
    return cmaw_store_put_packed(store, &id, cmaw_buf_slice(&packed), diag);
}

enum cmaw_err cmaw_store_upgrade(struct cmaw_store *store, const struct cmaw_secret *old, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_sql_exec(store->db,
                           "CREATE TABLE run_secrets(run_id BLOB PRIMARY KEY, key BLOB NOT NULL, sealed BLOB NOT NULL,"
                           " shredded_ms INTEGER NOT NULL DEFAULT 0) STRICT",
                           diag));
    {
        CMAW_SQL_AUTO(sql, store->db, "SELECT run_id, secrets FROM runs");
        enum cmaw_err err = cmaw_sql_row(&sql, diag);
        for (; err == CMAW_OK; err = cmaw_sql_row(&sql, diag)) {
            CMAW_TRY(move_secrets(store, old, cmaw_sql_blob(&sql, 0), cmaw_sql_blob(&sql, 1), diag));
        }
        CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    }
    return cmaw_sql_exec(store->db,
                         "ALTER TABLE runs DROP COLUMN secrets; DELETE FROM meta WHERE key IN ('kdf', 'check'); PRAGMA user_version = 2", diag);
}
