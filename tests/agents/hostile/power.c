/* Privileges, and parts of the kernel that an agent has no use for. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

struct call {
    const char *name;
    long number;
};

static int all_forbidden(const struct call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        FORBIDDEN(calls[i].name, syscall(calls[i].number, 0, 0, 0, 0, 0, 0));
    }
    return verdict();
}
#define ALL_FORBIDDEN(calls) all_forbidden(calls, sizeof(calls) / sizeof(calls)[0])

/* What changes the machine. */
int mode_privilege(void)
{
    static const struct call calls[] = {
        {"reboot", SYS_reboot}, {"kexec_load", SYS_kexec_load}, {"kexec_file_load", SYS_kexec_file_load},
        {"init_module", SYS_init_module}, {"finit_module", SYS_finit_module}, {"delete_module", SYS_delete_module},
        {"swapon", SYS_swapon}, {"swapoff", SYS_swapoff}, {"quotactl", SYS_quotactl}, {"quotactl_fd", SYS_quotactl_fd},
        {"acct", SYS_acct}, {"syslog", SYS_syslog}, {"sethostname", SYS_sethostname}, {"setdomainname", SYS_setdomainname},
        {"settimeofday", SYS_settimeofday}, {"clock_settime", SYS_clock_settime}, {"clock_adjtime", SYS_clock_adjtime},
        {"adjtimex", SYS_adjtimex}, {"vhangup", SYS_vhangup}, {"sync", SYS_sync}, {"syncfs", SYS_syncfs},
        {"personality", SYS_personality}, {"lookup_dcookie", 212}, {"nfsservctl", 180}, {"_sysctl", 156},
#ifdef __x86_64__
        {"iopl", SYS_iopl}, {"ioperm", SYS_ioperm}, {"modify_ldt", SYS_modify_ldt}, {"uselib", SYS_uselib}, {"ustat", SYS_ustat},
        {"sysfs", SYS_sysfs},
#endif
    };
    return ALL_FORBIDDEN(calls);
}

int mode_identity(void)
{
    static const struct call calls[] = {
        {"setuid", SYS_setuid}, {"setgid", SYS_setgid}, {"setreuid", SYS_setreuid}, {"setregid", SYS_setregid},
        {"setresuid", SYS_setresuid}, {"setresgid", SYS_setresgid}, {"setfsuid", SYS_setfsuid}, {"setfsgid", SYS_setfsgid},
        {"setgroups", SYS_setgroups}, {"capset", SYS_capset}, {"capget", SYS_capget}, {"chown", SYS_chown}, {"fchown", SYS_fchown},
        {"lchown", SYS_lchown}, {"fchownat", SYS_fchownat}, {"keyctl", SYS_keyctl}, {"add_key", SYS_add_key},
        {"request_key", SYS_request_key}};
    if (getuid() == 0 || geteuid() == 0 || getgid() == 0 || getegid() == 0) {
        got_through("root");
    }
    return ALL_FORBIDDEN(calls);
}

/* The image has a copy of this program with the set-user-id bit, owner root, and everyone may run it. */
int mode_set_user_id(void)
{
    const pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(open("/dev/null", O_WRONLY), 1);
        (void)execl("/bin/set-user-id", "set-user-id", "identity", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        got_through("set-user-id program"); /* or it is not there */
    }
    return verdict();
}

int mode_prctl(void)
{
    static const struct call options[] = {
        {"PR_SET_DUMPABLE", PR_SET_DUMPABLE}, {"PR_SET_PDEATHSIG", PR_SET_PDEATHSIG}, {"PR_SET_PTRACER", PR_SET_PTRACER},
        {"PR_SET_SECCOMP", PR_SET_SECCOMP},
        {"PR_SET_MM", PR_SET_MM}, {"PR_CAP_AMBIENT", PR_CAP_AMBIENT}, {"PR_CAPBSET_DROP", PR_CAPBSET_DROP},
        {"PR_SET_KEEPCAPS", PR_SET_KEEPCAPS}, {"PR_SET_SECUREBITS", PR_SET_SECUREBITS}, {"PR_SET_TSC", PR_SET_TSC},
        {"PR_SET_CHILD_SUBREAPER", PR_SET_CHILD_SUBREAPER}, {"PR_SET_SPECULATION_CTRL", PR_SET_SPECULATION_CTRL},
        {"PR_SET_SYSCALL_USER_DISPATCH", PR_SET_SYSCALL_USER_DISPATCH}, {"PR_SCHED_CORE", 62}, {"PR_SET_MDWE", 65},
        {"PR_SET_THP_DISABLE", PR_SET_THP_DISABLE}, {"PR_SET_IO_FLUSHER", PR_SET_IO_FLUSHER}, {"PR_SET_TIMERSLACK", PR_SET_TIMERSLACK},
        {"PR_TASK_PERF_EVENTS_ENABLE", PR_TASK_PERF_EVENTS_ENABLE}, {"PR_MCE_KILL", PR_MCE_KILL}, {"PR_SET_MEMORY_MERGE", 67}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        FORBIDDEN(options[i].name, prctl((int)options[i].number, 0, 0, 0, 0));
    }
    FORBIDDEN("seccomp with a listener", syscall(SYS_seccomp, 1, 8, NULL));
    FORBIDDEN("seccomp strict", syscall(SYS_seccomp, 0, 1, NULL));
    return verdict();
}

/* Much of the kernel's reach, and much of what was wrong in it. */
int mode_calls(void)
{
    static const struct call calls[] = {
        {"bpf", SYS_bpf}, {"perf_event_open", SYS_perf_event_open}, {"fanotify_init", SYS_fanotify_init},
        {"fanotify_mark", SYS_fanotify_mark}, {"landlock_create_ruleset", SYS_landlock_create_ruleset}, {"execveat", SYS_execveat},
        {"vmsplice", SYS_vmsplice}, {"splice", SYS_splice}, {"tee", SYS_tee}, {"memfd_create", SYS_memfd_create},
        {"memfd_secret", SYS_memfd_secret}, {"remap_file_pages", SYS_remap_file_pages}, {"mbind", SYS_mbind},
        {"set_mempolicy", SYS_set_mempolicy}, {"io_setup", SYS_io_setup}, {"io_submit", SYS_io_submit},
        {"readahead", SYS_readahead}, {"sync_file_range", SYS_sync_file_range}, {"signalfd4", SYS_signalfd4},
        {"unshare", SYS_unshare}, {"setns", SYS_setns}, {"statmount", 457}, {"listmount", 458}, {"lsm_get_self_attr", 459},
        {"cachestat", 451}, {"map_shadow_stack", 453}, {"futex_requeue", 456}, {"mseal", 462}, {"setxattrat", 463}, {"open_tree_attr", 467},
        {"pkey_alloc", SYS_pkey_alloc}, {"ioprio_set", SYS_ioprio_set}, {"no such call", 9999}};
    return ALL_FORBIDDEN(calls);
}

int mode_ioctl(void)
{
    static const struct call requests[] = {
        {"TIOCSTI", 0x5412}, {"TIOCSCTTY", 0x540e}, {"TIOCLINUX", 0x541c}, {"TIOCSETD", 0x5423}, {"TIOCCONS", 0x541d},
        {"FS_IOC_SETFLAGS", 0x40086602}, {"FICLONE", 0x40049409}, {"FIFREEZE", (long)0xc0045877}, {"NSM", (long)0xc0200a00},
        {"RNDADDENTROPY", 0x40085203}, {"RNDRESEEDCRNG", 0x5207}, {"KVM_CREATE_VM", 0xae01}, {"VSOCK local id", 0x7b9},
        {"NS_GET_PARENT", 0xb702}, {"BLKROSET", 0x125d}, {"LOOP_CTL_ADD", 0x4c80}, {"SIOCGIFCONF", 0x8912}};
    static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/urandom"};
    for (int fd = 0; fd < 6; fd++) {
        if (fd >= 3 && open(devices[fd - 3], O_RDWR) != fd) {
            got_through("a device that is not as it should be");
        }
        for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
            FORBIDDEN(requests[i].name, syscall(SYS_ioctl, fd, requests[i].number, "x"));
        }
    }
    return verdict();
}

int mode_realtime(void)
{
    const struct sched_param most = {99};
    const struct sched_param none = {0};
    const struct rlimit high = {99, 99};
    FORBIDDEN("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &most));
    FORBIDDEN("SCHED_RR", sched_setscheduler(0, SCHED_RR, &most));
    FORBIDDEN("SCHED_IDLE", sched_setscheduler(0, SCHED_IDLE, &none));
    FORBIDDEN("sched_setattr", syscall(SYS_sched_setattr, 0, NULL, 0));
    FORBIDDEN("sched_setparam", sched_setparam(0, &most));
    FORBIDDEN("nice", setpriority(PRIO_PROCESS, 0, -20));
    FORBIDDEN("nice of all", setpriority(PRIO_USER, 0, 19));
    FORBIDDEN("ioprio_set", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
    attempt(EPERM, "limit of priorities", setrlimit(RLIMIT_RTPRIO, &high));
    attempt(EPERM, "limit of niceness", setrlimit(RLIMIT_NICE, &high));
    FORBIDDEN("mlock", mlock(&most, sizeof most));
    FORBIDDEN("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
    FORBIDDEN("mlock2", syscall(SYS_mlock2, &most, sizeof most, 0));
    attempt(EPERM, "locked mapping", mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED ? -1 : 0);
    return verdict();
}

#ifdef __x86_64__
static void read_counter(void)
{
    __asm__ volatile("rdpmc" : : "c"(0) : "rax", "rdx");
}

static void write_port(void)
{
    __asm__ volatile("outb %%al, $0x80" : : "a"(0));
}

static void stop_interrupts(void)
{
    __asm__ volatile("cli");
}

static void read_register(void)
{
    __asm__ volatile("rdmsr" : : "c"(0x10) : "rax", "rdx");
}

int mode_counters(void)
{
    attempt_deadly("rdpmc", read_counter);
    attempt_deadly("rdmsr", read_register);
    attempt_deadly("port", write_port);
    attempt_deadly("cli", stop_interrupts);
    return verdict();
}
#else
int mode_counters(void)
{
    return verdict();
}
#endif
