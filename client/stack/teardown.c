#include "client/stack/teardown.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/settings.h"
#include "client/stack/control.h"
#include "sys/folder.h"
#include "sys/pid.h"

enum { GRACE_MS = 10000 };

/* SIGTERM, then SIGKILL, to a process that still is the one meant. */
static void end_process(pid_t pid, uint64_t started)
{
    CMAW_FD_AUTO(pidfd);
    if (cmaw_pid_open(pid, started, &pidfd) != CMAW_OK) {
        return;
    }
    CMAW_IGNORE(cmaw_pid_signal(pidfd, SIGTERM)); /* it may just have ended */
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    if (poll(&ended, 1, GRACE_MS) == 0) {
        CMAW_IGNORE(cmaw_pid_signal(pidfd, SIGKILL));
        (void)poll(&ended, 1, GRACE_MS);
    }
}

enum cmaw_err cmaw_teardown(struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    if (cmaw_control_running(stack)) {
        cmaw_progress("stop the stack in %s", stack->dir);
        CMAW_FD_AUTO(supervisor);
        const bool watched = cmaw_pid_open(stack->supervisor_pid, stack->supervisor_started, &supervisor) == CMAW_OK;
        CMAW_TRY(cmaw_control_stop(stack, diag));
        struct pollfd ended = {.fd = supervisor, .events = POLLIN};
        (void)poll(&ended, watched ? 1 : 0, watched ? GRACE_MS : 0);
        return CMAW_OK;
    }
    end_process(stack->supervisor_pid, stack->supervisor_started);
    for (size_t i = stack->process_count; i > 0; i--) {
        end_process(stack->processes[i - 1].pid, stack->processes[i - 1].started);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_remove_stack(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    return cmaw_folder_remove(stack->dir, diag);
}
