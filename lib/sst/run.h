/* The data owner's side of a run: PROTOCOL.md section 5. */
#ifndef CMAW_SST_RUN_H
#define CMAW_SST_RUN_H

#include "lib/sst/bundle.h"
#include "lib/sst/grant.h"
#include "lib/sst/state.h"
#include "lib/sst/verify.h"

/* A run that was made and not yet sent. The secrets are the owner's: store them sealed. */
struct cmaw_new_run {
    struct cmaw_plan plan;     /* points into the plan given */
    struct cmaw_bytes32 run_id;
    struct cmaw_buf header;    /* TicketHeader */
    struct cmaw_buf ticket;    /* Ticket */
    struct cmaw_edge_secrets secrets;
};
void cmaw_new_run_free(struct cmaw_new_run *run);

/* Draws edge secrets and a nonce, commits, and grants them to the role keys of the deployment. DENIED: the plan is of another
 * manifest, or expires_ms is after it; NOT_FOUND: the deployment has no key for a role; MALFORMED: the plan is not valid. */
enum cmaw_err cmaw_run_new(const struct cmaw_deployment *deployment, struct cmaw_slice plan, uint64_t expires_ms,
    struct cmaw_new_run *ret_run, struct cmaw_finding *finding);
/* Seals content onto an edge from the client and appends the State message. The client does this once per run and edge.
 * NOT_FOUND: no such edge from the client; TOO_LARGE, MALFORMED as cmaw_state_seal. */
enum cmaw_err cmaw_run_seal_input(const struct cmaw_new_run *run, uint32_t edge, const struct cmaw_agent_state *content,
    struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed);

#endif
