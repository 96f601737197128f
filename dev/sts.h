/* The Security Token Service: AssumeRole and GetCallerIdentity, over the Query protocol. A role is there once it has a trust
 * policy (cmaw-devd role). */
#ifndef CMAW_DEV_STS_H
#define CMAW_DEV_STS_H

#include "dev/kms.h"

enum { CMAW_STS_MIN_DURATION_S = 900, CMAW_STS_MAX_DURATION_S = 43200, CMAW_STS_CHAINED_MAX_S = 3600 };

/* Ends with an entry without a name. Requests are the fields of the form, all strings. */
extern const struct cmaw_kms_operation cmaw_sts_operations[];

/* The answer or the fault of a call as XML, with STS's own names for faults. Returns the HTTP status. */
unsigned cmaw_sts_put_answer(const struct cmaw_kms_call *call, const char *request_id, struct cmaw_buf *body);

#endif
