/* Every wall of the sandbox is taken away, one at a time, and the hostile agent must notice: so the checks of its list can fail. The
 * sandbox's calls of the kernel go through the wrappers below (the linker's --wrap). Walls that stand behind another one, such as
 * capabilities behind the filter, cannot be noticed and are not in the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/sandbox_world.h"

enum kind { INTACT, FILTER, CALL, LIMIT, UNSET, NAMESPACE, CLOSING, SEALS, SIGNALS_KEPT, NAME, OLD_ROOT, WRITABLE_ROOT, WRITABLE_DEV, WRITABLE_DEVICES, TMP_SIZE };

/* detail: a system call that the filter lets through, a limit, or a namespace. */
static const struct weakness {
    enum kind kind;
    unsigned detail;
    const char *mode; /* that notices */
} weaknesses[] = {
    {FILTER, 0, "sockets"}, {FILTER, 0, "trace"}, {FILTER, 0, "other-abi"}, {FILTER, 0, "namespaces"}, {FILTER, 0, "ipc"},
    {FILTER, 0, "locks"}, {FILTER, 0, "watch"}, {FILTER, 0, "prctl"}, {FILTER, 0, "calls"}, {FILTER, 0, "ioctl"},
    {FILTER, 0, "look"}, {FILTER, 0, "pipes-fill"}, {FILTER, 0, "memory-fill"}, {FILTER, 0, "stack-fill"}, {FILTER, 0, "seals"},
    {FILTER, 0, "memory"}, {FILTER, 0, "realtime"}, {FILTER, 0, "privilege"}, {FILTER, 0, "identity"}, {FILTER, 0, "descriptors"},
    {FILTER, 0, "socket-calls"}, {FILTER, 0, "mount"}, {FILTER, 0, "frames"}, {FILTER, 0, "files"},
    {CALL, SYS_socket, "sockets"}, {CALL, SYS_socketpair, "sockets"}, {CALL, SYS_connect, "socket-calls"},
    {CALL, SYS_sendmsg, "frames"}, {CALL, SYS_ptrace, "trace"}, {CALL, SYS_process_vm_readv, "memory"},
    {CALL, SYS_process_vm_writev, "memory"}, {CALL, SYS_pidfd_open, "trace"}, {CALL, SYS_pidfd_getfd, "descriptors"},
    {CALL, SYS_userfaultfd, "trace"}, {CALL, SYS_io_uring_setup, "trace"}, {CALL, SYS_kcmp, "trace"},
    {CALL, SYS_unshare, "namespaces"}, {CALL, SYS_setns, "namespaces"}, {CALL, SYS_clone3, "namespaces"},
    {CALL, SYS_open_by_handle_at, "files"}, {CALL, SYS_prctl, "prctl"}, {CALL, SYS_seccomp, "prctl"},
    {CALL, SYS_ioctl, "ioctl"}, {CALL, SYS_keyctl, "identity"}, {CALL, SYS_add_key, "identity"}, {CALL, SYS_personality, "privilege"},
    {CALL, SYS_splice, "calls"}, {CALL, SYS_execveat, "calls"}, {CALL, SYS_memfd_create, "ipc"}, {CALL, SYS_shmget, "ipc"},
    {CALL, SYS_msgget, "ipc"}, {CALL, SYS_semget, "ipc"}, {CALL, SYS_inotify_init1, "watch"}, {CALL, SYS_fcntl, "watch"},
    {CALL, SYS_fcntl, "locks"}, {CALL, SYS_fcntl, "seals"}, {CALL, SYS_fcntl, "pipes-fill"}, {CALL, SYS_flock, "locks"},
    {CALL, SYS_sysinfo, "look"}, {CALL, SYS_mmap, "memory-fill"}, {CALL, SYS_mmap, "stack-fill"}, {CALL, SYS_mmap, "seals"},
    {CALL, SYS_setpriority, "realtime"}, {CALL, SYS_sched_setscheduler, "realtime"},
    {LIMIT, RLIMIT_DATA, "memory-fill"}, {UNSET, RLIMIT_AS, "tables-fill"}, {UNSET, RLIMIT_STACK, "stack-fill"}, {UNSET, RLIMIT_STACK, "arguments-fill"},
    {UNSET, RLIMIT_CORE, "core"}, {LIMIT, RLIMIT_NPROC, "threads"}, {LIMIT, RLIMIT_NPROC, "vfork"}, {LIMIT, RLIMIT_NPROC, "zombies"}, {LIMIT, RLIMIT_NOFILE, "descriptors-fill"},
    {LIMIT, RLIMIT_FSIZE, "output-sparse"}, {UNSET, RLIMIT_MEMLOCK, "realtime"},
    {NAMESPACE, CLONE_NEWPID, "look"}, {NAMESPACE, CLONE_NEWPID, "clean"}, {CLOSING, 0, "descriptors"}, {CLOSING, 0, "frames"},
    {SEALS, 0, "write-input"}, {SIGNALS_KEPT, 0, "clean"}, {NAME, 0, "look"}, {OLD_ROOT, 0, "files"}, {WRITABLE_ROOT, 0, "root"},
    {WRITABLE_DEV, 0, "root"}, {WRITABLE_DEVICES, 0, "touch"}, {TMP_SIZE, 0, "tmp-fill"}, {TMP_SIZE, 0, "tmp-names"},
};

static struct weakness weak; /* set before the spawner is forked */

enum cmaw_err __real_cmaw_filter_apply(const struct cmaw_filter *filter);
enum cmaw_err __wrap_cmaw_filter_apply(const struct cmaw_filter *filter);
int __real_setrlimit64(int resource, const struct rlimit64 *limit);
int __wrap_setrlimit64(int resource, const struct rlimit64 *limit);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __real_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int __real_umount2(const char *target, int flags);
int __wrap_umount2(const char *target, int flags);
int __real_sethostname(const char *name, size_t size);
int __wrap_sethostname(const char *name, size_t size);
sighandler_t __real_signal(int number, sighandler_t handler);
sighandler_t __wrap_signal(int number, sighandler_t handler);

/* In front of the program: one call is let through before it is looked at. */
enum cmaw_err __wrap_cmaw_filter_apply(const struct cmaw_filter *filter)
{
    static struct cmaw_filter longer;
    if (weak.kind == FILTER) {
        return CMAW_OK;
    }
    if (weak.kind != CALL) {
        return __real_cmaw_filter_apply(filter);
    }
    const struct sock_filter before[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, weak.detail, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    enum { BEFORE = sizeof before / sizeof before[0] };
    memcpy(longer.code, before, sizeof before);
    memcpy(longer.code + BEFORE, filter->code, (CMAW_FILTER_MAX - BEFORE) * sizeof filter->code[0]);
    longer.count = (unsigned short)(filter->count + BEFORE);
    return __real_cmaw_filter_apply(&longer);
}

int __wrap_setrlimit64(int resource, const struct rlimit64 *limit)
{
    const struct rlimit64 more = {limit->rlim_cur * 5, limit->rlim_max * 5};
    if ((unsigned)resource != weak.detail || (weak.kind != LIMIT && weak.kind != UNSET)) {
        return __real_setrlimit64(resource, limit);
    }
    return weak.kind == LIMIT ? __real_setrlimit64(resource, &more) : 0;
}

long __wrap_syscall(long number, ...)
{
    long arg[6];
    va_list args;
    va_start(args, number);
    for (size_t i = 0; i < 6; i++) {
        arg[i] = va_arg(args, long);
    }
    va_end(args);
    if (number == SYS_clone && weak.kind == NAMESPACE) {
        arg[0] &= ~(long)weak.detail;
    }
    return __real_syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

int __wrap_fcntl64(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    const long arg = va_arg(args, long);
    va_end(args);
    if ((weak.kind == CLOSING && command == F_SETFD) || (weak.kind == SEALS && command == F_ADD_SEALS)) {
        return 0;
    }
    return __real_fcntl64(fd, command, arg);
}

static bool is_weak_mount(const char *target, unsigned long flags)
{
    const char *name = strrchr(target, '/');
    const bool dev = name != NULL && strcmp(name, "/dev") == 0;
    const bool device = strstr(target, "/dev/") != NULL;
    return (flags & MS_REMOUNT) != 0 && ((weak.kind == WRITABLE_DEV && dev) || (weak.kind == WRITABLE_DEVICES && device) ||
                                         (weak.kind == WRITABLE_ROOT && !dev && !device));
}

int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
    if (is_weak_mount(target, flags)) {
        return 0;
    }
    const bool endless = weak.kind == TMP_SIZE && strcmp(target, "tmp") == 0;
    return __real_mount(source, target, type, flags, endless ? "size=64m,nr_inodes=30k,uid=1000,gid=1000" : data);
}

int __wrap_umount2(const char *target, int flags)
{
    return weak.kind == OLD_ROOT ? 0 : __real_umount2(target, flags);
}

int __wrap_sethostname(const char *name, size_t size)
{
    return weak.kind == NAME ? 0 : __real_sethostname(name, size);
}

sighandler_t __wrap_signal(int number, sighandler_t handler)
{
    return weak.kind == SIGNALS_KEPT ? SIG_DFL : __real_signal(number, handler);
}

/* What is weak here is noted by the agent itself; "frames" ends badly in any case, so its error output is looked at. */
static bool notices(struct weakness weakness)
{
    struct world world;
    weak = weakness;
    world_start(&world, NULL, usual_limits);
    struct cmaw_agent_outcome outcome = world_run_mode(&world, weakness.mode);
    const bool said = world_said(&outcome, "refused\n");
    const bool found = memmem(outcome.errors, outcome.errors_size, "got through", 11) != NULL ||
                       memmem(outcome.errors, outcome.errors_size, " failed by errno ", 17) != NULL;
    const bool started = outcome.end != CMAW_AGENT_BROKEN;
    cmaw_agent_outcome_free(&outcome);
    weak = (struct weakness){INTACT, 0, NULL};
    world_end(&world);
    assert_true(started);
    return !said && found;
}

/* Whoever runs this may have a low limit of its own, which the sandbox inherits where it sets none. */
static bool is_weak_here(struct weakness weakness)
{
    struct rlimit inherited = {0};
    return weakness.kind != UNSET || (getrlimit((__rlimit_resource_t)weakness.detail, &inherited) == 0 && inherited.rlim_max >= 1 << 20);
}

static void every_weakness_is_noticed(void **state)
{
    (void)state;
    enum { COUNT = sizeof weaknesses / sizeof weaknesses[0] };
    size_t missed = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (is_weak_here(weaknesses[i]) && !notices(weaknesses[i])) {
            print_message("# kind %d detail %u is not noticed by %s\n", weaknesses[i].kind, weaknesses[i].detail, weaknesses[i].mode);
            missed++;
        }
    }
    print_message("# %d ways to weaken the sandbox\n", COUNT);
    assert_int_equal(missed, 0);
}

static bool is_first_of_its_mode(size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(weaknesses[i].mode, weaknesses[index].mode) == 0) {
            return false;
        }
    }
    return true;
}

static void nothing_is_noticed_where_nothing_is_weak(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof weaknesses / sizeof weaknesses[0]; i++) {
        assert_false(is_first_of_its_mode(i) && notices((struct weakness){INTACT, 0, weaknesses[i].mode}));
    }
}

int main(void)
{
    (void)__real_signal(SIGPIPE, SIG_IGN); /* as in /init: an agent must not have that from it */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_weakness_is_noticed),
        cmocka_unit_test(nothing_is_noticed_where_nothing_is_weak),
    };
    return cmocka_run_group_tests_name("sandbox_weak", tests, world_become_root, NULL);
}
