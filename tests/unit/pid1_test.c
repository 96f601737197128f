/* What PID 1 writes to its kernel, in folders that only look like one, and what it does in namespaces of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/agent/cgroup.h"
#include "enclave/children.h"
#include "enclave/platform/kernel.h"
#include "enclave/small_file.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/cmaw-pid1-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void put(const char *name, const char *text)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(cmaw_small_file_write(path, text), CMAW_OK);
}

static void assert_holds(const char *parent, const char *name, const char *text)
{
    CMAW_BUF_AUTO(content, 4096);
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", parent, name);
    assert_int_equal(cmaw_small_file_read(path, &content), CMAW_OK);
    if (!cmaw_slice_eq_cstr(cmaw_buf_slice(&content), text)) {
        fail_msg("%s holds %.*s and not %s", name, (int)content.size, (const char *)content.data, text);
    }
}

static void make_sub(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0755), 0);
}

static const struct cmaw_agent_limits limits = {.memory_mib = 64, .processes = 16, .output_kib = 1024, .tmp_kib = 2048};

static void an_agent_s_group_has_its_limits(void **state)
{
    (void)state;
    put("0", ""); /* a file where the group should be */
    assert_int_equal(cmaw_cgroup_make(folder, 0, &limits), CMAW_E_IO);
    assert_int_equal(cmaw_cgroup_make(folder, 1, &limits), CMAW_OK);
    char group[128];
    (void)snprintf(group, sizeof group, "%s/1", folder);
    assert_holds(group, "memory.max", "70254592"); /* 67 MiB: /tmp and output on top */
    assert_holds(group, "memory.swap.max", "0");
    assert_holds(group, "memory.oom.group", "1");
    assert_holds(group, "pids.max", "16");
    assert_int_equal(cmaw_cgroup_enter(folder, 1, 4711), CMAW_OK);
    assert_holds(group, "cgroup.procs", "4711");
    assert_int_equal(cmaw_cgroup_enter(folder, 2, 4711), CMAW_E_IO);
    assert_int_equal(cmaw_cgroup_make(folder, 1, &limits), CMAW_E_IO); /* where something is left of another agent, none is started */
    assert_int_equal(errno, ENOTEMPTY);
    make_sub("3");
    assert_int_equal(cmaw_cgroup_make(folder, 3, &limits), CMAW_OK); /* an empty one that could not be removed in time */
}

static void the_kernel_s_count_tells_who_ran_out(void **state)
{
    (void)state;
    static const struct { const char *events; bool ran_out; } cases[] = {
        {"low 0\nhigh 0\nmax 12\noom 3\noom_kill 0\noom_group_kill 0\n", false},
        {"low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 1\n", true},
        {"oom_kill", false}, {"oom_kill \n", false}, {"", false}, {"xoom_kill 1\n", false}, {"oom_kill_x 1\n", false}, {"oom_kill 1", true},
    };
    assert_false(cmaw_cgroup_ran_out(folder, 1)); /* there is none */
    make_sub("1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put("1/memory.events", cases[i].events);
        assert_int_equal(cmaw_cgroup_ran_out(folder, 1), cases[i].ran_out);
    }
}

static void all_agents_together_have_a_limit(void **state)
{
    (void)state;
    char agents[CMAW_CGROUP_PATH_MAX] = "untouched";
    put("cgroup.controllers", "cpu io memory pids\n");
    /* the new folder has no controllers: what only looks like a kernel does not make them */
    assert_int_equal(cmaw_cgroup_prepare(folder, 1000, agents), CMAW_E_UNSUPPORTED);
    assert_string_equal(agents, "untouched");
    assert_holds(folder, "cgroup.subtree_control", "+memory +pids");
}

static size_t count_groups(void)
{
    char pattern[256];
    glob_t found = {0};
    (void)snprintf(pattern, sizeof pattern, "%s/agents-*", folder);
    const size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static bool is_there(const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* A simulation ends with all its processes at once, and nobody is left to remove its groups. */
static void groups_of_simulations_that_ended_are_removed(void **state)
{
    (void)state;
    char agents[CMAW_CGROUP_PATH_MAX], path[256];
    put("cgroup.controllers", "memory pids\n");
    const char *const made[] = {"agents-ended0", "agents-ended0/3", "agents-ended0/11", "agents-lives0", "agents-lives0/3", "others-ended0"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        make_sub(made[i]);
    }
    (void)snprintf(path, sizeof path, "%s/agents-lives0", folder);
    const int held = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(cmaw_cgroup_prepare(folder, 1000, agents), CMAW_E_UNSUPPORTED);
    assert_false(is_there("agents-ended0"));
    assert_true(is_there("agents-lives0/3"));
    assert_true(is_there("others-ended0"));
    assert_int_equal(count_groups(), 1); /* nor has what failed just now left one */
    close(held);
}

static void a_tree_without_controllers_is_not_used(void **state)
{
    (void)state;
    static const char *const there[] = {"", "\n", "cpu pids\n", "memory\n", "memoryx pids\n", "xmemory pids\n", "memory pidsx\n"};
    char agents[CMAW_CGROUP_PATH_MAX];
    assert_int_equal(cmaw_cgroup_prepare(folder, 1000, agents), CMAW_E_UNSUPPORTED);
    for (size_t i = 0; i < sizeof there / sizeof there[0]; i++) {
        put("cgroup.controllers", there[i]);
        assert_int_equal(cmaw_cgroup_prepare(folder, 1000, agents), CMAW_E_UNSUPPORTED);
    }
}

static void the_kernel_is_told_to_end_agents_first(void **state)
{
    (void)state;
    static const struct { const char *file; const char *value; } told[] = {
        {"sys/kernel/panic", "-1"}, {"sys/kernel/panic_on_oops", "0"}, {"sys/kernel/oops_limit", "16"},
        {"sys/vm/panic_on_oom", "0"}, {"sys/kernel/core_pattern", "\n"}, {"self/oom_score_adj", "-1000"},
    };
    cmaw_kernel_settle(folder); /* nothing is there: no matter */
    make_sub("sys");
    make_sub("sys/kernel");
    make_sub("sys/vm");
    make_sub("self");
    cmaw_kernel_settle(folder);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        assert_holds(folder, told[i].file, told[i].value);
    }
}

static void memory_is_read_from_meminfo(void **state)
{
    (void)state;
    uint64_t bytes = 7;
    assert_int_equal(cmaw_kernel_available(folder, &bytes), CMAW_E_IO);
    put("meminfo", "MemTotal:      90000 kB\nMemFree:       1 kB\n");
    assert_int_equal(cmaw_kernel_available(folder, &bytes), CMAW_E_IO);
    assert_int_equal(bytes, 7);
    put("meminfo", "MemTotal:      90000 kB\nMemAvailable:  61440 kB\n");
    assert_int_equal(cmaw_kernel_available(folder, &bytes), CMAW_OK);
    assert_int_equal(bytes, 60 << 20);
}

/* Runs body as PID 1 of new namespaces; its result is the exit status. */
static int status_in_namespaces(unsigned long namespaces, int (*body)(void))
{
    const pid_t pid = (pid_t)syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, 0UL);
    if (pid == 0) {
        _exit(body());
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* A child that leaves an orphan behind, which ends when the child has. */
static pid_t make_orphan(void)
{
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            while (getppid() != 1) {
                sched_yield();
            }
        }
        _exit(0);
    }
    return child;
}

static int reap_as_pid_1(void)
{
    enum { ORPHANS = 8 };
    const pid_t watched = fork();
    if (watched == 0) {
        for (;;) {
            pause();
        }
    }
    for (int i = 0; i < ORPHANS; i++) {
        siginfo_t info;
        const pid_t child = make_orphan();
        (void)waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
        if (cmaw_children_reap(watched)) {
            return 1;
        }
    }
    (void)kill(watched, SIGKILL);
    siginfo_t info;
    (void)waitid(P_PID, (id_t)watched, &info, WEXITED | WNOWAIT);
    if (!cmaw_children_reap(watched)) {
        return 2;
    }
    while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0) { /* orphans that were not yet at their end */
        if (cmaw_children_reap(watched)) {
            return 3;
        }
    }
    return errno == ECHILD ? 0 : 4;
}

static void orphans_are_reaped_and_the_watched_one_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(status_in_namespaces(CLONE_NEWUSER | CLONE_NEWPID, reap_as_pid_1), 0);
}

static int raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0 || (request.ifr_flags & IFF_UP) != 0) {
        return 1;
    }
    if (cmaw_kernel_raise_loopback() != CMAW_OK) {
        return 2;
    }
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0 ? 0 : 3;
}

static void the_loopback_interface_is_raised(void **state)
{
    (void)state;
    assert_int_equal(status_in_namespaces(CLONE_NEWUSER | CLONE_NEWNET, raise_loopback), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_agent_s_group_has_its_limits, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_kernel_s_count_tells_who_ran_out, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(all_agents_together_have_a_limit, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(groups_of_simulations_that_ended_are_removed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_tree_without_controllers_is_not_used, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_kernel_is_told_to_end_agents_first, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(memory_is_read_from_meminfo, make_folder, remove_folder),
        cmocka_unit_test(orphans_are_reaped_and_the_watched_one_is_noticed),
        cmocka_unit_test(the_loopback_interface_is_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
