/* agent-run: runs an agent in its sandbox without an enclave, for who writes one: the same code makes the sandbox as in /init, and the
 * same settings of the image limit it. It is no part of any image.
 *
 * usage: agent-run ROOT CONF TIMEOUT_MS RUN STEP SEED <INPUT >OUTPUT 3>VERDICT
 * ROOT is the agent's root file system, CONF its enclave.conf. Standard error gets the first bytes of the agent's. The verdict is one
 * line, "END VALUE ERRNUM MICROSECONDS" with the name of an enum cmaw_agent_end: "done 0 0 5210", "failed 1 0 4801". */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "enclave/agent/fds.h"
#include "enclave/agent/run.h"
#include "lib/base/text.h"

enum { INPUT_MAX = 4 * 1024 * 1024, ARGS = 7, VERDICT_FD = 3, TIMEOUT_MAX_MS = 3600000, EXIT_BROKEN = 1, EXIT_USAGE = 2 };

/* VALUE for agents that a signal ended: 128 and the signal, as shells have it. */
enum { SIGNALLED = 128 };

static const char *const end_names[] = {
    [CMAW_AGENT_DONE] = "done", [CMAW_AGENT_FAILED] = "failed", [CMAW_AGENT_TIMEOUT] = "timeout",
    [CMAW_AGENT_TOO_LARGE] = "too-large", [CMAW_AGENT_FULL] = "full", [CMAW_AGENT_BROKEN] = "broken",
};

static enum cmaw_err read_fd(int fd, struct cmaw_buf *buf)
{
    for (;;) {
        uint8_t chunk[65536];
        const ssize_t got = read(fd, chunk, sizeof chunk);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        CMAW_REQUIRE(got >= 0, cmaw_err_of_errno(errno));
        CMAW_REQUIRE(got > 0, CMAW_OK);
        cmaw_buf_put(buf, cmaw_slice_of(chunk, (size_t)got));
        CMAW_TRY(cmaw_buf_err(buf));
    }
}

static enum cmaw_err write_fd(int fd, struct cmaw_slice bytes)
{
    while (bytes.size > 0) {
        const ssize_t put = write(fd, bytes.data, bytes.size);
        CMAW_REQUIRE(put > 0, CMAW_E_IO);
        bytes = cmaw_slice_sub(bytes, (size_t)put, bytes.size - (size_t)put);
    }
    return CMAW_OK;
}

static enum cmaw_err read_conf(const char *path, struct cmaw_conf *conf)
{
    CMAW_FDS_AUTO(fd);
    CMAW_BUF_AUTO(text, CMAW_CONF_MAX);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    CMAW_TRY(read_fd(fd, &text));
    return cmaw_conf_parse(cmaw_buf_slice(&text), conf);
}

static enum cmaw_err write_file(const char *path, const char *text)
{
    CMAW_FDS_AUTO(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    CMAW_REQUIRE(fd >= 0, cmaw_err_of_errno(errno));
    return write_fd(fd, cmaw_slice_of_cstr(text));
}

/* /init has full rights in namespaces of its own; so has this program in those that it makes, whoever runs it. */
static enum cmaw_err enter_namespaces(void)
{
    const unsigned uid = geteuid(), gid = getegid();
    char line[32];
    if (uid == 0) {
        return unshare(CLONE_NEWNS) == 0 ? CMAW_OK : CMAW_E_IO;
    }
    CMAW_REQUIRE(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, CMAW_E_IO);
    CMAW_TRY(write_file("/proc/self/setgroups", "deny"));
    (void)snprintf(line, sizeof line, "0 %u 1", uid);
    CMAW_TRY(write_file("/proc/self/uid_map", line));
    (void)snprintf(line, sizeof line, "0 %u 1", gid);
    return write_file("/proc/self/gid_map", line);
}

static enum cmaw_err copy_word(char *dst, size_t capacity, const char *text)
{
    return snprintf(dst, capacity, "%s", text) < (int)capacity ? CMAW_OK : CMAW_E_USAGE;
}

static enum cmaw_err say(enum cmaw_agent_end end, int value, int errnum, uint64_t us)
{
    char line[128];
    const int size = snprintf(line, sizeof line, "%s %d %d %llu\n", end_names[end], value, errnum, (unsigned long long)us);
    return write_fd(VERDICT_FD, cmaw_slice_of(line, (size_t)size));
}

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static enum cmaw_err give(struct cmaw_agent_outcome *outcome, uint64_t us)
{
    CMAW_BUF_AUTO(output, outcome->output_size + 1);
    if (outcome->output >= 0) {
        CMAW_TRY(cmaw_agent_output_read(outcome, &output));
        CMAW_TRY(write_fd(STDOUT_FILENO, cmaw_buf_slice(&output)));
    }
    CMAW_TRY(write_fd(STDERR_FILENO, cmaw_slice_of(outcome->errors, outcome->errors_size)));
    const int value = outcome->result.end == CMAW_SPAWNER_EXITED ? outcome->result.value : SIGNALLED + outcome->result.value;
    return say(outcome->end, outcome->end == CMAW_AGENT_BROKEN ? outcome->result.value : value, outcome->result.errnum, us);
}

/* timeout_ms, and what the agent is told. */
static enum cmaw_err read_words(char **argv, uint64_t *ret_timeout_ms, struct cmaw_sandbox_job *ret_job)
{
    CMAW_TRY(cmaw_parse_u64(argv[3], TIMEOUT_MAX_MS, ret_timeout_ms));
    CMAW_TRY(copy_word(ret_job->run, sizeof ret_job->run, argv[4]));
    CMAW_TRY(copy_word(ret_job->step, sizeof ret_job->step, argv[5]));
    return copy_word(ret_job->seed, sizeof ret_job->seed, argv[6]);
}

static enum cmaw_err run(const struct cmaw_conf *conf, const char *root, uint64_t timeout_ms, const struct cmaw_sandbox_job *job, struct cmaw_buf *input)
{
    struct cmaw_spawner spawner;
    struct cmaw_sandbox_report report = {0};
    if (enter_namespaces() != CMAW_OK) {
        return say(CMAW_AGENT_BROKEN, CMAW_SANDBOX_CLONE, errno, 0);
    }
    if (cmaw_spawner_start(conf, root, NULL, &spawner, &report) != CMAW_OK) {
        return say(CMAW_AGENT_BROKEN, report.stage, report.errnum, 0);
    }
    int fd = -1;
    const struct cmaw_slice parts[] = {cmaw_buf_slice(input)};
    CMAW_TRY(cmaw_agent_input(parts, 1, &fd));
    struct cmaw_agent_outcome outcome;
    const uint64_t started = now_us();
    CMAW_TRY(cmaw_agent_run(&spawner, job, fd, (size_t)conf->limits.output_kib << 10, timeout_ms, &outcome));
    const enum cmaw_err err = give(&outcome, now_us() - started);
    cmaw_agent_outcome_free(&outcome);
    return err;
}

int main(int argc, char **argv)
{
    static struct cmaw_conf conf;
    uint64_t timeout_ms = 0;
    struct cmaw_sandbox_job job = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc != ARGS || read_words(argv, &timeout_ms, &job) != CMAW_OK) {
        CMAW_IGNORE(write_fd(STDERR_FILENO, CMAW_SLICE_LIT("usage: agent-run ROOT CONF TIMEOUT_MS RUN STEP SEED <INPUT >OUTPUT 3>VERDICT\n")));
        return EXIT_USAGE;
    }
    CMAW_BUF_AUTO(input, INPUT_MAX);
    enum cmaw_err err = read_conf(argv[2], &conf);
    if (err == CMAW_OK) {
        err = read_fd(STDIN_FILENO, &input);
    }
    if (err == CMAW_OK) {
        err = run(&conf, argv[1], timeout_ms, &job, &input);
    }
    if (err != CMAW_OK) {
        char line[128];
        const int size = snprintf(line, sizeof line, "agent-run: %s\n", cmaw_err_text(err));
        CMAW_IGNORE(write_fd(STDERR_FILENO, cmaw_slice_of(line, (size_t)size)));
        return EXIT_BROKEN;
    }
    return 0;
}
