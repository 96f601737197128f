/* One agent from the request to its end, in its sandbox, beside a bare posix_spawn of the same program with the same
 * three descriptors. Prints one JSON object. Needs what an enclave needs: root, or user namespaces. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/fixture.h"
#include "enclave/agent/run.h"
#include "sys/file.h"

extern char **environ;

enum { ROUNDS = 400, WARM = 40, INPUT_SIZE = 1024 };

static int input_fd(void)
{
    static const uint8_t content[INPUT_SIZE];
    const struct cmaw_slice part = CMAW_SLICE_ARRAY(content);
    int fd = -1;
    if (cmaw_agent_input(&part, 1, &fd) != CMAW_OK) {
        bench_die("no input");
    }
    return fd;
}

static void run_sandboxed(const struct cmaw_spawner *spawner)
{
    static const struct cmaw_sandbox_job job = {"00", "1", "00"};
    struct cmaw_agent_outcome outcome;
    CMAW_BUF_AUTO(output, 1 << 20);
    if (cmaw_agent_run(spawner, &job, input_fd(), 1 << 20, 10000, &outcome) != CMAW_OK || outcome.end != CMAW_AGENT_DONE ||
        cmaw_agent_output_read(&outcome, &output) != CMAW_OK || output.size != INPUT_SIZE) {
        bench_die("the agent failed");
    }
    cmaw_agent_outcome_free(&outcome);
}

static void run_bare(const char *program)
{
    int out[2];
    const int in = input_fd();
    if (pipe2(out, O_CLOEXEC) != 0) {
        bench_die("no pipe");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    char *args[] = {(char *)(uintptr_t)program, NULL};
    pid_t pid = 0;
    if (posix_spawn(&pid, program, &actions, NULL, args, environ) != 0) {
        bench_die("posix_spawn failed");
    }
    posix_spawn_file_actions_destroy(&actions);
    (void)close(in);
    (void)close(out[1]);
    static uint8_t block[65536];
    size_t size = 0;
    for (ssize_t got; (got = read(out[0], block, sizeof block)) > 0;) {
        size += (size_t)got;
    }
    (void)close(out[0]);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || status != 0 || size != INPUT_SIZE) {
        bench_die("the bare program failed");
    }
}

static void start_spawner(const char *program, const char *root, struct cmaw_conf *conf, struct cmaw_spawner *ret_spawner)
{
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    CMAW_BUF_AUTO(content, 16 << 20);
    if (chmod(root, 0755) != 0 || cmaw_path(path, "%s/echo", root) != CMAW_OK || cmaw_file_read(program, &content, &diag) != CMAW_OK ||
        cmaw_file_write(path, cmaw_buf_slice(&content), 0755, &diag) != CMAW_OK) {
        bench_die(diag.text);
    }
    static char name[] = "/echo";
    conf->agent_args[0] = name;
    conf->agent_workdir = "/";
    conf->limits = (struct cmaw_agent_limits){.memory_mib = 64, .processes = 4, .open_files = 16, .cpu_s = 10, .output_kib = 1024, .tmp_kib = 64};
    struct cmaw_sandbox_report report = {0};
    if (cmaw_spawner_start(conf, root, NULL, ret_spawner, &report) != CMAW_OK) {
        bench_die("no sandbox: this needs root or user namespaces");
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: agent_bench PROGRAM\n");
        return 2;
    }
    char root[] = "/tmp/cmaw-bench-XXXXXX";
    if (mkdtemp(root) == NULL) {
        bench_die("no temporary folder");
    }
    static struct cmaw_conf conf;
    struct cmaw_spawner spawner;
    start_spawner(argv[1], root, &conf, &spawner);
    static double sandboxed[ROUNDS], bare[ROUNDS];
    const struct timespec pause = {0, 20 * 1000 * 1000}; /* steps come one at a time here: the pool has time to refill */
    for (size_t i = 0; i < ROUNDS + WARM; i++) {
        const size_t slot = i < WARM ? 0 : i - WARM;
        double start = bench_now_us();
        run_sandboxed(&spawner);
        sandboxed[slot] = bench_now_us() - start;
        (void)nanosleep(&pause, NULL);
        start = bench_now_us();
        run_bare(argv[1]);
        bare[slot] = bench_now_us() - start;
    }
    bench_sort(sandboxed, ROUNDS);
    bench_sort(bare, ROUNDS);
    (void)printf("{\"sandboxed_p50_us\": %.0f, \"sandboxed_p99_us\": %.0f, \"posix_spawn_p50_us\": %.0f, \"posix_spawn_p99_us\": %.0f, \"ratio\": %.2f}\n",
        sandboxed[ROUNDS / 2], sandboxed[ROUNDS * 99 / 100], bare[ROUNDS / 2], bare[ROUNDS * 99 / 100], sandboxed[ROUNDS / 2] / bare[ROUNDS / 2]);
    (void)close(spawner.jobs);
    (void)waitpid(spawner.pid, NULL, 0);
    char path[CMAW_PATH_MAX];
    CMAW_IGNORE(cmaw_path(path, "%s/echo", root)); /* root is short */
    (void)unlink(path);
    (void)rmdir(root);
    return 0;
}
