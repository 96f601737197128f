/* What the tests of /init share: the world, and runs of one step of a role. */
#ifndef CMAW_TESTS_ENCLAVE_CASES_H
#define CMAW_TESTS_ENCLAVE_CASES_H

#include "lib/sst/state_open.h"
#include "tests/enclave/world.h"

extern struct world world;
extern struct node *echo;    /* the hostile agent's mode echo */
extern struct node *hostile; /* its mode is the first line of the input */
extern struct node *proto;
enum { CONTENT_SIZE = 2 * 1024 * 1024 };
extern uint8_t large_content[CONTENT_SIZE];

/* A run of one step of a role. */
struct run {
    struct cmaw_buf plan;
    struct cmaw_new_run run;
    struct cmaw_buf inputs[2];
    struct cmaw_request request;
};

/* The name of the code that a node answers with, over a connection of its own. */
const char *code_of(const struct node *node, const struct cmaw_request *request);
/* What Describe says; checks the rest of it. */
uint32_t state_of(const struct node *node);
/* Edges x and z for raw agents; x, y, z, w for the other. */
void run_make(struct run *run, const struct node *node, uint64_t expires_ms, uint32_t timeout_s, uint32_t size_class);
/* Seals content onto an edge and adds it to the request. */
void run_input(struct run *run, uint32_t edge, struct cmaw_slice content);
void run_free(struct run *run);
/* The usual run with one input. */
struct run run_of(const struct node *node, struct cmaw_slice content);
/* Opens output i of an answered step as the owner. */
void open_output(const struct run *run, const struct cmaw_step_response *answer, uint32_t i, uint32_t edge,
                 struct cmaw_opened *ret_opened);
/* The whole run, as anyone may. */
void verify(const struct run *run, const struct cmaw_step_response *answer);
void step(const struct node *node, const struct run *run, struct cmaw_buf *buf, struct cmaw_response *ret_response);
const char *step_code(const struct node *node, const struct run *run);

/* The cases, in the order of an enclave's life: each leaves the world to the next. */
void a_new_enclave_does_nothing_but_describe_itself(void **state);
void a_refused_manifest_locks_nothing(void **state);
void wrong_credentials_are_reported_and_may_be_retried(void **state);
void no_birth_from_a_key_that_is_not_seen(void **state);
void birth_gives_a_bundle_that_verifies(void **state);
void only_what_was_born_here_configures(void **state);
void a_key_made_by_encrypt_is_refused(void **state);
void credentials_alone_open_nothing(void **state);
void a_configured_enclave_is_closed(void **state);
void attestation_has_the_callers_nonce(void **state);
void states_of_every_size_go_through(void **state);
void ports_of_a_proto_agent_are_edges(void **state);
void what_is_not_of_this_run_is_denied(void **state);
void every_flipped_byte_of_a_state_is_denied(void **state);
void an_expired_ticket_is_refused(void **state);
void hostile_agents_get_nothing(void **state);
void failures_come_sealed(void **state);
void the_seed_is_of_run_and_step(void **state);
void frames_that_are_none_end_the_connection(void **state);
void parallel_steps_stay_small(void **state);
void memory_tells_no_lengths(void **state);
void connections_are_bounded(void **state);
void more_steps_than_agents_wait_their_turn(void **state);
void the_nsm_simulator_may_restart(void **state);
void without_its_spawner_an_enclave_ends(void **state);
void a_terminated_enclave_ends_cleanly(void **state);
void an_enclave_comes_back_with_its_key(void **state);
void it_runs_without_root(void **state);

#endif
