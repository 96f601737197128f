#include "dev/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "dev/sql.h"
#include "lib/base/log.h"
#include "sys/file.h"

/* Everything that one COMMIT brings to the disk. */
struct batch {
    bool done;
    enum cmaw_err err;
    size_t members; /* that still have to read err */
};

struct cmaw_store {
    sqlite3 *db;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct batch *batch; /* the open transaction, or NULL */
    bool committing;     /* a member of the batch has taken on the COMMIT */
    size_t inside;       /* threads between begin and the end of their work */
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS certificate (name TEXT PRIMARY KEY, cert BLOB NOT NULL, key BLOB NOT NULL,"
    " issuer BLOB NOT NULL, not_before INTEGER NOT NULL, not_after INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS instance (token TEXT PRIMARY KEY, module_id TEXT NOT NULL,"
    " pcrs BLOB NOT NULL, locked INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS access_key (id TEXT PRIMARY KEY, secret TEXT NOT NULL, token TEXT NOT NULL,"
    " arn TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS identity_policy (arn TEXT PRIMARY KEY, policy TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS kms_key (id TEXT PRIMARY KEY, material_id BLOB NOT NULL UNIQUE, material BLOB NOT NULL,"
    " state TEXT NOT NULL, description TEXT NOT NULL, policy TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " deletion_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, time_ms INTEGER NOT NULL,"
    " name TEXT NOT NULL, source TEXT NOT NULL, username TEXT NOT NULL, access_key TEXT NOT NULL, read_only TEXT NOT NULL,"
    " resource TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS event_time ON event (time_ms, seq);"
    "CREATE INDEX IF NOT EXISTS event_name ON event (name, seq);";

/* What a database of an earlier version lacks; user_version counts those that it has. Only ever appended to. */
static const char *const changes[] = {
    "ALTER TABLE event ADD COLUMN other TEXT NOT NULL DEFAULT '';"        /* the second resource */
    "ALTER TABLE event ADD COLUMN visible_ms INTEGER NOT NULL DEFAULT 0;" /* when CloudTrail delivers it */
    "DROP INDEX event_name;"
    "CREATE INDEX event_by_name ON event (name, time_ms, seq);"
    "CREATE INDEX event_by_key ON event (access_key, time_ms, seq);"
    "CREATE INDEX event_by_resource ON event (resource, time_ms, seq);",
    "CREATE TABLE IF NOT EXISTS kms_grant (id TEXT PRIMARY KEY, key_id TEXT NOT NULL, name TEXT NOT NULL,"
    " grantee TEXT NOT NULL, retiring TEXT NOT NULL, created_ms INTEGER NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS grant_key ON kms_grant (key_id, id);"
    "CREATE INDEX IF NOT EXISTS grant_grantee ON kms_grant (key_id, grantee);"
    "CREATE INDEX IF NOT EXISTS grant_retiring ON kms_grant (retiring, id);"
    "CREATE TABLE IF NOT EXISTS grant_token (token TEXT PRIMARY KEY, grant_id TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS grant_token_grant ON grant_token (grant_id);"
    "CREATE TABLE IF NOT EXISTS session (access_key TEXT PRIMARY KEY, name TEXT NOT NULL, policy TEXT NOT NULL,"
    " expires_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS role (arn TEXT PRIMARY KEY, trust TEXT NOT NULL) WITHOUT ROWID;",
    /* of asymmetric keys; a key without one is symmetric */
    "CREATE TABLE IF NOT EXISTS kms_pair (key_id TEXT PRIMARY KEY, spec TEXT NOT NULL, private BLOB NOT NULL,"
    " public BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS kms_alias (name TEXT PRIMARY KEY, key_id TEXT NOT NULL, created_ms INTEGER NOT NULL,"
    " updated_ms INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS kms_alias_key ON kms_alias (key_id, name);"
    "CREATE TABLE IF NOT EXISTS kms_tag (key_id TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (key_id, name)) WITHOUT ROWID;",
};

static enum cmaw_err exec(sqlite3 *db, const char *sql)
{
    return cmaw_sql_err(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static enum cmaw_err user_version(sqlite3 *db, size_t *ret_version)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(db, &rows, "PRAGMA user_version", ""));
    CMAW_TRY(cmaw_sql_next(rows));
    *ret_version = (size_t)cmaw_sql_i64(rows, 0);
    return CMAW_OK;
}

static enum cmaw_err apply_changes(sqlite3 *db)
{
    char text[48];
    size_t version = 0;
    CMAW_TRY(user_version(db, &version));
    for (; version < sizeof changes / sizeof changes[0]; version++) {
        CMAW_TRY(exec(db, changes[version]));
        (void)snprintf(text, sizeof text, "PRAGMA user_version = %zu", version + 1);
        CMAW_TRY(exec(db, text));
    }
    return CMAW_OK;
}

/* In one transaction, for another process may open the database at the same time. */
static enum cmaw_err upgrade(sqlite3 *db)
{
    size_t version = 0;
    CMAW_TRY(user_version(db, &version));
    if (version >= sizeof changes / sizeof changes[0]) {
        return CMAW_OK;
    }
    CMAW_TRY(exec(db, "BEGIN IMMEDIATE"));
    const enum cmaw_err err = apply_changes(db);
    const enum cmaw_err ended = exec(db, err == CMAW_OK ? "COMMIT" : "ROLLBACK");
    return err == CMAW_OK ? ended : err;
}

static enum cmaw_err open_database(struct cmaw_store *store, const char *path, bool create)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    CMAW_TRY(cmaw_sql_err(sqlite3_open_v2(path, &store->db, flags, NULL)));
    (void)sqlite3_busy_timeout(store->db, 10000);
    CMAW_TRY(exec(store->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"));
    if (create) {
        CMAW_REQUIRE(chmod(path, 0600) == 0, CMAW_E_IO);
        CMAW_TRY(exec(store->db, schema));
    }
    /* also tells a database from any other file */
    CMAW_TRY(exec(store->db, "SELECT count(*) FROM setting"));
    return upgrade(store->db);
}

enum cmaw_err cmaw_store_open(const char *dir, bool create, struct cmaw_store **ret_store, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_path(path, "%s/devd.db", dir));
    struct cmaw_store *store = calloc(1, sizeof *store);
    CMAW_REQUIRE(store != NULL, CMAW_E_NO_MEMORY);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->changed, NULL);
    const enum cmaw_err err = open_database(store, path, create);
    if (err != CMAW_OK) {
        cmaw_store_close(&store);
        cmaw_diag_hint(diag, "cmaw-devd init --dir %s", dir);
        return cmaw_diag_set(diag, err, "cannot open %s: %s", path, cmaw_err_text(err));
    }
    *ret_store = store;
    return CMAW_OK;
}

void cmaw_store_close(struct cmaw_store **store)
{
    if (store == NULL || *store == NULL) {
        return;
    }
    (void)sqlite3_close_v2((*store)->db);
    (void)pthread_cond_destroy(&(*store)->changed);
    (void)pthread_mutex_destroy(&(*store)->lock);
    free(*store);
    *store = NULL;
}

static enum cmaw_err enter_batch(struct cmaw_store *store)
{
    if (store->batch == NULL) {
        struct batch *batch = calloc(1, sizeof *batch);
        CMAW_REQUIRE(batch != NULL, CMAW_E_NO_MEMORY);
        const enum cmaw_err err = exec(store->db, "BEGIN IMMEDIATE");
        if (err != CMAW_OK) {
            free(batch);
            return err;
        }
        store->batch = batch;
    }
    return exec(store->db, "SAVEPOINT request");
}

/* Commits for all members, after those that are already at the door have done their work too. */
static void commit(struct cmaw_store *store, struct batch *batch)
{
    store->committing = true;
    while (__atomic_load_n(&store->inside, __ATOMIC_SEQ_CST) > 0) {
        (void)pthread_cond_wait(&store->changed, &store->lock);
    }
    batch->err = exec(store->db, "COMMIT");
    if (batch->err != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "store.commit", "err=\"%s\"", cmaw_err_text(batch->err));
        CMAW_IGNORE(exec(store->db, "ROLLBACK")); /* the members get the first error */
    }
    batch->done = true;
    store->batch = NULL;
    store->committing = false;
    (void)pthread_cond_broadcast(&store->changed);
}

/* Every thread that waits here has left its work, so the number of threads bounds how long a commit is put off. */
static enum cmaw_err wait_for_commit(struct cmaw_store *store, struct batch *batch)
{
    batch->members++;
    while (!batch->done) {
        if (store->committing) {
            (void)pthread_cond_wait(&store->changed, &store->lock);
        } else {
            commit(store, batch);
        }
    }
    const enum cmaw_err err = batch->err;
    if (--batch->members == 0) {
        free(batch);
    }
    return err;
}

/* Without work of its own to wait for; whoever is last closes the transaction, which locks the database for others. Those who come in while
 * it is closed leave the closing to it, and the freeing to the last of them that waits. */
static void leave(struct cmaw_store *store)
{
    const size_t left = __atomic_sub_fetch(&store->inside, 1, __ATOMIC_SEQ_CST);
    struct batch *batch = store->batch;
    (void)pthread_cond_broadcast(&store->changed);
    if (left == 0 && batch != NULL && batch->members == 0 && !store->committing) {
        commit(store, batch);
        if (batch->members == 0) {
            free(batch);
        }
    }
}

enum cmaw_err cmaw_store_begin(struct cmaw_store *store, struct sqlite3 **ret_db)
{
    (void)__atomic_add_fetch(&store->inside, 1, __ATOMIC_SEQ_CST);
    (void)pthread_mutex_lock(&store->lock);
    const enum cmaw_err err = enter_batch(store);
    if (err != CMAW_OK) {
        leave(store);
        (void)pthread_mutex_unlock(&store->lock);
        return err;
    }
    *ret_db = store->db;
    return CMAW_OK;
}

enum cmaw_err cmaw_store_end(struct cmaw_store *store, bool keep)
{
    enum cmaw_err err = exec(store->db, keep ? "RELEASE request" : "ROLLBACK TO request; RELEASE request");
    if (keep && err == CMAW_OK) {
        (void)__atomic_sub_fetch(&store->inside, 1, __ATOMIC_SEQ_CST);
        (void)pthread_cond_broadcast(&store->changed);
        err = wait_for_commit(store, store->batch);
    } else {
        leave(store);
    }
    (void)pthread_mutex_unlock(&store->lock);
    return err;
}

enum cmaw_err cmaw_store_setting(struct sqlite3 *db, const char *name, char *dst, size_t capacity)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(db, &rows, "SELECT value FROM setting WHERE name = ?", "t", name));
    CMAW_TRY(cmaw_sql_next(rows));
    return cmaw_sql_copy(rows, 0, dst, capacity);
}

enum cmaw_err cmaw_store_set_setting(struct sqlite3 *db, const char *name, const char *value)
{
    return cmaw_sql_run(db, "INSERT OR REPLACE INTO setting VALUES (?, ?)", "tt", name, value);
}
