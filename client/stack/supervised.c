#include "client/stack/supervised.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/pid.h"

enum { START_MS = 60000, STABLE_MS = 10000, PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000, PROBE_MS = 25, GRACE_MS = 10000 };

static void set_state(struct cmaw_supervised *process, enum cmaw_process_state state)
{
    process->record->state = state;
    cmaw_log(CMAW_LOG_INFO, "process.state", "name=%s state=%s restarts=%u", process->record->name,
             cmaw_process_state_name(state), process->record->restarts);
}

/* After a start that did not work or an end that was not asked for. */
static void fail(struct cmaw_supervised *process)
{
    cmaw_fd_close(&process->ready_fd);
    process->record->pid = 0;
    if (!process->wanted || !process->was_ready) {
        process->wanted = false;
        set_state(process, CMAW_PROCESS_FAILED);
        return;
    }
    const uint64_t now = cmaw_clock_ms();
    const bool stable = process->record->state == CMAW_PROCESS_READY && now - process->ready_since_ms >= STABLE_MS;
    process->pause_ms = stable || process->pause_ms == 0 ? PAUSE_FIRST_MS
                        : process->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : process->pause_ms * 2;
    process->next_ms = now + process->pause_ms;
    process->record->restarts++;
    set_state(process, CMAW_PROCESS_WAITING);
}

static enum cmaw_err spawn(struct cmaw_supervised *process, const struct cmaw_service *service, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(log);
    log = open(service->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int ready[2];
    if (log < 0 || pipe2(ready, O_CLOEXEC) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot write %s: %s", service->log, strerror(errno));
    }
    const struct cmaw_proc_spec spec = {.path = service->argv[0], .argv = service->argv, .env = service->env, .in = -1, .out = log,
                                        .err = log, .fds = {ready[1]}, .fd_count = 1, .die_with_parent = true, .new_session = true};
    const enum cmaw_err err = cmaw_proc_start(&spec, &process->proc, diag);
    (void)close(ready[1]);
    if (err != CMAW_OK || service->probe_port != 0) {
        (void)close(ready[0]);
        return err;
    }
    process->ready_fd = ready[0];
    return CMAW_OK;
}

void cmaw_supervised_start(struct cmaw_supervised *process, const struct cmaw_stack *stack)
{
    struct cmaw_diag diag = {0};
    struct cmaw_service *service = NULL;
    enum cmaw_err err = cmaw_service_of(stack, process->record->name, &service, &diag);
    if (err == CMAW_OK) {
        err = spawn(process, service, &diag);
        process->probe_port = service->probe_port;
    }
    free(service);
    if (err != CMAW_OK) {
        (void)snprintf(process->fault, sizeof process->fault, "%.390s", diag.text[0] == '\0' ? cmaw_err_text(err) : diag.text);
        fail(process);
        return;
    }
    const uint64_t now = cmaw_clock_ms();
    process->record->pid = process->proc.pid;
    process->record->started = 0;
    CMAW_IGNORE(cmaw_pid_started(process->proc.pid, &process->record->started)); /* if it is gone already, its pidfd says so */
    process->deadline_ms = now + START_MS;
    process->next_ms = now;
    set_state(process, CMAW_PROCESS_STARTING);
}

static void become_ready(struct cmaw_supervised *process)
{
    cmaw_fd_close(&process->ready_fd);
    process->was_ready = true;
    process->ready_since_ms = cmaw_clock_ms();
    process->fault[0] = '\0';
    set_state(process, CMAW_PROCESS_READY);
}

void cmaw_supervised_on_ready(struct cmaw_supervised *process)
{
    char text[8];
    const ssize_t got = read(process->ready_fd, text, sizeof text);
    if (got == 6 && strncmp(text, "ready\n", 6) == 0) {
        become_ready(process);
        return;
    }
    /* closed without a word: it is about to end, and its pidfd will tell */
    cmaw_fd_close(&process->ready_fd);
}

void cmaw_supervised_on_end(struct cmaw_supervised *process)
{
    int status = 0;
    CMAW_IGNORE(cmaw_proc_wait(&process->proc, 0, &status)); /* it has ended: this only reaps */
    (void)snprintf(process->fault, sizeof process->fault, "ended with %s %d%s", status > 128 ? "signal" : "code",
                   status > 128 ? status - 128 : status,
                   process->record->state == CMAW_PROCESS_STARTING ? " before it was ready" : "");
    cmaw_log(CMAW_LOG_WARN, "process.end", "name=%s status=%d", process->record->name, status);
    fail(process);
}

static bool accepts(uint16_t port)
{
    CMAW_FD_AUTO(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0) {
        return true;
    }
    struct pollfd event = {.fd = fd, .events = POLLOUT};
    int fault = 0;
    socklen_t size = sizeof fault;
    return fd >= 0 && errno == EINPROGRESS && poll(&event, 1, PROBE_MS) == 1 &&
           getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &size) == 0 && fault == 0;
}

uint64_t cmaw_supervised_on_clock(struct cmaw_supervised *process, const struct cmaw_stack *stack)
{
    const uint64_t now = cmaw_clock_ms();
    if (process->record->state == CMAW_PROCESS_WAITING && now >= process->next_ms) {
        cmaw_supervised_start(process, stack);
    }
    if (process->record->state == CMAW_PROCESS_STARTING && process->probe_port != 0 && now >= process->next_ms) {
        process->next_ms = now + PROBE_MS;
        if (accepts(process->probe_port)) {
            become_ready(process);
        }
    }
    if (process->record->state == CMAW_PROCESS_STARTING && now >= process->deadline_ms) {
        cmaw_proc_kill(&process->proc);
        (void)snprintf(process->fault, sizeof process->fault, "was not ready after %d s", START_MS / 1000);
        fail(process);
    }
    switch (process->record->state) {
    case CMAW_PROCESS_WAITING:
        return process->next_ms;
    case CMAW_PROCESS_STARTING:
        return process->probe_port != 0 ? process->next_ms : process->deadline_ms;
    default:
        return UINT64_MAX;
    }
}

void cmaw_supervised_stop(struct cmaw_supervised *process)
{
    process->wanted = false;
    int status = 0;
    if (process->proc.pid > 0) {
        CMAW_IGNORE(cmaw_proc_stop(&process->proc, GRACE_MS, &status)); /* it always ends */
    }
    cmaw_fd_close(&process->ready_fd);
    process->record->pid = 0;
    set_state(process, CMAW_PROCESS_STOPPED);
}
