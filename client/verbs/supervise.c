#include "client/settings.h"
#include "client/stack/supervisor.h"
#include "client/verbs.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

enum cmaw_err cmaw_command_supervise(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    const char *ready = NULL;
    const struct cmaw_option options[] = {{"ready-fd", "N", "where to say that it serves", &ready, NULL, NULL}, CMAW_OPTION_DIR(settings),
                                          CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "supervise", .words = "", .example = "cmaw supervise --dir /tmp/mine", .options = options,
                                     .summary = "Serves cmaw up: starts the processes of a stack, and again when they die."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    uint64_t fd = 0;
    if (ready != NULL && cmaw_parse_u64(ready, 1024, &fd) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "--ready-fd %s is not a descriptor", ready);
    }
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_stack_find(&settings, &stack, diag));
    cmaw_log_init("supervisor", CMAW_LOG_INFO);
    CMAW_TRY(cmaw_log_set_format(stack->log_json ? "json" : "text"));
    return cmaw_supervisor_run(stack, ready == NULL ? -1 : (int)fd, diag);
}
