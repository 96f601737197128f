/* Sealing the edge secrets of a role to the role: PROTOCOL.md section 5. Opening is in grant_open.h. */
#ifndef CMAW_SST_GRANT_H
#define CMAW_SST_GRANT_H

#include "lib/sst/edge.h"
#include "lib/sst/ticket.h"

/* Appends the encoding of Grant for role, with the secrets of every edge of the plan that enters or leaves a step of it. */
enum cmaw_err cmaw_grant_seal(const struct cmaw_plan *plan, const struct cmaw_bytes32 *run_id, uint32_t role,
    const struct cmaw_bytes32 *role_pk, const struct cmaw_edge_secrets *secrets, struct cmaw_buf *buf);
/* The part that the tests fix: seals plaintext (an encoded GrantSecrets) with a given ephemeral key seed and hedge. An empty
 * ikm_e draws a fresh one. */
enum cmaw_err cmaw_grant_seal_with(const struct cmaw_bytes32 *run_id, uint32_t role, const struct cmaw_bytes32 *role_pk,
    struct cmaw_slice plaintext, struct cmaw_slice ikm_e, const struct cmaw_bytes32 *random32, struct cmaw_buf *buf);

#endif
