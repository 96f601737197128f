#include "client/store/sql.h"

#include <errno.h>

/* What a result of SQLite means. */
static enum cmaw_err error_of(sqlite3 *db, struct cmaw_diag *diag)
{
    const char *path = sqlite3_db_filename(db, "main");
    path = path == NULL ? "the run store" : path;
    const int code = sqlite3_errcode(db) & 0xff;
    const int errnum = sqlite3_system_errno(db);
    if (code == SQLITE_FULL || errnum == ENOSPC || errnum == EDQUOT) {
        cmaw_diag_hint(diag, "free some space, or name another place with --store; nothing that was stored is lost");
        return cmaw_diag_set(diag, CMAW_E_NO_SPACE, "no space left for the run store %s", path);
    }
    switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        cmaw_diag_hint(diag, "nothing was changed: try again once the other program is done");
        return cmaw_diag_set(diag, CMAW_E_BUSY, "the run store %s is in use by another program for too long", path);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        cmaw_diag_hint(diag, "name another file with --store");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s is not a run store, or damaged", path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return cmaw_diag_set(diag, CMAW_E_DENIED, "cannot use the run store %s: %s", path, sqlite3_errmsg(db));
    case SQLITE_NOMEM:
        return cmaw_diag_set(diag, CMAW_E_NO_MEMORY, "out of memory");
    default:
        return cmaw_diag_set(diag, CMAW_E_IO, "the run store %s failed: %s", path, sqlite3_errmsg(db));
    }
}

void cmaw_sql_close(struct cmaw_sql *sql)
{
    (void)sqlite3_finalize(sql->stmt);
    sql->stmt = NULL;
}

struct cmaw_sql cmaw_sql_prepare(sqlite3 *db, const char *text)
{
    struct cmaw_sql sql = {.db = db, .next = 1};
    sql.failed = sqlite3_prepare_v2(db, text, -1, &sql.stmt, NULL) != SQLITE_OK;
    return sql;
}

static void bound(struct cmaw_sql *sql, int result)
{
    sql->failed = sql->failed || result != SQLITE_OK;
    sql->next++;
}

void cmaw_sql_bind_blob(struct cmaw_sql *sql, struct cmaw_slice bytes)
{
    if (!sql->failed) {
        bound(sql, sqlite3_bind_blob64(sql->stmt, sql->next, bytes.data == NULL ? (const uint8_t *)"" : bytes.data, bytes.size,
                                       SQLITE_STATIC));
    }
}

void cmaw_sql_bind_text(struct cmaw_sql *sql, const char *text)
{
    if (!sql->failed) {
        bound(sql, sqlite3_bind_text(sql->stmt, sql->next, text, -1, SQLITE_STATIC));
    }
}

void cmaw_sql_bind_u64(struct cmaw_sql *sql, uint64_t value)
{
    if (!sql->failed) {
        bound(sql, sqlite3_bind_int64(sql->stmt, sql->next, (sqlite3_int64)value));
    }
}

enum cmaw_err cmaw_sql_row(struct cmaw_sql *sql, struct cmaw_diag *diag)
{
    if (sql->failed) {
        return error_of(sql->db, diag);
    }
    switch (sqlite3_step(sql->stmt)) {
    case SQLITE_ROW:
        return CMAW_OK;
    case SQLITE_DONE:
        return CMAW_E_NOT_FOUND;
    default:
        sql->failed = true;
        return error_of(sql->db, diag);
    }
}

enum cmaw_err cmaw_sql_run(struct cmaw_sql *sql, struct cmaw_diag *diag)
{
    const enum cmaw_err err = cmaw_sql_row(sql, diag);
    return err == CMAW_E_NOT_FOUND ? CMAW_OK : err == CMAW_OK ? CMAW_E_BUG : err;
}

struct cmaw_slice cmaw_sql_blob(const struct cmaw_sql *sql, int column)
{
    const void *data = sqlite3_column_blob(sql->stmt, column);
    return cmaw_slice_of(data, (size_t)sqlite3_column_bytes(sql->stmt, column));
}

const char *cmaw_sql_text(const struct cmaw_sql *sql, int column)
{
    const char *text = (const char *)sqlite3_column_text(sql->stmt, column);
    return text == NULL ? "" : text;
}

uint64_t cmaw_sql_u64(const struct cmaw_sql *sql, int column)
{
    return (uint64_t)sqlite3_column_int64(sql->stmt, column);
}

enum cmaw_err cmaw_sql_exec(sqlite3 *db, const char *text, struct cmaw_diag *diag)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK ? CMAW_OK : error_of(db, diag);
}

void cmaw_sql_rollback(struct cmaw_transaction *transaction)
{
    if (transaction->db != NULL) {
        (void)sqlite3_exec(transaction->db, "ROLLBACK", NULL, NULL, NULL);
        transaction->db = NULL;
    }
}

enum cmaw_err cmaw_sql_begin(sqlite3 *db, struct cmaw_transaction *ret_transaction, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_sql_exec(db, "BEGIN IMMEDIATE", diag));
    ret_transaction->db = db;
    return CMAW_OK;
}

enum cmaw_err cmaw_sql_commit(struct cmaw_transaction *transaction, struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_sql_exec(transaction->db, "COMMIT", diag));
    transaction->db = NULL;
    return CMAW_OK;
}
