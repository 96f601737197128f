#include "host/launch/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/launch/record.h"

enum { TERMINATE_MS = 120 * 1000 /* more than a launcher gives nitro-cli and the enclave */, BLOCK = 4096 };

static enum cmaw_err print_json(const json_t *value)
{
    const bool done = json_dumpf(value, stdout, JSON_INDENT(2)) == 0 && fputc('\n', stdout) != EOF && fflush(stdout) == 0;
    return done ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err collect(void *context, const struct launch_seen *seen)
{
    return json_array_append(context, seen->description) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_launch_describe_all(const struct launch_options *options, struct cmaw_diag *diag)
{
    json_t *all = json_array();
    enum cmaw_err err = cmaw_launch_record_each(options->state_dir, collect, all, diag);
    if (err == CMAW_OK) {
        err = print_json(all);
    }
    json_decref(all);
    return err;
}

static const char *text_of(const struct launch_seen *seen, const char *key)
{
    const char *text = json_string_value(json_object_get(seen->description, key));
    return text == NULL ? "" : text;
}

static bool is_meant(const struct launch_options *options, const struct launch_seen *seen)
{
    if (options->enclave_id != NULL) {
        return strcmp(options->enclave_id, text_of(seen, "EnclaveID")) == 0;
    }
    return options->all || strcmp(options->name, text_of(seen, "EnclaveName")) == 0;
}

static enum cmaw_err not_found(const struct launch_options *options, struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "cmaw-launch describe --state-dir %s lists those that run", options->state_dir);
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "no enclave %s runs", options->enclave_id != NULL ? options->enclave_id : options->name);
}

struct terminate_context {
    const struct launch_options *options;
    struct cmaw_diag *diag;
    json_t *ended;
};

/* Whether the process of a pidfd has ended within the time given. */
static bool await_end(int pidfd, int timeout_ms)
{
    struct pollfd event = {.fd = pidfd, .events = POLLIN};
    return poll(&event, 1, timeout_ms) == 1;
}

static enum cmaw_err terminate_one(void *context_pointer, const struct launch_seen *seen)
{
    struct terminate_context *context = context_pointer;
    CMAW_FD_AUTO(pidfd);
    if (!is_meant(context->options, seen)) {
        return CMAW_OK;
    }
    const char *name = text_of(seen, "EnclaveName");
    pidfd = (int)syscall(SYS_pidfd_open, seen->launcher, 0);
    if (pidfd < 0 && errno == ESRCH) {
        return CMAW_OK;
    }
    if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0) != 0) {
        return cmaw_diag_set(context->diag, cmaw_err_of_errno(errno), "cannot terminate %s: %s", name, strerror(errno));
    }
    if (!await_end(pidfd, TERMINATE_MS)) {
        return cmaw_diag_set(context->diag, CMAW_E_TIMEOUT, "%s does not end", name);
    }
    json_t *ended = json_pack("{s:s, s:s, s:b}", "EnclaveName", name, "EnclaveID", text_of(seen, "EnclaveID"), "Terminated", 1);
    return json_array_append_new(context->ended, ended) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_launch_terminate(const struct launch_options *options, struct cmaw_diag *diag)
{
    struct terminate_context context = {options, diag, json_array()};
    enum cmaw_err err = cmaw_launch_record_each(options->state_dir, terminate_one, &context, diag);
    if (err == CMAW_OK && options->all) {
        err = print_json(context.ended);
    } else if (err == CMAW_OK) {
        const json_t *ended = json_array_get(context.ended, 0);
        err = ended == NULL ? not_found(options, diag) : print_json(ended);
    }
    json_decref(context.ended);
    return err;
}

struct console_context {
    const struct launch_options *options;
    char path[CMAW_PATH_MAX];
    int pidfd;
};

static enum cmaw_err find_console(void *context_pointer, const struct launch_seen *seen)
{
    struct console_context *context = context_pointer;
    if (context->pidfd < 0 && is_meant(context->options, seen)) {
        context->pidfd = (int)syscall(SYS_pidfd_open, seen->launcher, 0);
        memcpy(context->path, seen->console_path, sizeof context->path);
    }
    return CMAW_OK;
}

/* What an enclave prints must not steer the terminal of who reads it. */
static void make_harmless(uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const bool space = text[i] == '\n' || text[i] == '\r' || text[i] == '\t';
        text[i] = space || (text[i] >= 0x20 && text[i] < 0x7f) ? text[i] : '?';
    }
}

/* Prints what there is up to the present end of the file: as it is, or as plain text to a terminal. */
static enum cmaw_err print_rest(int file)
{
    uint8_t block[BLOCK];
    const bool terminal = isatty(STDOUT_FILENO) == 1;
    for (;;) {
        const ssize_t got = read(file, block, sizeof block);
        CMAW_REQUIRE(got >= 0, cmaw_err_of_errno(errno));
        CMAW_REQUIRE(got > 0, CMAW_OK);
        if (terminal) {
            make_harmless(block, (size_t)got);
        }
        CMAW_TRY(cmaw_fd_write(STDOUT_FILENO, cmaw_slice_of(block, (size_t)got)));
    }
}

static enum cmaw_err follow(int file, int pidfd, int changes)
{
    for (;;) {
        CMAW_TRY(print_rest(file));
        struct pollfd events[] = {{.fd = changes, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
        CMAW_REQUIRE(poll(events, 2, -1) > 0 || errno == EINTR, cmaw_err_of_errno(errno));
        if ((events[1].revents & POLLIN) != 0) {
            return print_rest(file);
        }
        uint8_t block[BLOCK];
        [[maybe_unused]] const ssize_t drained = read(changes, block, sizeof block);
    }
}

enum cmaw_err cmaw_launch_console(const struct launch_options *options, struct cmaw_diag *diag)
{
    struct console_context context = {.options = options, .pidfd = -1};
    CMAW_TRY(cmaw_launch_record_each(options->state_dir, find_console, &context, diag));
    if (context.pidfd < 0) {
        return not_found(options, diag);
    }
    CMAW_FD_AUTO(file);
    CMAW_FD_AUTO(changes);
    file = open(context.path, O_RDONLY | O_CLOEXEC);
    changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (file < 0 || changes < 0 || inotify_add_watch(changes, context.path, IN_MODIFY) < 0) {
        cmaw_fd_close(&context.pidfd);
        cmaw_diag_hint(diag, "start it with --debug-mode");
        return cmaw_diag_set(diag, CMAW_E_DENIED, "the enclave has no console");
    }
    const enum cmaw_err err = follow(file, context.pidfd, changes);
    cmaw_fd_close(&context.pidfd);
    return err;
}
