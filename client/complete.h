/* What could come next on a command line of cmaw: the shells ask, and show it. */
#ifndef CMAW_CLIENT_COMPLETE_H
#define CMAW_CLIENT_COMPLETE_H

#include "client/options.h"

/* words are those after "cmaw"; the last is the one to complete, and may be empty. Prints one candidate a line, with a tab and what it is, and last,
 * where files are wanted, ":files", ":files yaml yml" (only such) or ":folders". What is not understood gives nothing. */
enum cmaw_err cmaw_complete(const struct cmaw_words *words, struct cmaw_diag *diag);

/* Prints "last" and the latest runs of the store that start with prefix; nothing if there is no store. store NULL: the usual one. */
void cmaw_complete_runs(const char *store, const char *prefix);

#endif
