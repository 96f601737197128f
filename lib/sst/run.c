#include "lib/sst/run.h"

#include "lib/crypto/random.h"

void cmaw_new_run_free(struct cmaw_new_run *run)
{
    if (run != NULL) {
        cmaw_buf_free(&run->header);
        cmaw_buf_free(&run->ticket);
        cmaw_edge_secrets_release(&run->secrets);
    }
}

static enum cmaw_err check_plan(const struct cmaw_deployment *deployment, struct cmaw_slice plan, uint64_t expires_ms,
    struct cmaw_plan *ret_plan, struct cmaw_finding *finding)
{
    const struct cmaw_manifest *manifest = &deployment->manifest;
    const char *why = "not canonical or over its limit";
    if (plan.size > CMAW_PLAN_MAX || cmaw_plan_decode(plan, ret_plan) != CMAW_OK ||
        cmaw_plan_check(ret_plan, manifest, &why) != CMAW_OK) {
        return cmaw_finding_set(finding, CMAW_E_MALFORMED, "plan.valid", "the plan is not valid: %s", why);
    }
    if (!cmaw_bytes32_eq(&manifest->mh, ret_plan->manifest)) {
        return cmaw_finding_set(finding, CMAW_E_DENIED, "plan.manifest", "the plan was made for another manifest");
    }
    if (expires_ms > manifest->not_after_ms) {
        return cmaw_finding_set(finding, CMAW_E_DENIED, "ticket.expires", "the ticket would end after its manifest");
    }
    return cmaw_ctx_hash(CMAW_LABEL_PLAN, CMAW_FIELDS(CMAW_F(plan)), &ret_plan->ph);
}

/* Fresh secrets and a fresh nonce, and the header that commits to them. */
static enum cmaw_err make_header(uint64_t expires_ms, struct cmaw_new_run *run)
{
    struct cmaw_bytes32 nonce;
    struct cmaw_bytes32 commits[CMAW_EDGES_MAX];
    struct cmaw_ticket_header header = {
        .version = 1,
        .manifest = run->plan.manifest,
        .plan = cmaw_bytes32_slice(&run->plan.ph),
        .expires_ms = expires_ms,
        .nonce = cmaw_bytes32_slice(&nonce),
        .commit_count = run->plan.edge_count,
    };
    CMAW_TRY(cmaw_random(nonce.bytes, sizeof nonce.bytes));
    for (uint32_t i = 0; i < run->plan.edge_count; i++) {
        CMAW_TRY(cmaw_random_secret(CMAW_KEY_SIZE, &run->secrets.of[i]));
        CMAW_TRY(cmaw_edge_commit(cmaw_secret_slice(&run->secrets.of[i]), header.nonce, i + 1, &commits[i]));
        header.edge_commits[i] = cmaw_bytes32_slice(&commits[i]);
    }
    cmaw_ticket_header_encode(&header, &run->header);
    CMAW_TRY(cmaw_buf_err(&run->header));
    return cmaw_ctx_hash(CMAW_LABEL_RUN, CMAW_FIELDS(CMAW_F(cmaw_buf_slice(&run->header))), &run->run_id);
}

/* Grants in ascending order: the manifest's roles ascend. */
static enum cmaw_err make_ticket(const struct cmaw_deployment *deployment, struct cmaw_new_run *run,
    struct cmaw_finding *finding)
{
    CMAW_BUF_AUTO(grants, CMAW_TICKET_MAX);
    struct cmaw_ticket ticket = {.header = cmaw_buf_slice(&run->header)};
    CMAW_TRY(cmaw_buf_reserve(&grants, CMAW_TICKET_MAX)); /* slices into it must stay */
    for (uint32_t i = 0; i < deployment->manifest.role_count; i++) {
        const struct cmaw_role *role = &deployment->manifest.roles[i];
        if (!cmaw_plan_has_role(&run->plan, role->id)) {
            continue;
        }
        const struct cmaw_bytes32 *pk = cmaw_deployment_pk(deployment, role->id);
        if (pk == NULL) {
            return cmaw_finding_set(finding, CMAW_E_NOT_FOUND, "bundle.role", "the deployment has no key for role %u",
                role->id);
        }
        const size_t start = grants.size;
        CMAW_TRY(cmaw_grant_seal(&run->plan, &run->run_id, role->id, pk, &run->secrets, &grants));
        const struct cmaw_slice grant = cmaw_slice_sub(cmaw_buf_slice(&grants), start, grants.size - start);
        CMAW_TRY(cmaw_grant_decode(grant, &ticket.grants[ticket.grant_count++]));
    }
    cmaw_ticket_encode(&ticket, &run->ticket);
    return cmaw_buf_err(&run->ticket);
}

enum cmaw_err cmaw_run_new(const struct cmaw_deployment *deployment, struct cmaw_slice plan, uint64_t expires_ms,
    struct cmaw_new_run *ret_run, struct cmaw_finding *finding)
{
    *ret_run = (struct cmaw_new_run){.header = CMAW_BUF(CMAW_TICKET_HEADER_MAX), .ticket = CMAW_BUF(CMAW_TICKET_MAX)};
    enum cmaw_err err = check_plan(deployment, plan, expires_ms, &ret_run->plan, finding);
    err = err == CMAW_OK ? make_header(expires_ms, ret_run) : err;
    err = err == CMAW_OK ? make_ticket(deployment, ret_run, finding) : err;
    if (err != CMAW_OK) {
        cmaw_new_run_free(ret_run);
    }
    return err;
}

enum cmaw_err cmaw_run_seal_input(const struct cmaw_new_run *run, uint32_t edge, const struct cmaw_agent_state *content,
    struct cmaw_buf *buf, struct cmaw_sealed *ret_sealed)
{
    const struct cmaw_plan_edge *planned = cmaw_plan_edge_at(&run->plan, edge);
    CMAW_REQUIRE(planned != NULL && planned->from == 0, CMAW_E_NOT_FOUND);
    const struct cmaw_state_seal what = {
        .edge = planned,
        .run_id = &run->run_id,
        .secret = cmaw_edge_secrets_of(&run->secrets, edge),
        .kind = CMAW_STATE_DATA,
        .content = content,
    };
    return cmaw_state_seal(&what, buf, ret_sealed);
}
