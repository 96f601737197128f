#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/proc.h"

/* Where the programs are in the build tree, seen from the folder of any of them. */
static const char *const build_folders[] = {".", "../client", "../image", "../dev", "../enclave", "../agents",
                                            "../host/launch", "../host/proxy", "../host/worker",
                                            "../launch", "../proxy", "../worker", "../../client", "../../image", "../../dev", "../../host/launch", "../../host/proxy", "../../host/worker",
                                            "../../enclave", "../../agents"};

static bool is_program(const char *folder, size_t folder_size, const char *name, char ret_path[static CMAW_PATH_MAX])
{
    char path[CMAW_PATH_MAX];
    if (cmaw_path(path, "%.*s/%s", (int)folder_size, folder, name) != CMAW_OK || access(path, X_OK) != 0) {
        return false;
    }
    memcpy(ret_path, path, sizeof path);
    return true;
}

static bool find_in_list(const char *list, const char *name, char ret_path[static CMAW_PATH_MAX])
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        const char *end = strchrnul(at, ':');
        if (end > at && is_program(at, (size_t)(end - at), name, ret_path)) {
            return true;
        }
        at = *end == '\0' ? end : end + 1;
    }
    return false;
}

static bool find_beside_self(const char *name, char ret_path[static CMAW_PATH_MAX])
{
    char self[CMAW_PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0) {
        return false;
    }
    self[size] = '\0';
    const char *folder = dirname(self);
    for (size_t i = 0; i < sizeof build_folders / sizeof build_folders[0]; i++) {
        char candidate[CMAW_PATH_MAX];
        if (cmaw_path(candidate, "%s/%s", folder, build_folders[i]) == CMAW_OK &&
            is_program(candidate, strlen(candidate), name, ret_path)) {
            return true;
        }
    }
    return false;
}

enum cmaw_err cmaw_proc_find(const char *name, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    if (find_in_list(getenv("CMAW_BIN"), name, ret_path) || find_beside_self(name, ret_path) ||
        find_in_list(getenv("PATH"), name, ret_path)) {
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "put its folder into PATH or CMAW_BIN");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "cannot find the program %s", name);
}
