/* The lock is one row, so that no reader ever sees half of it: how the passphrase gives a key, and the store's key sealed under that. */
#include "client/store/store_private.h"
#include "lib/crypto/random.h"
#include "lib/crypto/seal.h"

static const char LOCK[] = "lock";

enum cmaw_err cmaw_store_has_passphrase(struct cmaw_store *store, bool *ret_has, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT 1 FROM meta WHERE key IN ('lock', 'kdf')"); /* kdf: the first format's */
    const enum cmaw_err err = cmaw_sql_row(&sql, diag);
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    *ret_has = err == CMAW_OK;
    return CMAW_OK;
}

static enum cmaw_err wrong(struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "--passphrase-file or CMAW_PASSPHRASE_FILE names the file with the right one; --store another store");
    return cmaw_diag_set(diag, CMAW_E_AUTH, "wrong passphrase for the run store");
}

/* A new lock for key under the passphrase. */
static enum cmaw_err make_lock(const struct cmaw_secret *key, struct cmaw_slice passphrase, struct cmaw_buf *lock)
{
    CMAW_SECRET_AUTO(wrapping);
    CMAW_TRY(cmaw_store_kdf_new(lock));
    CMAW_TRY(cmaw_store_kdf_derive(cmaw_buf_slice(lock), passphrase, &wrapping));
    return cmaw_store_seal(&wrapping, "store-key", CMAW_SLICE_EMPTY, cmaw_secret_slice(key), lock);
}

static enum cmaw_err open_lock(struct cmaw_store *store, struct cmaw_slice lock, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_SECRET_AUTO(wrapping);
    CMAW_BUF_AUTO(plain, CMAW_STORE_LOCK_MAX);
    const struct cmaw_slice kdf = cmaw_slice_sub(lock, 0, CMAW_STORE_KDF_SIZE);
    if (kdf.size == 0 || cmaw_store_kdf_derive(kdf, passphrase, &wrapping) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the lock of the run store is damaged, or there is no memory to open it");
    }
    const struct cmaw_slice sealed = cmaw_slice_of(lock.data + kdf.size, lock.size - kdf.size);
    if (cmaw_store_unseal(&wrapping, "store-key", CMAW_SLICE_EMPTY, sealed, &plain) != CMAW_OK || plain.size != CMAW_SEAL_KEY_SIZE) {
        return wrong(diag);
    }
    store->lock = CMAW_BUF(CMAW_STORE_LOCK_MAX);
    cmaw_buf_put(&store->lock, lock);
    CMAW_TRY(store->lock.err);
    return cmaw_secret_copy(cmaw_buf_slice(&plain), &store->key);
}

/* What the passphrase gave in the first format: no bytes if none was set. Both parts in one statement, for another program may be bringing the store up to
 * date just now. */
static enum cmaw_err open_old_lock(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_secret *ret_key, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT k.value, c.value FROM meta AS k, meta AS c WHERE k.key = 'kdf' AND c.key = 'check'");
    const enum cmaw_err err = cmaw_sql_row(&sql, diag);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, CMAW_OK);
    CMAW_TRY(err);
    CMAW_SECRET_AUTO(key);
    CMAW_BUF_AUTO(plain, CMAW_STORE_LOCK_MAX);
    CMAW_TRY(cmaw_store_kdf_derive(cmaw_sql_blob(&sql, 0), passphrase, &key));
    CMAW_REQUIRE(cmaw_store_unseal(&key, "check", CMAW_SLICE_EMPTY, cmaw_sql_blob(&sql, 1), &plain) == CMAW_OK, wrong(diag));
    *ret_key = cmaw_secret_take(&key);
    return CMAW_OK;
}

static enum cmaw_err make_key(struct cmaw_secret *ret_key)
{
    CMAW_SECRET_AUTO(key);
    CMAW_TRY(cmaw_secret_new(CMAW_SEAL_KEY_SIZE, &key));
    CMAW_TRY(cmaw_random(key.bytes, key.size));
    *ret_key = cmaw_secret_take(&key);
    return CMAW_OK;
}

/* Gives the store its first lock, in a transaction. */
static enum cmaw_err put_first_lock(struct cmaw_store *store, const struct cmaw_secret *old, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    bool is_old = false;
    CMAW_TRY(make_key(&store->key));
    CMAW_TRY(cmaw_store_is_old(store, &is_old, diag));
    if (is_old) {
        CMAW_TRY(cmaw_store_upgrade(store, old, diag));
    }
    store->lock = CMAW_BUF(CMAW_STORE_LOCK_MAX);
    CMAW_TRY(make_lock(&store->key, passphrase, &store->lock));
    return cmaw_store_put_meta(store, LOCK, cmaw_buf_slice(&store->lock), diag);
}

static enum cmaw_err unlock_first(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_SECRET_AUTO(old);
    CMAW_TRY(open_old_lock(store, passphrase, &old, diag));
    /* only the first of two that come at the same time may set it: look again with the write lock held */
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    CMAW_BUF_AUTO(lock, CMAW_STORE_LOCK_MAX);
    enum cmaw_err err = cmaw_store_get_meta(store, LOCK, &lock, diag);
    if (err != CMAW_E_NOT_FOUND) {
        cmaw_sql_rollback(&transaction);
        return err == CMAW_OK ? open_lock(store, cmaw_buf_slice(&lock), passphrase, diag) : err;
    }
    err = put_first_lock(store, &old, passphrase, diag);
    if (err == CMAW_OK) {
        err = cmaw_sql_commit(&transaction, diag);
    }
    if (err != CMAW_OK) {
        cmaw_secret_release(&store->key);
        cmaw_buf_free(&store->lock);
    }
    return err;
}

enum cmaw_err cmaw_store_unlock(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(store->key.bytes == NULL, CMAW_OK);
    CMAW_BUF_AUTO(lock, CMAW_STORE_LOCK_MAX);
    const enum cmaw_err err = cmaw_store_get_meta(store, LOCK, &lock, diag);
    if (err == CMAW_E_NOT_FOUND) {
        return unlock_first(store, passphrase, diag);
    }
    return err == CMAW_OK ? open_lock(store, cmaw_buf_slice(&lock), passphrase, diag) : err;
}

static enum cmaw_err replace_lock(struct cmaw_store *store, struct cmaw_slice lock, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(present, CMAW_STORE_LOCK_MAX);
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    CMAW_TRY(cmaw_store_get_meta(store, LOCK, &present, diag));
    if (!cmaw_slice_eq(cmaw_buf_slice(&present), cmaw_buf_slice(&store->lock))) {
        return cmaw_diag_set(diag, CMAW_E_EXISTS, "another program has just changed the passphrase: this change was not made");
    }
    CMAW_TRY(cmaw_store_put_meta(store, LOCK, lock, diag));
    return cmaw_sql_commit(&transaction, diag);
}

enum cmaw_err cmaw_store_set_passphrase(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(store->key.bytes != NULL, CMAW_E_BUG);
    CMAW_BUF_AUTO(lock, CMAW_STORE_LOCK_MAX);
    CMAW_TRY(make_lock(&store->key, passphrase, &lock));
    CMAW_TRY(replace_lock(store, cmaw_buf_slice(&lock), diag));
    cmaw_buf_reset(&store->lock);
    cmaw_buf_put(&store->lock, cmaw_buf_slice(&lock));
    return store->lock.err;
}
