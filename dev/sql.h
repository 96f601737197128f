/* Small wrappers over SQLite, so that a query is one statement in the code and its values never become SQL text. */
#ifndef CMAW_DEV_SQL_H
#define CMAW_DEV_SQL_H

#include "lib/base/bytes.h"

struct sqlite3;
struct sqlite3_stmt;

/* Values follow sql's "?" in order; types has one letter for each: t const char * (NULL is SQL NULL), i int64_t,
 * b struct cmaw_slice. Text and bytes are borrowed until the statement ends. */

/* Runs a statement that gives no rows. EXISTS on a constraint, else IO, NO_SPACE, BUSY. */
enum cmaw_err cmaw_sql_run(struct sqlite3 *db, const char *sql, const char *types, ...);
/* Starts a query. Release it with cmaw_sql_end, or declare it CMAW_SQL_AUTO. */
enum cmaw_err cmaw_sql_query(struct sqlite3 *db, struct sqlite3_stmt **ret_rows, const char *sql, const char *types, ...);
/* Moves to the next row: CMAW_OK, NOT_FOUND after the last. */
enum cmaw_err cmaw_sql_next(struct sqlite3_stmt *rows);
/* Columns of the present row; text and bytes are valid until the next move. Text is never NULL. */
const char *cmaw_sql_text(struct sqlite3_stmt *rows, int column);
int64_t cmaw_sql_i64(struct sqlite3_stmt *rows, int column);
struct cmaw_slice cmaw_sql_blob(struct sqlite3_stmt *rows, int column);
/* Copies the text of a column with its NUL; TOO_LARGE if it does not fit. */
enum cmaw_err cmaw_sql_copy(struct sqlite3_stmt *rows, int column, char *dst, size_t capacity);
/* NULL-safe. */
void cmaw_sql_end(struct sqlite3_stmt **rows);
#define CMAW_SQL_AUTO(name) [[gnu::cleanup(cmaw_sql_end)]] struct sqlite3_stmt *name = NULL

/* The error that stands for a result code of SQLite. */
enum cmaw_err cmaw_sql_err(int code);

#endif
