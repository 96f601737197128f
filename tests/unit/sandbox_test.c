/* The agent sandbox with real hostile programs. Runs as root, or as a user where user namespaces are allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "enclave/agent/fds.h"
#include "enclave/agent/run.h"
#include "enclave/platform/mounts.h"

extern char **environ;

/* One enclave's worth: an agent root with the hostile program, and a spawner for it. */
struct world {
    char root[64];
    struct cmaw_conf conf;
    struct cmaw_spawner spawner;
};

static void copy_program(const char *from, const char *to)
{
    CMAW_FDS_AUTO(in);
    CMAW_FDS_AUTO(out);
    in = open(from, O_RDONLY | O_CLOEXEC);
    out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_true(in >= 0 && out >= 0);
    static char block[65536];
    for (ssize_t got; (got = read(in, block, sizeof block)) > 0;) {
        assert_int_equal(write(out, block, (size_t)got), got);
    }
}

static void world_start(struct world *world, const char *mode, struct cmaw_agent_limits limits)
{
    *world = (struct world){.root = "/tmp/cmaw-sandbox-XXXXXX"};
    assert_non_null(mkdtemp(world->root));
    assert_int_equal(chmod(world->root, 0755), 0);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/bin", world->root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/bin/hostile", world->root);
    copy_program(getenv("CMAW_TEST_HOSTILE"), path);
    static char program[] = "/bin/hostile";
    world->conf.agent_args[0] = program;
    world->conf.agent_args[1] = (char *)(uintptr_t)mode;
    static char entry[] = "IMAGE=set";
    world->conf.agent_env[0] = entry;
    world->conf.agent_workdir = "/";
    world->conf.limits = limits;
    struct cmaw_sandbox_report report = {0};
    const enum cmaw_err err = cmaw_spawner_start(&world->conf, world->root, NULL, &world->spawner, &report);
    if (err != CMAW_OK) {
        fail_msg("spawner: stage %d errno %d", report.stage, report.errnum);
    }
}

static void world_end(struct world *world)
{
    close(world->spawner.jobs);
    int status = 0;
    assert_int_equal(waitpid(world->spawner.pid, &status, 0), world->spawner.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char command[128];
    (void)snprintf(command, sizeof command, "/bin/rm");
    char *args[] = {command, (char[]){"-rf"}, world->root, NULL};
    pid_t pid = 0;
    assert_int_equal(posix_spawn(&pid, command, NULL, NULL, args, environ), 0);
    (void)waitpid(pid, NULL, 0);
}

static const struct cmaw_agent_limits usual = {
    .memory_mib = 64, .processes = 16, .open_files = 32, .cpu_s = 10, .output_kib = 1024, .tmp_kib = 1024};

static struct cmaw_agent_outcome run_with(struct world *world, const char *input, size_t output_max, uint64_t timeout_ms)
{
    const struct cmaw_slice parts[] = {cmaw_slice_of_cstr(input)};
    int fd = -1;
    assert_int_equal(cmaw_agent_input(parts, 1, &fd), CMAW_OK);
    const struct cmaw_sandbox_job job = {"0123", "7", "feed"};
    struct cmaw_agent_outcome outcome;
    assert_int_equal(cmaw_agent_run(&world->spawner, &job, fd, output_max, timeout_ms, &outcome), CMAW_OK);
    return outcome;
}

static struct cmaw_agent_outcome run_mode(struct world *world, const char *mode)
{
    char input[64];
    (void)snprintf(input, sizeof input, "%s\n", mode);
    return run_with(world, input, 1 << 20, 10000);
}

static void assert_says(struct cmaw_agent_outcome *outcome, const char *text)
{
    CMAW_BUF_AUTO(output, 1 << 20);
    if (outcome->output >= 0) {
        assert_int_equal(cmaw_agent_output_read(outcome, &output), CMAW_OK);
    }
    if (outcome->end != CMAW_AGENT_DONE || !cmaw_slice_eq_cstr(cmaw_buf_slice(&output), text)) {
        fail_msg("end %d result %d/%d/%d output %.*s errors %.*s", outcome->end, outcome->result.end, outcome->result.value,
                 outcome->result.errnum, (int)output.size, (const char *)output.data,
                 (int)outcome->errors_size, (const char *)outcome->errors);
    }
    cmaw_agent_outcome_free(outcome);
}

static void assert_clean(struct world *world)
{
    struct cmaw_agent_outcome outcome = run_mode(world, "clean");
    assert_says(&outcome, "refused\n");
}

static void attacks_are_refused(void **state)
{
    (void)state;
    static const char *const modes[] = {"sockets", "memory", "mount", "privilege", "forkbomb", "memory-fill", "tmp-fill",
                                        "write-input"};
    struct world world;
    world_start(&world, NULL, usual);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        print_message("# %s\n", modes[i]);
        struct cmaw_agent_outcome outcome = run_mode(&world, modes[i]);
        assert_says(&outcome, "refused\n");
        assert_clean(&world);
    }
    world_end(&world);
}

static void nothing_is_left_for_the_next_step(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL, usual);
    for (int i = 0; i < 12; i++) { /* more than there are warm sandboxes */
        struct cmaw_agent_outcome outcome = run_mode(&world, "litter");
        assert_says(&outcome, "littered\n");
        assert_clean(&world);
    }
    world_end(&world);
}

static void a_deadline_ends_everything(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL, usual);
    for (int i = 0; i < 2; i++) {
        struct cmaw_agent_outcome outcome = run_with(&world, i == 0 ? "hang\n" : "close-output\n", 1 << 20, 100);
        assert_int_equal(outcome.end, CMAW_AGENT_TIMEOUT);
        assert_int_equal(outcome.output, -1);
        cmaw_agent_outcome_free(&outcome);
        assert_clean(&world);
    }
    world_end(&world);
}

static void output_is_capped_exactly(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "flood", usual);
    struct cmaw_agent_outcome outcome = run_with(&world, "", 100000, 10000);
    assert_int_equal(outcome.end, CMAW_AGENT_TOO_LARGE);
    assert_int_equal(outcome.output, -1);
    cmaw_agent_outcome_free(&outcome);
    world_end(&world);

    world_start(&world, "echo", usual);
    outcome = run_with(&world, "12345678", 8, 10000);
    assert_says(&outcome, "12345678");
    outcome = run_with(&world, "123456789", 8, 10000);
    assert_int_equal(outcome.end, CMAW_AGENT_TOO_LARGE);
    outcome = run_with(&world, "", 0, 10000);
    assert_says(&outcome, "");
    world_end(&world);
}

static void the_first_error_output_is_kept(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "flood-errors", usual);
    struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
    assert_int_equal(outcome.end, CMAW_AGENT_FAILED);
    assert_int_equal(outcome.result.value, 3);
    assert_int_equal(outcome.errors_size, CMAW_AGENT_ERRORS_MAX);
    assert_memory_equal(outcome.errors, "line 0 of many\nline 1", 21);
    cmaw_agent_outcome_free(&outcome);
    world_end(&world);
}

static void signals_end_an_agent(void **state)
{
    (void)state;
    struct cmaw_agent_limits limits = usual;
    limits.cpu_s = 1;
    struct world world;
    world_start(&world, NULL, limits);
    struct cmaw_agent_outcome outcome = run_mode(&world, "cpu");
    assert_int_equal(outcome.end, CMAW_AGENT_FAILED);
    assert_int_equal(outcome.result.end, CMAW_SPAWNER_SIGNALLED);
    outcome = run_mode(&world, "abort");
    assert_int_equal(outcome.end, CMAW_AGENT_FAILED);
    assert_int_equal(outcome.result.end, CMAW_SPAWNER_SIGNALLED);
    world_end(&world);
}

static void the_environment_is_the_contract(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "env", usual);
    struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
    assert_says(&outcome, "IMAGE=set\nCMAW_RUN=0123\nCMAW_STEP=7\nCMAW_SEED=feed\n");
    world_end(&world);
}

static void a_missing_program_is_reported(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "env", usual);
    world_end(&world);
    static char missing[] = "/bin/missing";
    const struct cmaw_agent_limits limits = usual;
    world_start(&world, "env", limits);
    close(world.spawner.jobs);
    (void)waitpid(world.spawner.pid, NULL, 0);
    world.conf.agent_args[0] = missing;
    struct cmaw_sandbox_report report;
    assert_int_equal(cmaw_spawner_start(&world.conf, world.root, NULL, &world.spawner, &report), CMAW_OK);
    struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
    assert_int_equal(outcome.end, CMAW_AGENT_BROKEN);
    assert_int_equal(outcome.result.value, CMAW_SANDBOX_EXEC);
    assert_int_equal(outcome.result.errnum, 2 /* ENOENT */);
    world_end(&world);
}

/* A relative name finds the program only from where it is. */
static void an_agent_starts_in_its_working_folder(void **state)
{
    (void)state;
    static char program[] = "hostile";
    static const struct { const char *workdir; int stage, errnum; } cases[] = {
        {"/bin", 0, 0}, {"/missing", CMAW_SANDBOX_WORKDIR, ENOENT}, {"/bin/hostile", CMAW_SANDBOX_WORKDIR, ENOTDIR}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        world_start(&world, "env", usual);
        close(world.spawner.jobs);
        (void)waitpid(world.spawner.pid, NULL, 0);
        world.conf.agent_args[0] = program;
        world.conf.agent_workdir = cases[i].workdir;
        struct cmaw_spawner spawner;
        struct cmaw_sandbox_report report = {0};
        const enum cmaw_err err = cmaw_spawner_start(&world.conf, world.root, NULL, &spawner, &report);
        assert_int_equal(report.stage, cases[i].stage);
        assert_int_equal(report.errnum, cases[i].errnum);
        world.conf.agent_workdir = "/";
        if (err == CMAW_OK) {
            world.spawner = spawner;
            struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
            assert_says(&outcome, "IMAGE=set\nCMAW_RUN=0123\nCMAW_STEP=7\nCMAW_SEED=feed\n");
        } else {
            (void)waitpid(-1, NULL, 0);
            assert_int_equal(cmaw_spawner_start(&world.conf, world.root, NULL, &world.spawner, &report), CMAW_OK);
        }
        world_end(&world);
    }
}

/* Section 6, point 5: the listener and whatever else is open when the spawner is forked stays with the process of the keys. */
static void the_spawner_inherits_no_descriptor(void **state)
{
    (void)state;
    CMAW_FDS_AUTO(held);
    struct world world;
    held = memfd_create("held", 0); /* not even close-on-exec */
    assert_true(held > 2);
    world_start(&world, NULL, usual);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", world.spawner.pid);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t count = 0;
    bool inherited = false;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char target[256] = {0};
        if (readlinkat(dirfd(folder), entry->d_name, target, sizeof target - 1) > 0) {
            count++;
            inherited = inherited || strstr(target, "held") != NULL;
        }
    }
    (void)closedir(folder);
    if (inherited) {
        (void)kill(world.spawner.pid, SIGKILL); /* it holds our end of the jobs too, and would not end with it */
    }
    world_end(&world);
    assert_true(count >= 4); /* standard ones and the jobs */
    assert_false(inherited);
}

static void a_missing_root_fails_the_start(void **state)
{
    (void)state;
    static struct cmaw_conf conf;
    struct cmaw_spawner spawner;
    struct cmaw_sandbox_report report = {0};
    assert_int_equal(cmaw_spawner_start(&conf, "/nonexistent/agent", NULL, &spawner, &report), CMAW_E_IO);
    assert_int_equal(report.stage, CMAW_SANDBOX_ROOT);
    (void)waitpid(-1, NULL, 0);
}

static void *parallel_run(void *argument)
{
    struct world *world = argument;
    for (int i = 0; i < 10; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%p %d", (void *)&text, i);
        struct cmaw_agent_outcome outcome = run_with(world, text, 1000, 20000);
        assert_says(&outcome, text);
    }
    return NULL;
}

static void many_at_once_keep_apart(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "echo", usual);
    pthread_t threads[12];
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, parallel_run, &world), 0);
    }
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    world_end(&world);
}

static void more_than_may_run_is_full(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, "hang", usual);
    const struct cmaw_sandbox_job job = {"0", "1", "0"};
    int kept[CMAW_SPAWNER_RUNNING_MAX];
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (size_t i = 0; i < CMAW_SPAWNER_RUNNING_MAX; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        const int fds[] = {null, null, null, pair[1]};
        assert_int_equal(cmaw_fds_send(world.spawner.jobs, cmaw_slice_of(&job, sizeof job), fds, 4), CMAW_OK);
        close(pair[1]);
        kept[i] = pair[0];
    }
    struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
    assert_int_equal(outcome.end, CMAW_AGENT_FULL);
    for (size_t i = 0; i < CMAW_SPAWNER_RUNNING_MAX; i++) {
        close(kept[i]); /* kills */
    }
    close(null);
    world_end(&world);
}

/* In a process and a mount namespace of its own: goes down to the kernel's rootfs, below the root of this system, which is
 * what an enclave boots into and pivot_root cannot replace. Returns what the parent should see as the exit status; 77 where that
 * is not possible: without root, or where there is no rootfs to write to. */
static int run_in_rootfs(struct world *world)
{
    static const char *const names[] = {"/proc", "/dev", "/agent"};
    int trees[3];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        return 77;
    }
    for (size_t i = 0; i < 3; i++) {
        trees[i] = (int)syscall(SYS_open_tree, AT_FDCWD, i < 2 ? names[i] : world->root, 1 /* OPEN_TREE_CLONE */);
    }
    const int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (umount2("/", MNT_DETACH) != 0 || setns(space, CLONE_NEWNS) != 0 || syscall(SYS_pivot_root, ".", ".") == 0) {
        return 77;
    }
    for (size_t i = 0; i < 3; i++) {
        (void)mkdir(names[i], 0755);
        if (syscall(SYS_move_mount, trees[i], "", AT_FDCWD, names[i], 4 /* MOVE_MOUNT_F_EMPTY_PATH */) != 0) {
            return 77;
        }
    }
    if (cmaw_mounts_leave_rootfs() != CMAW_OK) {
        return 4;
    }
    struct cmaw_sandbox_report report = {0};
    if (cmaw_spawner_start(&world->conf, "/agent", NULL, &world->spawner, &report) != CMAW_OK) {
        (void)fprintf(stderr, "stage %d errno %d\n", report.stage, report.errnum);
        return 5;
    }
    struct cmaw_agent_outcome outcome = run_mode(world, "mount");
    return outcome.end == CMAW_AGENT_DONE && outcome.output_size == strlen("refused\n") ? 0 : 6;
}

static void an_initramfs_root_is_left_behind(void **state)
{
    (void)state;
    struct world world;
    world_start(&world, NULL, usual);
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(run_in_rootfs(&world));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    world_end(&world);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Reports, and fails only on a gross loss: other work shares this machine. The bench holds the target. */
static void start_to_end_is_near_a_bare_spawn(void **state)
{
    (void)state;
    enum { N = 100 };
    static double bare[N];
    static double sandboxed[N];
    struct world world;
    world_start(&world, "echo", usual);
    char program[128];
    (void)snprintf(program, sizeof program, "%s/bin/hostile", world.root);
    char *args[] = {program, (char[]){"echo"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    for (size_t i = 0; i < N; i++) {
        const double start = now_us();
        pid_t pid = 0;
        assert_int_equal(posix_spawn(&pid, program, &actions, NULL, args, environ), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        bare[i] = now_us() - start;
        const double begin = now_us();
        struct cmaw_agent_outcome outcome = run_with(&world, "", 1000, 10000);
        sandboxed[i] = now_us() - begin;
        assert_says(&outcome, "");
        usleep(20000); /* the pace of steps; the pool refills meanwhile */
    }
    posix_spawn_file_actions_destroy(&actions);
    world_end(&world);
    qsort(bare, N, sizeof bare[0], by_size);
    qsort(sandboxed, N, sizeof sandboxed[0], by_size);
    print_message("# bare spawn p50 %.0f us p99 %.0f us, agent p50 %.0f us p99 %.0f us\n", bare[N / 2], bare[N * 99 / 100],
                  sandboxed[N / 2], sandboxed[N * 99 / 100]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* these slow our half down, not the other */
    assert_true(sandboxed[N / 2] < bare[N / 2] * 5);
#endif
}

static void write_text(const char *path, const char *text)
{
    CMAW_FDS_AUTO(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* An enclave's /init has full rights in its own namespaces; so has this program, whoever runs it. */
static int become_root_of_a_namespace(void **state)
{
    (void)state;
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    if (uid == 0) {
        return 0;
    }
    char line[32];
    assert_int_equal(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
    write_text("/proc/self/setgroups", "deny");
    (void)snprintf(line, sizeof line, "0 %u 1", uid);
    write_text("/proc/self/uid_map", line);
    (void)snprintf(line, sizeof line, "0 %u 1", gid);
    write_text("/proc/self/gid_map", line);
    return 0;
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attacks_are_refused),
        cmocka_unit_test(nothing_is_left_for_the_next_step),
        cmocka_unit_test(a_deadline_ends_everything),
        cmocka_unit_test(output_is_capped_exactly),
        cmocka_unit_test(the_first_error_output_is_kept),
        cmocka_unit_test(signals_end_an_agent),
        cmocka_unit_test(the_environment_is_the_contract),
        cmocka_unit_test(a_missing_program_is_reported),
        cmocka_unit_test(an_agent_starts_in_its_working_folder),
        cmocka_unit_test(a_missing_root_fails_the_start),
        cmocka_unit_test(the_spawner_inherits_no_descriptor),
        cmocka_unit_test(many_at_once_keep_apart),
        cmocka_unit_test(more_than_may_run_is_full),
        cmocka_unit_test(an_initramfs_root_is_left_behind),
        cmocka_unit_test(start_to_end_is_near_a_bare_spawn),
    };
    return cmocka_run_group_tests_name("sandbox", tests, become_root_of_a_namespace, NULL);
}
