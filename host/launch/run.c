#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/launch/board.h"
#include "host/launch/record.h"
#include "host/launch/verbs.h"
#include "lib/base/log.h"
#include "sys/addr.h"
#include "sys/daemon.h"

enum { PROBE_MS = 1000, CONSOLE_FILE_MAX = 1 << 20 };

/* What a run holds, released in one place. */
struct run {
    struct launch_image image;
    struct launch_module module;
    struct launch_record record;
    struct launch_enclave enclave;
    struct launch_board *board;
    const char *socket; /* to be removed */
    int listener, signals;
};

static void end_run(struct run *run)
{
    if (run->board != NULL) {
        cmaw_launch_board_close(run->board);
        free(run->board);
    }
    cmaw_launch_enclave_end(&run->enclave);
    if (run->listener >= 0) {
        (void)unlink(run->socket);
    }
    cmaw_fd_close(&run->listener);
    cmaw_fd_close(&run->signals);
    cmaw_launch_record_close(&run->record);
    cmaw_launch_image_free(&run->image);
}

/* A socket that nobody serves is replaced; anything else at that path is not ours to remove. */
static enum cmaw_err listen_for_host(const char *path, int *ret_fd, struct cmaw_diag *diag)
{
    struct stat info;
    if (lstat(path, &info) == 0) {
        CMAW_FD_AUTO(probe);
        if (!S_ISSOCK(info.st_mode) || cmaw_unix_connect(path, PROBE_MS, &probe) == CMAW_OK) {
            cmaw_diag_hint(diag, "another launcher may serve it: terminate that, or give another --socket");
            return cmaw_diag_set(diag, CMAW_E_EXISTS, "the socket path %s is taken", path);
        }
    }
    const enum cmaw_err err = cmaw_unix_listen(path, ret_fd);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_set(diag, err, "cannot listen on %s: %s", path, cmaw_err_text(err));
}

static enum cmaw_err prepare(struct run *run, const struct launch_options *options, const struct launch_backend **ret_backend,
                             struct cmaw_diag *diag)
{
    CMAW_TRY(cmaw_launch_backend_find(options->backend, ret_backend, diag));
    CMAW_TRY(cmaw_launch_image_load(options->eif, &run->image, diag));
    CMAW_TRY(cmaw_launch_record_open(options, &run->record, diag));
    CMAW_TRY(listen_for_host(options->socket, &run->listener, diag));
    CMAW_TRY(cmaw_signals_open(false, &run->signals));
    return cmaw_launch_module_make(options, &run->image, &run->module, diag);
}

static enum cmaw_err open_board(struct run *run, const struct launch_options *options)
{
    run->board = calloc(1, sizeof *run->board);
    CMAW_REQUIRE(run->board != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_launch_board_open(run->board, options, &run->module, &run->enclave, run->listener, run->signals));
    if (run->enclave.console >= 0) {
        CMAW_TRY(cmaw_launch_console_open(run->board, run->enclave.console));
        run->enclave.console = -1;
        run->board->console_file = run->record.console;
        run->board->console_left = CONSOLE_FILE_MAX;
        run->record.console = -1;
    }
    return CMAW_OK;
}

static enum cmaw_err end_of(const struct launch_board *board, const struct launch_options *options, struct cmaw_diag *diag)
{
    switch (board->end) {
    case LAUNCH_STOPPED:
        return CMAW_OK;
    case LAUNCH_SILENT:
        cmaw_diag_hint(diag, "is /init of the image the one for simulations? --debug-mode shows its console");
        return cmaw_diag_set(diag, CMAW_E_TIMEOUT, "no heartbeat from %s within %u s", options->name, options->boot_timeout_ms / 1000);
    default:
        cmaw_diag_hint(diag, "--debug-mode shows its console");
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "the enclave %s has ended%s", options->name, board->alive ? "" : " before its heartbeat");
    }
}

static enum cmaw_err announce(struct run *run, const struct launch_options *options, struct cmaw_diag *diag)
{
    json_t *description = cmaw_launch_describe(options, &run->image, &run->module);
    json_t *summary = cmaw_launch_summary(description);
    const size_t form = cmaw_log_is_json() ? JSON_COMPACT : JSON_INDENT(2); /* who asks for lines gets lines */
    enum cmaw_err err = cmaw_launch_record_write(&run->record, description, diag);
    if (err == CMAW_OK && (json_dumpf(summary, stdout, form) != 0 || puts("") < 0 || fflush(stdout) != 0)) {
        err = cmaw_diag_set(diag, CMAW_E_IO, "cannot write to standard output");
    }
    json_decref(summary);
    json_decref(description);
    return err;
}

static enum cmaw_err serve(struct run *run, const struct launch_options *options, uint64_t started, struct cmaw_diag *diag)
{
    int ready_fd = options->ready_fd;
    cmaw_launch_board_boot(run->board);
    if (run->board->end != LAUNCH_RUNS) {
        return end_of(run->board, options, diag);
    }
    CMAW_TRY(announce(run, options, diag));
    cmaw_log(CMAW_LOG_INFO, "enclave.up", "name=%s id=%s boot_ms=%llu", options->name, run->module.id,
             (unsigned long long)(cmaw_clock_ms() - started));
    cmaw_ready_notify(&ready_fd);
    cmaw_launch_board_serve(run->board);
    cmaw_log(CMAW_LOG_INFO, "enclave.end", "name=%s cause=%s", options->name, run->board->end == LAUNCH_STOPPED ? "stopped" : "died");
    return end_of(run->board, options, diag);
}

enum cmaw_err cmaw_launch_run(const struct launch_options *options, struct cmaw_diag *diag)
{
    [[gnu::cleanup(end_run)]] struct run run = {.enclave = LAUNCH_ENCLAVE_NONE, .listener = -1, .signals = -1,
                                                .record = {.fd = -1, .console = -1}, .socket = options->socket};
    const struct launch_backend *backend = NULL;
    const uint64_t started = cmaw_clock_ms();
    CMAW_TRY(prepare(&run, options, &backend, diag));
    if (backend->warning != NULL) {
        cmaw_log(CMAW_LOG_WARN, "launch.simulation", "note=\"%s\"", backend->warning);
    }
    CMAW_TRY(backend->start(&run.image, options, &run.enclave, diag));
    cmaw_launch_image_free(&run.image); /* the enclave has its own copy now, and the PCRs are computed */
    CMAW_TRY(open_board(&run, options));
    return serve(&run, options, started, diag);
}
