#include "client/agent/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client/agent/ports.h"
#include "client/interrupt.h"
#include "sys/proc.h"

enum { INPUT_MAX = 4 << 20, OUTPUT_MAX = 4 << 20, ERRORS_MAX = 64 * 1024, VERDICT_SIZE = 128, SLICE_MS = 200 };

static const char *const end_names[] = {
    [CMAW_TRIAL_DONE] = "done", [CMAW_TRIAL_FAILED] = "failed", [CMAW_TRIAL_TIMEOUT] = "timeout", [CMAW_TRIAL_TOO_LARGE] = "too-large",
};

const char *cmaw_trial_end_name(enum cmaw_trial_end end)
{
    return end_names[end];
}

/* What agent-run writes to: files in memory, which hold all of it whatever happens first. */
struct ends {
    int output, errors, verdict;
};

static void close_ends(struct ends *ends)
{
    cmaw_fd_close(&ends->output);
    cmaw_fd_close(&ends->errors);
    cmaw_fd_close(&ends->verdict);
}

static enum cmaw_err open_ends(struct ends *ends, struct cmaw_diag *diag)
{
    int *const all[] = {&ends->output, &ends->errors, &ends->verdict};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        *all[i] = memfd_create("agent-run", MFD_CLOEXEC);
        if (*all[i] < 0) {
            return cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot make a file in memory: %s", strerror(errno));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err read_end(int fd, const char *name, struct cmaw_buf *buf, struct cmaw_diag *diag)
{
    if (lseek(fd, 0, SEEK_SET) != 0) {
        return cmaw_diag_set(diag, CMAW_E_IO, "cannot read %s", name);
    }
    return cmaw_file_read_fd(fd, name, buf, diag);
}

static enum cmaw_err no_sandbox(int stage, int errnum, struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "run it as root, or where user namespaces are allowed: sysctl kernel.unprivileged_userns_clone=1");
    return cmaw_diag_set(diag, CMAW_E_UNSUPPORTED, "the sandbox cannot be made (stage %d): %s", stage, strerror(errnum));
}

/* Where the sandbox became the agent, errnum is 0. Stage 10 is the start of the program itself. */
static enum cmaw_err broken(int stage, int errnum, struct cmaw_diag *diag)
{
    enum { STAGE_EXEC = 10 };
    if (stage != STAGE_EXEC) {
        return no_sandbox(stage, errnum, diag);
    }
    cmaw_diag_hint(diag, "a script needs its interpreter in the image, a program its loader and libraries: see docs/write-an-agent.md");
    return cmaw_diag_set(diag, CMAW_E_MALFORMED, "the first word of the command cannot be started in the image: %s", strerror(errnum));
}

static enum cmaw_err read_verdict(struct cmaw_slice text, struct cmaw_trial *trial, struct cmaw_diag *diag)
{
    char line[VERDICT_SIZE];
    char end[16];
    int value = 0, errnum = 0;
    unsigned long long us = 0;
    if (cmaw_slice_to_cstr(text, line, sizeof line) != CMAW_OK || sscanf(line, "%15s %d %d %llu", end, &value, &errnum, &us) != 4) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "agent-run gave no verdict");
    }
    if (strcmp(end, "broken") == 0) {
        return broken(value, errnum, diag);
    }
    for (size_t i = 0; i < sizeof end_names / sizeof end_names[0]; i++) {
        if (strcmp(end_names[i], end) == 0) {
            trial->end = (enum cmaw_trial_end)i;
            trial->status = (uint32_t)value;
            trial->us = us;
            return CMAW_OK;
        }
    }
    return cmaw_diag_set(diag, CMAW_E_PEER, "agent-run gave a verdict that is none");
}

static enum cmaw_err start(const struct cmaw_agent_image *image, const struct cmaw_trial_setting *setting, int input, const struct ends *ends,
                           struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    char timeout[16];
    CMAW_PROC_AUTO(proc);
    int status = 0;
    CMAW_TRY(cmaw_proc_find("agent-run", path, diag));
    (void)snprintf(timeout, sizeof timeout, "%u", setting->timeout_ms);
    const char *const argv[] = {"agent-run", image->root, image->conf, timeout, setting->run, setting->step, setting->seed, NULL};
    const char *const env[] = {NULL};
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .env = env, .in = input, .out = ends->output, .err = ends->errors,
                                        .fds = {ends->verdict}, .fd_count = 1, .die_with_parent = true};
    CMAW_TRY(cmaw_proc_start(&spec, &proc, diag));
    enum cmaw_err err;
    while ((err = cmaw_proc_wait(&proc, SLICE_MS, &status)) == CMAW_E_TIMEOUT && !cmaw_interrupted()) {
    }
    if (cmaw_interrupted()) {
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "interrupted");
    }
    CMAW_TRY(err);
    return status == 0 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_PEER, "agent-run ended with code %d", status);
}

static enum cmaw_err open_input(const char *path, int *ret_fd, struct cmaw_diag *diag)
{
    if (!cmaw_ports_are(path)) {
        *ret_fd = open(path, O_RDONLY | O_CLOEXEC);
        return *ret_fd >= 0 ? CMAW_OK : cmaw_diag_set(diag, cmaw_err_of_errno(errno), "cannot open %s: %s", path, strerror(errno));
    }
    CMAW_BUF_AUTO(message, INPUT_MAX);
    CMAW_FD_AUTO(fd);
    CMAW_TRY(cmaw_ports_put_input(path, &message, diag));
    fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0 || cmaw_fd_write(fd, cmaw_buf_slice(&message)) != CMAW_OK || lseek(fd, 0, SEEK_SET) != 0) {
        return cmaw_diag_set(diag, CMAW_E_IO, "cannot make a file in memory");
    }
    *ret_fd = fd;
    fd = -1;
    return CMAW_OK;
}

enum cmaw_err cmaw_trial_run(const struct cmaw_agent_image *image, const struct cmaw_trial_setting *setting, const char *input_path,
                             struct cmaw_trial *trial, struct cmaw_diag *diag)
{
    [[gnu::cleanup(close_ends)]] struct ends ends = {-1, -1, -1};
    CMAW_FD_AUTO(input);
    CMAW_BUF_AUTO(verdict, VERDICT_SIZE);
    *trial = (struct cmaw_trial){.output = CMAW_BUF(OUTPUT_MAX), .errors = CMAW_BUF(ERRORS_MAX)};
    CMAW_TRY(open_input(input_path, &input, diag));
    CMAW_TRY(open_ends(&ends, diag));
    const enum cmaw_err err = start(image, setting, input, &ends, diag);
    CMAW_TRY(read_end(ends.errors, "the agent's standard error", &trial->errors, diag));
    if (err != CMAW_OK) {
        return trial->errors.size == 0 ? err : cmaw_diag_set(diag, err, "%.*s", (int)trial->errors.size - 1, (const char *)trial->errors.data);
    }
    CMAW_TRY(read_end(ends.output, "the agent's output", &trial->output, diag));
    CMAW_TRY(read_end(ends.verdict, "the verdict", &verdict, diag));
    return read_verdict(cmaw_buf_slice(&verdict), trial, diag);
}

void cmaw_trial_free(struct cmaw_trial *trial)
{
    cmaw_buf_free(&trial->output);
    cmaw_buf_free(&trial->errors);
}
