/* The run store of a data owner: one SQLite file with pinned deployments, runs, and their edge secrets, sealed under a key from a
 * passphrase. Several processes may use it at once. What is committed survives a crash and a full disk. */
#ifndef CMAW_CLIENT_STORE_STORE_H
#define CMAW_CLIENT_STORE_STORE_H

#include "lib/base/diag.h"
#include "lib/base/secret.h"
#include "lib/sst/bundle.h"
#include "lib/sst/edge.h"
#include "lib/sst/ticket.h"

struct cmaw_store;
void cmaw_store_close(struct cmaw_store **store);
#define CMAW_STORE_AUTO(name) [[gnu::cleanup(cmaw_store_close)]] struct cmaw_store *name = NULL

/* Opens the file, or makes it with its folder. It is locked until cmaw_store_unlock: secrets cannot be read or written. UNSUPPORTED for
 * a format that a newer cmaw has made. */
enum cmaw_err cmaw_store_open(const char *path, struct cmaw_store **ret_store, struct cmaw_diag *diag);
/* Which documents may stand behind what is verified through this handle: CMAW_DOC_SIGNED unless set. Never written to the file. */
void cmaw_store_set_trust(struct cmaw_store *store, enum cmaw_doc_trust trust);
enum cmaw_doc_trust cmaw_store_trust(const struct cmaw_store *store);
/* Whether a passphrase has been set yet. */
enum cmaw_err cmaw_store_has_passphrase(struct cmaw_store *store, bool *ret_has, struct cmaw_diag *diag);
/* Derives the key; sets the passphrase if there is none yet. AUTH, with one clear line, if it is the wrong one: that costs the same time and
 * changes nothing. The right one brings a store of an older format up to date. */
enum cmaw_err cmaw_store_unlock(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag);
/* Seals the key of an unlocked store under another passphrase; the old one opens it until that is on the disk, the new one from then on.
 * EXISTS if another program changed the passphrase since the store was unlocked. */
enum cmaw_err cmaw_store_set_passphrase(struct cmaw_store *store, struct cmaw_slice passphrase, struct cmaw_diag *diag);
/* Whether the file has an older format, which unlocking it brings up to date. */
enum cmaw_err cmaw_store_is_old(struct cmaw_store *store, bool *ret_old, struct cmaw_diag *diag);

/* Pins a verified deployment. EXISTS is no error here: the same one again becomes the latest. */
enum cmaw_err cmaw_store_pin(struct cmaw_store *store, const struct cmaw_deployment *deployment, struct cmaw_slice bundle,
                             struct cmaw_diag *diag);
/* Pins one that was trusted in another store: its runs can be opened, but new runs are made under it only if none was ever pinned here by cmaw_store_pin.
 * One that is here stays as it is. */
enum cmaw_err cmaw_store_pin_behind(struct cmaw_store *store, const struct cmaw_deployment *deployment, struct cmaw_slice bundle,
                                    struct cmaw_diag *diag);
/* What was pinned of a tenant, for cmaw_manifest_pin_check. The tenant slices point to tenant. */
enum { CMAW_PINS_MAX = 256 };
enum cmaw_err cmaw_store_pins(struct cmaw_store *store, struct cmaw_slice tenant, struct cmaw_pin ret_pins[static CMAW_PINS_MAX],
                              size_t *ret_count, struct cmaw_diag *diag);
/* Appends the bundle pinned last (mh NULL), or that of a manifest. NOT_FOUND with a hint. */
enum cmaw_err cmaw_store_bundle(struct cmaw_store *store, const struct cmaw_bytes32 *mh, struct cmaw_buf *bundle,
                                struct cmaw_diag *diag);

enum cmaw_run_status {
    CMAW_RUN_PREPARED,  /* stored, perhaps not yet started: starting it again is safe */
    CMAW_RUN_RUNNING,
    CMAW_RUN_COMPLETED, /* its result is stored; whether it is good is for verification to say */
    CMAW_RUN_FAILED,
    CMAW_RUN_CANCELED,
    CMAW_RUN_TERMINATED,
    CMAW_RUN_TIMED_OUT,
};
const char *cmaw_run_status_name(enum cmaw_run_status status);

enum { CMAW_STORE_INPUTS_MAX = 2 * 1024 * 1024, CMAW_STORE_RESULT_MAX = 64 * 1024 * 1024 }; /* bytes, of one run */

/* One run. Free with cmaw_run_record_free. */
struct cmaw_run_record {
    struct cmaw_bytes32 run_id;
    struct cmaw_bytes32 mh;
    char workflow_id[CMAW_WORKFLOW_ID_SIZE];
    char request_id[64];
    char name[CMAW_NAME_MAX + 1];
    char address[256];        /* Temporal's */
    char ns[CMAW_NAME_MAX + 1];
    enum cmaw_run_status status;
    char code[32];            /* of a failure */
    uint64_t created_ms;
    uint64_t ended_ms;
    struct cmaw_buf plan;
    struct cmaw_buf ticket;   /* Ticket */
    struct cmaw_buf inputs;   /* lp(State) for each edge from the client, in edge order */
    struct cmaw_buf result;   /* COMPLETED: RunResult; FAILED: lp(state) lp(receipt) lp(ak_doc) of a reported failure, or nothing */
};
void cmaw_run_record_free(struct cmaw_run_record *record);
#define CMAW_RUN_RECORD_AUTO(name) [[gnu::cleanup(cmaw_run_record_free)]] struct cmaw_run_record name = {0}

/* Adds a run with its secrets, before it is started. The store must be unlocked. */
enum cmaw_err cmaw_store_add_run(struct cmaw_store *store, const struct cmaw_run_record *record,
                                 const struct cmaw_edge_secrets *secrets, struct cmaw_diag *diag);
enum cmaw_err cmaw_store_set_status(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, enum cmaw_run_status status,
                                    struct cmaw_diag *diag);
/* The end of a run. */
enum cmaw_err cmaw_store_finish_run(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, enum cmaw_run_status status,
                                    const char *code, struct cmaw_slice result, struct cmaw_diag *diag);
/* By "last", a prefix of the run id (4 digits at least) or of the workflow id. NOT_FOUND with a hint; MALFORMED if several fit. */
enum cmaw_err cmaw_store_find_run(struct cmaw_store *store, const char *name, struct cmaw_run_record *ret_record,
                                  struct cmaw_diag *diag);
/* The secrets of a run; the store must be unlocked. DENIED, with one clear line, if they were shredded. */
enum cmaw_err cmaw_store_secrets(struct cmaw_store *store, const struct cmaw_bytes32 *run_id, struct cmaw_edge_secrets *ret_secrets,
                                 struct cmaw_diag *diag);
/* Destroys the key of the run's secrets and the secrets, and makes the file anew, so that nothing in it opens them. Works on a locked store of the
 * present format; doing it again makes the file anew again. BUSY, NO_SPACE: the secrets are destroyed, but gaps of the file may still hold them sealed. IO
 * if the bytes are still there afterwards. */
enum cmaw_err cmaw_store_shred(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag);
/* DENIED, with the line that says when, if the run's secrets were shredded. Works on a locked store. */
enum cmaw_err cmaw_store_check_not_shredded(struct cmaw_store *store, const struct cmaw_run_record *record, struct cmaw_diag *diag);
/* Newest first, without plan, ticket, inputs and result. */
enum cmaw_err cmaw_store_each_run(struct cmaw_store *store, size_t limit,
                                  enum cmaw_err (*visit)(void *context, const struct cmaw_run_record *record), void *context,
                                  struct cmaw_diag *diag);

/* Milliseconds since 1970: for what a person reads, and for expiry that enclaves check by their own clock. */
uint64_t cmaw_wall_clock_ms(void);

#endif
