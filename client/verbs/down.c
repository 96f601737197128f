#include "client/settings.h"
#include "client/stack/teardown.h"
#include "client/verbs.h"

enum cmaw_err cmaw_command_down(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    const struct cmaw_option options[] = {CMAW_OPTION_DIR(settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {.verb = "down", .words = "", .example = "cmaw down", .options = options,
                                     .summary = "Ends every process of the stack. Its folder stays: cmaw up goes on from there."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    CMAW_STACK_AUTO(stack);
    CMAW_TRY(cmaw_stack_find(&settings, &stack, diag));
    return cmaw_teardown(stack, diag);
}
