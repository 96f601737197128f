#include "tests/unit/devd_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool devd_folder_make(struct devd_folder *ret_folder)
{
    struct devd_folder folder = {.dir = "/tmp/devd-test-XXXXXX"};
    struct cmaw_diag diag = {0};
    if (mkdtemp(folder.dir) == NULL || cmaw_store_open(folder.dir, true, &folder.store, &diag) != CMAW_OK) {
        return false;
    }
    *ret_folder = folder;
    return true;
}

bool devd_folder_remove(struct devd_folder *folder)
{
    static const char *const names[] = {"devd.db", "devd.db-wal", "devd.db-shm"};
    char path[128];
    cmaw_store_close(&folder->store);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", folder->dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder->dir) == 0;
}
