/* The parts of the run store among themselves: its file, its keys, its tables. Private to client/store; errors as in store.h. */
#ifndef CMAW_CLIENT_STORE_STORE_PRIVATE_H
#define CMAW_CLIENT_STORE_STORE_PRIVATE_H

#include "client/store/sql.h"
#include "client/store/store.h"
#include "lib/crypto/scrypt.h"

enum {
    CMAW_STORE_FORMAT = 2, /* the user_version of the file; the first format has none */
    CMAW_STORE_KDF_SIZE = 28,
    CMAW_STORE_LOCK_MAX = 256,
    CMAW_STORE_SECRETS_MAX = CMAW_EDGES_MAX * (4 + CMAW_KEY_SIZE),
}; /* bytes, but the first */

struct cmaw_store {
    sqlite3 *db;
    struct cmaw_secret key; /* of the keys of runs; without bytes while locked */
    struct cmaw_buf lock;   /* what it was unlocked with, as in the file */
    enum cmaw_doc_trust trust;
};

/* Seals and opens small things. label and id say what it is, so that one cannot stand for another. BUG for a key without bytes. */
enum cmaw_err cmaw_store_seal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice plain,
                              struct cmaw_buf *sealed);
enum cmaw_err cmaw_store_unseal(const struct cmaw_secret *key, const char *label, struct cmaw_slice id, struct cmaw_slice sealed,
                                struct cmaw_buf *plain);

/* How a key comes from a passphrase: u32(log_n) u32(r) u32(p) salt of 16 bytes. Makes one with a new salt; derives the key. */
enum cmaw_err cmaw_store_kdf_new(struct cmaw_buf *kdf);
enum cmaw_err cmaw_store_kdf_derive(struct cmaw_slice kdf, struct cmaw_slice passphrase, struct cmaw_secret *ret_key);

/* A value of the table meta. Appends it: NOT_FOUND without a diag. Puts it in place of what is there. */
enum cmaw_err cmaw_store_get_meta(struct cmaw_store *store, const char *key, struct cmaw_buf *value, struct cmaw_diag *diag);
enum cmaw_err cmaw_store_put_meta(struct cmaw_store *store, const char *key, struct cmaw_slice value, struct cmaw_diag *diag);

/* The first format: secrets in the table of runs, sealed under the key that came from the passphrase. In a transaction; old has no bytes where no
 * passphrase was set. Seals all secrets anew under the store's key. */
enum cmaw_err cmaw_store_upgrade(struct cmaw_store *store, const struct cmaw_secret *old, struct cmaw_diag *diag);

/* u32(edge) and the secret for each edge that has one. */
enum cmaw_err cmaw_store_pack_secrets(const struct cmaw_edge_secrets *secrets, struct cmaw_buf *buf);
/* Hostile, where the bytes come from another store. MALFORMED, EXISTS. */
enum cmaw_err cmaw_store_unpack_secrets(struct cmaw_slice bytes, struct cmaw_edge_secrets *secrets);
/* Parts of adding a run, in a transaction. */
enum cmaw_err cmaw_store_put_record(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag);
enum cmaw_err cmaw_store_put_secrets(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, const struct cmaw_edge_secrets *secrets,
                                     struct cmaw_diag *diag);
/* Seals packed secrets under a new key of their own, and that under the store's. */
enum cmaw_err cmaw_store_put_packed(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_slice packed, struct cmaw_diag *diag);
/* Marks the run as shredded elsewhere: it has no secrets. */
enum cmaw_err cmaw_store_put_shredded(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, uint64_t shredded_ms, struct cmaw_diag *diag);
/* Takes over status, code, time and result of the record. */
enum cmaw_err cmaw_store_put_end(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag);
/* When the secrets of a run were shredded; 0: they were not. NOT_FOUND without a diag. */
enum cmaw_err cmaw_store_shredded_ms(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, uint64_t *ret_ms, struct cmaw_diag *diag);

#endif
