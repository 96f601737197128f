#include "lib/sst/edge.h"

void cmaw_edge_secrets_release(struct cmaw_edge_secrets *secrets)
{
    if (secrets == NULL) {
        return;
    }
    for (size_t i = 0; i < CMAW_EDGES_MAX; i++) {
        cmaw_secret_release(&secrets->of[i]);
    }
}

enum cmaw_err cmaw_edge_secrets_put(struct cmaw_edge_secrets *secrets, uint32_t edge, struct cmaw_slice secret)
{
    CMAW_REQUIRE(edge >= 1 && edge <= CMAW_EDGES_MAX && secret.size == CMAW_KEY_SIZE, CMAW_E_MALFORMED);
    CMAW_REQUIRE(secrets->of[edge - 1].bytes == NULL, CMAW_E_EXISTS);
    return cmaw_secret_copy(secret, &secrets->of[edge - 1]);
}

struct cmaw_slice cmaw_edge_secrets_of(const struct cmaw_edge_secrets *secrets, uint32_t edge)
{
    return edge >= 1 && edge <= CMAW_EDGES_MAX ? cmaw_secret_slice(&secrets->of[edge - 1]) : CMAW_SLICE_EMPTY;
}

enum cmaw_err cmaw_edge_commit(struct cmaw_slice secret, struct cmaw_slice nonce, uint32_t edge,
    struct cmaw_bytes32 *ret_commit)
{
    return cmaw_kdf_public(secret, CMAW_LABEL_EDGE_COMMIT, CMAW_FIELDS(CMAW_F(nonce), CMAW_F_U64(edge)), ret_commit);
}

enum cmaw_err cmaw_edge_state_key(struct cmaw_slice secret, const struct cmaw_bytes32 *run_id, uint32_t edge,
    struct cmaw_secret *ret_key)
{
    return cmaw_kdf(secret, CMAW_LABEL_STATE_KEY, CMAW_FIELDS(CMAW_F(cmaw_bytes32_slice(run_id)), CMAW_F_U64(edge)),
        CMAW_KEY_SIZE, ret_key);
}
