/* Many steps at once, and enclaves that end and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "enclave/enclave.h"
#include "tests/enclave/cases.h"

static void *run_large(void *failed)
{
    for (int i = 0; i < 4; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        struct run run = run_of(echo, cmaw_slice_of(large_content, 1834900));
        step(echo, &run, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            *(int *)failed = (int)response.code;
        }
        run_free(&run);
    }
    return NULL;
}

void parallel_steps_stay_small(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    int failed[THREADS] = {0};
    size_t most = 0;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_large, &failed[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        while (pthread_tryjoin_np(threads[i], NULL) != 0) {
            const size_t now = node_resident(echo, false);
            most = now > most ? now : most;
            usleep(2000); /* the pace of sampling */
        }
        assert_int_equal(failed[i], 0);
    }
    const size_t idle = node_resident(echo, false);
    print_message("# resident: at most %zu KiB, then %zu KiB, with spawner and warm sandboxes (PSS) %zu KiB\n", most / 1024,
                  idle / 1024, node_resident(echo, true) / 1024);
    assert_true(most < 16u << 20);
}

static uint64_t told_resident(void)
{
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    const struct cmaw_request stats = {.verb = CMAW_VERB_STATS};
    const int fd = node_connect(echo);
    node_call(fd, &stats, &answer, &response);
    close(fd);
    assert_int_equal(response.code, CMAW_CODE_OK);
    return response.stats.resident_bytes;
}

/* Section 8: the memory that an output of some length takes is nothing that the host may ask for. */
void memory_tells_no_lengths(void **state)
{
    (void)state;
    const uint64_t before = told_resident();
    assert_in_range(before, 1 << 20, 16 << 20);
    pthread_t thread;
    int failed = 0;
    assert_int_equal(pthread_create(&thread, NULL, run_large, &failed), 0);
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        assert_int_equal(told_resident() % (1 << 20), 0);
    }
    assert_int_equal(failed, 0);
    assert_int_equal(told_resident() % (1 << 20), 0);
}

/* The host may open as many connections as it likes; the enclave serves so many, and refuses the others at once. */
void connections_are_bounded(void **state)
{
    (void)state;
    static int fds[CMAW_ENCLAVE_CONNECTIONS_MAX];
    const struct cmaw_request describe = {.verb = CMAW_VERB_DESCRIBE};
    CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
    struct cmaw_response response;
    uint32_t served = 0;
    enum cmaw_code code = CMAW_CODE_OK;
    for (; served < CMAW_ENCLAVE_CONNECTIONS_MAX && code == CMAW_CODE_OK; served += code == CMAW_CODE_OK) {
        fds[served] = node_connect(echo);
        node_call(fds[served], &describe, &answer, &response); /* it has a thread now */
        code = response.code;
    }
    assert_int_equal(code, CMAW_CODE_OK);
    const int refused = node_connect(echo);
    assert_int_equal(cmaw_frame_read(refused, cmaw_deadline_in(60000), &answer), CMAW_OK);
    assert_int_equal(cmaw_response_decode(cmaw_buf_slice(&answer), &response), CMAW_OK);
    assert_string_equal(cmaw_code_name(response.code), "BUSY");
    close(refused);
    node_call(fds[0], &describe, &answer, &response); /* those that are served stay so */
    assert_int_equal(response.code, CMAW_CODE_OK);
    for (uint32_t i = 0; i < served; i++) {
        close(fds[i]);
    }
    const uint64_t until = cmaw_deadline_in(60000);
    do { /* the enclave notices in its own time */
        const int fd = node_connect(echo);
        code = cmaw_rpc_call(fd, &describe, cmaw_deadline_in(10000), &answer, &response) == CMAW_OK ? response.code : CMAW_CODE_BUSY;
        close(fd);
    } while (code != CMAW_CODE_OK && cmaw_monotonic_ms() < until);
    assert_string_equal(cmaw_code_name(code), "OK");
}

static void *run_small(void *failed)
{
    const int fd = node_connect(echo);
    for (int i = 0; i < 25; i++) {
        CMAW_BUF_AUTO(answer, CMAW_FRAME_MAX);
        struct cmaw_response response;
        struct run run = run_of(echo, CMAW_SLICE_LIT("small"));
        node_call(fd, &run.request, &answer, &response);
        if (response.code != CMAW_CODE_OK) {
            *(int *)failed = (int)response.code;
        }
        run_free(&run);
    }
    close(fd);
    return NULL;
}

void more_steps_than_agents_wait_their_turn(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 8, 24};
    for (size_t c = 0; c < 3; c++) {
        pthread_t threads[24];
        int failed[24] = {0};
        const uint64_t start_ms = cmaw_monotonic_ms();
        for (size_t i = 0; i < counts[c]; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, run_small, &failed[i]), 0);
        }
        for (size_t i = 0; i < counts[c]; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            assert_int_equal(failed[i], 0);
        }
        print_message("# %zu in flight: %.0f steps a second\n", counts[c],
                      (double)counts[c] * 25 * 1000 / (double)(cmaw_monotonic_ms() - start_ms));
    }
}

void the_nsm_simulator_may_restart(void **state)
{
    (void)state;
    world_restart_devd(&world);
    attestation_has_the_callers_nonce(NULL);
}

void without_its_spawner_an_enclave_ends(void **state)
{
    (void)state;
    int status = -1;
    assert_int_equal(kill(node_spawner(echo), SIGKILL), 0);
    assert_int_equal(cmaw_proc_wait(&echo->launcher, 60000, &status), CMAW_OK);
    assert_int_equal(status, 1);
}

void a_terminated_enclave_ends_cleanly(void **state)
{
    (void)state;
    int status = -1;
    assert_int_equal(cmaw_proc_stop(&proto->launcher, 60000, &status), CMAW_OK);
    assert_int_equal(status, 0);
}

void an_enclave_comes_back_with_its_key(void **state)
{
    (void)state;
    world_stop(echo);
    world_start(&world, echo);
    assert_int_equal(state_of(echo), CMAW_ENCLAVE_NEW);
    world_configure(&world, echo);
    struct run run = run_of(echo, CMAW_SLICE_LIT("again"));
    assert_string_equal(step_code(echo, &run), "OK");
    run_free(&run);
}

void it_runs_without_root(void **state)
{
    (void)state;
    world_stop(hostile);
    if (geteuid() == 0) {
        world_give_up_root(&world, hostile);
    }
    world_start(&world, hostile);
    world_configure(&world, hostile);
    hostile_agents_get_nothing(NULL);
}
