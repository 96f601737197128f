/* Points in time as people write them: RFC 3339, UTC. */
#ifndef CMAW_CLIENT_WHEN_H
#define CMAW_CLIENT_WHEN_H

#include <stdint.h>

#include "lib/base/diag.h"

enum { CMAW_WHEN_SIZE = 64 }; /* more than any text needs, so that the compiler can see that it fits */

/* "2026-03-14T09:26:53.589Z"; empty where the year has not four digits. ms: since 1970. */
void cmaw_when_text(uint64_t ms, char ret_text[static CMAW_WHEN_SIZE]);
/* Reads "2026-03-14T09:26:53Z" with up to three digits behind a point. USAGE, naming the option. */
enum cmaw_err cmaw_when_parse(const char *text, const char *option, uint64_t *ret_ms, struct cmaw_diag *diag);

#endif
