#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/launch/backend.h"
#include "host/launch/verbs.h"
#include "lib/base/log.h"
#include "sys/daemon.h"

enum { CONSOLE_FILE_MAX = 1 << 20 };

static void end_run(struct launch_run *run)
{
    /* the loop's sources are in the backend's state */
    cmaw_launch_loop_close(&run->loop);
    if (run->state != NULL) {
        run->backend->end(run);
        free(run->state);
    }
    cmaw_fd_close(&run->signals);
    cmaw_launch_record_close(&run->record);
    cmaw_launch_image_free(&run->image);
}

static enum cmaw_err prepare(struct launch_run *run, struct cmaw_diag *diag)
{
    const struct launch_options *options = run->options;
    CMAW_TRY(cmaw_launch_backend_find(options->backend, &run->backend, diag));
    CMAW_TRY(run->backend->check(options, diag));
    CMAW_TRY(cmaw_launch_image_load(options->eif, &run->image, diag));
    CMAW_TRY(cmaw_launch_record_open(options, &run->record, diag));
    CMAW_TRY(cmaw_signals_open(false, &run->signals));
    CMAW_TRY(cmaw_launch_loop_open(&run->loop, options->name, options->boot_timeout_ms, run->signals));
    run->loop.console_file = run->record.console;
    run->loop.console_left = CONSOLE_FILE_MAX;
    run->record.console = -1;
    return CMAW_OK;
}

static enum cmaw_err start(struct launch_run *run, struct cmaw_diag *diag)
{
    run->state = calloc(1, run->backend->state_size);
    CMAW_REQUIRE(run->state != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(run->backend->start(run, diag));
    cmaw_launch_image_free(&run->image); /* the enclave has its own copy now, and the PCRs are computed */
    return CMAW_OK;
}

static enum cmaw_err end_of(struct launch_run *run, struct cmaw_diag *diag)
{
    const struct launch_options *options = run->options;
    switch (run->loop.end) {
    case LAUNCH_STOPPED:
        return run->backend->stop == NULL ? CMAW_OK : run->backend->stop(run, diag);
    case LAUNCH_SILENT:
        cmaw_diag_hint(diag, "%s", run->backend->silence);
        return cmaw_diag_set(diag, CMAW_E_TIMEOUT, "no heartbeat from %s within %u s", options->name, options->boot_timeout_ms / 1000);
    default:
        CMAW_TRY(run->backend->explain == NULL ? CMAW_OK : run->backend->explain(run, diag));
        cmaw_diag_hint(diag, "--debug-mode shows its console");
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "the enclave %s has ended%s", options->name, run->loop.alive ? "" : " before its heartbeat");
    }
}

static enum cmaw_err announce(const struct launch_run *run, struct cmaw_diag *diag)
{
    json_t *description = cmaw_launch_describe(run);
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

static enum cmaw_err serve(struct launch_run *run, uint64_t started, struct cmaw_diag *diag)
{
    int ready_fd = run->options->ready_fd;
    cmaw_launch_loop_boot(&run->loop);
    if (run->loop.end != LAUNCH_RUNS) {
        return end_of(run, diag);
    }
    CMAW_TRY(announce(run, diag));
    cmaw_log(CMAW_LOG_INFO, "enclave.up", "name=%s id=%s boot_ms=%llu", run->options->name, run->enclave.id,
             (unsigned long long)(cmaw_clock_ms() - started));
    cmaw_ready_notify(&ready_fd);
    if (run->backend->serve != NULL) {
        run->backend->serve(run);
    }
    cmaw_launch_loop_serve(&run->loop);
    cmaw_log(CMAW_LOG_INFO, "enclave.end", "name=%s cause=%s", run->options->name, run->loop.end == LAUNCH_STOPPED ? "stopped" : "died");
    return end_of(run, diag);
}

enum cmaw_err cmaw_launch_run(const struct launch_options *options, struct cmaw_diag *diag)
{
    [[gnu::cleanup(end_run)]] struct launch_run run = {.options = options, .signals = -1, .record = {.fd = -1, .console = -1},
                                                       .loop = {.epoll = -1, .console_file = -1}};
    const uint64_t started = cmaw_clock_ms();
    CMAW_TRY(prepare(&run, diag));
    if (run.backend->warning != NULL) {
        cmaw_log(CMAW_LOG_WARN, "launch.simulation", "note=\"%s\"", run.backend->warning);
    }
    CMAW_TRY(start(&run, diag));
    return serve(&run, started, diag);
}
