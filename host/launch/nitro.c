#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/launch/nitro.h"
#include "host/launch/nitro_call.h"
#include "host/launch/nitro_pool.h"
#include "lib/base/log.h"
#include "sys/daemon.h"
#include "sys/pid.h"

enum { ANSWER_MS = 60 * 1000, END_MS = 30 * 1000 };

static enum cmaw_err check(const struct launch_options *options, struct cmaw_diag *diag)
{
    if (options->cpu_count == 0 || options->memory_mib == 0) {
        return cmaw_launch_bad_usage(diag, "run --backend nitro needs ", "--eif, --cpu-count and --memory");
    }
    if (options->socket != NULL || options->nsm != NULL || options->parent_role != NULL) {
        return cmaw_launch_bad_usage(diag, "a Nitro enclave has its own vsock, module and parent: leave out ", "--socket, --nsm and --parent-role");
    }
    return CMAW_OK;
}

/* Runs nitro-cli; a status that is not 0 is an error, which is explained. */
static enum cmaw_err call(struct launch_run *run, const char *const *words, uint32_t timeout_ms, struct launch_nitro_output *output, struct cmaw_diag *diag)
{
    const struct launch_nitro *nitro = run->state;
    CMAW_TRY(cmaw_launch_nitro_call(nitro->path, words, timeout_ms, output, diag));
    if (output->status != 0) {
        const struct launch_nitro_failure failure = {output->status, cmaw_buf_slice(&output->err), run->image.pcrs.is_signed};
        return cmaw_launch_nitro_explain(words[0], &failure, diag);
    }
    return CMAW_OK;
}

static enum cmaw_err not_an_answer(const char *command, struct cmaw_diag *diag)
{
    cmaw_diag_hint(diag, "nitro-cli --version: 1.2 or newer is needed");
    return cmaw_diag_set(diag, CMAW_E_PEER, "what nitro-cli %s prints is not the JSON that it should be", command);
}

static enum cmaw_err look(struct launch_run *run, struct launch_nitro_seen seen[static LAUNCH_NITRO_SEEN_MAX], size_t *ret_count, struct cmaw_diag *diag)
{
    static const char *const words[] = {"describe-enclaves", NULL};
    LAUNCH_NITRO_OUTPUT_AUTO(output);
    CMAW_TRY(call(run, words, ANSWER_MS, &output, diag));
    const enum cmaw_err err = cmaw_launch_nitro_read_all(cmaw_buf_slice(&output.out), seen, ret_count);
    return err == CMAW_OK ? CMAW_OK : not_an_answer(words[0], diag);
}

/* How long nitro-cli itself waits for a heartbeat (NITRO.md 4), and as much again to load the image. */
static uint32_t start_ms(uint64_t image_size, uint64_t memory_mib)
{
    const uint64_t ms = 90000 * (1 + image_size / (6ull << 30)) + 90000 * (1 + memory_mib / (100 << 10));
    return ms > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)(2 * ms);
}

static bool is_image(const struct launch_nitro_seen *seen, const struct cmaw_eif_pcrs *pcrs)
{
    const uint8_t *const expected[] = {pcrs->pcr0, pcrs->pcr1, pcrs->pcr2};
    for (size_t i = 0; i < 3; i++) {
        if (!cmaw_slice_eq(CMAW_SLICE_ARRAY(seen->pcrs[i]), cmaw_slice_of(expected[i], CMAW_EIF_PCR_SIZE))) {
            return false;
        }
    }
    return true;
}

/* nitro-cli ended, or was ended, without a word on what it had started. What has our name now and is our image is ours to end: before the
 * start nothing had that name. */
static void take_untold(struct launch_run *run)
{
    struct launch_nitro *nitro = run->state;
    struct launch_nitro_seen seen[LAUNCH_NITRO_SEEN_MAX];
    struct cmaw_diag unused = {0};
    size_t count = 0;
    if (look(run, seen, &count, &unused) != CMAW_OK) {
        return; /* the next start of this name says that it runs */
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(seen[i].name, run->options->name) == 0 && seen[i].measured && is_image(&seen[i], &run->image.pcrs)) {
            run->enclave = seen[i].enclave;
            nitro->runs = true;
        }
    }
}

static enum cmaw_err run_enclave(struct launch_run *run, struct launch_nitro_seen *ret_seen, struct cmaw_diag *diag)
{
    const struct launch_options *options = run->options;
    char cpus[16], memory[16], cid[16];
    (void)snprintf(cpus, sizeof cpus, "%u", options->cpu_count);
    (void)snprintf(memory, sizeof memory, "%u", options->memory_mib);
    (void)snprintf(cid, sizeof cid, "%u", options->cid);
    const char *words[16] = {"run-enclave", "--eif-path", options->eif, "--cpu-count", cpus, "--memory", memory, "--enclave-name", options->name};
    size_t count = 9;
    if (options->cid != 0) {
        words[count++] = "--enclave-cid";
        words[count++] = cid;
    }
    if (options->debug_mode) {
        words[count++] = "--debug-mode";
    }
    LAUNCH_NITRO_OUTPUT_AUTO(output);
    enum cmaw_err err = call(run, words, start_ms(run->image.file.size, options->memory_mib), &output, diag);
    if (err == CMAW_OK && cmaw_launch_nitro_read_run(cmaw_buf_slice(&output.out), ret_seen) != CMAW_OK) {
        err = not_an_answer(words[0], diag);
    }
    uint8_t codes[LAUNCH_NITRO_CODES];
    if (err != CMAW_OK && (err != CMAW_E_DENIED || cmaw_launch_nitro_codes(cmaw_buf_slice(&output.err), codes) == 0)) {
        take_untold(run);
    }
    return err;
}

/* The end of the process that holds an enclave is the enclave's end, and the other way round. */
static enum cmaw_err hold_process(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    nitro->pidfd = (int)syscall(SYS_pidfd_open, run->enclave.process, 0);
    if (nitro->pidfd < 0) {
        cmaw_diag_hint(diag, "--debug-mode shows its console");
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "the enclave %s has ended right after its start", run->options->name);
    }
    return CMAW_OK;
}

/* With the process held, nitro-cli's view of the enclave is of the very one: it runs, and was made of the file that was measured here. */
static enum cmaw_err confirm(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    struct launch_nitro_seen seen[LAUNCH_NITRO_SEEN_MAX];
    size_t count = 0;
    CMAW_TRY(look(run, seen, &count, diag));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(seen[i].enclave.id, run->enclave.id) != 0 || !seen[i].running) {
            continue;
        }
        nitro->holds = true;
        if (seen[i].measured && !is_image(&seen[i], &run->image.pcrs)) {
            cmaw_diag_hint(diag, "was the file replaced meanwhile? Start it again");
            return cmaw_diag_set(diag, CMAW_E_PEER, "nitro-cli has started another image than %s was when it was measured", run->options->eif);
        }
        if (seen[i].debug != run->options->debug_mode && seen[i].measured) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "nitro-cli has started the enclave %s debug mode", seen[i].debug ? "in" : "without");
        }
        return CMAW_OK;
    }
    cmaw_diag_hint(diag, "--debug-mode shows its console");
    return cmaw_diag_set(diag, CMAW_E_CLOSED, "the enclave %s has ended right after its start", run->options->name);
}

static enum cmaw_err check_room(struct launch_run *run, struct cmaw_diag *diag)
{
    const struct launch_options *options = run->options;
    struct launch_nitro_seen seen[LAUNCH_NITRO_SEEN_MAX];
    struct launch_nitro_pool pool;
    size_t count = 0;
    CMAW_TRY(cmaw_launch_nitro_pool_read(options->host_root, &pool, diag));
    CMAW_TRY(look(run, seen, &count, diag));
    const struct launch_nitro_need need = {options->name, run->image.file.size, options->memory_mib, options->cpu_count, options->cid};
    return cmaw_launch_nitro_pool_check(&pool, &need, seen, count, diag);
}

static enum cmaw_err start_alone(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    struct launch_nitro_seen seen;
    CMAW_TRY(check_room(run, diag));
    CMAW_TRY(run_enclave(run, &seen, diag));
    run->enclave = seen.enclave;
    nitro->runs = true;
    CMAW_TRY(hold_process(run, diag));
    return confirm(run, diag);
}

static enum cmaw_err watch(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    CMAW_TRY(cmaw_launch_source_add_copy(&run->loop, &nitro->process, nitro->pidfd, EPOLLIN, cmaw_launch_death_ready));
    cmaw_launch_nitro_logs_start(run);
    if (run->options->debug_mode) {
        CMAW_TRY(cmaw_launch_nitro_console_start(run, diag));
    }
    run->loop.alive = true; /* nitro-cli has waited for the heartbeat */
    return CMAW_OK;
}

static enum cmaw_err start(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    *nitro = (struct launch_nitro){.pidfd = -1, .process = LAUNCH_SOURCE_NONE, .logs = LAUNCH_SOURCE_NONE, .console = CMAW_PROC_NONE};
    run->loop.state = run;
    CMAW_TRY(cmaw_launch_image_boots(run->options->eif, &run->image, true, diag));
    CMAW_TRY(cmaw_launch_nitro_find(run->options->nitro_cli, nitro->path, diag));
    CMAW_FD_AUTO(lock);
    CMAW_TRY(cmaw_launch_nitro_lock(run, &lock, diag));
    if (lock < 0) {
        return CMAW_OK; /* a signal came first: the loop sees it */
    }
    CMAW_TRY(start_alone(run, diag));
    return watch(run, diag);
}

static bool has_ended(const struct launch_nitro *nitro, int timeout_ms)
{
    struct pollfd event = {.fd = nitro->pidfd, .events = POLLIN};
    return nitro->pidfd >= 0 && poll(&event, 1, timeout_ms) == 1;
}

/* If nitro-cli cannot end it: the driver ends an enclave with the process that holds it. */
static bool kill_holder(struct launch_run *run)
{
    const struct launch_nitro *nitro = run->state;
    if (!nitro->holds || cmaw_pid_signal(nitro->pidfd, SIGKILL) != CMAW_OK || !has_ended(nitro, END_MS)) {
        return false;
    }
    cmaw_log(CMAW_LOG_WARN, "enclave.killed", "name=%s id=%s", run->options->name, run->enclave.id);
    return true;
}

static enum cmaw_err terminate(struct launch_run *run, struct cmaw_diag *diag)
{
    struct launch_nitro *nitro = run->state;
    const char *const words[] = {"terminate-enclave", "--enclave-id", run->enclave.id, NULL};
    LAUNCH_NITRO_OUTPUT_AUTO(output);
    if (!nitro->runs || has_ended(nitro, 0)) {
        return CMAW_OK;
    }
    enum cmaw_err err = call(run, words, ANSWER_MS, &output, diag);
    if (err == CMAW_OK && !cmaw_launch_nitro_read_terminated(cmaw_buf_slice(&output.out))) {
        err = not_an_answer(words[0], diag);
    }
    if (err == CMAW_OK && nitro->pidfd >= 0 && !has_ended(nitro, END_MS)) {
        err = cmaw_diag_set(diag, CMAW_E_TIMEOUT, "the enclave %s does not end", run->options->name);
    }
    nitro->runs = err != CMAW_OK && !kill_holder(run);
    return nitro->runs ? err : CMAW_OK;
}

static enum cmaw_err stop(struct launch_run *run, struct cmaw_diag *diag)
{
    const enum cmaw_err err = terminate(run, diag);
    if (err != CMAW_OK) {
        cmaw_diag_hint(diag, "as root: nitro-cli terminate-enclave --enclave-id %s", run->enclave.id);
        return cmaw_diag_wrap(diag, err, "the enclave %s may still run", run->options->name);
    }
    return CMAW_OK;
}

static void end(struct launch_run *run)
{
    struct launch_nitro *nitro = run->state;
    struct cmaw_diag unused = {0};
    cmaw_proc_kill(&nitro->console);
    /* of a start that failed half-way; if this fails too, the next start says that it runs */
    CMAW_IGNORE(terminate(run, &unused));
    cmaw_fd_close(&nitro->pidfd);
}

const struct launch_backend cmaw_launch_nitro = {
    .name = "nitro",
    .silence = "--debug-mode shows its console",
    .state_size = sizeof(struct launch_nitro),
    .check = check,
    .start = start,
    .stop = stop,
    .end = end,
};
