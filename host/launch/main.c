/* cmaw-launch: starts, shows and ends enclaves on this host. */
#include <string.h>

#include "host/launch/verbs.h"
#include "lib/base/log.h"

static const struct {
    const char *name;
    enum cmaw_err (*run)(const struct launch_options *options, struct cmaw_diag *diag);
} verbs[] = {
    {"run", cmaw_launch_run},
    {"describe", cmaw_launch_describe_all},
    {"console", cmaw_launch_console},
    {"terminate", cmaw_launch_terminate},
};

static enum cmaw_err run_verb(const struct launch_options *options, struct cmaw_diag *diag)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verbs[i].name, options->verb) == 0) {
            return verbs[i].run(options, diag);
        }
    }
    cmaw_diag_hint(diag, "verbs: run, describe, console, terminate");
    return cmaw_diag_set(diag, CMAW_E_USAGE, "no verb %s", options->verb);
}

int main(int argc, char **argv)
{
    struct launch_options options;
    struct cmaw_diag diag = {0};
    cmaw_log_init("launch", CMAW_LOG_INFO);
    enum cmaw_err err = cmaw_launch_options_parse(argc, argv, &options, &diag);
    if (err == CMAW_OK) {
        err = run_verb(&options, &diag);
    }
    if (err != CMAW_OK) {
        cmaw_diag_print(&diag, "cmaw-launch", err);
    }
    /* a daemon that failed exits with 1 whatever the cause, so that its supervisor needs no table */
    return err == CMAW_OK ? 0 : err == CMAW_E_USAGE ? 2 : 1;
}
