/* The passphrase of a run store, from a file or from the person at the terminal. */
#ifndef CMAW_CLIENT_STORE_PASSPHRASE_H
#define CMAW_CLIENT_STORE_PASSPHRASE_H

#include "client/settings.h"
#include "client/store/store.h"

enum { CMAW_PASSPHRASE_MAX = 1024 }; /* bytes */

struct cmaw_passphrase_source {
    const char *what;   /* "the run store" */
    const char *option; /* what names the file, for the hint */
    const char *file;   /* NULL or empty: ask at the terminal, in silence */
    bool is_new;        /* ask twice */
};
/* Appends the passphrase, without the line end of a file. DENIED for a file that others than its owner may read or change; AUTH if it is empty, if the two
 * given differ, or if there is nobody to ask. */
enum cmaw_err cmaw_passphrase_get(const struct cmaw_passphrase_source *source, struct cmaw_buf *passphrase, struct cmaw_diag *diag);

/* Opens the store of the settings and unlocks it. Without a file and without a terminal: AUTH with a hint. */
enum cmaw_err cmaw_store_open_unlocked(const struct cmaw_settings *settings, struct cmaw_store **ret_store, struct cmaw_diag *diag);
/* Opens it without asking for the passphrase. */
enum cmaw_err cmaw_store_open_locked(const struct cmaw_settings *settings, struct cmaw_store **ret_store, struct cmaw_diag *diag);
/* If there is neither a store nor a passphrase for it, makes a file with a random one beside where the store will be (for a
 * demonstration: whoever reads the folder reads the store) and sets *ret_made. */
enum cmaw_err cmaw_passphrase_provide(const struct cmaw_settings *settings, bool *ret_made,
                                      char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);

#endif
