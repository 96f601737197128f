/* Times as options give them. */
#ifndef CMAW_CLIENT_RUN_DURATION_H
#define CMAW_CLIENT_RUN_DURATION_H

#include <stdint.h>

#include "lib/base/diag.h"

/* "1ms", "30s", "5m", "24h", "7d"; digits alone are seconds. USAGE, naming the option. */
enum cmaw_err cmaw_duration_parse(const char *text, const char *option, uint64_t *ret_ms, struct cmaw_diag *diag);

#endif
