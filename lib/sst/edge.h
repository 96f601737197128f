/* What comes from an edge secret ES_e: PROTOCOL.md section 5. */
#ifndef CMAW_SST_EDGE_H
#define CMAW_SST_EDGE_H

#include "lib/sst/plan.h"

/* The secrets of some edges: of[id - 1], without bytes where there is none. Release with cmaw_edge_secrets_release. */
struct cmaw_edge_secrets {
    struct cmaw_secret of[CMAW_EDGES_MAX];
};
#define CMAW_EDGE_SECRETS_AUTO(name) \
    [[gnu::cleanup(cmaw_edge_secrets_release)]] struct cmaw_edge_secrets name = {0}

void cmaw_edge_secrets_release(struct cmaw_edge_secrets *secrets);
/* Puts a copy of 32 bytes at edge 1..256. MALFORMED, EXISTS. */
enum cmaw_err cmaw_edge_secrets_put(struct cmaw_edge_secrets *secrets, uint32_t edge, struct cmaw_slice secret);
/* The secret of an edge, or the empty slice. */
struct cmaw_slice cmaw_edge_secrets_of(const struct cmaw_edge_secrets *secrets, uint32_t edge);

/* edge_commit_e = KDF(ES_e, "edge-commit", nonce, e, 32). */
enum cmaw_err cmaw_edge_commit(struct cmaw_slice secret, struct cmaw_slice nonce, uint32_t edge, struct cmaw_bytes32 *ret_commit);
/* state_key_e = KDF(ES_e, "state-key", run_id, e, 32). */
enum cmaw_err cmaw_edge_state_key(struct cmaw_slice secret, const struct cmaw_bytes32 *run_id, uint32_t edge,
    struct cmaw_secret *ret_key);

#endif
