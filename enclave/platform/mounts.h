/* The file systems that the enclave needs around itself. */
#ifndef CMAW_PLATFORM_MOUNTS_H
#define CMAW_PLATFORM_MOUNTS_H

#include "lib/base/error.h"

/* Mounts /dev and /proc unless something is there already. IO with errno set. */
enum cmaw_err cmaw_mounts_make(void);
/* Mounts /sys, read-only. */
enum cmaw_err cmaw_mounts_make_sys(void);
/* Mounts the control groups (version 2) in /sys, where the kernel has them. IO with errno set. */
#define CMAW_MOUNTS_CGROUPS "/sys/fs/cgroup"
enum cmaw_err cmaw_mounts_make_cgroups(void);
/* Makes the root a mount that pivot_root can replace. The initramfs itself has no parent and cannot be replaced, in any
 * namespace: it is bound, moved over itself, and left. */
enum cmaw_err cmaw_mounts_leave_rootfs(void);

#endif
