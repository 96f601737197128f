#include "client/settings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"

enum cmaw_err cmaw_path_absolute(const char *path, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    char here[CMAW_PATH_MAX] = "";
    if (path[0] != '/' && getcwd(here, sizeof here) == NULL) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot tell the current folder: %s", strerror(errno));
    }
    if (cmaw_path(ret_path, "%s%s%s", here, path[0] == '/' ? "" : "/", path) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "path is too long: %.100s…", path);
    }
    return CMAW_OK;
}

/* ${variable:-~/fallback}/rest */
static enum cmaw_err in_home(const char *variable, const char *fallback, const char *rest,
                             char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    const char *base = getenv(variable);
    const char *home = getenv("HOME");
    enum cmaw_err err;
    if (base != NULL && base[0] == '/') {
        err = cmaw_path(ret_path, "%s/%s", base, rest);
    } else if (home != NULL && home[0] == '/') {
        err = cmaw_path(ret_path, "%s/%s/%s", home, fallback, rest);
    } else {
        cmaw_diag_hint(diag, "set HOME or %s", variable);
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "no home folder");
    }
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "the home folder's path is too long");
}

static const char *given(const char *flag, const char *variable)
{
    const char *value = flag != NULL ? flag : getenv(variable);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

enum cmaw_err cmaw_settings_dir(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    const char *dir = given(settings->dir, "CMAW_DIR");
    return dir != NULL ? cmaw_path_absolute(dir, ret_path, diag)
                       : in_home("XDG_STATE_HOME", ".local/state", "cmaw/default", ret_path, diag);
}

enum cmaw_err cmaw_settings_store(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    const char *store = given(settings->store, "CMAW_STORE");
    return store != NULL ? cmaw_path_absolute(store, ret_path, diag)
                         : in_home("XDG_DATA_HOME", ".local/share", "cmaw/store.db", ret_path, diag);
}

enum cmaw_err cmaw_settings_passphrase(const struct cmaw_settings *settings, char ret_path[static CMAW_PATH_MAX],
                                       struct cmaw_diag *diag)
{
    const char *file = given(settings->passphrase_file, "CMAW_PASSPHRASE_FILE");
    if (file != NULL) {
        return cmaw_path_absolute(file, ret_path, diag);
    }
    char store[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_settings_store(settings, store, diag));
    if (cmaw_path(ret_path, "%s.passphrase", store) != CMAW_OK || access(ret_path, F_OK) != 0) {
        ret_path[0] = '\0';
    }
    return CMAW_OK;
}

void cmaw_progress(const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    cmaw_text_tame(line);
    (void)fprintf(stderr, "cmaw: %s\n", line);
}
