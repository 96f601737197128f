#include "client/stack/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/stack/service.h"
#include "sys/addr.h"
#include "sys/proc.h"

enum { CONNECT_MS = 2000, LAUNCH_MS = 20000, LOG_TAIL = 2048 };

/* Sends line and reads the answer, without its line feed. The answer may take long: a start ends when the process is ready. */
static enum cmaw_err ask(const struct cmaw_stack *stack, const char *line, char ret_answer[static CMAW_CONTROL_LINE_MAX],
                         struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, path, diag, "supervisor.sock"));
    CMAW_FD_AUTO(fd);
    enum cmaw_err err = cmaw_unix_connect(path, CONNECT_MS, &fd);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "cmaw up starts it");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "the stack in %s does not run", stack->dir);
    }
    err = cmaw_fd_write(fd, cmaw_slice_of_cstr(line));
    for (size_t used = 0; err == CMAW_OK && used < CMAW_CONTROL_LINE_MAX;) {
        const ssize_t got = read(fd, ret_answer + used, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            break;
        }
        if (ret_answer[used] == '\n') {
            ret_answer[used] = '\0';
            return CMAW_OK;
        }
        used++;
    }
    cmaw_diag_hint(diag, "see %s/logs/supervisor.log", stack->dir);
    return cmaw_diag_set(diag, CMAW_E_CLOSED, "the supervisor went away");
}

bool cmaw_control_running(const struct cmaw_stack *stack)
{
    char answer[CMAW_CONTROL_LINE_MAX];
    struct cmaw_diag diag = {0};
    return ask(stack, "ping\n", answer, &diag) == CMAW_OK && strcmp(answer, "pong") == 0;
}

/* What a program said last in its log, apart from hints; empty if that cannot be told. */
static void last_words(const char *log, char ret_line[static LOG_TAIL + 1])
{
    ret_line[0] = '\0';
    char tail[LOG_TAIL + 1];
    CMAW_FD_AUTO(fd);
    fd = open(log, O_RDONLY | O_CLOEXEC);
    const off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    const ssize_t got = size <= 0 ? 0 : pread(fd, tail, LOG_TAIL, size > LOG_TAIL ? size - LOG_TAIL : 0);
    tail[got > 0 ? got : 0] = '\0';
    char *rest = tail;
    for (const char *line = strtok_r(rest, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (strncmp(line, "hint:", 5) != 0) {
            (void)snprintf(ret_line, LOG_TAIL + 1, "%s", line);
        }
    }
    for (char *c = ret_line; *c != '\0'; c++) {
        *c = *c >= ' ' && *c <= '~' ? *c : '?';
    }
}

enum cmaw_err cmaw_control_start(const struct cmaw_stack *stack, const char *name, struct cmaw_diag *diag)
{
    char line[CMAW_CONTROL_LINE_MAX];
    char answer[CMAW_CONTROL_LINE_MAX];
    (void)snprintf(line, sizeof line, "start %s\n", name);
    CMAW_TRY(ask(stack, line, answer, diag));
    if (strcmp(answer, "ready") == 0) {
        return CMAW_OK;
    }
    char log[CMAW_PATH_MAX];
    char said[LOG_TAIL + 1];
    CMAW_TRY(cmaw_stack_path(stack, log, diag, "logs/%s.log", name));
    last_words(log, said);
    cmaw_diag_hint(diag, "see %s", log);
    static const char failed[] = "failed ";
    const char *text = strncmp(answer, failed, sizeof failed - 1) == 0 ? answer + sizeof failed - 1 : answer;
    return cmaw_diag_set(diag, CMAW_E_DENIED, "%s: %.150s%s%.300s", name, text, said[0] == '\0' ? "" : "; it said: ", said);
}

enum cmaw_err cmaw_control_stop(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    char answer[CMAW_CONTROL_LINE_MAX];
    CMAW_TRY(ask(stack, "stop\n", answer, diag));
    if (strcmp(answer, "stopped") != 0) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the supervisor answered: %.400s", answer);
    }
    return CMAW_OK;
}

/* It stays when the owner's shell has gone, and needs nothing of the owner's. Free the list alone. NULL: no memory. */
static const char **supervisor_env(void)
{
    size_t count = 0;
    for (char *const *at = environ; *at != NULL; at++) {
        count++;
    }
    const char **env = calloc(count + 1, sizeof *env);
    count = 0;
    for (char *const *at = environ; env != NULL && *at != NULL; at++) {
        if (cmaw_service_inherits(*at)) {
            env[count++] = *at;
        }
    }
    return env;
}

static enum cmaw_err start_supervisor(const struct cmaw_stack *stack, int log, int ready, struct cmaw_proc *ret_proc, struct cmaw_diag *diag)
{
    static char ready_number[] = {'0' + CMAW_READY_FD, '\0'};
    const char *const argv[] = {"cmaw", "supervise", "--dir", stack->dir, "--ready-fd", ready_number, NULL};
    const char **env = supervisor_env();
    CMAW_REQUIRE(env != NULL, CMAW_E_NO_MEMORY);
    const struct cmaw_proc_spec spec = {.path = "/proc/self/exe", .argv = argv, .env = env, .in = -1, .out = log, .err = log,
                                        .fds = {ready}, .fd_count = 1, .new_session = true};
    const enum cmaw_err err = cmaw_proc_start(&spec, ret_proc, diag);
    free(env);
    return err;
}

enum cmaw_err cmaw_control_launch(const struct cmaw_stack *stack, struct cmaw_diag *diag)
{
    char log[CMAW_PATH_MAX];
    CMAW_TRY(cmaw_stack_path(stack, log, diag, "logs/supervisor.log"));
    CMAW_FD_AUTO(log_fd);
    log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int ready[2];
    if (log_fd < 0 || pipe2(ready, O_CLOEXEC) != 0) {
        return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot start the supervisor: %s", strerror(errno));
    }
    CMAW_FD_AUTO(reader);
    reader = ready[0];
    struct cmaw_proc proc = CMAW_PROC_NONE;
    const enum cmaw_err err = start_supervisor(stack, log_fd, ready[1], &proc, diag);
    (void)close(ready[1]);
    CMAW_TRY(err);
    cmaw_fd_close(&proc.pidfd); /* it outlives us */
    if (cmaw_proc_await_ready(reader, LAUNCH_MS) != CMAW_OK) {
        cmaw_diag_hint(diag, "see %s", log);
        return cmaw_diag_set(diag, CMAW_E_DENIED, "the supervisor did not start");
    }
    return CMAW_OK;
}
