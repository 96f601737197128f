/* What a holder of edge secrets checks beyond section 9's public part. */
#include "lib/sst/state_open.h"
#include "lib/sst/verify.h"

static enum cmaw_err check_secret(const struct cmaw_verified_run *run, uint32_t edge, struct cmaw_slice secret,
    struct cmaw_finding *finding)
{
    struct cmaw_bytes32 commit;
    if (edge > run->plan.edge_count) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "secret.edge", "secret of edge %u: the plan has no such edge", edge);
    }
    CMAW_TRY(cmaw_edge_commit(secret, run->header.nonce, edge, &commit));
    if (!cmaw_ct_eq(cmaw_bytes32_slice(&commit), run->header.edge_commits[edge - 1])) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "secret.commit", "secret of edge %u: not the one of the ticket", edge);
    }
    return CMAW_OK;
}

static enum cmaw_err open_state(const struct cmaw_verified_run *run, const struct cmaw_plan_edge *edge, struct cmaw_slice secret,
    struct cmaw_opened *opened, struct cmaw_finding *finding)
{
    const struct cmaw_verified_edge *verified = &run->edges[edge->id - 1];
    struct cmaw_state state;
    CMAW_TRY(cmaw_state_parse(run->evidence->states[verified->state], &state));
    const enum cmaw_err err = cmaw_state_open(&state, edge, &run->header.run_id, secret, opened);
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, "state.open", "state of edge %u: it does not open", edge->id);
    }
    if (!cmaw_bytes32_eq(&verified->commit, cmaw_bytes32_slice(&opened->commit))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.commit", "state of edge %u: not what the receipts commit to",
            edge->id);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_run_verify_secrets(struct cmaw_verified_run *run, const struct cmaw_edge_secrets *secrets,
    struct cmaw_finding *finding)
{
    for (uint32_t edge = 1; edge <= CMAW_EDGES_MAX; edge++) {
        const struct cmaw_slice secret = cmaw_edge_secrets_of(secrets, edge);
        if (secret.size == 0) {
            continue;
        }
        CMAW_TRY(check_secret(run, edge, secret, finding));
        if ((run->edges[edge - 1].bound & CMAW_BOUND_STATE) != 0) {
            CMAW_OPENED_AUTO(opened);
            CMAW_TRY(open_state(run, cmaw_plan_edge_at(&run->plan, edge), secret, &opened, finding));
            run->edges[edge - 1].bound |= CMAW_BOUND_OPENED;
        }
    }
    return CMAW_OK;
}
