/* A plan is public: it stands in Temporal in clear, and is shown whosever it is. */
#include <stdlib.h>

#include "client/codec/view.h"

static enum cmaw_err set_end(json_t *entry, const char *key, const struct cmaw_plan *plan, uint32_t id)
{
    const struct cmaw_plan_step *step = cmaw_plan_step_at(plan, id);
    return cmaw_codec_set_slice(entry, key, step == NULL ? CMAW_SLICE_LIT("client") : step->name);
}

static enum cmaw_err put_steps(const struct cmaw_plan *plan, json_t *json)
{
    json_t *steps = json_array();
    CMAW_TRY(cmaw_json_set(json, "steps", steps));
    for (uint32_t i = 0; i < plan->step_count; i++) {
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(steps, entry));
        CMAW_TRY(cmaw_codec_set_slice(entry, "step", plan->steps[i].name));
        CMAW_TRY(cmaw_json_set_u64(entry, "timeout_s", plan->steps[i].timeout_s));
        CMAW_TRY(cmaw_json_set_u64(entry, "max_attempts", plan->steps[i].max_attempts));
    }
    return CMAW_OK;
}

static enum cmaw_err put_edges(const struct cmaw_plan *plan, json_t *json)
{
    json_t *edges = json_array();
    CMAW_TRY(cmaw_json_set(json, "edges", edges));
    for (uint32_t i = 0; i < plan->edge_count; i++) {
        json_t *entry = json_object();
        CMAW_TRY(cmaw_json_append(edges, entry));
        CMAW_TRY(cmaw_codec_set_slice(entry, "edge", plan->edges[i].name));
        CMAW_TRY(set_end(entry, "from", plan, plan->edges[i].from));
        CMAW_TRY(set_end(entry, "to", plan, plan->edges[i].to));
    }
    return CMAW_OK;
}

static enum cmaw_err put_plan(const struct cmaw_plan *plan, json_t *json)
{
    CMAW_TRY(cmaw_json_set_text(json, "message", "Plan"));
    CMAW_TRY(cmaw_codec_set_slice(json, "workflow", plan->name));
    CMAW_TRY(cmaw_json_set_hex(json, "manifest", plan->manifest));
    CMAW_TRY(put_steps(plan, json));
    return put_edges(plan, json);
}

enum cmaw_err cmaw_codec_view_plan(struct cmaw_slice data, json_t *json)
{
    struct cmaw_plan *plan = calloc(1, sizeof *plan);
    CMAW_REQUIRE(plan != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_plan_parse_public(data, plan);
    if (err == CMAW_OK) {
        err = put_plan(plan, json);
    }
    free(plan);
    return err;
}
