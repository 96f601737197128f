#include "sys/folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_FDS = 32 };

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

enum cmaw_err cmaw_folder_remove(const char *path, struct cmaw_diag *diag)
{
    if (nftw(path, remove_entry, DEPTH_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot remove %s: %s", path, strerror(errno));
    }
    return CMAW_OK;
}
