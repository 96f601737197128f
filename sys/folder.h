/* Whole folders, for the programs outside the enclave. */
#ifndef CMAW_SYS_FOLDER_H
#define CMAW_SYS_FOLDER_H

#include "lib/base/diag.h"

/* Removes a folder and all that is in it; links are removed, not followed, and other mounts are left. */
enum cmaw_err cmaw_folder_remove(const char *path, struct cmaw_diag *diag);

#endif
