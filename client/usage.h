/* The tables of all verbs, for what is made from them: completion and man pages. */
#ifndef CMAW_CLIENT_USAGE_H
#define CMAW_CLIENT_USAGE_H

#include "client/options.h"

struct cmaw_verb {
    const char *name;
    const char *group; /* empty: not for people */
    const char *summary;
    enum cmaw_err (*run)(int argc, char **argv, struct cmaw_diag *diag);
};

/* In the order of the help; the last has no name. */
extern const struct cmaw_verb cmaw_verbs[];
/* NULL: there is none. */
const struct cmaw_verb *cmaw_verb_find(const char *name);
/* Gives every usage of a verb to the visitor: one, or one for each verb under it ("kms lint"). Options are borrowed for the visit. */
enum cmaw_err cmaw_verb_describe(const struct cmaw_verb *verb, const struct cmaw_usage_visitor *visitor, struct cmaw_diag *diag);

#endif
