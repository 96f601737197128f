/* Points 1 to 6 of PROTOCOL.md section 7, in the order of the text: which of two faults is answered is part of the protocol. */
#include <stdlib.h>

#include "lib/sst/grant_open.h"
#include "lib/sst/step.h"

/* What is parsed on the way and not kept. */
struct opening {
    const struct cmaw_step_self *self;
    const struct cmaw_step_request *request;
    struct cmaw_step *step;
    struct cmaw_ticket ticket;
    struct cmaw_ticket_header header;
    struct cmaw_edge_secrets secrets; /* of every edge of the role */
    struct cmaw_state *states;        /* request->input_count */
};

/* Input that breaks a rule has the code of that rule; what is our own trouble is INTERNAL. */
static enum cmaw_code code_of(enum cmaw_err err, enum cmaw_code refused)
{
    switch (cmaw_err_category(err)) {
    case CMAW_CAT_NONE:
        return CMAW_CODE_OK;
    case CMAW_CAT_INPUT:
    case CMAW_CAT_AUTH:
    case CMAW_CAT_POLICY:
        return refused;
    default:
        return CMAW_CODE_INTERNAL;
    }
}

static enum cmaw_err parse_inputs(struct opening *o)
{
    const struct cmaw_step_request *request = o->request;
    CMAW_REQUIRE(request->input_count <= CMAW_EDGES_MAX, CMAW_E_MALFORMED);
    if (request->input_count == 0) {
        return CMAW_OK;
    }
    o->states = calloc(request->input_count, sizeof *o->states);
    CMAW_REQUIRE(o->states != NULL, CMAW_E_NO_MEMORY);
    for (uint32_t i = 0; i < request->input_count; i++) {
        CMAW_TRY(cmaw_state_parse(request->inputs[i], &o->states[i]));
    }
    return CMAW_OK;
}

static bool attempt_ok(const struct opening *o)
{
    const struct cmaw_plan_step *step = cmaw_plan_step_at(&o->step->plan, o->request->step);
    const uint32_t most = step == NULL ? CMAW_ATTEMPTS_MAX : step->max_attempts;
    return o->request->attempt >= 1 && o->request->attempt <= most;
}

static enum cmaw_err check_form(struct opening *o)
{
    CMAW_TRY(cmaw_plan_parse(o->request->plan, o->self->manifest, &o->step->plan));
    CMAW_TRY(cmaw_ticket_parse(o->request->ticket, &o->ticket));
    CMAW_TRY(cmaw_ticket_header_parse(o->ticket.header, &o->header));
    CMAW_TRY(cmaw_ticket_check_roles(&o->ticket, &o->step->plan));
    CMAW_TRY(parse_inputs(o));
    return attempt_ok(o) ? CMAW_OK : CMAW_E_MALFORMED;
}

static bool sum_fits(const struct opening *o)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < o->request->input_count; i++) {
        sum += o->states[i].ciphertext.size;
    }
    return sum <= CMAW_SUM_MAX;
}

static bool in_time(const struct opening *o, uint64_t now_ms)
{
    return cmaw_manifest_valid_at(o->self->manifest, now_ms) && now_ms < o->header.expires_ms;
}

static enum cmaw_err check_binding(struct opening *o)
{
    struct cmaw_step *step = o->step;
    const struct cmaw_manifest *manifest = o->self->manifest;
    CMAW_REQUIRE(cmaw_bytes32_eq(&manifest->mh, step->plan.manifest), CMAW_E_DENIED);
    CMAW_REQUIRE(cmaw_bytes32_eq(&manifest->mh, o->header.manifest), CMAW_E_DENIED);
    CMAW_REQUIRE(cmaw_bytes32_eq(&step->plan.ph, o->header.plan), CMAW_E_DENIED);
    CMAW_REQUIRE(o->header.commit_count == step->plan.edge_count, CMAW_E_DENIED);
    CMAW_REQUIRE(o->header.expires_ms <= manifest->not_after_ms, CMAW_E_DENIED);
    step->step = cmaw_plan_step_at(&step->plan, o->request->step);
    CMAW_REQUIRE(step->step != NULL && step->step->role == o->self->role->id, CMAW_E_DENIED);
    return CMAW_OK;
}

/* Exactly the edges of the role, and each secret the committed one. */
static enum cmaw_err check_secrets(const struct opening *o)
{
    const struct cmaw_plan *plan = &o->step->plan;
    for (uint32_t id = 1; id <= CMAW_EDGES_MAX; id++) {
        const struct cmaw_plan_edge *edge = cmaw_plan_edge_at(plan, id);
        const struct cmaw_slice secret = cmaw_edge_secrets_of(&o->secrets, id);
        const bool own = edge != NULL && cmaw_plan_edge_of_role(plan, edge, o->self->role->id);
        CMAW_REQUIRE(own == (secret.size > 0), CMAW_E_DENIED);
        if (!own) {
            continue;
        }
        struct cmaw_bytes32 commit;
        CMAW_TRY(cmaw_edge_commit(secret, o->header.nonce, id, &commit));
        CMAW_REQUIRE(cmaw_ct_eq(cmaw_bytes32_slice(&commit), o->header.edge_commits[id - 1]), CMAW_E_DENIED);
    }
    return CMAW_OK;
}

static enum cmaw_err open_grant(struct opening *o)
{
    for (uint32_t i = 0; i < o->ticket.grant_count; i++) {
        const struct cmaw_grant *grant = &o->ticket.grants[i];
        if (grant->role == o->self->role->id) {
            CMAW_TRY(cmaw_grant_open(grant, &o->header.run_id, o->self->role_key, &o->secrets));
            return check_secrets(o);
        }
    }
    return CMAW_E_DENIED;
}

static enum cmaw_err check_input(const struct opening *o, const struct cmaw_state *state, const struct cmaw_plan_edge *edge)
{
    const struct cmaw_plan_step *producer = cmaw_plan_step_at(&o->step->plan, edge->from);
    const uint32_t parents = producer == NULL ? 0 : producer->in_count;
    CMAW_REQUIRE(cmaw_bytes32_eq(&o->header.run_id, state->header.run), CMAW_E_DENIED);
    CMAW_REQUIRE(state->header.edge == edge->id && state->header.kind == CMAW_STATE_DATA, CMAW_E_DENIED);
    CMAW_REQUIRE(state->header.parent_count == parents, CMAW_E_DENIED);
    return CMAW_OK;
}

/* The inputs are exactly the step's in-edges, ascending. */
static enum cmaw_err check_inputs(struct opening *o)
{
    struct cmaw_step *step = o->step;
    CMAW_REQUIRE(o->request->input_count == step->step->in_count, CMAW_E_DENIED);
    step->inputs = calloc(step->step->in_count, sizeof *step->inputs);
    CMAW_REQUIRE(step->inputs != NULL, CMAW_E_NO_MEMORY);
    step->input_count = step->step->in_count;
    uint32_t cursor = 0;
    for (uint32_t i = 0; i < step->input_count; i++) {
        step->inputs[i].edge = cmaw_plan_next_in(&step->plan, step->step->id, &cursor);
        CMAW_TRY(check_input(o, &o->states[i], step->inputs[i].edge));
    }
    return CMAW_OK;
}

static enum cmaw_err open_inputs(struct opening *o)
{
    struct cmaw_step *step = o->step;
    for (uint32_t i = 0; i < step->input_count; i++) {
        struct cmaw_step_input *input = &step->inputs[i];
        const struct cmaw_slice secret = cmaw_edge_secrets_of(&o->secrets, input->edge->id);
        CMAW_TRY(cmaw_state_open(&o->states[i], input->edge, &o->header.run_id, secret, &input->opened));
        CMAW_TRY(cmaw_state_digest(&o->states[i], &input->digest));
    }
    return CMAW_OK;
}

/* Only the secrets of the out-edges are needed from here on. */
static void keep_outputs(struct opening *o)
{
    struct cmaw_step *step = o->step;
    const struct cmaw_plan_edge *edge;
    uint32_t cursor = 0;
    while ((edge = cmaw_plan_next_out(&step->plan, step->step->id, &cursor)) != NULL) {
        step->outputs[step->output_count++] = edge;
        step->secrets.of[edge->id - 1] = cmaw_secret_take(&o->secrets.of[edge->id - 1]);
    }
}

static enum cmaw_code open_step(struct opening *o, uint64_t now_ms)
{
    enum cmaw_code code = code_of(check_form(o), CMAW_CODE_BAD_REQUEST);
    if (code != CMAW_CODE_OK) {
        return code;
    }
    if (!sum_fits(o)) {
        return CMAW_CODE_TOO_LARGE;
    }
    if (!in_time(o, now_ms)) {
        return CMAW_CODE_EXPIRED;
    }
    enum cmaw_err err = check_binding(o);
    err = err == CMAW_OK ? open_grant(o) : err;
    err = err == CMAW_OK ? check_inputs(o) : err;
    err = err == CMAW_OK ? open_inputs(o) : err;
    code = code_of(err, CMAW_CODE_DENIED);
    if (code == CMAW_CODE_OK) {
        o->step->self = o->self;
        o->step->run_id = o->header.run_id;
        o->step->attempt = o->request->attempt;
        keep_outputs(o);
    }
    return code;
}

enum cmaw_code cmaw_step_open(const struct cmaw_step_self *self, const struct cmaw_step_request *request, uint64_t now_ms,
    struct cmaw_step **ret_step)
{
    struct opening *o = calloc(1, sizeof *o);
    struct cmaw_step *step = calloc(1, sizeof *step);
    enum cmaw_code code = CMAW_CODE_INTERNAL;
    if (o != NULL && step != NULL) {
        o->self = self;
        o->request = request;
        o->step = step;
        code = open_step(o, now_ms);
        cmaw_edge_secrets_release(&o->secrets);
        free(o->states);
    }
    free(o);
    if (code != CMAW_CODE_OK) {
        cmaw_step_free(step);
        return code;
    }
    *ret_step = step;
    return CMAW_CODE_OK;
}

void cmaw_step_free(struct cmaw_step *step)
{
    if (step == NULL) {
        return;
    }
    for (uint32_t i = 0; i < step->input_count; i++) {
        cmaw_opened_free(&step->inputs[i].opened);
    }
    free(step->inputs);
    cmaw_edge_secrets_release(&step->secrets);
    free(step);
}
