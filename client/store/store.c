#include <assert.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "client/store/store_private.h"
#include "sys/file.h"

enum { BUSY_MS = 30000 };

/* What is in it, and what protects it, is told in docs/store.md. */
static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;"
    "CREATE TABLE bundles(mh BLOB PRIMARY KEY, tenant TEXT NOT NULL, serial INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL, pinned_ms INTEGER NOT NULL, bundle BLOB NOT NULL) STRICT;"
    "CREATE TABLE runs(number INTEGER PRIMARY KEY, run_id BLOB NOT NULL UNIQUE, mh BLOB NOT NULL,"
    " workflow_id TEXT NOT NULL UNIQUE, request_id TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, ns TEXT NOT NULL,"
    " status INTEGER NOT NULL, code TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL,"
    " plan BLOB NOT NULL, ticket BLOB NOT NULL, inputs BLOB NOT NULL, result BLOB NOT NULL) STRICT;"
    "CREATE TABLE run_secrets(run_id BLOB PRIMARY KEY, key BLOB NOT NULL, sealed BLOB NOT NULL,"
    " shredded_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
    "PRAGMA user_version = 2;";
static_assert(CMAW_STORE_FORMAT == 2, "the schema is of this format");

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
        cmaw_buf_free(&(*store)->lock);
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

static enum cmaw_err number_of(struct cmaw_store *store, const char *query, uint64_t *ret_number, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, query);
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    *ret_number = cmaw_sql_u64(&sql, 0);
    return CMAW_OK;
}

/* 0: empty, 1: the first format, which has no number. */
static enum cmaw_err format_of(struct cmaw_store *store, uint64_t *ret_format, struct cmaw_diag *diag)
{
    uint64_t format = 0;
    CMAW_TRY(number_of(store, "PRAGMA user_version", &format, diag));
    if (format == 0) {
        CMAW_TRY(number_of(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'runs'", &format, diag));
    }
    *ret_format = format;
    return CMAW_OK;
}

static enum cmaw_err make_tables(struct cmaw_store *store, struct cmaw_diag *diag)
{
    CMAW_TRANSACTION_AUTO(transaction);
    CMAW_TRY(cmaw_sql_begin(store->db, &transaction, diag));
    uint64_t format = 0;
    CMAW_TRY(format_of(store, &format, diag)); /* another program may have been first */
    CMAW_REQUIRE(format == 0, CMAW_OK);
    CMAW_TRY(cmaw_sql_exec(store->db, schema, diag));
    return cmaw_sql_commit(&transaction, diag);
}

static enum cmaw_err check_format(struct cmaw_store *store, struct cmaw_diag *diag)
{
    uint64_t format = 0;
    CMAW_TRY(format_of(store, &format, diag));
    if (format > CMAW_STORE_FORMAT) {
        cmaw_diag_hint(diag, "use the newer cmaw, or name another file with --store");
        return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "a newer cmaw has made the run store %s", sqlite3_db_filename(store->db, "main"));
    }
    return format == 0 ? make_tables(store, diag) : CMAW_OK;
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
        cmaw_diag_hint(diag, "ls -l says whether it is a file of yours; --store names another");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "cannot open the run store %s: %s", path, sqlite3_errmsg(store->db));
    }
    (void)sqlite3_busy_timeout(store->db, BUSY_MS);
    /* EXTRA: what was committed stays so even if the power fails right after; secure_delete: what is deleted becomes zeros; MEMORY: no other
     * file gets copies of pages */
    CMAW_TRY(cmaw_sql_exec(store->db, "PRAGMA synchronous = EXTRA; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;", diag));
    CMAW_TRY(check_format(store, diag));
    *ret_store = store;
    store = NULL;
    return CMAW_OK;
}

void cmaw_store_set_trust(struct cmaw_store *store, enum cmaw_doc_trust trust)
{
    store->trust = trust;
}

enum cmaw_doc_trust cmaw_store_trust(const struct cmaw_store *store)
{
    return store->trust;
}

enum cmaw_err cmaw_store_is_old(struct cmaw_store *store, bool *ret_old, struct cmaw_diag *diag)
{
    uint64_t format = 0;
    CMAW_TRY(format_of(store, &format, diag));
    *ret_old = format < CMAW_STORE_FORMAT;
    return CMAW_OK;
}

enum cmaw_err cmaw_store_get_meta(struct cmaw_store *store, const char *key, struct cmaw_buf *value, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "SELECT value FROM meta WHERE key = ?");
    cmaw_sql_bind_text(&sql, key);
    CMAW_TRY(cmaw_sql_row(&sql, diag));
    cmaw_buf_put(value, cmaw_sql_blob(&sql, 0));
    return value->err;
}

enum cmaw_err cmaw_store_put_meta(struct cmaw_store *store, const char *key, struct cmaw_slice value, struct cmaw_diag *diag)
{
    CMAW_SQL_AUTO(sql, store->db, "INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)");
    cmaw_sql_bind_text(&sql, key);
    cmaw_sql_bind_blob(&sql, value);
    return cmaw_sql_run(&sql, diag);
}
