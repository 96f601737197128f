/* /init: PID 1 of the enclave. Boot in a straight list; anything that fails ends the enclave with one line that says where. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "enclave/agent/cgroup.h"
#include "enclave/children.h"
#include "enclave/clock.h"
#include "enclave/enclave.h"
#include "enclave/logs.h"
#include "enclave/platform/kernel.h"
#include "enclave/platform/platform.h"
#include "enclave/server.h"
#include "enclave/small_file.h"
#include "enclave/thread.h"
#include "lib/base/log.h"
#include "lib/rpc/frame.h"

enum { HEARTBEAT = 0xb7, HEARTBEAT_MS = 30000, ROOTS_MAX = 256 * 1024, LAST_WORDS_MS = 2000, KEPT_BYTES = 16 * 1024 * 1024 };

static struct cmaw_enclave enclave = {
    .nsm = {cmaw_platform_nsm_call, NULL},
    .state = CMAW_ENCLAVE_NEW,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .failure_lock = PTHREAD_MUTEX_INITIALIZER,
    .bytes = CMAW_BUDGET(CMAW_ENCLAVE_BYTES),
    .agents = CMAW_BUDGET(CMAW_SPAWNER_RUNNING_MAX),
    .ak_doc = CMAW_BUF(CMAW_AK_DOC_MAX),
};

[[gnu::noreturn]] static void end(const char *event, enum cmaw_err err)
{
    cmaw_log(CMAW_LOG_ERROR, event, "err=%s errno=%d", cmaw_err_text(err), errno);
    if (getpid() == 1) { /* else it is no enclave, and there is no host */
        cmaw_logs_flush(LAST_WORDS_MS);
    }
    cmaw_platform_end(1);
}

static void must(enum cmaw_err err, const char *event)
{
    if (err != CMAW_OK) {
        end(event, err);
    }
}

static enum cmaw_err read_conf(void)
{
    CMAW_BUF_AUTO(text, CMAW_CONF_MAX);
    CMAW_TRY(cmaw_small_file_read("/etc/cmaw/enclave.conf", &text));
    return cmaw_conf_parse(cmaw_buf_slice(&text), &enclave.conf);
}

/* The host waits for this byte and its echo before it says that the enclave runs (facts/NITRO.md section 4). */
static enum cmaw_err heartbeat(void)
{
    int fd = -1;
    CMAW_TRY(cmaw_platform_connect(CMAW_PORT_HEARTBEAT, HEARTBEAT_MS, &fd));
    uint8_t beat = HEARTBEAT;
    struct pollfd polled = {fd, POLLIN, 0};
    const bool answered = write(fd, &beat, 1) == 1 && poll(&polled, 1, HEARTBEAT_MS) == 1 && read(fd, &beat, 1) == 1;
    close(fd);
    return answered && beat == HEARTBEAT ? CMAW_OK : CMAW_E_PEER;
}

/* The process that will hold keys: no core, no tracer, no descriptor for a program it starts, few arenas. */
static enum cmaw_err harden(void)
{
    const struct rlimit none = {0, 0};
    const struct rlimit files = {4096, 4096};
    CMAW_REQUIRE(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, CMAW_E_IO);
    CMAW_REQUIRE(setrlimit(RLIMIT_CORE, &none) == 0, CMAW_E_IO);
    (void)setrlimit(RLIMIT_NOFILE, &files); /* more connections than that are refused anyway */
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mallopt(M_ARENA_MAX, 2);
    (void)mallopt(M_MMAP_THRESHOLD, 64 * 1024); /* large buffers go back to the kernel when freed */
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    return CMAW_OK;
}

/* The group for all agents, or NULL: then each process has its rlimits, and no more than that is said. What the keys need is kept
 * out of the agents' reach. */
static const char *make_groups(void)
{
    static char agents[CMAW_CGROUP_PATH_MAX];
    const unsigned one = (unsigned)(cmaw_cgroup_agent_bytes(&enclave.conf.limits) >> 20);
    const char *folder = cmaw_platform_cgroups();
    uint64_t free = 0;
    if (cmaw_kernel_available("/proc", &free) != CMAW_OK) {
        return NULL;
    }
    const uint64_t all = free > 2 * KEPT_BYTES ? free - KEPT_BYTES : free / 2;
    cmaw_log(CMAW_LOG_INFO, "boot.memory", "agent_mib=%u agents_mib=%u", one, (unsigned)(all >> 20));
    if (one > all >> 20) {
        cmaw_log(CMAW_LOG_WARN, "boot.memory_short", "missing_mib=%u", one - (unsigned)(all >> 20));
    }
    if (folder == NULL || cmaw_cgroup_prepare(folder, all, agents) != CMAW_OK) {
        cmaw_log(CMAW_LOG_INFO, "boot.no_groups", "errno=%d", errno);
        return NULL;
    }
    return agents;
}

static enum cmaw_err start_spawner(void)
{
    struct cmaw_sandbox_report report = {0};
    const enum cmaw_err err = cmaw_spawner_start(&enclave.conf, "/agent", make_groups(), &enclave.spawner, &report);
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "sandbox.failed", "stage=%d errno=%d", report.stage, report.errnum);
    }
    return err;
}

static enum cmaw_err dial_kms(uint32_t timeout_ms, int *ret_fd)
{
    return cmaw_platform_connect(CMAW_PORT_KMS, timeout_ms, ret_fd);
}

static enum cmaw_err start_kms(void)
{
    CMAW_BUF_AUTO(roots, ROOTS_MAX);
    CMAW_TRY(cmaw_small_file_read("/etc/cmaw/kms-roots.pem", &roots));
    enclave.kms = (struct cmaw_kms){
        .host = enclave.conf.kms_host, .fips = enclave.conf.kms_fips, .nsm = &enclave.nsm, .dial = dial_kms, .now_ms = cmaw_clock_now_ms};
    return cmaw_tls_client_new(cmaw_buf_slice(&roots), &enclave.kms.tls);
}

static void *renew_time(void *unused)
{
    (void)unused;
    for (;;) {
        const struct timespec pause = {cmaw_platform_clock_renew_s, 0};
        (void)nanosleep(&pause, NULL);
        const enum cmaw_err err = cmaw_enclave_renew_time(&enclave);
        if (err != CMAW_OK) { /* the monotonic clock carries on */
            cmaw_log(CMAW_LOG_WARN, "clock.not_renewed", "err=%s", cmaw_err_text(err));
        }
    }
    return NULL;
}

static void *serve(void *unused)
{
    (void)unused;
    end("server.ended", cmaw_server_run(&enclave));
    return NULL;
}

/* A tier that isolates nothing says so on every start. */
static void say_tier(void)
{
    static const char *const words[] = {
        [CMAW_TIER_SIM] = "this is a simulation: the host can read this memory",
        [CMAW_TIER_VM] = "this is a virtual machine of the host's own: it can read this memory, and documents are unsigned",
    };
    if (cmaw_platform_tier() != CMAW_TIER_NITRO) {
        cmaw_log(CMAW_LOG_WARN, "boot.not_isolated", "%s", words[cmaw_platform_tier()]);
    }
}

static void be_verbose(void)
{
    cmaw_log_init("enclave", CMAW_LOG_DEBUG);
    cmaw_logs_copy(cmaw_platform_show_console() == CMAW_OK); /* a kernel without a console has port 9001 */
}

static void boot(void)
{
    cmaw_log_init("enclave", CMAW_LOG_INFO);
    must(getpid() == 1 ? CMAW_OK : CMAW_E_USAGE, "boot.not_pid_1");
    cmaw_logs_take();
    must(harden(), "boot.harden");
    must(cmaw_platform_start(), "boot.platform");
    enclave.started_ms = cmaw_monotonic_ms();
    must(heartbeat(), "boot.heartbeat");
    must(read_conf(), "boot.conf");
    if (enclave.conf.debug) {
        be_verbose();
    }
    must(start_spawner(), "boot.spawner"); /* before any key and any thread */
    must(cmaw_logs_start(), "boot.logs");
    cmaw_log(CMAW_LOG_INFO, "boot.started", "version=%s", CMAW_VERSION);
    say_tier();
    must(cmaw_enclave_add_entropy(&enclave.nsm), "boot.entropy");
    must(cmaw_enclave_read_identity(&enclave), "boot.identity");
    must(start_kms(), "boot.kms");
    must(cmaw_thread_start(renew_time, NULL), "boot.clock");
    must(cmaw_thread_start(serve, NULL), "boot.server");
}

int main(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* the threads inherit this; the spawner clears it */
    boot();
    for (;;) {
        int number = 0;
        if (sigwait(&signals, &number) != 0) {
            continue;
        }
        if (number == SIGCHLD) {
            if (cmaw_children_reap(enclave.spawner.pid)) { /* no step could be run any more */
                end("spawner.ended", CMAW_E_CLOSED);
            }
            continue;
        }
        cmaw_log(CMAW_LOG_INFO, "enclave.ended", "signal=%d", number);
        cmaw_logs_flush(LAST_WORDS_MS);
        cmaw_platform_end(0);
    }
}
