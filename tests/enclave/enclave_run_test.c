/* /init of the simulation with everything around it real: NSM simulator, KMS emulator, launcher, proxy. The test is the host,
 * honest or not, and the data owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "tests/enclave/cases.h"

static int open_world(void **state)
{
    (void)state;
    world_open(&world);
    echo = world_add(&world, "echo", getenv("CMAW_TEST_HOSTILE"), "echo", false);
    hostile = world_add(&world, "hostile", getenv("CMAW_TEST_HOSTILE"), NULL, false);
    proto = world_add(&world, "proto", getenv("CMAW_TEST_PROTO"), NULL, true);
    world_manifest(&world);
    for (uint32_t i = 0; i < world.node_count; i++) {
        world_start(&world, &world.nodes[i]);
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    /* in the order of an enclave's life: each test leaves the world to the next */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_enclave_does_nothing_but_describe_itself),
        cmocka_unit_test(a_refused_manifest_locks_nothing),
        cmocka_unit_test(wrong_credentials_are_reported_and_may_be_retried),
        cmocka_unit_test(no_birth_from_a_key_that_is_not_seen),
        cmocka_unit_test(birth_gives_a_bundle_that_verifies),
        cmocka_unit_test(only_what_was_born_here_configures),
        cmocka_unit_test(a_key_made_by_encrypt_is_refused),
        cmocka_unit_test(credentials_alone_open_nothing),
        cmocka_unit_test(a_configured_enclave_is_closed),
        cmocka_unit_test(attestation_has_the_callers_nonce),
        cmocka_unit_test(states_of_every_size_go_through),
        cmocka_unit_test(ports_of_a_proto_agent_are_edges),
        cmocka_unit_test(what_is_not_of_this_run_is_denied),
        cmocka_unit_test(every_flipped_byte_of_a_state_is_denied),
        cmocka_unit_test(an_expired_ticket_is_refused),
        cmocka_unit_test(hostile_agents_get_nothing),
        cmocka_unit_test(failures_come_sealed),
        cmocka_unit_test(the_seed_is_of_run_and_step),
        cmocka_unit_test(frames_that_are_none_end_the_connection),
        cmocka_unit_test(parallel_steps_stay_small),
        cmocka_unit_test(memory_tells_no_lengths),
        cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(more_steps_than_agents_wait_their_turn),
        cmocka_unit_test(the_nsm_simulator_may_restart),
        cmocka_unit_test(without_its_spawner_an_enclave_ends),
        cmocka_unit_test(a_terminated_enclave_ends_cleanly),
        cmocka_unit_test(an_enclave_comes_back_with_its_key),
        cmocka_unit_test(it_runs_without_root),
    };
    return cmocka_run_group_tests_name("enclave_run", tests, open_world, close_world);
}
