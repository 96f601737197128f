#include "client/proof/proof.h"
#include "host/temporal/history.h"
#include "host/temporal/objects.h"

#include <stdlib.h>

struct collector {
    const struct cmaw_verified_run *run;
    struct cmaw_buf *buf;
    size_t at[CMAW_EDGES_MAX];
    size_t size[CMAW_EDGES_MAX];
};

/* Keeps a state that is, by its digest, the one that the receipts name for its edge. */
static enum cmaw_err take_state(struct collector *collector, struct cmaw_slice bytes)
{
    struct cmaw_state state;
    struct cmaw_bytes32 digest;
    if (cmaw_state_parse(bytes, &state) != CMAW_OK || state.header.edge > collector->run->plan.edge_count ||
        collector->size[state.header.edge - 1] != 0) {
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_state_digest(&state, &digest));
    const size_t edge = state.header.edge - 1;
    if (!cmaw_bytes32_eq(&digest, cmaw_bytes32_slice(&collector->run->edges[edge].digest))) {
        return CMAW_OK;
    }
    collector->at[edge] = collector->buf->size;
    collector->size[edge] = bytes.size;
    cmaw_buf_put(collector->buf, bytes);
    return collector->buf->err;
}

static enum cmaw_err on_payload(void *context, const char *path, const struct cmaw_temporal_payload *payload)
{
    (void)path;
    if (!cmaw_temporal_payload_is(payload, CMAW_TEMPORAL_STEP_RESULT)) {
        return CMAW_OK;
    }
    struct cmaw_step_output *output = calloc(1, sizeof *output);
    CMAW_REQUIRE(output != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = CMAW_OK;
    /* what does not decode is nothing that the receipts could name */
    if (cmaw_step_output_decode(payload->data, output) == CMAW_OK) {
        for (size_t i = 0; err == CMAW_OK && i < output->state_count; i++) {
            err = take_state(context, output->states[i]);
        }
    }
    free(output);
    return err;
}

enum cmaw_err cmaw_history_states(struct cmaw_slice history, const struct cmaw_verified_run *run, struct cmaw_buf *buf,
                                  struct cmaw_found_states *ret_found, struct cmaw_diag *diag)
{
    struct collector *collector = calloc(1, sizeof *collector);
    CMAW_REQUIRE(collector != NULL, CMAW_E_NO_MEMORY);
    collector->run = run;
    collector->buf = buf;
    const struct cmaw_temporal_visitor visitor = {.payload = on_payload, .context = collector};
    size_t events;
    const enum cmaw_err err = cmaw_temporal_history_walk(history, &visitor, &events);
    for (size_t i = 0; err == CMAW_OK && i < CMAW_EDGES_MAX; i++) {
        ret_found->of[i] = cmaw_slice_sub(cmaw_buf_slice(buf), collector->at[i], collector->size[i]);
    }
    free(collector);
    return err == CMAW_OK ? err : cmaw_diag_set(diag, err, "the event history from Temporal cannot be read: %s", cmaw_err_text(err));
}
