#include "client/usage.h"

#include <string.h>

#include "client/verbs.h"

const struct cmaw_verb cmaw_verbs[] = {
#define X(name, group, summary) {#name, group, summary, cmaw_command_##name},
    CMAW_COMMANDS(X)
#undef X
    {NULL, NULL, NULL, NULL},
};

const struct cmaw_verb *cmaw_verb_find(const char *name)
{
    for (const struct cmaw_verb *verb = cmaw_verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) {
            return verb;
        }
    }
    return NULL;
}

enum cmaw_err cmaw_verb_describe(const struct cmaw_verb *verb, const struct cmaw_usage_visitor *visitor, struct cmaw_diag *diag)
{
    char name[CMAW_VERB_SIZE];
    char help[] = "--help";
    char *argv[] = {name, help, NULL};
    CMAW_REQUIRE(strlen(verb->name) < sizeof name, CMAW_E_BUG);
    memmove(name, verb->name, strlen(verb->name) + 1);
    cmaw_options_describe(visitor);
    const enum cmaw_err err = verb->run(2, argv, diag);
    cmaw_options_describe(NULL);
    return err;
}
