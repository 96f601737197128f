/* The form of a failure state (PROTOCOL.md section 7). Private to lib/sst. */
#ifndef CMAW_SST_FAILURE_H
#define CMAW_SST_FAILURE_H

#include "lib/sst/verify.h"

#define CMAW_FAILURE_CONTENT_TYPE "application/vnd.cmaw.failure"

/* A failure under verification; big, so it lives on the heap. */
struct cmaw_failure_view {
    struct cmaw_manifest manifest;
    struct cmaw_plan plan;
    struct cmaw_ticket_header header;
    struct cmaw_signed_receipt receipt;
    struct cmaw_state state;
    const struct cmaw_plan_step *step;
    const struct cmaw_plan_edge *edge;
};
/* All that needs no secret. */
enum cmaw_err cmaw_failure_check(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_failure_view *ret_view, struct cmaw_finding *finding);

#endif
