#include "client/stack/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/stack/control.h"
#include "client/stack/supervised.h"
#include "lib/base/log.h"
#include "sys/addr.h"
#include "sys/daemon.h"
#include "sys/pid.h"

enum { CONNECTIONS_MAX = 8, POLL_MAX = 2 + CONNECTIONS_MAX + 2 * CMAW_STACK_PROCESSES_MAX };

/* A client of the control socket; fd -1: free. */
struct connection {
    int fd;
    size_t used;
    char line[CMAW_CONTROL_LINE_MAX];
    struct cmaw_supervised *waits_for; /* a start that is not answered yet */
    bool wants_stop;
};

struct supervisor {
    struct cmaw_stack *stack;
    int signals;
    int listener;
    bool stopping;
    struct connection connections[CONNECTIONS_MAX];
    struct cmaw_supervised processes[CMAW_STACK_PROCESSES_MAX];
};

static enum cmaw_err add_process(void *context, const char *name)
{
    struct supervisor *supervisor = context;
    struct cmaw_stack *stack = supervisor->stack;
    CMAW_REQUIRE(stack->process_count < CMAW_STACK_PROCESSES_MAX, CMAW_E_TOO_LARGE);
    struct cmaw_stack_process *record = &stack->processes[stack->process_count];
    *record = (struct cmaw_stack_process){.state = CMAW_PROCESS_STOPPED};
    (void)snprintf(record->name, sizeof record->name, "%s", name);
    supervisor->processes[stack->process_count] =
        (struct cmaw_supervised){.record = record, .proc = CMAW_PROC_NONE, .ready_fd = -1};
    stack->process_count++;
    return CMAW_OK;
}

static void answer(struct connection *connection, const char *line)
{
    /* a client that has gone does not need its answer */
    CMAW_IGNORE(cmaw_fd_write(connection->fd, cmaw_slice_of_cstr(line)));
    cmaw_fd_close(&connection->fd);
    *connection = (struct connection){.fd = -1};
}

/* Answers a start once its process is ready or has failed. */
static void answer_if_decided(struct connection *connection)
{
    const struct cmaw_supervised *process = connection->waits_for;
    if (process == NULL) {
        return;
    }
    char line[CMAW_CONTROL_LINE_MAX];
    switch (process->record->state) {
    case CMAW_PROCESS_READY:
        answer(connection, "ready\n");
        break;
    case CMAW_PROCESS_FAILED:
    case CMAW_PROCESS_STOPPED:
        (void)snprintf(line, sizeof line, "failed %s\n", process->fault[0] == '\0' ? "stopped" : process->fault);
        answer(connection, line);
        break;
    default:
        break;
    }
}

static void on_start(struct supervisor *supervisor, struct connection *connection, const char *name)
{
    for (size_t i = 0; i < supervisor->stack->process_count; i++) {
        struct cmaw_supervised *process = &supervisor->processes[i];
        if (strcmp(process->record->name, name) != 0) {
            continue;
        }
        process->wanted = true;
        if (process->record->state == CMAW_PROCESS_STOPPED || process->record->state == CMAW_PROCESS_FAILED) {
            process->was_ready = false;
            cmaw_supervised_start(process, supervisor->stack);
        }
        connection->waits_for = process;
        return;
    }
    answer(connection, "failed no such process\n");
}

static void on_line(struct supervisor *supervisor, struct connection *connection)
{
    if (strcmp(connection->line, "ping") == 0) {
        answer(connection, "pong\n");
    } else if (strcmp(connection->line, "stop") == 0) {
        connection->wants_stop = true;
        supervisor->stopping = true;
    } else if (strncmp(connection->line, "start ", 6) == 0) {
        on_start(supervisor, connection, connection->line + 6);
    } else {
        answer(connection, "failed not understood\n");
    }
}

static void on_connection(struct supervisor *supervisor, struct connection *connection)
{
    char *at = connection->line + connection->used;
    const ssize_t got = recv(connection->fd, at, sizeof connection->line - 1 - connection->used, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            cmaw_fd_close(&connection->fd);
            *connection = (struct connection){.fd = -1};
        }
        return;
    }
    connection->used += (size_t)got;
    connection->line[connection->used] = '\0';
    char *end = strchr(connection->line, '\n');
    if (end != NULL && connection->waits_for == NULL) {
        *end = '\0';
        on_line(supervisor, connection);
    } else if (connection->used == sizeof connection->line - 1) {
        answer(connection, "failed line too long\n");
    }
}

static void on_listener(struct supervisor *supervisor)
{
    const int fd = accept4(supervisor->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
        if (supervisor->connections[i].fd < 0) {
            supervisor->connections[i] = (struct connection){.fd = fd};
            return;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void save(struct supervisor *supervisor)
{
    struct cmaw_diag diag = {0};
    if (cmaw_stack_save(supervisor->stack, &diag) != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "stack.save", "text=\"%s\"", diag.text);
    }
}

struct watch {
    enum { WATCH_SIGNALS, WATCH_LISTENER, WATCH_CONNECTION, WATCH_END, WATCH_READY } kind;
    size_t index;
};

static size_t watch(struct pollfd *polled, struct watch *watched, size_t count, int fd, struct watch what)
{
    if (fd < 0) {
        return count;
    }
    polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    watched[count] = what;
    return count + 1;
}

static size_t watch_all(const struct supervisor *supervisor, struct pollfd polled[POLL_MAX], struct watch watched[POLL_MAX])
{
    size_t count = watch(polled, watched, 0, supervisor->signals, (struct watch){WATCH_SIGNALS, 0});
    count = watch(polled, watched, count, supervisor->listener, (struct watch){WATCH_LISTENER, 0});
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        count = watch(polled, watched, count, supervisor->connections[i].fd, (struct watch){WATCH_CONNECTION, i});
    }
    for (size_t i = 0; i < supervisor->stack->process_count; i++) {
        const struct cmaw_supervised *process = &supervisor->processes[i];
        count = watch(polled, watched, count, process->proc.pid > 0 ? process->proc.pidfd : -1, (struct watch){WATCH_END, i});
        count = watch(polled, watched, count, process->ready_fd, (struct watch){WATCH_READY, i});
    }
    return count;
}

static void handle(struct supervisor *supervisor, struct watch what)
{
    switch (what.kind) {
    case WATCH_SIGNALS:
        supervisor->stopping = supervisor->stopping || cmaw_signals_next(supervisor->signals) != 0;
        break;
    case WATCH_LISTENER:
        on_listener(supervisor);
        break;
    case WATCH_CONNECTION:
        on_connection(supervisor, &supervisor->connections[what.index]);
        break;
    case WATCH_END:
        cmaw_supervised_on_end(&supervisor->processes[what.index]);
        break;
    case WATCH_READY:
        /* it may have ended in this very round */
        if (supervisor->processes[what.index].ready_fd >= 0) {
            cmaw_supervised_on_ready(&supervisor->processes[what.index]);
        }
        break;
    }
}

/* What the processes of stack.json are, to see whether it has to be written again. */
static uint64_t fingerprint(const struct cmaw_stack *stack)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < stack->process_count; i++) {
        const struct cmaw_stack_process *process = &stack->processes[i];
        sum = sum * 1000003 + (uint64_t)process->pid * 8 + process->state + process->restarts * 7919ull + process->started;
    }
    return sum;
}

static int wait_ms(struct supervisor *supervisor)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < supervisor->stack->process_count; i++) {
        const uint64_t due = cmaw_supervised_on_clock(&supervisor->processes[i], supervisor->stack);
        next = due < next ? due : next;
    }
    const uint64_t now = cmaw_clock_ms();
    return next == UINT64_MAX ? -1 : next <= now ? 0 : next - now > 60000 ? 60000 : (int)(next - now);
}

static void serve(struct supervisor *supervisor)
{
    uint64_t saved = 0;
    while (!supervisor->stopping) {
        const int timeout = wait_ms(supervisor);
        const uint64_t now = fingerprint(supervisor->stack);
        if (now != saved) {
            save(supervisor);
            saved = now;
        }
        /* after the file: who is told that a process is ready finds it so there */
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            answer_if_decided(&supervisor->connections[i]);
        }
        struct pollfd polled[POLL_MAX];
        struct watch watched[POLL_MAX];
        const size_t count = watch_all(supervisor, polled, watched);
        if (poll(polled, count, timeout) <= 0) {
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            if (polled[i].revents != 0) {
                handle(supervisor, watched[i]);
            }
        }
    }
}

static void stop_all(struct supervisor *supervisor)
{
    for (size_t i = supervisor->stack->process_count; i > 0; i--) {
        cmaw_supervised_stop(&supervisor->processes[i - 1]);
    }
    supervisor->stack->supervisor_pid = 0;
    save(supervisor);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (supervisor->connections[i].fd >= 0) {
            answer(&supervisor->connections[i], supervisor->connections[i].wants_stop ? "stopped\n" : "failed the stack stops\n");
        }
    }
}

enum cmaw_err cmaw_supervisor_run(struct cmaw_stack *stack, int ready_fd, struct cmaw_diag *diag)
{
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    CMAW_REQUIRE(supervisor != NULL, CMAW_E_NO_MEMORY);
    supervisor->stack = stack;
    supervisor->signals = -1;
    supervisor->listener = -1;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        supervisor->connections[i].fd = -1;
    }
    stack->process_count = 0;
    stack->supervisor_pid = getpid();
    char path[CMAW_PATH_MAX];
    enum cmaw_err err = cmaw_service_each(stack, add_process, supervisor);
    err = err != CMAW_OK ? err : cmaw_pid_started(getpid(), &stack->supervisor_started);
    err = err != CMAW_OK ? err : cmaw_stack_path(stack, path, diag, "supervisor.sock");
    err = err != CMAW_OK ? err : cmaw_unix_listen(path, &supervisor->listener);
    err = err != CMAW_OK ? err : cmaw_signals_open(false, &supervisor->signals);
    err = err != CMAW_OK ? err : cmaw_stack_save(stack, diag);
    if (err == CMAW_OK) {
        cmaw_ready_notify(&ready_fd);
        serve(supervisor);
        stop_all(supervisor);
        (void)unlink(path);
    }
    cmaw_fd_close(&supervisor->listener);
    cmaw_fd_close(&supervisor->signals);
    free(supervisor);
    return err == CMAW_OK ? err : cmaw_diag_wrap(diag, err, "the supervisor cannot start");
}
