/* cmaw-worker: carries runs from Temporal to the enclaves of this host and back. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "host/worker/service.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/file.h"

/* Dozens of threads that hold megabytes for a moment each: few arenas, and large blocks go back to the system at once. */
static void frugal_malloc(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

static enum cmaw_err run(int argc, char **argv, struct cmaw_worker_config *config, struct cmaw_diag *diag)
{
    enum cmaw_worker_action action;
    CMAW_FD_AUTO(signals);

    CMAW_TRY(cmaw_worker_config_read(argc, argv, config, &action, diag));
    if (action == CMAW_WORKER_HELP) {
        cmaw_worker_usage();
        return CMAW_OK;
    }
    if (action == CMAW_WORKER_VERSION) {
        printf("cmaw-worker %s\n", CMAW_VERSION);
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_signals_open(false, &signals));
    return cmaw_worker_serve(config, signals, diag);
}

int main(int argc, char **argv)
{
    struct cmaw_worker_config *config = calloc(1, sizeof *config);
    struct cmaw_diag diag = {0};

    frugal_malloc();
    cmaw_log_init("worker", CMAW_LOG_INFO);
    const enum cmaw_err err = config != NULL ? run(argc, argv, config, &diag) : CMAW_E_NO_MEMORY;
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "cmaw-worker", err);
    }
    if (config != NULL) {
        cmaw_worker_config_free(config);
        free(config);
    }
    return cmaw_exit_code(err);
}
