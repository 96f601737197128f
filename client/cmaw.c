/* cmaw: what a data owner does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/usage.h"
#include "lib/base/log.h"

static void print_help(void)
{
    (void)printf("cmaw: workflows of attested agents, with state that only they and its owner can read\n\nusage: cmaw VERB [options]\n");
    const char *group = "";
    for (const struct cmaw_verb *verb = cmaw_verbs; verb->name != NULL; verb++) {
        if (verb->group[0] == '\0') {
            continue;
        }
        if (strcmp(group, verb->group) != 0) {
            group = verb->group;
            (void)printf("\n%s:\n", group);
        }
        (void)printf("  %-11s %s\n", verb->name, verb->summary);
    }
    (void)printf("\n'cmaw VERB --help' says more. example:\n"
                 "  cmaw up && cmaw trust && cmaw run agents/claim.yaml agents/letters/01-water-approve.txt && cmaw verify last\n");
}

static enum cmaw_err run(int argc, char **argv, struct cmaw_diag *diag)
{
    if (argc < 2) {
        cmaw_diag_hint(diag, "cmaw --help");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "which verb?");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return CMAW_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("cmaw %s\n", CMAW_VERSION);
        return CMAW_OK;
    }
    const struct cmaw_verb *verb = cmaw_verb_find(argv[1]);
    if (verb == NULL) {
        cmaw_diag_hint(diag, "cmaw --help lists the verbs");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "unknown verb %.40s", argv[1]);
    }
    const enum cmaw_err err = verb->run(argc - 1, argv + 1, diag);
    if (err == CMAW_E_USAGE && diag->otherwise == NULL) { /* unless the verb, or what it called, knows better */
        cmaw_diag_hint(diag, "cmaw %s --help", verb->name);
    }
    return err;
}

int main(int argc, char **argv)
{
    cmaw_log_init("cmaw", CMAW_LOG_INFO);
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that goes away is an error to report, not an end */
    struct cmaw_diag diag = {0};
    enum cmaw_err err = run(argc, argv, &diag);
    if (err == CMAW_OK && (fflush(stdout) != 0 || ferror(stdout))) {
        err = cmaw_diag_set(&diag, CMAW_E_IO, "cannot write to standard output");
    }
    if (err != CMAW_OK) {
        (void)fflush(stdout);
        cmaw_diag_print(&diag, "cmaw", err);
    }
    return cmaw_exit_code(err);
}
