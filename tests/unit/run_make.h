/* Makes runs for tests of the host: real forms (manifest, plan, ticket, states), with bytes that stand for ciphertext, since the host opens nothing. */
#ifndef CMAW_TESTS_RUN_MAKE_H
#define CMAW_TESTS_RUN_MAKE_H

#include "host/temporal/objects.h"
#include "lib/sst/bundle.h"
#include "lib/sst/state.h"
#include "lib/sst/ticket.h"

struct run_make {
    struct cmaw_buf manifest_bytes;
    struct cmaw_manifest manifest; /* tenant acme, roles intake (1) and adjudicate (2) */
    struct cmaw_buf plan_bytes;
    struct cmaw_plan plan;
    struct cmaw_buf ticket;
    struct cmaw_bytes32 run_id;
    char workflow_id[CMAW_WORKFLOW_ID_SIZE];
    uint32_t input_count;
    struct cmaw_buf inputs[CMAW_EDGES_MAX]; /* states from the client, in edge order */
};

/* steps: role of each step, like "1 2 1"; edges like "0>1 1>2 2>0", each of content_size bytes of ciphertext. nonce makes the run id. Fails the
 * test where the plan is not valid. */
void run_make(struct run_make *run, const char *steps, const char *edges, uint32_t max_attempts, uint32_t nonce, size_t content_size);
void run_make_free(struct run_make *run);
/* The bundle of the manifest, for a worker's command line. */
void run_make_bundle(const struct run_make *run, struct cmaw_buf *bundle);
/* A State of the run on an edge. */
void run_make_state(const struct cmaw_bytes32 *run_id, uint32_t edge, uint32_t kind, size_t content_size, struct cmaw_buf *state);
/* What an enclave gives for a step: states on its out-edges (or one failure state), receipt "receipt-STEP", ak_doc "doc-ROLE". */
void run_make_result(const struct cmaw_plan *plan, const struct cmaw_bytes32 *run_id, uint32_t step, bool failure,
    size_t content_size, struct cmaw_buf *result);

#endif
