/* A spawner with the hostile agent in its root: what tests of the sandbox start from. */
#ifndef CMAW_TESTS_SANDBOX_WORLD_H
#define CMAW_TESTS_SANDBOX_WORLD_H

#include "enclave/agent/run.h"

/* One enclave's worth: an agent root with the hostile program, and a spawner for it. */
struct world {
    char root[64];
    struct cmaw_conf conf;
    struct cmaw_spawner spawner;
};

extern const struct cmaw_agent_limits usual_limits;

/* mode: the agent's argument; NULL: it reads its mode from its input. Fails the test where it does not start. */
void world_start(struct world *world, const char *mode, struct cmaw_agent_limits limits);
void world_end(struct world *world);
/* One job. The input is what the agent reads. */
struct cmaw_agent_outcome world_run(struct world *world, const char *input, size_t output_max, uint64_t timeout_ms);
struct cmaw_agent_outcome world_run_mode(struct world *world, const char *mode);
/* Whether an agent ended well and wrote exactly text. */
bool world_said(const struct cmaw_agent_outcome *outcome, const char *text);
/* Fails the test unless it did; frees the outcome. */
void world_assert_says(struct cmaw_agent_outcome *outcome, const char *text);
/* The next agent finds a world without traces. */
void world_assert_clean(struct world *world);
/* A fixture: an enclave's /init has full rights in its own namespaces; so has this program, whoever runs it. */
int world_become_root(void **state);

#endif
