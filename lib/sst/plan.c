#include "lib/sst/plan.h"

#include "lib/pb/pb.h"

static enum cmaw_err step_decode(struct cmaw_slice bytes, struct cmaw_plan_step *ret_step)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    *ret_step = (struct cmaw_plan_step){0};
    ret_step->id = cmaw_pb_u32(&r, 1);
    ret_step->name = cmaw_pb_string(&r, 2);
    ret_step->role = cmaw_pb_u32(&r, 3);
    ret_step->timeout_s = cmaw_pb_u32(&r, 4);
    ret_step->max_attempts = cmaw_pb_u32(&r, 5);
    return cmaw_pb_end(&r);
}

static enum cmaw_err edge_decode(struct cmaw_slice bytes, struct cmaw_plan_edge *ret_edge)
{
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    ret_edge->id = cmaw_pb_u32(&r, 1);
    ret_edge->from = cmaw_pb_u32(&r, 2);
    ret_edge->to = cmaw_pb_u32(&r, 3);
    ret_edge->name = cmaw_pb_string(&r, 4);
    ret_edge->size_class = cmaw_pb_u32(&r, 5);
    return cmaw_pb_end(&r);
}

enum cmaw_err cmaw_plan_decode(struct cmaw_slice bytes, struct cmaw_plan *ret_plan)
{
    struct cmaw_plan *p = ret_plan;
    struct cmaw_pb_reader r = cmaw_pb_reader_of(bytes);
    struct cmaw_slice nested;
    p->bytes = bytes;
    p->ph = (struct cmaw_bytes32){0};
    p->version = cmaw_pb_u32(&r, 1);
    p->name = cmaw_pb_string(&r, 2);
    p->manifest = cmaw_pb_bytes(&r, 3);
    p->step_count = 0;
    while (cmaw_pb_next(&r, 4, &nested)) {
        CMAW_REQUIRE(p->step_count < CMAW_STEPS_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(step_decode(nested, &p->steps[p->step_count++]));
    }
    p->edge_count = 0;
    while (cmaw_pb_next(&r, 5, &nested)) {
        CMAW_REQUIRE(p->edge_count < CMAW_EDGES_MAX, CMAW_E_MALFORMED);
        CMAW_TRY(edge_decode(nested, &p->edges[p->edge_count++]));
    }
    return cmaw_pb_end(&r);
}

static enum cmaw_err parse(struct cmaw_slice bytes, const struct cmaw_manifest *manifest, struct cmaw_plan *ret_plan)
{
    CMAW_REQUIRE(bytes.size <= CMAW_PLAN_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(cmaw_plan_decode(bytes, ret_plan));
    CMAW_TRY(cmaw_plan_check(ret_plan, manifest, NULL));
    return cmaw_ctx_hash(CMAW_LABEL_PLAN, CMAW_FIELDS(CMAW_F(bytes)), &ret_plan->ph);
}

enum cmaw_err cmaw_plan_parse(struct cmaw_slice bytes, const struct cmaw_manifest *manifest, struct cmaw_plan *ret_plan)
{
    CMAW_REQUIRE(manifest != NULL, CMAW_E_BUG);
    return parse(bytes, manifest, ret_plan);
}

enum cmaw_err cmaw_plan_parse_public(struct cmaw_slice bytes, struct cmaw_plan *ret_plan)
{
    return parse(bytes, NULL, ret_plan);
}

static void step_encode(const struct cmaw_plan_step *step, struct cmaw_buf *buf)
{
    const size_t mark = cmaw_pb_open(buf);
    cmaw_pb_put_u32(buf, 1, step->id);
    cmaw_pb_put_bytes(buf, 2, step->name);
    cmaw_pb_put_u32(buf, 3, step->role);
    cmaw_pb_put_u32(buf, 4, step->timeout_s);
    cmaw_pb_put_u32(buf, 5, step->max_attempts);
    cmaw_pb_close(buf, 4, mark);
}

static void edge_encode(const struct cmaw_plan_edge *edge, struct cmaw_buf *buf)
{
    const size_t mark = cmaw_pb_open(buf);
    cmaw_pb_put_u32(buf, 1, edge->id);
    cmaw_pb_put_u32(buf, 2, edge->from);
    cmaw_pb_put_u32(buf, 3, edge->to);
    cmaw_pb_put_bytes(buf, 4, edge->name);
    cmaw_pb_put_u32(buf, 5, edge->size_class);
    cmaw_pb_close(buf, 5, mark);
}

void cmaw_plan_encode(const struct cmaw_plan *plan, struct cmaw_buf *buf)
{
    cmaw_pb_put_u32(buf, 1, plan->version);
    cmaw_pb_put_bytes(buf, 2, plan->name);
    cmaw_pb_put_bytes(buf, 3, plan->manifest);
    for (uint32_t i = 0; i < plan->step_count; i++) {
        step_encode(&plan->steps[i], buf);
    }
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        edge_encode(&plan->edges[i], buf);
    }
}

const struct cmaw_plan_step *cmaw_plan_step_at(const struct cmaw_plan *plan, uint32_t id)
{
    return id >= 1 && id <= plan->step_count ? &plan->steps[id - 1] : NULL;
}

const struct cmaw_plan_edge *cmaw_plan_edge_at(const struct cmaw_plan *plan, uint32_t id)
{
    return id >= 1 && id <= plan->edge_count ? &plan->edges[id - 1] : NULL;
}

const struct cmaw_plan_edge *cmaw_plan_next_in(const struct cmaw_plan *plan, uint32_t step, uint32_t *cursor)
{
    while (*cursor < plan->edge_count) {
        const struct cmaw_plan_edge *edge = &plan->edges[(*cursor)++];
        if (edge->to == step) {
            return edge;
        }
    }
    return NULL;
}

const struct cmaw_plan_edge *cmaw_plan_next_out(const struct cmaw_plan *plan, uint32_t step, uint32_t *cursor)
{
    while (*cursor < plan->edge_count) {
        const struct cmaw_plan_edge *edge = &plan->edges[(*cursor)++];
        if (edge->from == step) {
            return edge;
        }
    }
    return NULL;
}

static bool step_of_role(const struct cmaw_plan *plan, uint32_t id, uint32_t role)
{
    const struct cmaw_plan_step *step = cmaw_plan_step_at(plan, id);
    return step != NULL && step->role == role;
}

bool cmaw_plan_edge_of_role(const struct cmaw_plan *plan, const struct cmaw_plan_edge *edge, uint32_t role)
{
    return step_of_role(plan, edge->from, role) || step_of_role(plan, edge->to, role);
}

bool cmaw_plan_has_role(const struct cmaw_plan *plan, uint32_t role)
{
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].role == role) {
            return true;
        }
    }
    return false;
}
