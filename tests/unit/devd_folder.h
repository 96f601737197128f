/* A store in a folder of its own, for tests of the emulator. */
#ifndef CMAW_TESTS_DEVD_FOLDER_H
#define CMAW_TESTS_DEVD_FOLDER_H

#include "dev/store.h"

struct devd_folder {
    char dir[64];
    struct cmaw_store *store;
};

/* Makes the folder and opens the store in it; false if that fails. */
bool devd_folder_make(struct devd_folder *ret_folder);
/* Closes the store and removes what it has left, and the folder: false if there is anything else in it. */
bool devd_folder_remove(struct devd_folder *folder);

#endif
