#include "enclave/agent/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "enclave/agent/fds.h"

/* Address space beyond the memory limit, for what runtimes reserve and never use (Go: some hundred MiB). */
#define RESERVED_BYTES ((rlim_t)2 << 30)
/* Of the first thread; what a stack takes is not in RLIMIT_DATA. */
enum { STACK_BYTES = 8 << 20, SIGNALS = 64 };

static const char *const device_names[] = {"null", "zero", "urandom"};

static enum cmaw_err io(int result)
{
    return result < 0 ? CMAW_E_IO : CMAW_OK;
}

static enum cmaw_err make_dir(const char *root, const char *name)
{
    char path[256];
    CMAW_REQUIRE(snprintf(path, sizeof path, "%s/%s", root, name) < (int)sizeof path, CMAW_E_TOO_LARGE);
    if (mkdir(path, 0755) == 0) {
        return CMAW_OK;
    }
    struct stat status;
    CMAW_REQUIRE(errno == EEXIST && lstat(path, &status) == 0, CMAW_E_IO);
    errno = ENOTDIR; /* a link would have us mount outside of the agent's root */
    return S_ISDIR(status.st_mode) ? CMAW_OK : CMAW_E_IO;
}

/* Device nodes cannot be made in a user namespace, so the enclave's own are bound over empty files. They stay when an agent has
 * ended: read-only, nothing can be noted in their times. Data goes to a device all the same. */
static enum cmaw_err bind_device(const char *root, const char *name)
{
    char target[256];
    char source[64];
    CMAW_REQUIRE(snprintf(target, sizeof target, "%s/dev/%s", root, name) < (int)sizeof target, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(snprintf(source, sizeof source, "/dev/%s", name) < (int)sizeof source, CMAW_E_TOO_LARGE);
    const int fd = open(target, O_CREAT | O_CLOEXEC | O_WRONLY, 0444);
    CMAW_TRY(io(fd));
    close(fd);
    CMAW_TRY(io(mount(source, target, NULL, MS_BIND, NULL)));
    return io(mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL));
}

enum cmaw_err cmaw_sandbox_prepare_root(const char *root)
{
    char dev[256];
    CMAW_REQUIRE(snprintf(dev, sizeof dev, "%s/dev", root) < (int)sizeof dev, CMAW_E_TOO_LARGE);
    CMAW_TRY(make_dir(root, "dev"));
    CMAW_TRY(make_dir(root, "tmp"));
    CMAW_TRY(io(mount(root, root, NULL, MS_BIND, NULL)));
    CMAW_TRY(io(mount("tmpfs", dev, "tmpfs", MS_NOSUID | MS_NOEXEC, "size=4k,nr_inodes=8,mode=0755")));
    for (size_t i = 0; i < sizeof device_names / sizeof device_names[0]; i++) {
        CMAW_TRY(bind_device(root, device_names[i]));
    }
    CMAW_TRY(io(mount(NULL, dev, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC, NULL)));
    return io(mount(NULL, root, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
}

/* A mount copied into a less privileged namespace is locked and cannot become the root: bind it once more. */
static enum cmaw_err bind_root(const char *root)
{
    CMAW_TRY(io(mount(root, root, NULL, MS_BIND | MS_REC, NULL)));
    return io(chdir(root));
}

static enum cmaw_err mount_tmp(uint32_t tmp_kib)
{
    char options[128];
    if (tmp_kib == 0) {
        return CMAW_OK; /* size=0 would mean no limit: /tmp stays the empty read-only directory */
    }
    (void)snprintf(options, sizeof options, "size=%uk,nr_inodes=%u,mode=0700,uid=%d,gid=%d", tmp_kib, tmp_kib / 4 + 16,
                   CMAW_AGENT_UID, CMAW_AGENT_UID);
    return io(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, options));
}

/* Both arguments the same: the old root is stacked on the new one and taken off again (pivot_root(2), NOTES). */
static enum cmaw_err pivot(void)
{
    CMAW_TRY(io((int)syscall(SYS_pivot_root, ".", ".")));
    CMAW_TRY(io(umount2(".", MNT_DETACH)));
    CMAW_TRY(io(chdir("/")));
    return io(sethostname("agent", 5));
}

static enum cmaw_err limit(int resource, rlim_t value)
{
    const struct rlimit both = {value, value};
    return io(setrlimit((__rlimit_resource_t)resource, &both));
}

/* Of the larger of /tmp and the output, and a little more, so that an output over its limit is seen to be one. */
static rlim_t file_size_limit(const struct cmaw_agent_limits *limits)
{
    const uint32_t kib = limits->tmp_kib > limits->output_kib ? limits->tmp_kib : limits->output_kib;
    return ((rlim_t)kib << 10) + 1024;
}

static enum cmaw_err set_limits(const struct cmaw_agent_limits *limits)
{
    CMAW_TRY(limit(RLIMIT_DATA, (rlim_t)limits->memory_mib << 20));
    CMAW_TRY(limit(RLIMIT_STACK, STACK_BYTES));
    CMAW_TRY(limit(RLIMIT_AS, ((rlim_t)limits->memory_mib << 20) + RESERVED_BYTES));
    CMAW_TRY(limit(RLIMIT_NPROC, limits->processes));
    CMAW_TRY(limit(RLIMIT_NOFILE, limits->open_files));
    CMAW_TRY(limit(RLIMIT_CPU, limits->cpu_s));
    CMAW_TRY(limit(RLIMIT_FSIZE, file_size_limit(limits)));
    CMAW_TRY(limit(RLIMIT_CORE, 0));
    CMAW_TRY(limit(RLIMIT_MEMLOCK, 0));
    CMAW_TRY(limit(RLIMIT_MSGQUEUE, 0));
    CMAW_TRY(limit(RLIMIT_NICE, 0));
    CMAW_TRY(limit(RLIMIT_RTPRIO, 0));
    return limit(RLIMIT_SIGPENDING, CMAW_SANDBOX_SIGNALS);
}

static enum cmaw_err drop_capabilities(void)
{
    for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++) {
        CMAW_TRY(io(prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)));
    }
    CMAW_TRY(io(prctl(PR_SET_SECUREBITS, SECURE_ALL_BITS | SECURE_ALL_LOCKS, 0, 0, 0)));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {0};
    return io((int)syscall(SYS_capset, &header, none));
}

/* Where the kernel leaves it to each process: what the processor guesses for an agent tells it nothing of others, and its guesses are
 * none for them. For good, and for all that it starts. */
static enum cmaw_err stop_speculation(void)
{
    static const unsigned long kinds[] = {PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const int answer = prctl(PR_GET_SPECULATION_CTRL, kinds[i], 0, 0, 0);
        const unsigned long now = answer < 0 ? PR_SPEC_NOT_AFFECTED : (unsigned long)answer;
        if ((now & PR_SPEC_PRCTL) != 0 && (now & PR_SPEC_FORCE_DISABLE) == 0) {
            CMAW_TRY(io(prctl(PR_SET_SPECULATION_CTRL, kinds[i], PR_SPEC_FORCE_DISABLE, 0, 0)));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err drop_privileges(void)
{
    CMAW_TRY(stop_speculation());
    /* refused where the simulation runs in a user namespace of an ordinary user; there is nothing to drop to then */
    if (setgroups(0, NULL) != 0 && errno != EPERM) {
        return CMAW_E_IO;
    }
    CMAW_TRY(io(setresgid(CMAW_AGENT_UID, CMAW_AGENT_UID, CMAW_AGENT_UID)));
    CMAW_TRY(io(setresuid(CMAW_AGENT_UID, CMAW_AGENT_UID, CMAW_AGENT_UID)));
    CMAW_TRY(drop_capabilities());
    CMAW_TRY(io(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
    CMAW_TRY(io(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))); /* after the ids: changing them clears it */
    return io(setsid() < 0 && errno != EPERM ? -1 : 0);
}

/* What is ignored stays so in a new program: the enclave's process ignores SIGPIPE. */
static void reset_signals(void)
{
    for (int number = 1; number <= SIGNALS; number++) {
        (void)signal(number, SIG_DFL); /* refused for two, which nobody can ignore */
    }
}

[[gnu::noreturn]] static void fail(int control, enum cmaw_sandbox_stage stage)
{
    const struct cmaw_sandbox_report report = {(int32_t)stage, errno};
    [[maybe_unused]] const ssize_t sent = write(control, &report, sizeof report); /* the end is noticed in any case */
    _exit(127);
}

static void check(int control, enum cmaw_sandbox_stage stage, enum cmaw_err err)
{
    if (err != CMAW_OK) {
        fail(control, stage);
    }
}

static void prepare(const struct cmaw_sandbox_plan *plan, int control)
{
    char go = 0;
    reset_signals();
    check(control, CMAW_SANDBOX_MAP, cmaw_fds_receive(control, &go, sizeof go, NULL, 0));
    check(control, CMAW_SANDBOX_ROOT, bind_root(plan->root));
    check(control, CMAW_SANDBOX_TMP, mount_tmp(plan->conf->limits.tmp_kib));
    check(control, CMAW_SANDBOX_PIVOT, pivot());
    check(control, CMAW_SANDBOX_LIMITS, set_limits(&plan->conf->limits));
    check(control, CMAW_SANDBOX_PRIVILEGES, drop_privileges());
    check(control, CMAW_SANDBOX_WORKDIR, io(chdir(plan->conf->agent_workdir))); /* as the agent: it has to be able to */
}

/* The three descriptors came in above 2, where nothing else is open but control. */
static enum cmaw_err take_fds(const int fds[static CMAW_SANDBOX_JOB_FDS])
{
    for (int i = 0; i < CMAW_SANDBOX_JOB_FDS; i++) {
        CMAW_TRY(io(dup2(fds[i], i)));
    }
    return CMAW_OK;
}

/* The spawner's end is this sandbox's; if it came before that was arranged, nobody is at the other end any more. */
static enum cmaw_err check_spawner(int control)
{
    struct pollfd polled = {control, 0, 0};
    return poll(&polled, 1, 0) == 0 ? CMAW_OK : CMAW_E_CLOSED;
}

/* The image's entries, then the job's three. */
static void fill_env(char *const image_env[], char *ret_env[static CMAW_CONF_WORDS_MAX + 4], char *run, char *step,
                     char *seed)
{
    size_t count = 0;
    for (; image_env[count] != NULL; count++) {
        ret_env[count] = image_env[count];
    }
    ret_env[count++] = run;
    ret_env[count++] = step;
    ret_env[count++] = seed;
    ret_env[count] = NULL;
}

[[gnu::noreturn]] void cmaw_sandbox_main(const struct cmaw_sandbox_plan *plan, int control)
{
    prepare(plan, control);
    const struct cmaw_sandbox_report ready = {CMAW_SANDBOX_NONE, 0};
    check(control, CMAW_SANDBOX_JOB, cmaw_fds_send(control, cmaw_slice_of(&ready, sizeof ready), NULL, 0));
    struct cmaw_sandbox_job job;
    int fds[CMAW_SANDBOX_JOB_FDS];
    const enum cmaw_err err = cmaw_fds_receive(control, &job, sizeof job, fds, CMAW_SANDBOX_JOB_FDS);
    if (err == CMAW_E_CLOSED) {
        _exit(0); /* the spawner let it go unused */
    }
    check(control, CMAW_SANDBOX_JOB, err);
    check(control, CMAW_SANDBOX_JOB, check_spawner(control));
    check(control, CMAW_SANDBOX_JOB, take_fds(fds));

    char run[sizeof "CMAW_RUN=" + sizeof job.run];
    char step[sizeof "CMAW_STEP=" + sizeof job.step];
    char seed[sizeof "CMAW_SEED=" + sizeof job.seed];
    (void)snprintf(run, sizeof run, "CMAW_RUN=%.64s", job.run);
    (void)snprintf(step, sizeof step, "CMAW_STEP=%.10s", job.step);
    (void)snprintf(seed, sizeof seed, "CMAW_SEED=%.64s", job.seed);
    char *env[CMAW_CONF_WORDS_MAX + 4];
    fill_env(plan->conf->agent_env, env, run, step, seed);

    check(control, CMAW_SANDBOX_FILTER, cmaw_filter_apply(&plan->filter));
    execve(plan->conf->agent_args[0], plan->conf->agent_args, env);
    fail(control, CMAW_SANDBOX_EXEC);
}
