#include "host/launch/nitro_call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "sys/daemon.h"
#include "sys/proc.h"

enum { WORDS_MAX = 30, READ_MAX = 4096, BLOCKS = 32 };

void cmaw_launch_nitro_output_free(struct launch_nitro_output *output)
{
    cmaw_buf_free(&output->out);
    cmaw_buf_free(&output->err);
}

enum cmaw_err cmaw_launch_nitro_find(const char *program, char ret_path[static CMAW_PATH_MAX], struct cmaw_diag *diag)
{
    if (strchr(program, '/') != NULL && access(program, X_OK) == 0) {
        return cmaw_path(ret_path, "%s", program);
    }
    struct cmaw_diag unused = {0};
    if (strchr(program, '/') == NULL && cmaw_proc_find(program, ret_path, &unused) == CMAW_OK) {
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "install aws-nitro-enclaves-cli, or give its path as --nitro-cli");
    return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "cannot find the program %s", program);
}

/* Takes what is there, up to more than a pipe holds: who never stops to write is not waited for. Whatever buf cannot hold is dropped and
 * latched in it. */
static void read_some(int *fd, struct cmaw_buf *buf)
{
    uint8_t block[READ_MAX];
    for (int i = 0; i < BLOCKS; i++) {
        const ssize_t got = *fd < 0 ? -1 : read(*fd, block, sizeof block);
        if (got > 0) {
            cmaw_buf_put(buf, cmaw_slice_of(block, (size_t)got));
            continue;
        }
        if (got == 0) {
            cmaw_fd_close(fd);
        }
        return;
    }
}

/* Until the process has ended. TIMEOUT. */
static enum cmaw_err await(const struct cmaw_proc *proc, int *out, int *err, uint32_t timeout_ms, struct launch_nitro_output *output)
{
    const uint64_t end = cmaw_clock_ms() + timeout_ms;
    for (;;) {
        const uint64_t now = cmaw_clock_ms();
        CMAW_REQUIRE(now < end, CMAW_E_TIMEOUT);
        struct pollfd events[] = {{.fd = proc->pidfd, .events = POLLIN}, {.fd = *out, .events = POLLIN}, {.fd = *err, .events = POLLIN}};
        CMAW_REQUIRE(poll(events, 3, (int)(end - now)) >= 0 || errno == EINTR, cmaw_err_of_errno(errno));
        read_some(out, &output->out);
        read_some(err, &output->err);
        if ((events[0].revents & POLLIN) != 0) {
            return CMAW_OK;
        }
    }
}

static enum cmaw_err run(const char *path, const char *const *words, uint32_t timeout_ms, struct launch_nitro_output *output, struct cmaw_diag *diag)
{
    CMAW_FD_AUTO(out);
    CMAW_FD_AUTO(out_write);
    CMAW_FD_AUTO(err);
    CMAW_FD_AUTO(err_write);
    CMAW_PROC_AUTO(proc);
    const char *argv[WORDS_MAX + 2] = {path};
    for (size_t i = 0; words[i] != NULL; i++) {
        CMAW_REQUIRE(i < WORDS_MAX, CMAW_E_BUG);
        argv[i + 1] = words[i];
    }
    CMAW_TRY(cmaw_launch_pipe(&out, &out_write));
    CMAW_TRY(cmaw_launch_pipe(&err, &err_write));
    CMAW_REQUIRE(fcntl(out, F_SETFL, O_NONBLOCK) == 0 && fcntl(err, F_SETFL, O_NONBLOCK) == 0, cmaw_err_of_errno(errno));
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .in = -1, .out = out_write, .err = err_write, .die_with_parent = true};
    CMAW_TRY(cmaw_proc_start(&spec, &proc, diag));
    cmaw_fd_close(&out_write);
    cmaw_fd_close(&err_write);
    CMAW_TRY(await(&proc, &out, &err, timeout_ms, output));
    return cmaw_proc_wait(&proc, 0, &output->status);
}

enum cmaw_err cmaw_launch_nitro_call(const char *path, const char *const *words, uint32_t timeout_ms, struct launch_nitro_output *output,
                                     struct cmaw_diag *diag)
{
    output->out = CMAW_BUF(LAUNCH_NITRO_ANSWER_MAX);
    output->err = CMAW_BUF(LAUNCH_NITRO_ANSWER_MAX);
    const enum cmaw_err err = run(path, words, timeout_ms, output, diag);
    if (err == CMAW_E_TIMEOUT) {
        cmaw_diag_hint(diag, "nitro-cli describe-enclaves shows what runs");
        return cmaw_diag_set(diag, err, "nitro-cli %s did not end within %u s", words[0], timeout_ms / 1000);
    }
    CMAW_TRY(err);
    if (output->out.err != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "nitro-cli %s printed more than %d bytes", words[0], LAUNCH_NITRO_ANSWER_MAX);
    }
    return CMAW_OK;
}
