#include "sys/daemon.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "sys/file.h"

void cmaw_ready_notify(int *fd)
{
    if (*fd >= 0) {
        /* nobody to tell any more is no reason to stop serving */
        CMAW_IGNORE(cmaw_fd_write(*fd, CMAW_SLICE_LIT("ready\n")));
        cmaw_fd_close(fd);
    }
}

enum cmaw_err cmaw_signals_open(bool with_usr1, int *ret_fd)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    if (with_usr1) {
        (void)sigaddset(&set, SIGUSR1);
    }
    CMAW_REQUIRE(signal(SIGPIPE, SIG_IGN) != SIG_ERR, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(sigprocmask(SIG_BLOCK, &set, NULL) == 0, cmaw_err_of_errno(errno));
    const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    *ret_fd = fd;
    return CMAW_OK;
}

int cmaw_signals_next(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

enum cmaw_err cmaw_log_option(const char *format, struct cmaw_diag *diag)
{
    CMAW_REQUIRE(cmaw_log_set_format(format) != CMAW_OK, CMAW_OK);
    cmaw_diag_hint(diag, "--log-format json is one object a line");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "--log-format is text or json, not %s", format);
}

uint64_t cmaw_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
