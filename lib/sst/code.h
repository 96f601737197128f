/* What an enclave answers: PROTOCOL.md section 8, numbered as in proto/cmaw/v1/enclave.proto. */
#ifndef CMAW_SST_CODE_H
#define CMAW_SST_CODE_H

#include <stdbool.h>

#include "lib/base/bytes.h"

#define CMAW_CODES(X) \
    X(OK, 1, 0) X(NOT_READY, 2, 0) X(BUSY, 3, 0) X(BAD_REQUEST, 4, 1) X(DENIED, 5, 1) X(EXPIRED, 6, 1) X(TOO_LARGE, 7, 1) \
    X(AGENT_FAILED, 8, 0) X(AGENT_TIMEOUT, 9, 0) X(KMS_UNAVAILABLE, 10, 0) X(INTERNAL, 11, 0)

enum cmaw_code {
#define X(name, number, final) CMAW_CODE_##name = number,
    CMAW_CODES(X)
#undef X
};

/* "OK", "DENIED", …; "UNKNOWN" for any other number. Never NULL. */
const char *cmaw_code_name(enum cmaw_code code);
/* False for a number that section 8 does not have. */
bool cmaw_code_known(uint32_t number);
/* DENIED, BAD_REQUEST, EXPIRED, TOO_LARGE: no retry helps. */
bool cmaw_code_is_final(enum cmaw_code code);
/* The code of that name, or 0. */
enum cmaw_code cmaw_code_find(struct cmaw_slice name);

#endif
