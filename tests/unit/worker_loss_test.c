/* cmaw-worker under load, and when parts are killed around it or it is itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sys/daemon.h"
#include "tests/unit/worker_rig.h"

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static size_t worker_memory_kib(const char *field)
{
    char path[64], line[256];
    size_t kib = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)rig.worker.pid);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtoul(line + strlen(field) + 1, NULL, 10);
        }
    }
    fclose(file);
    return kib;
}

static void many_at_once_complete_in_little_memory(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct run_make *made[COUNT];

    const uint64_t began = cmaw_clock_ms();
    for (size_t i = 0; i < COUNT; i++) {
        made[i] = run_new(RIG_CHAIN, 1, RIG_CONTENT);
        run_start(made[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        run_expect_complete(made[i]);
        run_finish(made[i]);
    }
    print_message("# %d runs in %llu ms; worker: %zu KiB resident, %zu at most\n", COUNT,
        (unsigned long long)(cmaw_clock_ms() - began), worker_memory_kib("VmRSS:"), worker_memory_kib("VmHWM:"));
    assert_true(worker_memory_kib("VmHWM:") < 96 * 1024);
}

static void large_states_complete(void **state)
{
    (void)state;
    enum { COUNT = 16, LARGE = 1830000 }; // more than the worker keeps in memory
    struct run_make *made[COUNT];

    rig.enclave[0].content_size = LARGE;
    rig.enclave[1].content_size = LARGE;
    for (size_t i = 0; i < COUNT; i++) {
        made[i] = run_new(RIG_CHAIN, 1, LARGE);
        run_start(made[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        run_expect_complete(made[i]);
        run_finish(made[i]);
    }
    print_message("# %d runs of %d bytes; worker: %zu KiB resident, %zu at most\n", COUNT, LARGE, worker_memory_kib("VmRSS:"),
        worker_memory_kib("VmHWM:"));
    rig_calm_now();
}

static void killed_enclave_comes_back(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps), configured = atomic_load(&rig.enclave[1].configured);

    atomic_store(&rig.enclave[1].delay_ms, 20000);
    run_start(made);
    rig_await(&rig.enclave[1].steps, before + 1);
    fake_enclave_stop(&rig.enclave[1]);
    rig_calm_now();
    fake_enclave_start(&rig.enclave[1]);
    run_expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[1].last_attempt), 1);
    assert_true(atomic_load(&rig.enclave[1].configured) > configured);
    run_finish(made);
}

static void killed_worker_comes_back(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps);

    atomic_store(&rig.enclave[1].delay_ms, 20000);
    run_start(made);
    rig_await(&rig.enclave[1].steps, before + 1);
    cmaw_proc_kill(&rig.worker);
    rig_calm_now();
    rig_worker_start();
    run_expect_complete(made);
    run_record(made, "lost-worker");
    run_finish(made);
}

static void killed_server_comes_back(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    const unsigned before = atomic_load(&rig.enclave[1].steps);

    atomic_store(&rig.enclave[1].delay_ms, 3000);
    run_start(made);
    rig_await(&rig.enclave[1].steps, before + 1);
    cmaw_proc_kill(&rig.server);
    rig_server_start();
    run_expect_complete(made);
    run_finish(made);
    rig_calm_now();
}

static void drained_worker_finishes_its_step(void **state)
{
    (void)state;
    struct run_make *made = run_new(RIG_CHAIN, 1, RIG_CONTENT);
    const unsigned before = atomic_load(&rig.enclave[0].steps);
    int status = -1;

    atomic_store(&rig.enclave[0].delay_ms, 1500);
    run_start(made);
    rig_await(&rig.enclave[0].steps, before + 1);
    OK(cmaw_proc_stop(&rig.worker, RIG_WAIT_MS, &status));
    assert_int_equal(status, 0);
    rig_calm_now();
    rig_worker_start();
    run_expect_complete(made);
    assert_int_equal(atomic_load(&rig.enclave[0].steps), before + 1);
    run_finish(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(many_at_once_complete_in_little_memory, rig_calm),
        cmocka_unit_test_teardown(killed_enclave_comes_back, rig_calm),
        cmocka_unit_test_teardown(killed_worker_comes_back, rig_calm),
        cmocka_unit_test_teardown(killed_server_comes_back, rig_calm),
        cmocka_unit_test_teardown(drained_worker_finishes_its_step, rig_calm),
        cmocka_unit_test_teardown(large_states_complete, rig_calm),
    };
    if (getenv("CMAW_TEST_FILTER") != NULL) {
        cmocka_set_test_filter(getenv("CMAW_TEST_FILTER"));
    }
    return cmocka_run_group_tests_name("worker_loss", tests, rig_open, rig_close);
}
