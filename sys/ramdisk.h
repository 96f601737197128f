/* Puts the entries of cpio archives into a folder, as the kernel does with an initramfs and its root. */
#ifndef CMAW_SYS_RAMDISK_H
#define CMAW_SYS_RAMDISK_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

/* path: a folder that nobody else writes to. No entry may lie behind a symbolic link or on another mount (proc, sys and dev may be there
 * already, and are not made), no file may come twice; devices, FIFOs and sockets are passed over. Missing parent folders are made. */
enum cmaw_err cmaw_ramdisk_unpack(const char *path, struct cmaw_slice archives, struct cmaw_diag *diag);

#endif
