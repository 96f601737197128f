#include "enclave/agent/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "enclave/agent/fds.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

/* Error output that nobody keeps costs the process with the keys the time to read it: in large pieces, not for every write, and
 * not without end. */
enum { CHUNK = 16 * 1024, CHUNKS_AT_ONCE = 4, DRAIN_PAUSE_MS = 10 };

/* Our ends of one running job. */
struct run {
    int errors;
    size_t errors_read;
    int status;
    uint64_t deadline_ms; /* monotonic */
    bool ended;
    struct cmaw_agent_outcome *outcome;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum cmaw_err write_all(int fd, struct cmaw_slice bytes)
{
    while (bytes.size > 0) {
        const ssize_t written = write(fd, bytes.data, bytes.size);
        CMAW_REQUIRE(written > 0 || (written < 0 && errno == EINTR), CMAW_E_NO_MEMORY);
        bytes = written > 0 ? cmaw_slice_sub(bytes, (size_t)written, bytes.size - (size_t)written) : bytes;
    }
    return CMAW_OK;
}

static enum cmaw_err make_memory_file(const char *name, int *ret_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING); /* before Linux 6.3 */
    }
    CMAW_REQUIRE(fd >= 0, CMAW_E_IO);
    *ret_fd = fd;
    return CMAW_OK;
}

enum cmaw_err cmaw_agent_input(const struct cmaw_slice *parts, size_t count, int *ret_fd)
{
    CMAW_FDS_AUTO(fd);
    CMAW_TRY(make_memory_file("input", &fd));
    for (size_t i = 0; i < count; i++) {
        CMAW_TRY(write_all(fd, parts[i]));
    }
    CMAW_REQUIRE(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0, CMAW_E_IO);
    CMAW_REQUIRE(lseek(fd, 0, SEEK_SET) == 0, CMAW_E_IO);
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

static enum cmaw_err make_pipe(int *ret_read, int *ret_write)
{
    int ends[2];
    CMAW_REQUIRE(pipe2(ends, O_CLOEXEC) == 0, CMAW_E_IO);
    *ret_read = ends[0];
    *ret_write = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err hand_over(const struct cmaw_spawner *spawner, const struct cmaw_sandbox_job *job, int input,
                               int output, struct run *run)
{
    CMAW_FDS_AUTO(errors);
    CMAW_FDS_AUTO(status);
    CMAW_TRY(make_pipe(&run->errors, &errors));
    int pair[2];
    CMAW_REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, CMAW_E_IO);
    run->status = pair[0];
    status = pair[1];
    const int fds[CMAW_SPAWNER_JOB_FDS] = {input, output, errors, status};
    return cmaw_fds_send(spawner->jobs, cmaw_slice_of(job, sizeof *job), fds, CMAW_SPAWNER_JOB_FDS);
}

static bool keeps_errors(const struct run *run)
{
    return run->outcome->errors_size < sizeof run->outcome->errors;
}

static enum cmaw_err keep_errors(struct run *run, struct cmaw_slice bytes)
{
    struct cmaw_agent_outcome *outcome = run->outcome;
    const size_t room = sizeof outcome->errors - outcome->errors_size;
    const size_t keep = bytes.size < room ? bytes.size : room;
    memcpy(outcome->errors + outcome->errors_size, bytes.data, keep);
    outcome->errors_size += keep;
    run->errors_read += bytes.size;
    return run->errors_read <= CMAW_AGENT_ERRORS_READ_MAX ? CMAW_OK : CMAW_E_TOO_LARGE;
}

/* Keeps the first bytes and reads the rest away, so that a talkative agent does not block. */
static enum cmaw_err read_errors(struct run *run)
{
    uint8_t chunk[CHUNK];
    for (int i = 0; i < CHUNKS_AT_ONCE; i++) {
        const ssize_t got = read(run->errors, chunk, sizeof chunk);
        if (got < 0) {
            return errno == EAGAIN || errno == EINTR ? CMAW_OK : CMAW_E_IO;
        }
        if (got == 0) {
            cmaw_fds_close(&run->errors);
            return CMAW_OK;
        }
        const enum cmaw_err err = keep_errors(run, cmaw_slice_of(chunk, (size_t)got));
        cmaw_wipe(chunk, (size_t)got);
        CMAW_TRY(err);
    }
    return CMAW_OK;
}

/* Lets what nobody keeps gather in the pipe, unless the agent ends meanwhile. */
static void pause_before_drain(const struct run *run)
{
    struct pollfd status = {run->status, POLLIN, 0};
    if (!keeps_errors(run) && !run->ended) {
        (void)poll(&status, 1, DRAIN_PAUSE_MS);
    }
}

static enum cmaw_err read_status(struct run *run)
{
    struct cmaw_spawner_result *result = &run->outcome->result;
    CMAW_TRY(cmaw_fds_receive(run->status, result, sizeof *result, NULL, 0));
    cmaw_fds_close(&run->status);
    run->ended = true;
    return CMAW_OK;
}

static enum cmaw_err wait_once(struct run *run)
{
    const uint64_t now = now_ms();
    CMAW_REQUIRE(now < run->deadline_ms, CMAW_E_TIMEOUT);
    const uint64_t left = run->deadline_ms - now;
    struct pollfd polled[] = {{run->errors, POLLIN, 0}, {run->status, POLLIN, 0}};
    if (poll(polled, 2, left > 60000 ? 60000 : (int)left) < 0) {
        return errno == EINTR ? CMAW_OK : CMAW_E_IO;
    }
    if (polled[0].revents != 0) {
        pause_before_drain(run);
        CMAW_TRY(read_errors(run));
    }
    return polled[1].revents != 0 ? read_status(run) : CMAW_OK;
}

static enum cmaw_agent_end judge(const struct cmaw_spawner_result *result)
{
    switch ((enum cmaw_spawner_end)result->end) {
    case CMAW_SPAWNER_EXITED: return result->value == 0 ? CMAW_AGENT_DONE : CMAW_AGENT_FAILED;
    case CMAW_SPAWNER_SIGNALLED:
    case CMAW_SPAWNER_OUT_OF_MEMORY: return CMAW_AGENT_FAILED;
    case CMAW_SPAWNER_FULL: return CMAW_AGENT_FULL;
    case CMAW_SPAWNER_NOT_STARTED: break;
    }
    return CMAW_AGENT_BROKEN;
}

/* Until the sandbox has ended and its error output is read to the end. */
static enum cmaw_err wait_end(struct run *run)
{
    while (!run->ended || run->errors >= 0) {
        CMAW_TRY(wait_once(run));
    }
    return CMAW_OK;
}

/* Nobody writes any more: the namespace is gone. */
static enum cmaw_err take_output(int *output, size_t output_max, struct cmaw_agent_outcome *outcome)
{
    struct stat status;
    CMAW_REQUIRE(fstat(*output, &status) == 0, CMAW_E_IO);
    if (status.st_size > (off_t)output_max) {
        outcome->end = CMAW_AGENT_TOO_LARGE; /* also where the limit of file sizes ended it: it wanted more */
    } else if (outcome->end == CMAW_AGENT_DONE) {
        outcome->output_size = (size_t)status.st_size;
        outcome->output = *output;
        *output = -1;
    }
    return CMAW_OK;
}

static bool ended_by_us(enum cmaw_err err, struct cmaw_agent_outcome *outcome)
{
    if (err != CMAW_E_TIMEOUT && err != CMAW_E_TOO_LARGE) {
        return false;
    }
    outcome->end = err == CMAW_E_TIMEOUT ? CMAW_AGENT_TIMEOUT : CMAW_AGENT_FAILED;
    return true;
}

enum cmaw_err cmaw_agent_run(const struct cmaw_spawner *spawner, const struct cmaw_sandbox_job *job, int input,
                             size_t output_max, uint64_t timeout_ms, struct cmaw_agent_outcome *ret_outcome)
{
    CMAW_FDS_AUTO(owned_input);
    CMAW_FDS_AUTO(output);
    owned_input = input;
    *ret_outcome = (struct cmaw_agent_outcome){.output = -1};
    struct run run = {.errors = -1, .status = -1, .deadline_ms = now_ms() + timeout_ms, .outcome = ret_outcome};
    enum cmaw_err err = make_memory_file("output", &output);
    if (err == CMAW_OK) {
        err = hand_over(spawner, job, input, output, &run);
    }
    cmaw_fds_close(&owned_input);
    if (err == CMAW_OK) {
        err = wait_end(&run);
        ret_outcome->end = judge(&ret_outcome->result);
    }
    if (err == CMAW_OK) {
        err = take_output(&output, output_max, ret_outcome);
    }
    /* closing status before the answer came kills the sandbox */
    cmaw_fds_close(&run.status);
    cmaw_fds_close(&run.errors);
    return ended_by_us(err, ret_outcome) ? CMAW_OK : err;
}

enum cmaw_err cmaw_agent_output_read(const struct cmaw_agent_outcome *outcome, struct cmaw_buf *buf)
{
    CMAW_TRY(cmaw_buf_reserve(buf, outcome->output_size));
    for (size_t done = 0; done < outcome->output_size;) {
        const ssize_t got = pread(outcome->output, buf->data + buf->size, outcome->output_size - done, (off_t)done);
        CMAW_REQUIRE(got > 0 || (got < 0 && errno == EINTR), CMAW_E_IO);
        buf->size += got > 0 ? (size_t)got : 0;
        done += got > 0 ? (size_t)got : 0;
    }
    return CMAW_OK;
}

void cmaw_agent_outcome_free(struct cmaw_agent_outcome *outcome)
{
    cmaw_fds_close(&outcome->output);
    cmaw_wipe(outcome->errors, sizeof outcome->errors);
    outcome->errors_size = 0;
}
