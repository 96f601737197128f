/* Agents that misbehave, one mode each: hostile MODE. An attack that gets through makes the program print what did and
 * exit 1; when every attempt was refused it prints "refused" and exits 0. Modes that cannot end by themselves (hang,
 * flood) are ended by the sandbox. Nothing of the runtime is linked: an agent has only what the kernel gives it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int through; /* attacks that were not refused */

static void expect_refused(const char *what, long result)
{
    if (result >= 0) {
        printf("%s got through\n", what);
        through++;
    }
}

static int verdict(void)
{
    if (through == 0) {
        puts("refused");
    }
    return through == 0 ? 0 : 1;
}

static int mode_sockets(void)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, 38 /* AF_ALG */};
    int pair[2];
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        expect_refused("stream socket", socket(families[i], SOCK_STREAM, 0));
        expect_refused("datagram socket", socket(families[i], SOCK_DGRAM, 0));
        expect_refused("raw socket", socket(families[i], SOCK_RAW, 0));
    }
    expect_refused("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    return verdict();
}

static int mode_memory(void)
{
    char stolen[64];
    struct iovec here = {stolen, sizeof stolen};
    struct iovec there = {(void *)0x400000, sizeof stolen};
    for (int pid = 0; pid < 300; pid++) {
        char path[64];
        (void)snprintf(path, sizeof path, "/proc/%d/mem", pid);
        expect_refused("memory file", open(path, O_RDONLY));
        expect_refused("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0));
        expect_refused("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
        expect_refused("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
        expect_refused("ptrace attach", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
        expect_refused("ptrace seize", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
    }
    expect_refused("ptrace traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    expect_refused("/dev/mem", open("/dev/mem", O_RDONLY));
    expect_refused("/dev/nsm", open("/dev/nsm", O_RDWR));
    expect_refused("/dev/vsock", open("/dev/vsock", O_RDWR));
    expect_refused("/proc", open("/proc", O_RDONLY));
    expect_refused("/sys", open("/sys", O_RDONLY));
    expect_refused("kcmp", syscall(SYS_kcmp, 1, 1, 0, 0, 0) == 0 ? 0 : -1);
    for (int fd = 3; fd < 1024; fd++) {
        expect_refused("open descriptor", fcntl(fd, F_GETFD));
    }
    return verdict();
}

static int mode_mount(void)
{
    expect_refused("mount tmpfs", mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
    expect_refused("mount proc", mount("proc", "/tmp", "proc", 0, NULL));
    expect_refused("remount /", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    expect_refused("umount /dev", umount2("/dev", MNT_DETACH));
    expect_refused("umount /", umount2("/", MNT_DETACH));
    expect_refused("pivot_root", syscall(SYS_pivot_root, ".", "."));
    expect_refused("chroot", chroot("/tmp"));
    expect_refused("open_tree", syscall(SYS_open_tree, -100, "/", 1));
    expect_refused("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
    expect_refused("unshare user", unshare(CLONE_NEWUSER));
    expect_refused("unshare mount", unshare(CLONE_NEWNS));
    expect_refused("clone user", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0));
    expect_refused("clone3", syscall(SYS_clone3, NULL, 0));
    expect_refused("setns", setns(0, 0));
    expect_refused("mknod", mknod("/tmp/mem", S_IFCHR | 0600, (1 << 8) | 1));
    expect_refused("write to /", open("/x", O_CREAT | O_WRONLY, 0600));
    expect_refused("write to /bin", open("/bin/x", O_CREAT | O_WRONLY, 0600));
    expect_refused("write to /dev", open("/dev/x", O_CREAT | O_WRONLY, 0600));
    expect_refused("write to the program", open("/bin/hostile", O_WRONLY));
    expect_refused("remove the program", unlink("/bin/hostile"));
    return verdict();
}

static int mode_privilege(void)
{
    static const struct { const char *name; long number; } calls[] = {
        {"keyctl", SYS_keyctl}, {"add_key", SYS_add_key}, {"bpf", SYS_bpf}, {"perf_event_open", SYS_perf_event_open},
        {"io_uring_setup", SYS_io_uring_setup}, {"userfaultfd", SYS_userfaultfd}, {"kexec_load", SYS_kexec_load},
        {"init_module", SYS_init_module}, {"finit_module", SYS_finit_module}, {"iopl", SYS_iopl},
        {"swapon", SYS_swapon}, {"setuid", SYS_setuid}, {"setgid", SYS_setgid}, {"setgroups", SYS_setgroups},
        {"setresuid", SYS_setresuid}, {"capset", SYS_capset}, {"sethostname", SYS_sethostname},
        {"clock_settime", SYS_clock_settime}, {"settimeofday", SYS_settimeofday}, {"acct", SYS_acct},
        {"quotactl", SYS_quotactl}, {"syslog", SYS_syslog}, {"fanotify_init", SYS_fanotify_init},
        {"name_to_handle_at", SYS_name_to_handle_at}, {"open_by_handle_at", SYS_open_by_handle_at},
        {"execveat", SYS_execveat}, {"seccomp", SYS_seccomp}, {"shmget", SYS_shmget}, {"msgget", SYS_msgget},
        {"mq_open", SYS_mq_open}, {"landlock", SYS_landlock_create_ruleset}, {"pidfd_getfd", SYS_pidfd_getfd},
        {"vmsplice", SYS_vmsplice}, {"memfd_create", SYS_memfd_create}, {"memfd_secret", SYS_memfd_secret}, {"no such call", 9999},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        expect_refused(calls[i].name, syscall(calls[i].number, 0, 0, 0, 0, 0, 0));
    }
    expect_refused("personality", syscall(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */));
    expect_refused("reboot", reboot(RB_AUTOBOOT));
    expect_refused("terminal input", syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x"));
    expect_refused("PR_SET_DUMPABLE", prctl(PR_SET_DUMPABLE, 1));
    expect_refused("PR_SET_MM", prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0));
    expect_refused("PR_CAP_AMBIENT", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0));
    expect_refused("kill others", kill(-1, SIGKILL));
    expect_refused("root", getuid() == 0 || geteuid() == 0 ? 0 : -1);
    return verdict();
}

/* Leaves what the next step must not find: a file, and processes that outlive their parent. */
static int mode_litter(void)
{
    const int fd = open("/tmp/letter", O_CREAT | O_WRONLY, 0600);
    if (fd < 0 || write(fd, "secret", 6) != 6) {
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            (void)signal(SIGTERM, SIG_IGN);
            (void)setsid();
            for (;;) {
                pause();
            }
        }
    }
    puts("littered");
    return 0;
}

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    return folder == NULL ? -1 : count;
}

static int mode_clean(void)
{
    if (count_entries("/tmp") != 0) {
        expect_refused("left file", 0);
    }
    expect_refused("other process", kill(-1, 0));
    if (count_entries("/dev") != 3) {
        expect_refused("device", 0);
    }
    return verdict();
}

static int mode_forkbomb(void)
{
    int children = 0;
    while (children < 10000) {
        const pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                (void)fork();
            }
        }
        if (pid < 0) {
            break;
        }
        children++;
    }
    if (children > 64) { /* no test allows more */
        expect_refused("fork bomb", 0);
    }
    return verdict();
}

static void expect_unmapped(const char *what, int flags, int fd)
{
    expect_refused(what, mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED ? -1 : 0);
}

static int mode_memory_fill(void)
{
    /* memory that no limit of a process counts */
    const int zero = open("/dev/zero", O_RDWR);
    expect_unmapped("shared memory", MAP_SHARED | MAP_ANONYMOUS, -1);
    expect_unmapped("shared memory, validated", MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1);
    expect_unmapped("shared memory of /dev/zero", MAP_SHARED, zero);
    /* read-only first, writable later */
    char *late = mmap(NULL, 256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (late != MAP_FAILED) {
        expect_refused("mprotect", mprotect(late, 256 << 20, PROT_READ | PROT_WRITE));
    }
    for (size_t mib = 0; mib < 4096; mib++) {
        char *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED) {
            return verdict();
        }
        memset(page, 1, 1 << 20);
    }
    expect_refused("4 GiB", 0);
    return verdict();
}

static int mode_tmp_fill(void)
{
    static char block[65536];
    (void)signal(SIGXFSZ, SIG_IGN);
    size_t total = 0;
    for (int file = 0; file < 100; file++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/tmp/%d", file);
        const int fd = open(path, O_CREAT | O_WRONLY, 0600);
        if (fd < 0) {
            break;
        }
        for (ssize_t wrote; (wrote = write(fd, block, sizeof block)) > 0;) {
            total += (size_t)wrote;
        }
        close(fd);
    }
    if (total > 4u << 20) {
        expect_refused("more than the image allows", 0);
    }
    return verdict();
}

static int mode_hang(void)
{
    for (int signal_number = 1; signal_number < 65; signal_number++) {
        (void)signal(signal_number, SIG_IGN);
    }
    (void)fork();
    (void)fork();
    while (pause() < 0) {
    }
    return 1;
}

static int mode_flood(void)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    while (write(1, block, sizeof block) > 0) {
    }
    return 1;
}

static int mode_flood_errors(void)
{
    for (int i = 0; i < 100000; i++) {
        (void)fprintf(stderr, "line %d of many\n", i);
    }
    return 3;
}

static int mode_echo(void)
{
    static char block[65536];
    for (ssize_t got; (got = read(0, block, sizeof block)) > 0;) {
        for (ssize_t done = 0, wrote; done < got; done += wrote) {
            wrote = write(1, block + done, (size_t)(got - done));
            if (wrote <= 0) {
                return 1;
            }
        }
    }
    return 0;
}

static int mode_env(void)
{
    extern char **environ;
    for (char **entry = environ; *entry != NULL; entry++) {
        puts(*entry);
    }
    return 0;
}

static int mode_write_input(void)
{
    expect_refused("write to the input", write(0, "x", 1));
    expect_refused("truncate the input", ftruncate(0, 0));
    return verdict();
}

static int mode_cpu(void)
{
    volatile unsigned long i = 1;
    while (i != 0) {
        i += 2;
    }
    return 1;
}

static int mode_abort(void)
{
    abort();
    return 1;
}

static int mode_close_output(void)
{
    close(1);
    close(2);
    return mode_hang();
}

static const struct { const char *name; int (*run)(void); } modes[] = {
    {"sockets", mode_sockets}, {"memory", mode_memory}, {"mount", mode_mount}, {"privilege", mode_privilege},
    {"litter", mode_litter}, {"clean", mode_clean}, {"forkbomb", mode_forkbomb}, {"memory-fill", mode_memory_fill},
    {"tmp-fill", mode_tmp_fill}, {"hang", mode_hang}, {"flood", mode_flood}, {"flood-errors", mode_flood_errors},
    {"echo", mode_echo}, {"env", mode_env}, {"write-input", mode_write_input}, {"cpu", mode_cpu}, {"abort", mode_abort},
    {"close-output", mode_close_output},
};

/* The mode is the argument, or else the first line of the input: one image can then carry several attacks. */
int main(int argc, char **argv)
{
    static char line[64];
    const char *mode = argc > 1 ? argv[1] : line;
    if (argc == 1 && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(mode, modes[i].name) == 0) {
            return modes[i].run();
        }
    }
    return 64;
}
