#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/launch/nitro.h"
#include "lib/base/log.h"

/* The lock belongs to the open file, so a child can wait for it while this process waits for signals as well. */
static pid_t start_waiting(int fd, int *ret_pidfd)
{
    const pid_t parent = getpid(), child = fork();
    if (child == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent) {
            _exit(1);
        }
        _exit(flock(fd, LOCK_EX) == 0 ? 0 : 1);
    }
    *ret_pidfd = child > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
    return child;
}

/* Whether the lock was had; false for a signal. */
static enum cmaw_err wait_for_lock(int fd, int signals, bool *ret_locked)
{
    CMAW_FD_AUTO(pidfd);
    const pid_t child = start_waiting(fd, &pidfd);
    int status = -1;
    CMAW_REQUIRE(child > 0, cmaw_err_of_errno(errno));
    struct pollfd events[] = {{.fd = pidfd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
    while (pidfd >= 0 && poll(events, 2, -1) < 0 && errno == EINTR) {
    }
    const bool stopped = (events[1].revents & POLLIN) != 0 && (events[0].revents & POLLIN) == 0;
    if ((events[0].revents & POLLIN) == 0) {
        (void)kill(child, SIGKILL);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    CMAW_REQUIRE(stopped || (WIFEXITED(status) && WEXITSTATUS(status) == 0), CMAW_E_IO);
    *ret_locked = !stopped;
    return CMAW_OK;
}

enum cmaw_err cmaw_launch_nitro_lock(struct launch_run *run, int *ret_fd, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_path(path, "%s/dev/nitro_enclaves", run->options->host_root));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        cmaw_diag_hint(diag, "was the instance started with enclaves enabled, is the module nitro_enclaves loaded, and is this user in the group ne?");
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (!locked) {
        cmaw_log(CMAW_LOG_INFO, "launch.waiting", "name=%s note=\"another enclave is being started on this parent\"", run->options->name);
        const enum cmaw_err err = wait_for_lock(fd, run->signals, &locked);
        if (err != CMAW_OK) {
            return cmaw_diag_set(diag, err, "cannot lock %s: %s", path, cmaw_err_text(err));
        }
    }
    if (locked) {
        *ret_fd = fd;
        fd = -1;
    }
    return CMAW_OK;
}
