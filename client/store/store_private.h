#ifndef CMAW_CLIENT_STORE_STORE_PRIVATE_H
#define CMAW_CLIENT_STORE_STORE_PRIVATE_H

#include "client/store/sql.h"
#include "client/store/store.h"

struct cmaw_store {
    sqlite3 *db;
    struct cmaw_secret key; /* of secrets; without bytes while locked */
};

/* Seals and opens small things under the store's key. label and id say what it is, so that one cannot stand for another. BUG while locked. */
enum cmaw_err cmaw_store_seal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice plain,
                              struct cmaw_buf *sealed);
enum cmaw_err cmaw_store_unseal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice sealed,
                                struct cmaw_buf *plain);

#endif
