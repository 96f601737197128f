#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/store/store_private.h"
#include "lib/crypto/random.h"
#include "lib/crypto/scrypt.h"
#include "lib/crypto/seal.h"
#include "sys/file.h"

enum { BUSY_MS = 30000, SALT_SIZE = 16, COST_LOG_N = 15, COST_R = 8, COST_P = 1 };

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS bundles(mh BLOB PRIMARY KEY, tenant TEXT NOT NULL, serial INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, pinned_ms INTEGER NOT NULL, bundle BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS runs(number INTEGER PRIMARY KEY, run_id BLOB NOT NULL UNIQUE, mh BLOB NOT NULL,"
    " workflow_id TEXT NOT NULL UNIQUE, request_id TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, ns TEXT NOT NULL,"
    " status INTEGER NOT NULL, code TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    " plan BLOB NOT NULL, ticket BLOB NOT NULL, inputs BLOB NOT NULL, secrets BLOB NOT NULL, result BLOB NOT NULL) STRICT;";

uint64_t cmaw_wall_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void cmaw_store_close(struct cmaw_store **store)
{
    if (*store != NULL) {
        (void)sqlite3_close_v2((*store)->db);
        cmaw_secret_release(&(*store)->key);
        free(*store);
        *store = NULL;
    }
}

static enum cmaw_err make_folder(const char *path, struct cmaw_diag *diag)
{
    char folder[CMAW_PATH_MAX];
    if (cmaw_path(folder, "%s", path) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the store's path is too long");
    }
    return cmaw_dir_make(dirname(folder), diag);
}

enum cmaw_err cmaw_store_open(const char *path, struct cmaw_store **ret_store, struct cmaw_diag *diag)
{
    CMAW_TRY(make_folder(path, diag));
    CMAW_STORE_AUTO(store);
    store = calloc(1, sizeof *store);
    CMAW_REQUIRE(store != NULL, CMAW_E_NO_MEMORY);
    const mode_t mask = umask(077);
    const int result = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    (void)umask(mask);
    if (store->db == NULL) {
        return CMAW_E_NO_MEMORY;
    }
    if (result != SQLITE_OK) {
        return cmaw_diag_set(diag, CMAW_E_DENIED, "cannot open the run store %s: %s", path, sqlite3_errmsg(store->db));
    }
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    CMAW_TRY(cmaw_sql_exec(store->db, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;", diag));
    CMAW_TRY(cmaw_sql_exec(store->db, schema, diag));
    *ret_store = store;
    store = NULL;
    return CMAW_OK;
}

/* Appends the value; NOT_FOUND without a diag. */
static enum cmaw_err get_meta(struct cmaw_store *store, const char *key, struct cmaw_buf *value, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT value FROM meta WHERE key = ?");
    cmaw_sql_bind_text(&sql, key);
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    cmaw_buf_put(value, cmaw_sql_blob(&sql, 0));
    return value->err;
}

static enum cmaw_err add_meta(struct cmaw_store *store, const char *key, struct cmaw_slice value, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "INSERT INTO meta(key, value) VALUES(?, ?)");
    cmaw_sql_bind_text(&sql, key);
    cmaw_sql_bind_blob(&sql, value);
    return cmaw_sql_run(&sql, diag);
}

static void put_context(struct cmaw_buf *context, const char *label, struct cmaw_slice id)
{
    cmaw_buf_put_cstr(context, "cmaw-store/1 ");
    cmaw_buf_put_lp(context, cmaw_slice_of_cstr(label));
    cmaw_buf_put_lp(context, id);
}

enum cmaw_err cmaw_store_seal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice plain,
                              struct cmaw_buf *sealed)
{
    CMAW_REQUIRE(key->bytes != NULL, CMAW_E_BUG);
    CMAW_BUF_AUTO(context, 256);
    put_context(&context, label, id);
    CMAW_TRY(context.err);
    uint8_t salt[CMAW_SEAL_SALT_SIZE];
    CMAW_TRY(cmaw_random(salt, sizeof salt));
    return cmaw_seal(key, cmaw_buf_slice(&context), salt, plain, sealed);
}

enum cmaw_err cmaw_store_unseal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice sealed,
                                struct cmaw_buf *plain)
{
    CMAW_REQUIRE(key->bytes != NULL, CMAW_E_BUG);
    CMAW_BUF_AUTO(context, 256);
    put_context(&context, label, id);
    CMAW_TRY(context.err);
    return cmaw_seal_open(key, cmaw_buf_slice(&context), sealed, plain);
}

enum cmaw_err cmaw_store_has_passphrase(struct cmaw_store *store, bool *ret_has, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(check, 4096);
    const enum cmaw_err err = get_meta(store, "check", &check, diag);
    CMAW_REQUIRE(err == CMAW_OK || err == CMAW_E_NOT_FOUND, err);
    *ret_has = err == CMAW_OK;
    return CMAW_OK;
}

/* "kdf" is u32(log_n) u32(r) u32(p) salt. */
static enum cmaw_err derive(struct cmaw_slice kdf, struct cmaw_slice passphrase, struct cmaw_secret *ret_key)
{
    struct cmaw_reader reader = cmaw_reader_of(kdf);
    const struct cmaw_scrypt_cost cost = {cmaw_read_u32be(&reader), cmaw_read_u32be(&reader), cmaw_read_u32be(&reader)};
    const struct cmaw_slice salt = cmaw_read_bytes(&reader, SALT_SIZE);
    CMAW_TRY(cmaw_reader_end(&reader));
    return cmaw_scrypt(passphrase, salt, cost, CMAW_SEAL_KEY_SIZE, ret_key);
}

static enum cmaw_err set_passphrase(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_secret *ret_key,
                                    struct cmaw_diag *diag)
{
    uint8_t salt[SALT_SIZE];
    CMAW_TRY(cmaw_random(salt, sizeof salt));
    CMAW_BUF_AUTO(kdf, 12 + SALT_SIZE);
    cmaw_buf_put_u32be(&kdf, COST_LOG_N);
    cmaw_buf_put_u32be(&kdf, COST_R);
    cmaw_buf_put_u32be(&kdf, COST_P);
    cmaw_buf_put(&kdf, CMAW_SLICE_ARRAY(salt));
    CMAW_SECRET_AUTO(key);
    CMAW_TRY(derive(cmaw_buf_slice(&kdf), passphrase, &key));
    CMAW_BUF_AUTO(check, 4096);
    CMAW_TRY(cmaw_store_seal(&key, "check", CMAW_SLICE_EMPTY, CMAW_SLICE_EMPTY, &check));
    CMAW_TRY(add_meta(store, "kdf", cmaw_buf_slice(&kdf), diag));
    CMAW_TRY(add_meta(store, "check", cmaw_buf_slice(&check), diag));
    *ret_key = cmaw_secret_take(&key);
    return CMAW_OK;
}

static enum cmaw_err check_passphrase(struct cmaw_slice kdf, struct cmaw_slice check, struct cmaw_slice passphrase,
                                      struct cmaw_secret *ret_key, struct cmaw_diag *diag)
{
    CMAW_SECRET_AUTO(key);
    CMAW_TRY(derive(kdf, passphrase, &key));
    CMAW_BUF_AUTO(plain, 64);
    if (cmaw_store_unseal(&key, "check", CMAW_SLICE_EMPTY, check, &plain) != CMAW_OK) {
        cmaw_diag_hint(diag, "--passphrase-file or CMAW_PASSPHRASE_FILE names the file with the right one; --store another store");
        return cmaw_diag_set(diag, CMAW_E_AUTH, "wrong passphrase for the run store");
    }
    *ret_key = cmaw_secret_take(&key);
    return CMAW_OK;
}

static enum cmaw_err unlock(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(kdf, 64);
    CMAW_BUF_AUTO(check, 4096);
    enum cmaw_err err = get_meta(store, "kdf", &kdf, diag);
    if (err == CMAW_E_NOT_FOUND) {
        return set_passphrase(store, passphrase, &store->key, diag);
    }
    CMAW_TRY(err);
    CMAW_TRY(get_meta(store, "check", &check, diag));
    return check_passphrase(cmaw_buf_slice(&kdf), cmaw_buf_slice(&check), passphrase, &store->key, diag);
}

enum cmaw_err cmaw_store_unlock(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(store->key.bytes == NULL, CMAW_OK);
    bool has = false;
    CMAW_TRY(cmaw_store_has_passphrase(store, &has, diag));
    if (has) {
        return unlock(store, passphrase, diag);
    }
    /* only the first of two that set one at the same time may: look again with the write lock held */
    CMAW_TRY(cmaw_sql_exec(store->db, "BEGIN IMMEDIATE", diag));
    enum cmaw_err err = unlock(store, passphrase, diag);
    if (err == CMAW_OK) {
        err = cmaw_sql_exec(store->db, "COMMIT", diag);
    }
    if (err != CMAW_OK) {
        (void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
        cmaw_secret_release(&store->key);
    }
    return err;
}
