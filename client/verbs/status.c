#include "client/settings.h"
#include "client/stack/report.h"
#include "client/verbs.h"

enum cmaw_err cmaw_command_status(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    const struct cmaw_option options[] = {CMAW_OPTION_DIR(settings), CMAW_OPTION_JSON(settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "status", .words = "", .example = "cmaw status", .options = options,
                                     .summary = "Shows the processes of the stack and where they listen. Exit code 3 if not all are ready."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_stack_find(&settings, &stack, diag));
    CMAW_TRY(settings.json ? cmaw_report_print_json(stack, diag) : cmaw_report_print(stack, diag));
    if (!cmaw_report_all_ready(stack)) {
        cmaw_diag_hint(diag, "cmaw up starts what is missing; logs are in %s/logs", stack->dir);
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "not every process is ready");
    }
    return CMAW_OK;
}
