/* The secrets of a run are sealed under a random key of their own, and that under the store's: destroying so few bytes, which lie on one page,
 * destroys them all. */
#include "client/store/store_private.h"
#include "client/when.h"
#include "lib/crypto/random.h"
#include "lib/crypto/seal.h"

enum cmaw_err cmaw_store_pack_secrets(const struct cmaw_edge_secrets *secrets, struct cmaw_buf *buf)
{
    for (uint32_t edge = 1; edge <= CMAW_EDGES_MAX; edge++) {
        const struct cmaw_slice secret = cmaw_edge_secrets_of(secrets, edge);
        if (secret.size > 0) {
            cmaw_buf_put_u32be(buf, edge);
            cmaw_buf_put(buf, secret);
        }
    }
    return buf->err;
}

enum cmaw_err cmaw_store_unpack_secrets(struct cmaw_slice bytes, struct cmaw_edge_secrets *secrets)
{
    struct cmaw_reader reader = cmaw_reader_of(bytes);
    while (reader.rest.size > 0 && reader.err == CMAW_OK) {
        const uint32_t edge = cmaw_read_u32be(&reader);
        const struct cmaw_slice secret = cmaw_read_bytes(&reader, CMAW_KEY_SIZE);
        CMAW_TRY(reader.err);
        CMAW_TRY(cmaw_edge_secrets_put(secrets, edge, secret));
    }
    return cmaw_reader_end(&reader);
}

static enum cmaw_err put_row(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_slice key, struct cmaw_slice sealed,
                             uint64_t shredded_ms, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "INSERT INTO run_secrets(run_id, key, sealed, shredded_ms) VALUES(?, ?, ?, ?)");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    cmaw_sql_bind_blob(&sql, key);
    cmaw_sql_bind_blob(&sql, sealed);
    cmaw_sql_bind_u64(&sql, shredded_ms);
    return cmaw_sql_run(&sql, diag);
}

enum cmaw_err cmaw_store_put_shredded(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, uint64_t shredded_ms, struct cmaw_diag *diag)
{
    return put_row(store, run_id, CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, shredded_ms, diag);
}

enum cmaw_err cmaw_store_put_packed(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_slice packed, struct cmaw_diag *diag)
{
    CMAW_SECRET_AUTO(run_key);
    CMAW_TRY(cmaw_secret_new(CMAW_SEAL_KEY_SIZE, &run_key));
    CMAW_TRY(cmaw_random(run_key.bytes, run_key.size));
    CMAW_BUF_AUTO(key, CMAW_STORE_LOCK_MAX);
    CMAW_BUF_AUTO(sealed, 2 * CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_store_seal(&store->key, "run-key", cmaw_bytes32_slice(run_id), cmaw_secret_slice(&run_key), &key));
    CMAW_TRY(cmaw_store_seal(&run_key, "run", cmaw_bytes32_slice(run_id), packed, &sealed));
    return put_row(store, run_id, cmaw_buf_slice(&key), cmaw_buf_slice(&sealed), 0, diag);
}

enum cmaw_err cmaw_store_put_secrets(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, const struct cmaw_edge_secrets *secrets,
                                     struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(packed, CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_buf_reserve(&packed, CMAW_STORE_SECRETS_MAX)); /* no copy is left behind by growing */
    CMAW_TRY(cmaw_store_pack_secrets(secrets, &packed));
    return cmaw_store_put_packed(store, run_id, cmaw_buf_slice(&packed), diag);
}

static enum cmaw_err open_row(struct cmaw_store *store, struct cmaw_slice run_id, const struct cmaw_sql *row, struct cmaw_buf *packed)
{
    CMAW_BUF_AUTO(plain, CMAW_STORE_LOCK_MAX);
    CMAW_SECRET_AUTO(run_key);
    CMAW_TRY(cmaw_store_unseal(&store->key, "run-key", run_id, cmaw_sql_blob(row, 0), &plain));
    CMAW_TRY(cmaw_secret_copy(cmaw_buf_slice(&plain), &run_key));
    return cmaw_store_unseal(&run_key, "run", run_id, cmaw_sql_blob(row, 1), packed);
}

static enum cmaw_err say_shredded(uint64_t ms, struct cmaw_diag *diag)
{
    char when[CMAW_WHEN_SIZE];
    cmaw_when_text(ms, when);
    cmaw_diag_hint(diag, "only a copy of the run store, or an export, from before that still opens them");
    return cmaw_diag_set(diag, CMAW_E_DENIED, "this run was shredded on %s: its states are unreadable for good", when);
}

enum cmaw_err cmaw_store_secrets(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_edge_secrets *ret_secrets,
                                 struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT key, sealed, shredded_ms FROM run_secrets WHERE run_id = ?");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    CMAW_REQUIRE(cmaw_sql_u64(&sql, 2) == 0, say_shredded(cmaw_sql_u64(&sql, 2), diag));
    CMAW_BUF_AUTO(packed, CMAW_STORE_SECRETS_MAX);
    CMAW_TRY(cmaw_buf_reserve(&packed, CMAW_STORE_SECRETS_MAX));
    if (open_row(store, cmaw_bytes32_slice(run_id), &sql, &packed) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_AUTH, "the secrets of this run cannot be opened: the run store is damaged");
    }
    return cmaw_store_unpack_secrets(cmaw_buf_slice(&packed), ret_secrets);
}

enum cmaw_err cmaw_store_shredded_ms(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, uint64_t *ret_ms, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT shredded_ms FROM run_secrets WHERE run_id = ?");
    cmaw_sql_bind_blob(&sql, cmaw_bytes32_slice(run_id));
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    *ret_ms = cmaw_sql_u64(&sql, 0);
    return CMAW_OK;
}

enum cmaw_err cmaw_store_check_not_shredded(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag)
{
    bool old = false;
    uint64_t ms = 0;
    CMAW_TRY(cmaw_store_is_old(store, &old, diag));
    CMAW_REQUIRE(!old, CMAW_OK);
    CMAW_TRY(cmaw_store_shredded_ms(store, &record->run_id, &ms, diag));
    return ms == 0 ? CMAW_OK : say_shredded(ms, diag);
}
