#include "sys/pid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/file.h"

enum { START_FIELD = 22 }; /* of /proc/PID/stat, counted from 1 */

enum cmaw_err cmaw_pid_started(pid_t pid, uint64_t *ret_ticks)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", pid);
    CMAW_BUF_AUTO(stat, 4096);
    struct cmaw_diag diag = {0};
    CMAW_REQUIRE(cmaw_file_read(path, &stat, &diag) == CMAW_OK, CMAW_E_NOT_FOUND);
    cmaw_buf_put_u8(&stat, 0);
    CMAW_TRY(stat.err);
    /* field 2, the name of the program, may hold anything: count from its last bracket */
    const char *at = strrchr((const char *)stat.data, ')');
    for (int field = 2; at != NULL && field < START_FIELD; field++) {
        at = strchr(at + 1, ' ');
    }
    CMAW_REQUIRE(at != NULL, CMAW_E_PEER);
    *ret_ticks = strtoull(at + 1, NULL, 10);
    return CMAW_OK;
}

enum cmaw_err cmaw_pid_open(pid_t pid, uint64_t started_ticks, int *ret_pidfd)
{
    CMAW_FD_AUTO(pidfd);
    CMAW_REQUIRE(pid > 0, CMAW_E_NOT_FOUND);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    CMAW_REQUIRE(pidfd >= 0, CMAW_E_NOT_FOUND);
    uint64_t ticks = 0;
    CMAW_TRY(cmaw_pid_started(pid, &ticks));
    CMAW_REQUIRE(ticks == started_ticks, CMAW_E_NOT_FOUND);
    *ret_pidfd = pidfd;
    pidfd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_pid_signal(int pidfd, int signal)
{
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? CMAW_OK : CMAW_E_NOT_FOUND;
}
