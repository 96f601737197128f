/* What a program tells its user about a failure: context is added as the error climbs, and printed once at the top.
 * Libraries under lib/ return errors only; programs fill a diag. Nothing secret and nothing derived from content. */
#ifndef CMAW_BASE_DIAG_H
#define CMAW_BASE_DIAG_H

#include "lib/base/error.h"

struct cmaw_diag {
    char text[512]; /* one line, lower case, without the program's name */
    char hint[512]; /* what to do about it; empty: nothing to say */
    const char *otherwise; /* what to do where nobody knows better; NULL: nothing */
};

/* Sets the text ("cannot open run.db") and returns err, so that a caller can write return cmaw_diag_set(...). */
[[gnu::format(printf, 3, 4)]] enum cmaw_err cmaw_diag_set(struct cmaw_diag *diag, enum cmaw_err err, const char *format, ...);
/* Puts "<formatted>: " before the text, or sets "<formatted>: <text of err>" where there is none; returns err. */
[[gnu::format(printf, 3, 4)]] enum cmaw_err cmaw_diag_wrap(struct cmaw_diag *diag, enum cmaw_err err, const char *format, ...);
/* Sets the hint unless one is set already: the one nearest to the cause wins. */
[[gnu::format(printf, 2, 3)]] void cmaw_diag_hint(struct cmaw_diag *diag, const char *format, ...);
/* Sets a constant text that stands in for a hint, for a layer that knows the fault but not what it is for: any hint wins. */
void cmaw_diag_otherwise(struct cmaw_diag *diag, const char *hint);
/* "program: text\n" and, where there is one, "hint: …\n", on standard error; with JSON logs an event "program.failed" instead. */
void cmaw_diag_print(const struct cmaw_diag *diag, const char *program, enum cmaw_err err);
/* 0 done, 1 refused or failed, 2 usage, 3 cannot reach a service, 4 neither proven nor refuted. */
int cmaw_exit_code(enum cmaw_err err);

#endif
