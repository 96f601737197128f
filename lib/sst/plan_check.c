/* When a plan is valid: PROTOCOL.md section 4, the paragraphs on names, validity and sums. */
#include "lib/sst/plan.h"
#include "lib/sst/state.h"
#include "lib/sst/text.h"

static const char *step_refusal(const struct cmaw_plan *plan, uint32_t i, const struct cmaw_manifest *manifest)
{
    const struct cmaw_plan_step *step = &plan->steps[i];
    if (step->id != i + 1) {
        return "step ids are not 1..n";
    }
    if (!cmaw_text_is_name(step->name)) {
        return "a step's name is not 1 to 64 of a-z, 0-9, _ and -";
    }
    if (step->timeout_s < 1 || step->timeout_s > CMAW_TIMEOUT_MAX_S) {
        return "timeout_s is not 1 to 86400";
    }
    if (step->max_attempts < 1 || step->max_attempts > CMAW_ATTEMPTS_MAX) {
        return "max_attempts is not 1 to 100";
    }
    if (manifest != NULL && cmaw_manifest_role(manifest, step->role) == NULL) {
        return "role of a step is not in the manifest";
    }
    for (uint32_t j = 0; j < i; j++) {
        if (cmaw_slice_eq(step->name, plan->steps[j].name)) {
            return "step names are not unique";
        }
    }
    return NULL;
}

/* Among the in-edges of one end, and among its out-edges, a name occurs once; ends are steps and the client. */
static bool edge_name_taken(const struct cmaw_plan *plan, uint32_t i)
{
    const struct cmaw_plan_edge *edge = &plan->edges[i];
    for (uint32_t j = 0; j < i; j++) {
        const struct cmaw_plan_edge *other = &plan->edges[j];
        if ((edge->from == other->from || edge->to == other->to) && cmaw_slice_eq(edge->name, other->name)) {
            return true;
        }
    }
    return false;
}

static const char *edge_refusal(const struct cmaw_plan *plan, uint32_t i)
{
    const struct cmaw_plan_edge *edge = &plan->edges[i];
    if (edge->id != i + 1) {
        return "edge ids are not 1..m";
    }
    if (!cmaw_text_is_name(edge->name)) {
        return "an edge's name is not 1 to 64 of a-z, 0-9, _ and -";
    }
    if (edge->size_class > CMAW_SIZE_CLASSES) {
        return "size_class is not 0 to 7";
    }
    if (edge->from > plan->step_count || edge->to > plan->step_count) {
        return "an end of an edge does not exist";
    }
    if (edge->from == edge->to) {
        return "both ends of an edge are the same";
    }
    return edge_name_taken(plan, i) ? "edge names are not unique" : NULL;
}

static void count_edges(struct cmaw_plan *plan)
{
    for (uint32_t i = 0; i < plan->step_count; i++) {
        plan->steps[i].in_count = 0;
        plan->steps[i].out_count = 0;
    }
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        const struct cmaw_plan_edge *edge = &plan->edges[i];
        if (edge->from != 0) {
            plan->steps[edge->from - 1].out_count++;
        }
        if (edge->to != 0) {
            plan->steps[edge->to - 1].in_count++;
        }
    }
}

static bool every_step_joined(const struct cmaw_plan *plan)
{
    for (uint32_t i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].in_count == 0 || plan->steps[i].out_count == 0) {
            return false;
        }
    }
    return true;
}

/* Takes away steps that have no in-edge left (Kahn). Where every step has an in- and an out-edge and there is no circle, every
 * step also lies on a path from the client to the client: walking back or forth from it can only end at the client. */
static bool acyclic(const struct cmaw_plan *plan)
{
    uint32_t missing[CMAW_STEPS_MAX + 1] = {0}; /* in-edges of step id whose producer is not done */
    uint32_t done[CMAW_STEPS_MAX + 1];          /* a queue of ends, the client first */
    uint32_t done_count = 0;
    for (uint32_t i = 0; i < plan->step_count; i++) {
        missing[i + 1] = plan->steps[i].in_count;
    }
    done[done_count++] = 0;
    for (uint32_t next = 0; next < done_count; next++) {
        for (uint32_t i = 0; i < plan->edge_count; i++) {
            const struct cmaw_plan_edge *edge = &plan->edges[i];
            if (edge->from == done[next] && edge->to != 0 && --missing[edge->to] == 0) {
                done[done_count++] = edge->to;
            }
        }
    }
    return done_count == plan->step_count + 1;
}

/* What the fixed classes make enter and leave each step and the client (index 0). */
static bool sums_fit(const struct cmaw_plan *plan)
{
    uint64_t in[CMAW_STEPS_MAX + 1] = {0};
    uint64_t out[CMAW_STEPS_MAX + 1] = {0};
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        const struct cmaw_plan_edge *edge = &plan->edges[i];
        const size_t size = cmaw_class_ciphertext_size(edge->size_class);
        in[edge->to] += size;
        out[edge->from] += size;
        if (in[edge->to] > CMAW_SUM_MAX || out[edge->from] > CMAW_SUM_MAX) {
            return false;
        }
    }
    return true;
}

static const char *refusal(struct cmaw_plan *plan, const struct cmaw_manifest *manifest)
{
    if (plan->version != 1) {
        return "version";
    }
    if (!cmaw_text_is_name(plan->name)) {
        return "the name is not 1 to 64 of a-z, 0-9, _ and -";
    }
    if (plan->manifest.size != CMAW_HASH_SIZE) {
        return "manifest hash length";
    }
    if (plan->step_count < 1 || plan->step_count > CMAW_STEPS_MAX) {
        return "there are not 1 to 64 steps";
    }
    if (plan->edge_count < 1 || plan->edge_count > CMAW_EDGES_MAX) {
        return "there are not 1 to 256 edges";
    }
    const char *why = NULL;
    for (uint32_t i = 0; i < plan->step_count && why == NULL; i++) {
        why = step_refusal(plan, i, manifest);
    }
    for (uint32_t i = 0; i < plan->edge_count && why == NULL; i++) {
        why = edge_refusal(plan, i);
    }
    if (why != NULL) {
        return why;
    }
    count_edges(plan);
    if (!every_step_joined(plan)) {
        return "a step has no in-edge or no out-edge";
    }
    if (!acyclic(plan)) {
        return "the graph has a circle";
    }
    return sums_fit(plan) ? NULL : "the size classes at one end sum to more than 1900000 bytes";
}

enum cmaw_err cmaw_plan_check(struct cmaw_plan *plan, const struct cmaw_manifest *manifest, const char **ret_why)
{
    const char *why = refusal(plan, manifest);
    if (why == NULL) {
        return CMAW_OK;
    }
    if (ret_why != NULL) {
        *ret_why = why;
    }
    return CMAW_E_MALFORMED;
}
