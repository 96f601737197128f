/* What a verifier found wrong: the auditor's text. Everything in it is public (edges, steps, identifiers), never content. */
#ifndef CMAW_SST_CHECK_H
#define CMAW_SST_CHECK_H

#include "lib/base/bytes.h"

/* check is a constant like "receipt.signature": the object, then what is wrong with it; text is one line for a person. */
struct cmaw_finding {
    const char *check;
    char text[256];
};

/* Fills *finding unless it is NULL, and returns err. Lack of memory is nothing that was found: it leaves *finding as it is. */
[[gnu::format(printf, 4, 5)]] enum cmaw_err cmaw_finding_set(struct cmaw_finding *finding, enum cmaw_err err, const char *check,
    const char *format, ...);
/* Puts "<formatted>: " before the text; returns err. */
[[gnu::format(printf, 3, 4)]] enum cmaw_err cmaw_finding_wrap(struct cmaw_finding *finding, enum cmaw_err err,
    const char *format, ...);

#endif
