#include "tests/unit/sandbox_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/agent/fds.h"

extern char **environ;

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

void world_start(struct world *world, const char *mode, struct cmaw_agent_limits limits)
{
    *world = (struct world){.root = "/tmp/cmaw-sandbox-XXXXXX"};
    assert_non_null(mkdtemp(world->root));
    assert_int_equal(chmod(world->root, 0755), 0);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/bin", world->root);
    assert_int_equal(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof path, "%s/bin/agent", world->root);
    copy_program(getenv("CMAW_TEST_HOSTILE"), path);
    (void)snprintf(path, sizeof path, "%s/bin/set-user-id", world->root);
    copy_program(getenv("CMAW_TEST_HOSTILE"), path);
    assert_int_equal(chmod(path, 04755), 0);
    static char program[] = "/bin/agent";
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

void world_end(struct world *world)
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

const struct cmaw_agent_limits usual_limits = {
    .memory_mib = 64, .processes = 16, .open_files = 32, .cpu_s = 10, .output_kib = 1024, .tmp_kib = 1024};

struct cmaw_agent_outcome world_run(struct world *world, const char *input, size_t output_max, uint64_t timeout_ms)
{
    const struct cmaw_slice parts[] = {cmaw_slice_of_cstr(input)};
    int fd = -1;
    assert_int_equal(cmaw_agent_input(parts, 1, &fd), CMAW_OK);
    const struct cmaw_sandbox_job job = {"0123", "7", "feed"};
    struct cmaw_agent_outcome outcome;
    assert_int_equal(cmaw_agent_run(&world->spawner, &job, fd, output_max, timeout_ms, &outcome), CMAW_OK);
    return outcome;
}

struct cmaw_agent_outcome world_run_mode(struct world *world, const char *mode)
{
    char input[64];
    (void)snprintf(input, sizeof input, "%s\n", mode);
    return world_run(world, input, 1 << 20, 60000);
}

bool world_said(const struct cmaw_agent_outcome *outcome, const char *text)
{
    CMAW_BUF_AUTO(output, 1 << 20);
    if (outcome->end != CMAW_AGENT_DONE) {
        return false;
    }
    assert_int_equal(cmaw_agent_output_read(outcome, &output), CMAW_OK);
    return cmaw_slice_eq_cstr(cmaw_buf_slice(&output), text);
}

void world_assert_says(struct cmaw_agent_outcome *outcome, const char *text)
{
    if (!world_said(outcome, text)) {
        fail_msg("end %d result %d/%d/%d output of %zu bytes, errors %.*s", outcome->end, outcome->result.end, outcome->result.value,
                 outcome->result.errnum, outcome->output_size, (int)outcome->errors_size, (const char *)outcome->errors);
    }
    cmaw_agent_outcome_free(outcome);
}

void world_assert_clean(struct world *world)
{
    struct cmaw_agent_outcome outcome = world_run_mode(world, "clean");
    world_assert_says(&outcome, "refused\n");
}

static void write_text(const char *path, const char *text)
{
    CMAW_FDS_AUTO(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

int world_become_root(void **state)
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
