#include "dev/sql.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>

enum cmaw_err cmaw_sql_err(int code)
{
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return CMAW_OK;
    case SQLITE_CONSTRAINT:
        return CMAW_E_EXISTS;
    case SQLITE_FULL:
        return CMAW_E_NO_SPACE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CMAW_E_BUSY;
    case SQLITE_NOMEM:
        return CMAW_E_NO_MEMORY;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return CMAW_E_BUG;
    case SQLITE_CANTOPEN:
        return CMAW_E_NOT_FOUND;
    default:
        return CMAW_E_IO;
    }
}

static int bind_slice(struct sqlite3_stmt *rows, int at, struct cmaw_slice bytes)
{
    /* a NULL pointer would bind SQL NULL, and an empty value is not NULL */
    return sqlite3_bind_blob64(rows, at, bytes.size == 0 ? "" : (const char *)bytes.data, bytes.size, SQLITE_STATIC);
}

static enum cmaw_err prepare(struct sqlite3 *db, struct sqlite3_stmt **ret_rows, const char *sql, const char *types,
                             va_list args)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_err(sqlite3_prepare_v2(db, sql, -1, &rows, NULL)));
    for (int at = 1; types[at - 1] != '\0'; at++) {
        int code = SQLITE_MISUSE;
        switch (types[at - 1]) {
        case 't':
            code = sqlite3_bind_text(rows, at, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 'i':
            code = sqlite3_bind_int64(rows, at, va_arg(args, int64_t));
            break;
        case 'b':
            code = bind_slice(rows, at, va_arg(args, struct cmaw_slice));
            break;
        default:
            break;
        }
        CMAW_TRY(cmaw_sql_err(code));
    }
    *ret_rows = rows;
    rows = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_sql_query(struct sqlite3 *db, struct sqlite3_stmt **ret_rows, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    const enum cmaw_err err = prepare(db, ret_rows, sql, types, args);
    va_end(args);
    return err;
}

enum cmaw_err cmaw_sql_run(struct sqlite3 *db, const char *sql, const char *types, ...)
{
    CMAW_SQL_AUTO(rows);
    va_list args;
    va_start(args, types);
    const enum cmaw_err err = prepare(db, &rows, sql, types, args);
    va_end(args);
    CMAW_TRY(err);
    return cmaw_sql_err(sqlite3_step(rows));
}

enum cmaw_err cmaw_sql_next(struct sqlite3_stmt *rows)
{
    const int code = sqlite3_step(rows);
    return code == SQLITE_DONE ? CMAW_E_NOT_FOUND : cmaw_sql_err(code);
}

const char *cmaw_sql_text(struct sqlite3_stmt *rows, int column)
{
    const char *text = (const char *)sqlite3_column_text(rows, column);
    return text == NULL ? "" : text;
}

int64_t cmaw_sql_i64(struct sqlite3_stmt *rows, int column)
{
    return sqlite3_column_int64(rows, column);
}

struct cmaw_slice cmaw_sql_blob(struct sqlite3_stmt *rows, int column)
{
    const void *data = sqlite3_column_blob(rows, column);
    return cmaw_slice_of(data, (size_t)sqlite3_column_bytes(rows, column));
}

enum cmaw_err cmaw_sql_copy(struct sqlite3_stmt *rows, int column, char *dst, size_t capacity)
{
    return cmaw_slice_to_cstr(cmaw_slice_of_cstr(cmaw_sql_text(rows, column)), dst, capacity);
}

void cmaw_sql_end(struct sqlite3_stmt **rows)
{
    if (rows != NULL) {
        (void)sqlite3_finalize(*rows);
        *rows = NULL;
    }
}
