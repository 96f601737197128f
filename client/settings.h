/* Where things are: flags, then environment, then the local stack's own files, then defaults. */
#ifndef CMAW_CLIENT_SETTINGS_H
#define CMAW_CLIENT_SETTINGS_H

#include "client/options.h"
#include "client/unsigned.h"
#include "sys/file.h"

/* As given on the command line; NULL: not given. */
struct cmaw_settings {
    const char *dir;
    const char *store;
    const char *passphrase_file;
    const char *temporal;
    const char *ns;
    bool json;
    bool accept_unsigned; /* unsigned.h: on the command line only */
};

/* Rows of a table of common options. */
#define CMAW_OPTION_DIR(settings) \
    {"dir", "FOLDER", "the local stack's folder (CMAW_DIR)", &(settings).dir, NULL, NULL}
#define CMAW_OPTION_JSON(settings) \
    {"json", NULL, "JSON on standard output", NULL, NULL, &(settings).json}
#define CMAW_OPTION_STORE(settings)                                                                                  \
    {"store", "FILE", "the run store (CMAW_STORE)", &(settings).store, NULL, NULL},                                  \
    {"passphrase-file", "FILE", "its passphrase (CMAW_PASSPHRASE_FILE)", &(settings).passphrase_file, NULL, NULL}
#define CMAW_OPTION_TEMPORAL(settings)                                                                               \
    {"temporal", "HOST:PORT", "Temporal's address (TEMPORAL_ADDRESS)", &(settings).temporal, NULL, NULL},            \
    {"namespace", "NAME", "Temporal's namespace (TEMPORAL_NAMESPACE)", &(settings).ns, NULL, NULL}

/* --dir, CMAW_DIR, else ${XDG_STATE_HOME:-~/.local/state}/cmaw/default; absolute. */
enum cmaw_err cmaw_settings_dir(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);
/* --store, CMAW_STORE, else ${XDG_DATA_HOME:-~/.local/share}/cmaw/store.db; absolute. */
enum cmaw_err cmaw_settings_store(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);
/* --passphrase-file, CMAW_PASSPHRASE_FILE, else STORE.passphrase if that is there; empty: ask at the terminal. */
enum cmaw_err cmaw_settings_passphrase(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX],
                                       struct cmaw_diag *diag);
/* An absolute path for one relative to the current folder. */
enum cmaw_err cmaw_path_absolute(const char *path, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag);

/* One line on standard error for what takes a while: "cmaw: …". */
[[gnu::format(printf, 1, 2)]] void cmaw_progress(const char *format, ...);

#endif
