/* Puts the entries of cpio archives into the root folder of this process, as the kernel does with an initramfs. */
#ifndef CMAW_LAUNCH_UNPACK_H
#define CMAW_LAUNCH_UNPACK_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

/* Runs in the new root. No entry may lie behind a symbolic link or on another mount (proc, sys and dev are there already), no
 * file may come twice; devices, FIFOs and sockets are passed over. Missing parent folders are made. */
enum cmaw_err cmaw_launch_unpack(struct cmaw_slice archives, struct cmaw_diag *diag);

#endif
