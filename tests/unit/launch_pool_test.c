#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "host/launch/nitro_pool.h"
#include "host/launch/qemu.h"
#include "sys/folder.h"

enum { MIB = 1 << 20, TEXT_MAX = 4096 };

/* A parent instance as its files show it: two cores of two threads set aside, 1 GiB on node 0 and 100 MiB on node 1. */
static const struct { const char *path, *text; } parent[] = {
    {"etc/nitro_enclaves/allocator.yaml", "---\n# comment\nmemory_mib: 1024\ncpu_count: 4\n"},
    {"sys/module/nitro_enclaves/parameters/ne_cpus", "2-3,6-7\n"},
    {"sys/devices/system/cpu/cpu0/topology/thread_siblings_list", "0,4\n"},
    {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "256\n"},
    {"sys/devices/system/node/node0/hugepages/hugepages-524288kB/free_hugepages", "1\n"},
    {"sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "50\n"},
};

static void put(const char *root, const char *name, const char *text)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_path(path, "%s/%s", root, name), CMAW_OK);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_int_equal(cmaw_dir_make(path, &diag), CMAW_OK);
    *slash = '/';
    assert_int_equal(cmaw_file_write(path, cmaw_slice_of_cstr(text), 0600, &diag), CMAW_OK);
}

static int make_parent(void **state)
{
    char *root = strdup("/tmp/cmaw-pool-test-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < sizeof parent / sizeof parent[0]; i++) {
        put(root, parent[i].path, parent[i].text);
    }
    *state = root;
    return 0;
}

static int remove_parent(void **state)
{
    struct cmaw_diag diag = {0};
    const enum cmaw_err err = cmaw_folder_remove(*state, &diag);
    free(*state);
    return err == CMAW_OK ? 0 : -1;
}

static void lists_of_processors(void **state)
{
    (void)state;
    static const struct { const char *text; enum cmaw_err err; size_t count; } cases[] = {
        {"", CMAW_OK, 0}, {"\n", CMAW_OK, 0}, {"1", CMAW_OK, 1}, {"1,3,5-7\n", CMAW_OK, 5}, {" 2-3 ", CMAW_OK, 2}, {"0-1023", CMAW_OK, 1024},
        {"0-1024", CMAW_E_TOO_LARGE, 0}, {"0-65535", CMAW_E_TOO_LARGE, 0}, {"0-4294967295", CMAW_E_MALFORMED, 0}, {"65536", CMAW_E_MALFORMED, 0}, {"3-1", CMAW_E_MALFORMED, 0},
        {"1,", CMAW_E_MALFORMED, 0}, {",1", CMAW_E_MALFORMED, 0}, {"1-", CMAW_E_MALFORMED, 0}, {"-1", CMAW_E_MALFORMED, 0}, {"1 2", CMAW_E_MALFORMED, 0},
        {"0-3-7", CMAW_E_MALFORMED, 0}, {"a", CMAW_E_MALFORMED, 0}, {"1;2", CMAW_E_MALFORMED, 0}, {"00000001", CMAW_E_MALFORMED, 0},
    };
    uint16_t cpus[LAUNCH_CPUS_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t count = 0;
        if (cmaw_launch_cpu_list_read(cmaw_slice_of_cstr(cases[i].text), cpus, &count) != cases[i].err || count != cases[i].count) {
            fail_msg("'%s' gave %zu", cases[i].text, count);
        }
    }
    size_t count = 0;
    assert_int_equal(cmaw_launch_cpu_list_read(CMAW_SLICE_LIT("1,3,5-7"), cpus, &count), CMAW_OK);
    assert_true(cpus[0] == 1 && cpus[1] == 3 && cpus[2] == 5 && cpus[4] == 7);
}

static void the_parents_files_are_read(void **state)
{
    const char *root = *state;
    struct launch_nitro_pool pool;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    assert_true(pool.driver && pool.config_read && !pool.config_names_cpus && pool.config_memory_mib == 1024 && pool.config_cpus == 4);
    assert_true(pool.cpu_count == 4 && pool.cpus[3] == 7 && pool.threads_per_core == 2 && pool.free_mib == 1024);
    put(root, "etc/nitro_enclaves/allocator.yaml", "memory_mib: 512\ncpu_pool: 2,3,6-9\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    assert_true(pool.config_names_cpus && pool.config_cpus == 6);
    put(root, "etc/nitro_enclaves/allocator.yaml", "---\n# newer allocators\n- memory_mib: 512\n  cpu_count: 2\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    assert_false(pool.config_read);
    put(root, "etc/nitro_enclaves/allocator.yaml", "---\nmemory_mib: lots\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_E_MALFORMED);
    assert_non_null(strstr(diag.text, "allocator.yaml:2: "));
    put(root, "etc/nitro_enclaves/allocator.yaml", "memory_mib: 1\n");
    put(root, "sys/module/nitro_enclaves/parameters/ne_cpus", "no list\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_E_PEER);
    assert_int_equal(cmaw_launch_nitro_pool_read("/nowhere", &pool, &diag), CMAW_OK);
    assert_true(!pool.driver && !pool.config_read && pool.cpu_count == 0 && pool.free_mib == 0);
}

/* What runs already: name, address, processors from first on, memory. */
static struct launch_nitro_seen running(const char *name, uint32_t cid, uint16_t first, uint16_t count, uint64_t memory_mib)
{
    struct launch_nitro_seen seen = {.running = true, .enclave = {.cid = cid, .memory_mib = memory_mib, .cpus_used = count}};
    (void)snprintf(seen.name, sizeof seen.name, "%s", name);
    (void)snprintf(seen.enclave.id, sizeof seen.enclave.id, "i-0-enc%u", cid);
    for (uint16_t i = 0; i < count; i++) {
        seen.enclave.cpus[i] = (uint16_t)(first + i);
    }
    return seen;
}

static void what_is_not_enough_is_said_with_the_number(void **state)
{
    const char *root = *state;
    struct launch_nitro_pool pool;
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    struct launch_nitro_seen seen[5];
    for (uint16_t i = 0; i < 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "e%u", i);
        seen[i] = running(name, 16u + i, (uint16_t)(2 + 4 * i), 2, 600);
    }
    static const struct { struct launch_nitro_need need; size_t seen; enum cmaw_err err; const char *line, *hint; } cases[] = {
        {{"a", 8 * MIB, 256, 2, 0}, 0, CMAW_OK, "", ""},
        {{"a", 8 * MIB, 1024, 4, 0}, 0, CMAW_OK, "", ""},
        {{"a", 8 * MIB, 256, 2, 17}, 1, CMAW_OK, "", ""},
        {{"a", 1, 64, 2, 0}, 0, CMAW_OK, "", ""},
        {{"a", 1, 63, 2, 0}, 0, CMAW_E_USAGE, "at least 64 MiB", "--memory 64"},
        {{"a", 20 * MIB, 79, 2, 0}, 0, CMAW_E_USAGE, "four times its size", "--memory 80"},
        {{"a", 20 * MIB, 80, 2, 0}, 0, CMAW_OK, "", ""},
        {{"a", 20 * MIB + 1, 80, 2, 0}, 0, CMAW_E_USAGE, "four times its size", "--memory 82"},
        {{"a", 1, 64, 3, 0}, 0, CMAW_E_USAGE, "whole cores of 2 CPUs", "--cpu-count 4"},
        {{"e0", 1, 64, 2, 0}, 1, CMAW_E_EXISTS, "e0 runs already", "--enclave-id i-0-enc16"},
        {{"a", 1, 64, 2, 16}, 1, CMAW_E_EXISTS, "has the address 16", "--cid"},
        {{"a", 1, 64, 2, 0}, 4, CMAW_E_NO_SPACE, "4 enclaves run", "describe-enclaves"},
        {{"a", 1, 64, 2, 0}, 5, CMAW_E_NO_SPACE, "5 enclaves run", "describe-enclaves"},
        {{"a", 1, 64, 6, 0}, 0, CMAW_E_NO_SPACE, "to have 6 CPUs, and of the 4 set aside 4 are free", "allocator.yaml set cpu_count: 6, then: sudo systemctl restart nitro-enclaves-allocator.service"},
        {{"a", 1, 64, 4, 0}, 1, CMAW_E_NO_SPACE, "to have 4 CPUs, and of the 4 set aside 2 are free", "set cpu_count: 6, "},
        {{"a", 1, 1025, 2, 0}, 0, CMAW_E_NO_SPACE, "to have 1026 MiB, and 1024 MiB", "allocator.yaml set memory_mib: 1026, then: sudo systemctl restart"},
        {{"a", 1, 1026, 2, 0}, 1, CMAW_E_NO_SPACE, "to have 1026 MiB", "set memory_mib: 1626, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        diag = (struct cmaw_diag){0};
        const enum cmaw_err err = cmaw_launch_nitro_pool_check(&pool, &cases[i].need, seen, cases[i].seen, &diag);
        if (err != cases[i].err || strstr(diag.text, cases[i].line) == NULL || strstr(diag.hint, cases[i].hint) == NULL) {
            fail_msg("case %zu: %s: %s (%s)", i, cmaw_err_text(err), diag.text, diag.hint);
        }
    }
}

/* The file is right and what it asks for is not there: the service has not run. */
static void a_file_that_is_right_needs_a_restart_only(void **state)
{
    const char *root = *state;
    struct launch_nitro_pool pool;
    static const struct launch_nitro_need need = {"a", 1, 512, 2, 0};
    struct cmaw_diag diag = {0};
    put(root, "sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "0\n");
    put(root, "sys/devices/system/node/node0/hugepages/hugepages-524288kB/free_hugepages", "0\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    assert_int_equal(cmaw_launch_nitro_pool_check(&pool, &need, NULL, 0, &diag), CMAW_E_NO_SPACE);
    assert_non_null(strstr(diag.hint, "allocator.yaml sets aside enough: sudo systemctl restart"));
    diag = (struct cmaw_diag){0};
    put(root, "sys/module/nitro_enclaves/parameters/ne_cpus", "\n");
    assert_int_equal(cmaw_launch_nitro_pool_read(root, &pool, &diag), CMAW_OK);
    assert_int_equal(cmaw_launch_nitro_pool_check(&pool, &need, NULL, 0, &diag), CMAW_E_NO_SPACE);
    assert_non_null(strstr(diag.text, "of the 0 set aside"));
    assert_non_null(strstr(diag.hint, "sets aside enough"));
    diag = (struct cmaw_diag){0};
    pool.driver = false;
    assert_int_equal(cmaw_launch_nitro_pool_check(&pool, &need, NULL, 0, &diag), CMAW_E_UNSUPPORTED);
    assert_non_null(strstr(diag.hint, "modprobe nitro_enclaves"));
}

static void the_machine_is_told_what_it_measures(void **state)
{
    (void)state;
    static const struct { const char *role, *expected; } cases[] = {
        {NULL, "nitro-enclave,vsock=vsock,id=i-1-enc2,parent-id=i-1"},
        {"arn:aws:iam::1:role/a", "nitro-enclave,vsock=vsock,id=i-1-enc2,parent-role=arn:aws:iam::1:role/a,parent-id=i-1"},
        {"arn:aws:iam::1:role/a,b,memory-encryption=x", "nitro-enclave,vsock=vsock,id=i-1-enc2,parent-role=arn:aws:iam::1:role/a,,b,,memory-encryption=x,parent-id=i-1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_BUF_AUTO(text, TEXT_MAX);
        const struct launch_options options = {.parent_role = cases[i].role, .parent_id = "i-1"};
        assert_int_equal(cmaw_launch_qemu_machine(&options, "i-1-enc2", &text), CMAW_OK);
        assert_string_equal((const char *)text.data, cases[i].expected);
    }
}

static void only_a_kernel_that_boots_is_started(void **state)
{
    (void)state;
    uint8_t x86[0x300] = {0}, arm[0x300] = {0};
    x86[0x1fe] = 0x55;
    x86[0x1ff] = 0xaa;
    x86[0x206] = 0x0f;
    x86[0x207] = 0x02;
    memcpy(x86 + 0x202, "HdrS", 4);
    memcpy(arm + 0x38, "ARM\x64", 4);
    uint8_t old[sizeof x86], no_flag[sizeof x86];
    memcpy(old, x86, sizeof x86);
    old[0x206] = 0x05;
    memcpy(no_flag, x86, sizeof x86);
    no_flag[0x1ff] = 0;
    const struct { struct cmaw_slice kernel; bool aarch64, aarch64_too, boots; } cases[] = {
        {CMAW_SLICE_ARRAY(x86), false, false, true}, {CMAW_SLICE_ARRAY(x86), false, true, true}, {CMAW_SLICE_ARRAY(x86), true, true, false},
        {CMAW_SLICE_ARRAY(arm), true, true, true}, {CMAW_SLICE_ARRAY(arm), true, false, false}, {CMAW_SLICE_ARRAY(arm), false, true, false},
        {CMAW_SLICE_ARRAY(old), false, false, false}, {CMAW_SLICE_ARRAY(no_flag), false, false, false}, {cmaw_slice_of(x86, 0x207), false, false, false},
        {CMAW_SLICE_LIT("no kernel: this image runs in the sim tier only"), false, false, false}, {CMAW_SLICE_EMPTY, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_diag diag = {0};
        const struct launch_image image = {.eif = {.kernel = cases[i].kernel, .aarch64 = cases[i].aarch64}};
        assert_int_equal(cmaw_launch_image_boots("x.eif", &image, cases[i].aarch64_too, &diag), cases[i].boots ? CMAW_OK : CMAW_E_UNSUPPORTED);
        assert_int_equal(strncmp(diag.text, "x.eif ", 6) == 0, !cases[i].boots);
    }
}

int main(void)
{
#define PARENT_TEST(name) cmocka_unit_test_setup_teardown(name, make_parent, remove_parent)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_processors),
        PARENT_TEST(the_parents_files_are_read),
        PARENT_TEST(what_is_not_enough_is_said_with_the_number),
        PARENT_TEST(a_file_that_is_right_needs_a_restart_only),
        cmocka_unit_test(the_machine_is_told_what_it_measures),
        cmocka_unit_test(only_a_kernel_that_boots_is_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
