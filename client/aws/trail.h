/* What an auditor reads in CloudTrail: LookupEvents, page by page, no faster than AWS allows (facts/KMS.md section 4.2). */
#ifndef CMAW_CLIENT_AWS_TRAIL_H
#define CMAW_CLIENT_AWS_TRAIL_H

#include "client/aws/http.h"

enum { CMAW_TRAIL_DAYS = 90 }; /* how far back LookupEvents goes */

/* A reader of one endpoint; endpoint is borrowed. Starts zeroed but for it. */
struct cmaw_trail {
    const struct cmaw_aws_endpoint *endpoint;
    uint64_t next_ms;   /* of the monotonic clock: no call before */
    uint64_t pages;     /* read so far */
    uint64_t throttled; /* calls that were refused for their rate, and repeated */
};

/* Visits the management events about a resource since from_ms, newest first as the service gives them: the parsed CloudTrailEvent. One page is in memory
 * at a time. BUSY: throttled for too long; CLOSED: interrupted; PEER: no such answer, or no end of it; what visit returns; as cmaw_aws_call. */
enum cmaw_err cmaw_trail_each(struct cmaw_trail *trail, const char *resource, uint64_t from_ms,
                              enum cmaw_err (*visit)(void *context, const json_t *event), void *context, struct cmaw_diag *diag);

#endif
