#include "client/settings.h"
#include "client/stack/teardown.h"
#include "client/verbs.h"

enum cmaw_err cmaw_command_clean(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_settings settings = {0};
    const struct cmaw_option options[] = {CMAW_OPTION_DIR(settings), CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "clean", .words = "", .example = "cmaw clean", .options = options,
        .summary = "Ends the stack and removes its folder with keys, images and Temporal's database. The run store is not touched."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    CMAW_STACK_AUTO(stack);
    /* only a folder that holds a stack is ever removed */
    CMAW_TRY(cmaw_stack_find(&settings, &stack, diag));
    CMAW_TRY(cmaw_teardown(stack, diag));
    return cmaw_remove_stack(stack, diag);
}
