/* Processes that are not our children. One is named by pid and start time, so that a pid which the system gave to
 * another program meanwhile is never mistaken for ours. */
#ifndef CMAW_SYS_PID_H
#define CMAW_SYS_PID_H

#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

/* Kernel ticks since boot at which a process started; NOT_FOUND if there is none. */
enum cmaw_err cmaw_pid_started(pid_t pid, uint64_t *ret_ticks);
/* A descriptor of the process, only if pid still is the one that started then; NOT_FOUND otherwise. Readable when it has ended. */
enum cmaw_err cmaw_pid_open(pid_t pid, uint64_t started_ticks, int *ret_pidfd);
/* Sends a signal through such a descriptor; NOT_FOUND if the process has ended. */
enum cmaw_err cmaw_pid_signal(int pidfd, int signal);

#endif
