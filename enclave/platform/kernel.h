/* What a PID 1 tells its kernel, and asks it. Paths are parameters so that a test can look at what is written. */
#ifndef CMAW_PLATFORM_KERNEL_H
#define CMAW_PLATFORM_KERNEL_H

#include <stdint.h>

#include "lib/base/error.h"

/* Settings below proc ("/proc"): an error of the kernel in an agent's system call ends that agent, a repeated one the enclave, and
 * a panic ends it at once; this process is nothing that lack of memory may end. A kernel without one of them goes without. */
void cmaw_kernel_settle(const char *proc);
/* Sets the loopback interface up. A kernel without one is no error. IO with errno set. */
enum cmaw_err cmaw_kernel_raise_loopback(void);
/* Bytes of memory that could be taken now, by proc/meminfo. IO. */
enum cmaw_err cmaw_kernel_available(const char *proc, uint64_t *ret_bytes);

#endif
