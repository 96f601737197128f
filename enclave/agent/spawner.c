#include "enclave/agent/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enclave/agent/cgroup.h"
#include "enclave/agent/fds.h"
#include "enclave/agent/ids.h"
#include "enclave/small_file.h"

enum { QUIET_MS = 3, SLOTS = CMAW_SPAWNER_RUNNING_MAX + CMAW_SPAWNER_WARM,
       NAMESPACES = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS };

enum slot_state { SLOT_FREE, SLOT_WARM, SLOT_RUNNING };

enum event { EVENT_NONE, EVENT_SOME, EVENT_CLOSED };

struct slot {
    enum slot_state state;
    int pidfd;
    int control;  /* our end; the sandbox reports failures on it */
    int mounts;   /* holds its mount namespace, so that taking it down is our work and not part of the agent's end */
    int status;   /* of the job; -1 once the requester has gone */
    struct cmaw_sandbox_report report;
};

struct spawner {
    struct cmaw_sandbox_plan plan;
    const char *groups; /* NULL: none */
    int jobs;
    struct cmaw_ids ids;
    bool refillable; /* false after a failure, until something happens: no busy loop of failing sandboxes */
    struct slot slots[SLOTS];
};

[[gnu::noreturn]] static void become_sandbox(const struct spawner *spawner, int control)
{
    if (dup2(control, 3) != 3 || fcntl(3, F_SETFD, FD_CLOEXEC) != 0 || close_range(4, ~0U, 0) != 0) {
        _exit(127);
    }
    cmaw_sandbox_main(&spawner->plan, 3);
}

/* fork with namespaces: the raw call, because glibc has no wrapper that keeps the stack. One thread, so this is safe. */
static pid_t clone_process(int *ret_pidfd)
{
    int pidfd = -1;
    const long pid = syscall(SYS_clone, (unsigned long)(NAMESPACES | CLONE_PIDFD | SIGCHLD), NULL, &pidfd, NULL, 0UL);
    if (pid > 0) {
        *ret_pidfd = pidfd;
    }
    return (pid_t)pid;
}

static int open_mounts(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void prefer_for_oom(pid_t pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
    CMAW_IGNORE(cmaw_small_file_write(path, "1000")); /* a kernel without /proc/…/oom_score_adj still has the limits */
}

static size_t index_of(const struct spawner *spawner, const struct slot *slot)
{
    return (size_t)(slot - spawner->slots);
}

static enum cmaw_err group_start(const struct spawner *spawner, const struct slot *slot, pid_t pid)
{
    if (spawner->groups == NULL) {
        return CMAW_OK;
    }
    CMAW_TRY(cmaw_cgroup_make(spawner->groups, index_of(spawner, slot), &spawner->plan.conf->limits));
    return cmaw_cgroup_enter(spawner->groups, index_of(spawner, slot), pid);
}

/* Of a sandbox that has ended. Whether it ran out of memory. */
static bool group_end(const struct spawner *spawner, const struct slot *slot)
{
    if (spawner->groups == NULL) {
        return false;
    }
    const bool ran_out = cmaw_cgroup_ran_out(spawner->groups, index_of(spawner, slot));
    cmaw_cgroup_remove(spawner->groups, index_of(spawner, slot));
    return ran_out;
}

static void slot_close(struct slot *slot)
{
    cmaw_fds_close(&slot->pidfd);
    cmaw_fds_close(&slot->control);
    cmaw_fds_close(&slot->status);
    cmaw_fds_close(&slot->mounts);
    slot->state = SLOT_FREE;
}

static struct slot *slot_find(struct spawner *spawner, enum slot_state state)
{
    for (size_t i = 0; i < SLOTS; i++) {
        if (spawner->slots[i].state == state) {
            return &spawner->slots[i];
        }
    }
    return NULL;
}

static size_t slot_count(const struct spawner *spawner, enum slot_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        count += spawner->slots[i].state == state;
    }
    return count;
}

static enum cmaw_err slot_start(struct spawner *spawner, struct slot *slot, struct cmaw_sandbox_report *ret_report)
{
    int pair[2];
    CMAW_REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, CMAW_E_IO);
    *slot = (struct slot){SLOT_WARM, -1, pair[0], -1, -1, {0}};
    const pid_t pid = clone_process(&slot->pidfd);
    if (pid == 0) {
        become_sandbox(spawner, pair[1]);
    }
    close(pair[1]);
    enum cmaw_err err = pid > 0 ? CMAW_OK : CMAW_E_IO;
    *ret_report = (struct cmaw_sandbox_report){CMAW_SANDBOX_CLONE, errno};
    if (err == CMAW_OK) {
        err = cmaw_ids_map(&spawner->ids, index_of(spawner, slot), pid);
        *ret_report = (struct cmaw_sandbox_report){CMAW_SANDBOX_MAP, errno};
    }
    if (err == CMAW_OK) {
        err = group_start(spawner, slot, pid);
        *ret_report = (struct cmaw_sandbox_report){CMAW_SANDBOX_GROUP, errno};
    }
    if (err == CMAW_OK) {
        prefer_for_oom(pid);
        slot->mounts = open_mounts(pid);
        const char go = 1;
        err = cmaw_fds_send(slot->control, cmaw_slice_of(&go, sizeof go), NULL, 0);
    }
    if (err != CMAW_OK && pid > 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        (void)group_end(spawner, slot);
    }
    if (err != CMAW_OK) {
        slot_close(slot);
    }
    return err;
}

static void answer(int status, int end, int value, int errnum)
{
    const struct cmaw_spawner_result result = {end, value, errnum};
    /* a requester that has gone does not want the answer */
    CMAW_IGNORE(cmaw_fds_send(status, cmaw_slice_of(&result, sizeof result), NULL, 0));
}

static void job_start(struct spawner *spawner, const struct cmaw_sandbox_job *job, const int *fds)
{
    const int status = fds[CMAW_SANDBOX_JOB_FDS];
    if (slot_count(spawner, SLOT_RUNNING) >= CMAW_SPAWNER_RUNNING_MAX) {
        answer(status, CMAW_SPAWNER_FULL, 0, 0);
        return;
    }
    for (;;) {
        struct cmaw_sandbox_report report = {CMAW_SANDBOX_CLONE, 0};
        struct slot *slot = slot_find(spawner, SLOT_WARM);
        const bool was_warm = slot != NULL;
        if (!was_warm) {
            slot = slot_find(spawner, SLOT_FREE);
            if (slot_start(spawner, slot, &report) != CMAW_OK) {
                answer(status, CMAW_SPAWNER_NOT_STARTED, report.stage, report.errnum);
                return;
            }
        }
        slot->state = SLOT_RUNNING;
        if (cmaw_fds_send(slot->control, cmaw_slice_of(job, sizeof *job), fds, CMAW_SANDBOX_JOB_FDS) == CMAW_OK) {
            slot->status = fcntl(status, F_DUPFD_CLOEXEC, 0);
            return;
        }
        /* it died while it waited: it is reaped like any other, without anyone to tell */
        if (!was_warm) {
            answer(status, CMAW_SPAWNER_NOT_STARTED, CMAW_SANDBOX_JOB, 0);
            return;
        }
    }
}

static bool job_receive(struct spawner *spawner)
{
    struct cmaw_sandbox_job job;
    int fds[CMAW_SPAWNER_JOB_FDS];
    const enum cmaw_err err = cmaw_fds_receive(spawner->jobs, &job, sizeof job, fds, CMAW_SPAWNER_JOB_FDS);
    if (err != CMAW_OK) {
        return false;
    }
    spawner->refillable = true;
    job_start(spawner, &job, fds);
    for (size_t i = 0; i < CMAW_SPAWNER_JOB_FDS; i++) {
        close(fds[i]);
    }
    cmaw_wipe(&job, sizeof job);
    return true;
}

static enum cmaw_spawner_end end_of(const siginfo_t *info, bool ran_out)
{
    if (info->si_code == CLD_EXITED && (info->si_status == 0 || !ran_out)) {
        return CMAW_SPAWNER_EXITED;
    }
    return ran_out ? CMAW_SPAWNER_OUT_OF_MEMORY : CMAW_SPAWNER_SIGNALLED;
}

static void slot_reap(struct spawner *spawner, struct slot *slot)
{
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)slot->pidfd, &info, WEXITED | WNOHANG) != 0) {
        info.si_code = CLD_KILLED;
    } else if (info.si_pid == 0) {
        return; /* not yet: this must not wait, others are served too */
    }
    while (cmaw_fds_receive(slot->control, &slot->report, sizeof slot->report, NULL, 0) == CMAW_OK) {
    } /* the last report counts; the other end is closed */
    const bool ran_out = group_end(spawner, slot);
    spawner->refillable = spawner->refillable && slot->state == SLOT_RUNNING;
    if (slot->status >= 0 && slot->report.stage != CMAW_SANDBOX_NONE) {
        answer(slot->status, CMAW_SPAWNER_NOT_STARTED, slot->report.stage, slot->report.errnum);
    } else if (slot->status >= 0) {
        answer(slot->status, (int)end_of(&info, ran_out), info.si_status, 0);
    }
    slot_close(slot);
}

static void slot_kill(struct slot *slot)
{
    (void)syscall(SYS_pidfd_send_signal, slot->pidfd, SIGKILL, NULL, 0);
    cmaw_fds_close(&slot->status);
}

/* Two descriptors per slot: the process, and the requester's end of the job. */
static enum event serve_once(struct spawner *spawner, int timeout_ms)
{
    struct pollfd polled[1 + 2 * SLOTS] = {{spawner->jobs, POLLIN, 0}};
    for (size_t i = 0; i < SLOTS; i++) {
        const struct slot *slot = &spawner->slots[i];
        const bool used = slot->state != SLOT_FREE;
        polled[1 + 2 * i] = (struct pollfd){used ? slot->pidfd : -1, POLLIN, 0};
        polled[2 + 2 * i] = (struct pollfd){used ? slot->status : -1, POLLIN, 0};
    }
    const int ready = poll(polled, 1 + 2 * SLOTS, timeout_ms);
    if (ready < 0) {
        return errno == EINTR ? EVENT_SOME : EVENT_CLOSED;
    }
    for (size_t i = 0; i < SLOTS; i++) {
        if (polled[1 + 2 * i].revents != 0) {
            slot_reap(spawner, &spawner->slots[i]);
        } else if (polled[2 + 2 * i].revents != 0) {
            slot_kill(&spawner->slots[i]);
        }
    }
    if (polled[0].revents != 0 && !job_receive(spawner)) {
        return EVENT_CLOSED;
    }
    return ready > 0 ? EVENT_SOME : EVENT_NONE;
}

/* Refills one at a time and looks for work in between. While there is some stock, making a sandbox waits for a quiet
 * moment, so that it does not compete with the agent that has just been started. */
static void serve(struct spawner *spawner)
{
    enum event event = EVENT_NONE;
    while (event != EVENT_CLOSED) {
        struct slot *slot = slot_find(spawner, SLOT_FREE);
        const size_t warm = slot_count(spawner, SLOT_WARM);
        const bool refill = spawner->refillable && slot != NULL && warm < CMAW_SPAWNER_WARM;
        const bool now = refill && (event == EVENT_NONE || warm < CMAW_SPAWNER_WARM_LOW);
        struct cmaw_sandbox_report report;
        if (now && slot_start(spawner, slot, &report) != CMAW_OK) {
            spawner->refillable = false;
        }
        event = serve_once(spawner, !refill || !spawner->refillable ? -1 : now ? 0 : QUIET_MS);
    }
}

static enum cmaw_err keep_only(int jobs)
{
    const int null = open("/dev/null", O_RDWR);
    CMAW_REQUIRE(null >= 0 && dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2, CMAW_E_IO);
    CMAW_REQUIRE(dup2(jobs, 3) == 3 && fcntl(3, F_SETFD, FD_CLOEXEC) == 0, CMAW_E_IO);
    return close_range(4, ~0U, 0) == 0 ? CMAW_OK : CMAW_E_IO;
}

/* The kernel's own bounds grow with memory, and in a small machine they are below what the image allows. A sandbox may not raise them. */
static void make_room(const struct cmaw_agent_limits *limits)
{
    const struct {
        __rlimit_resource_t resource;
        rlim_t needed;
    } rows[] = {{RLIMIT_NPROC, limits->processes}, {RLIMIT_NOFILE, limits->open_files}, {RLIMIT_SIGPENDING, CMAW_SANDBOX_SIGNALS}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rlimit now;
        if (getrlimit(rows[i].resource, &now) == 0 && now.rlim_max < rows[i].needed) {
            now.rlim_cur = now.rlim_max = rows[i].needed;
            (void)setrlimit(rows[i].resource, &now); /* refused to a user; the sandbox says so then */
        }
    }
}

static enum cmaw_err reset_process(pid_t parent)
{
    CMAW_REQUIRE(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent, CMAW_E_IO);
    /* it has no secret; what is not dumpable belongs to the first user namespace in /proc, where we may not map ids */
    CMAW_REQUIRE(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0, CMAW_E_IO);
    sigset_t none;
    sigemptyset(&none);
    CMAW_REQUIRE(sigprocmask(SIG_SETMASK, &none, NULL) == 0, CMAW_E_IO);
    CMAW_REQUIRE(unshare(CLONE_NEWNS) == 0, CMAW_E_IO);
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err spawner_prepare(struct spawner *spawner, pid_t parent, struct cmaw_sandbox_report *ret_report)
{
    enum cmaw_err err = reset_process(parent);
    make_room(&spawner->plan.conf->limits);
    if (err == CMAW_OK) {
        err = cmaw_sandbox_prepare_root(spawner->plan.root);
    }
    *ret_report = (struct cmaw_sandbox_report){CMAW_SANDBOX_ROOT, errno};
    CMAW_TRY(err);
    CMAW_TRY(cmaw_filter_compile(&spawner->plan.filter));
    struct slot *first = &spawner->slots[0];
    CMAW_TRY(slot_start(spawner, first, ret_report));
    CMAW_REQUIRE(cmaw_fds_receive(first->control, ret_report, sizeof *ret_report, NULL, 0) == CMAW_OK, CMAW_E_IO);
    return ret_report->stage == CMAW_SANDBOX_NONE ? CMAW_OK : CMAW_E_IO;
}

[[gnu::noreturn]] static void spawner_main(const struct cmaw_conf *conf, const char *root, const char *groups, pid_t parent, int jobs)
{
    static struct spawner spawner;
    spawner = (struct spawner){.plan = {.conf = conf, .root = root}, .groups = groups, .jobs = 3, .ids = CMAW_IDS, .refillable = true};
    if (keep_only(jobs) != CMAW_OK) {
        _exit(127);
    }
    struct cmaw_sandbox_report report = {0};
    if (spawner_prepare(&spawner, parent, &report) == CMAW_OK) {
        report = (struct cmaw_sandbox_report){0};
    } else if (report.stage == CMAW_SANDBOX_NONE) {
        report.stage = CMAW_SANDBOX_FILTER;
    }
    if (cmaw_fds_send(spawner.jobs, cmaw_slice_of(&report, sizeof report), NULL, 0) != CMAW_OK || report.stage != 0) {
        _exit(127);
    }
    serve(&spawner);
    _exit(0);
}

enum cmaw_err cmaw_spawner_start(const struct cmaw_conf *conf, const char *root, const char *groups,
                                 struct cmaw_spawner *ret_spawner, struct cmaw_sandbox_report *ret_report)
{
    int pair[2];
    CMAW_REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, CMAW_E_IO);
    CMAW_FDS_AUTO(jobs);
    jobs = pair[0];
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) {
        spawner_main(conf, root, groups, parent, pair[1]);
    }
    close(pair[1]);
    CMAW_REQUIRE(pid > 0, CMAW_E_IO);
    struct cmaw_sandbox_report report;
    if (cmaw_fds_receive(jobs, &report, sizeof report, NULL, 0) != CMAW_OK || report.stage != CMAW_SANDBOX_NONE) {
        *ret_report = report;
        return CMAW_E_IO;
    }
    *ret_spawner = (struct cmaw_spawner){pid, jobs};
    jobs = -1;
    return CMAW_OK;
}
