/* What the verification of a run and of a failure share. Private to lib/sst. */
#ifndef CMAW_SST_VERIFY_BASE_H
#define CMAW_SST_VERIFY_BASE_H

#include "lib/sst/verify.h"

/* The three objects that a run stands on: each canonical and valid, and bound to one another. */
struct cmaw_frame_bytes {
    struct cmaw_slice manifest;
    struct cmaw_slice plan;
    struct cmaw_slice ticket_header;
};
enum cmaw_err cmaw_verify_base(const struct cmaw_frame_bytes *bytes, const struct cmaw_bytes32 *pinned_mh,
    struct cmaw_manifest *ret_manifest, struct cmaw_plan *ret_plan, struct cmaw_ticket_header *ret_header,
    struct cmaw_finding *finding);

/* What a receipt is judged by. */
struct cmaw_receipt_judge {
    const struct cmaw_manifest *manifest;
    const struct cmaw_plan *plan;
    const struct cmaw_ticket_header *header;
    const struct cmaw_plan_step *step;
    const struct cmaw_attested *attested;
};
/* Signature, names, run, role, attempt and times of a parsed receipt of that step and document, and that its inputs are exactly the
 * step's in-edges. Kind and outputs are the caller's. */
enum cmaw_err cmaw_verify_receipt(const struct cmaw_receipt_judge *judge, const struct cmaw_signed_receipt *receipt,
    struct cmaw_finding *finding);

/* Run, edge, kind, class and length of a parsed state against the plan. */
enum cmaw_err cmaw_verify_state_header(const struct cmaw_state *state, const struct cmaw_plan_edge *edge,
    const struct cmaw_bytes32 *run_id, enum cmaw_state_kind kind, struct cmaw_finding *finding);

#endif
