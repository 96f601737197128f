/* The state of cmaw-devd: one SQLite database, written through to the disk before anything is acknowledged.
 * Transactions of concurrent requests are committed together (one fsync for all that are waiting). */
#ifndef CMAW_DEV_STORE_H
#define CMAW_DEV_STORE_H

#include "lib/base/diag.h"
#include "lib/base/bytes.h"

struct sqlite3;
struct cmaw_store;

/* Opens DIR/devd.db; with create, makes the folder's database and schema where they are missing. NOT_FOUND without it.
 * Thread-safe: all use of the database goes through cmaw_store_begin. */
enum cmaw_err cmaw_store_open(const char *dir, bool create, struct cmaw_store **ret_store, struct cmaw_diag *diag);
/* NULL-safe. */
void cmaw_store_close(struct cmaw_store **store);

/* Enters the store: until the matching end, the database is the caller's alone. Keep it short. */
enum cmaw_err cmaw_store_begin(struct cmaw_store *store, struct sqlite3 **ret_db);
/* Leaves the store. With keep, returns once what was done is on the disk, or could not be brought there; without, it is undone. */
enum cmaw_err cmaw_store_end(struct cmaw_store *store, bool keep);

/* Settings: NOT_FOUND, TOO_LARGE. Set only by init. */
enum cmaw_err cmaw_store_setting(struct sqlite3 *db, const char *name, char *dst, size_t capacity);
enum cmaw_err cmaw_store_set_setting(struct sqlite3 *db, const char *name, const char *value);

#endif
