/* SQLite with our errors. A statement's first failure latches; the rest of a straight list of binds does nothing. */
#ifndef CMAW_CLIENT_STORE_SQL_H
#define CMAW_CLIENT_STORE_SQL_H

#include <sqlite3.h>

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

struct cmaw_sql {
    sqlite3 *db;
    sqlite3_stmt *stmt;
    int next;  /* parameter to bind */
    bool failed;
};

void cmaw_sql_close(struct cmaw_sql *sql);
#define CMAW_SQL_AUTO(name, database, text) \
    [[gnu::cleanup(cmaw_sql_close)]] struct cmaw_sql name = cmaw_sql_prepare(database, text)
struct cmaw_sql cmaw_sql_prepare(sqlite3 *db, const char *text);

/* Bind the next parameter; the bytes must live until the statement is closed. */
void cmaw_sql_bind_blob(struct cmaw_sql *sql, struct cmaw_slice bytes);
void cmaw_sql_bind_text(struct cmaw_sql *sql, const char *text);
void cmaw_sql_bind_u64(struct cmaw_sql *sql, uint64_t value);

/* Runs a statement that gives no rows. */
enum cmaw_err cmaw_sql_run(struct cmaw_sql *sql, struct cmaw_diag *diag);
/* The next row; NOT_FOUND, without a diag, after the last. */
enum cmaw_err cmaw_sql_row(struct cmaw_sql *sql, struct cmaw_diag *diag);

/* Columns of the row, valid until the next call on the statement. */
struct cmaw_slice cmaw_sql_blob(const struct cmaw_sql *sql, int column);
const char *cmaw_sql_text(const struct cmaw_sql *sql, int column);
uint64_t cmaw_sql_u64(const struct cmaw_sql *sql, int column);

/* Statements without parameters, one or several. */
enum cmaw_err cmaw_sql_exec(sqlite3 *db, const char *text, struct cmaw_diag *diag);

/* A transaction that holds the write lock from its beginning, so that nothing it read can change before it commits. What leaves the scope without
 * cmaw_sql_commit is rolled back. */
struct cmaw_transaction {
    sqlite3 *db; /* NULL: none, or committed */
};
void cmaw_sql_rollback(struct cmaw_transaction *transaction);
#define CMAW_TRANSACTION_AUTO(name) [[gnu::cleanup(cmaw_sql_rollback)]] struct cmaw_transaction name = {NULL}
enum cmaw_err cmaw_sql_begin(sqlite3 *db, struct cmaw_transaction *ret_transaction, struct cmaw_diag *diag);
enum cmaw_err cmaw_sql_commit(struct cmaw_transaction *transaction, struct cmaw_diag *diag);

#endif
