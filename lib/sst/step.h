/* One step inside an enclave: PROTOCOL.md section 7. cmaw_step_open does points 1 to 6 (step_open.c, an object of its own: the
 * worker must not contain it), the caller runs the agent (7), cmaw_step_finish or cmaw_step_fail do 8 to 10. */
#ifndef CMAW_SST_STEP_H
#define CMAW_SST_STEP_H

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/hpke.h"
#include "lib/sst/code.h"
#include "lib/sst/receipt.h"
#include "lib/sst/state.h"
#include "lib/sst/state_open.h"
#include "lib/sst/ticket.h"

/* As it came from the host. Slices point into the frame. About 4 KiB. */
struct cmaw_step_request {
    struct cmaw_slice plan;
    struct cmaw_slice ticket;
    uint32_t step;
    uint32_t attempt;
    uint64_t deadline_ms; /* how long the host will wait; 0: as the plan says */
    uint32_t input_count;
    struct cmaw_slice inputs[CMAW_EDGES_MAX];
};

/* Who the enclave is, once configured. Borrowed; shared by steps that run in parallel, never written. */
struct cmaw_step_self {
    const struct cmaw_manifest *manifest;
    const struct cmaw_role *role;
    const struct cmaw_hpke_key *role_key;
};

struct cmaw_step_input {
    const struct cmaw_plan_edge *edge;
    struct cmaw_bytes32 digest;
    struct cmaw_opened opened; /* opened.content is what the agent gets */
};

/* An opened step: everything that the agent and the answer need, and nothing else. It points into the request. */
struct cmaw_step {
    const struct cmaw_step_self *self;
    const struct cmaw_plan_step *step; /* in plan */
    struct cmaw_plan plan;
    struct cmaw_bytes32 run_id;
    uint32_t attempt;
    uint32_t input_count;
    uint32_t output_count;
    struct cmaw_step_input *inputs;                      /* input_count, in edge order */
    const struct cmaw_plan_edge *outputs[CMAW_EDGES_MAX]; /* output_count, in edge order */
    struct cmaw_edge_secrets secrets;                    /* of the out-edges only */
};

/* OK, or the code of the first point that refuses, in the order of the text; INTERNAL where memory ran out. On OK the step
 * must be freed with cmaw_step_free, and request and self must outlive it; otherwise there is nothing to free. */
enum cmaw_code cmaw_step_open(const struct cmaw_step_self *self, const struct cmaw_step_request *request, uint64_t now_ms,
    struct cmaw_step **ret_step);
/* Wipes and frees; NULL-safe. */
void cmaw_step_free(struct cmaw_step *step);

/* What the answer is signed with. */
struct cmaw_step_signer {
    const struct cmaw_ec_key *ak;
    struct cmaw_slice ak_doc;
    uint64_t started_ms;
    uint64_t finished_ms; /* before started_ms, it counts as started_ms */
};
/* The answer without its ak_doc: whole State messages one after the other in states, states[i] of them as slices into it. */
struct cmaw_step_result {
    struct cmaw_buf states;
    uint32_t state_count;
    struct cmaw_slice state[CMAW_EDGES_MAX];
    struct cmaw_buf receipt;
};
void cmaw_step_result_free(struct cmaw_step_result *result);

/* Points 8 and 9. outputs[i] is what the agent gave for step->outputs[i]; count must be output_count (else AGENT_FAILED).
 * OK; TOO_LARGE: an output does not fit its class, or all together are over the sum; AGENT_FAILED: a content type or annotation
 * breaks a limit; INTERNAL. Nothing is in *ret_result unless OK. */
enum cmaw_code cmaw_step_finish(const struct cmaw_step *step, const struct cmaw_agent_state *outputs, uint32_t count,
    const struct cmaw_step_signer *signer, struct cmaw_step_result *ret_result);
/* The failure state and its receipt for AGENT_FAILED and AGENT_TIMEOUT (other codes: BUG). error_output is cut to what fits. */
enum cmaw_err cmaw_step_fail(const struct cmaw_step *step, enum cmaw_code code, struct cmaw_slice error_output,
    const struct cmaw_step_signer *signer, struct cmaw_step_result *ret_result);

#endif
