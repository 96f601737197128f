/* The public shape of a workflow: message Plan of PROTOCOL.md section 4, and what makes one valid. */
#ifndef CMAW_SST_PLAN_H
#define CMAW_SST_PLAN_H

#include "lib/sst/manifest.h"

struct cmaw_plan_step {
    uint32_t id;
    struct cmaw_slice name;
    uint32_t role;
    uint32_t timeout_s;
    uint32_t max_attempts;
    uint32_t in_count;  /* set by cmaw_plan_check */
    uint32_t out_count; /* set by cmaw_plan_check */
};
struct cmaw_plan_edge {
    uint32_t id;
    uint32_t from; /* 0: the client */
    uint32_t to;   /* 0: the client */
    struct cmaw_slice name;
    uint32_t size_class; /* 0: the smallest that fits */
};
/* About 11 KiB; slices point into bytes. steps[i] has id i + 1, edges[i] has id i + 1. */
struct cmaw_plan {
    struct cmaw_slice bytes;
    struct cmaw_bytes32 ph;
    uint32_t version;
    struct cmaw_slice name;
    struct cmaw_slice manifest;
    uint32_t step_count;
    uint32_t edge_count;
    struct cmaw_plan_step steps[CMAW_STEPS_MAX];
    struct cmaw_plan_edge edges[CMAW_EDGES_MAX];
};

enum cmaw_err cmaw_plan_decode(struct cmaw_slice bytes, struct cmaw_plan *ret_plan);
/* The limits of the comments and the validity rules, sums included; roles are looked up in manifest. Sets the counts of
 * edges. It does not compare plan->manifest with the manifest's mh: that has a code of its own. MALFORMED; *ret_why, if not
 * NULL, is then a constant text that names the rule. */
enum cmaw_err cmaw_plan_check(struct cmaw_plan *plan, const struct cmaw_manifest *manifest, const char **ret_why);
/* Size, decode, check and ph. TOO_LARGE, MALFORMED. */
enum cmaw_err cmaw_plan_parse(struct cmaw_slice bytes, const struct cmaw_manifest *manifest, struct cmaw_plan *ret_plan);
/* The same for one who has no manifest at hand (the worker): the role of every step counts as known. */
enum cmaw_err cmaw_plan_parse_public(struct cmaw_slice bytes, struct cmaw_plan *ret_plan);
void cmaw_plan_encode(const struct cmaw_plan *plan, struct cmaw_buf *buf);

/* NULL where the plan has no such step or edge (0 included). */
const struct cmaw_plan_step *cmaw_plan_step_at(const struct cmaw_plan *plan, uint32_t id);
const struct cmaw_plan_edge *cmaw_plan_edge_at(const struct cmaw_plan *plan, uint32_t id);
/* The next edge after *cursor (start with 0) into or out of step (0: the client), ascending; NULL at the end. */
const struct cmaw_plan_edge *cmaw_plan_next_in(const struct cmaw_plan *plan, uint32_t step, uint32_t *cursor);
const struct cmaw_plan_edge *cmaw_plan_next_out(const struct cmaw_plan *plan, uint32_t step, uint32_t *cursor);
/* True where an end of the edge is a step of the role. */
bool cmaw_plan_edge_of_role(const struct cmaw_plan *plan, const struct cmaw_plan_edge *edge, uint32_t role);
/* True where some step of the plan has the role. */
bool cmaw_plan_has_role(const struct cmaw_plan *plan, uint32_t role);

#endif
