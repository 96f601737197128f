/* Opens a state. Its own object: the worker and the proxy must not contain it. */
#ifndef CMAW_SST_STATE_OPEN_H
#define CMAW_SST_STATE_OPEN_H

#include "lib/sst/state.h"

/* An opened state; content points into plain, which is wiped by cmaw_opened_free. */
struct cmaw_opened {
    struct cmaw_buf plain;
    struct cmaw_agent_state content;
    struct cmaw_bytes32 commit;
};
void cmaw_opened_free(struct cmaw_opened *opened);
#define CMAW_OPENED_AUTO(name) [[gnu::cleanup(cmaw_opened_free)]] struct cmaw_opened name = {0}

/* Opens a parsed state that is to be on edge of run_id: run, edge and class are compared with the header, then commitment,
 * tags, padding, smallest class on an edge of class 0, AgentState. Kind and parents are the caller's to judge.
 * AUTH for every refusal. */
enum cmaw_err cmaw_state_open(const struct cmaw_state *state, const struct cmaw_plan_edge *edge, const struct cmaw_bytes32 *run_id,
    struct cmaw_slice secret, struct cmaw_opened *ret_opened);

#endif
