/* What the process with the keys has: its memory, its files, its descriptors. */
#include <elf.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

enum { PIDS = 300, FDS = 1024 };

int mode_memory(void)
{
    static const char *const names[] = {"mem", "maps", "environ", "root/etc/cmaw/enclave.conf", "fd/3", "syscall", "stack", "pagemap"};
    static const char *const devices[] = {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/vsock", "/dev/kmsg", "/dev/kvm", "/dev/userfaultfd",
                                          "/proc/kcore", "/proc/vmcore", "/proc/kallsyms", "/proc/self/mem", "/proc", "/sys",
                                          "/sys/kernel/debug", "/sys/fs/cgroup"};
    char stolen[64];
    const struct iovec here = {stolen, sizeof stolen};
    const struct iovec there = {(void *)0x400000, sizeof stolen};
    for (int pid = 0; pid < PIDS; pid++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char path[64];
            (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
            attempt(ENOENT, path, open(path, O_RDONLY));
        }
        FORBIDDEN("process_vm_readv", process_vm_readv(pid, &here, 1, &there, 1, 0));
        FORBIDDEN("process_vm_writev", process_vm_writev(pid, &here, 1, &there, 1, 0));
    }
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        attempt(ENOENT, devices[i], open(devices[i], O_RDONLY));
    }
    return verdict();
}

int mode_trace(void)
{
    for (int pid = 0; pid < PIDS; pid++) {
        FORBIDDEN("ptrace attach", ptrace(PTRACE_ATTACH, pid, NULL, NULL));
        FORBIDDEN("ptrace seize", ptrace(PTRACE_SEIZE, pid, NULL, NULL));
        FORBIDDEN("pidfd_open", syscall(SYS_pidfd_open, pid, 0));
    }
    FORBIDDEN("ptrace traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    FORBIDDEN("ptrace own child", ptrace(PTRACE_GETREGSET, 1, NT_PRSTATUS, NULL));
    FORBIDDEN("kcmp", syscall(SYS_kcmp, 1, 1, KCMP_FILE, 0, 0));
    FORBIDDEN("process_madvise", syscall(SYS_process_madvise, 0, NULL, 0, 0, 0));
    FORBIDDEN("process_mrelease", syscall(SYS_process_mrelease, 0, 0));
    FORBIDDEN("pidfd_getfd", syscall(SYS_pidfd_getfd, 0, 3, 0));
    FORBIDDEN("pidfd_send_signal", syscall(SYS_pidfd_send_signal, 0, SIGKILL, NULL, 0));
    FORBIDDEN("userfaultfd", syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
    FORBIDDEN("io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
    FORBIDDEN("io_uring_enter", syscall(SYS_io_uring_enter, 0, 1, 0, 0, NULL, 0));
    FORBIDDEN("io_uring_register", syscall(SYS_io_uring_register, 0, 0, NULL, 0));
    FORBIDDEN("move_pages", syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
    FORBIDDEN("migrate_pages", syscall(SYS_migrate_pages, 0, 0, NULL, NULL));
    FORBIDDEN("get_mempolicy", syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0));
    return verdict();
}

/* The enclave's own files are above its root: no way of writing a path leads there. */
int mode_files(void)
{
    static const char *const tails[] = {"etc/cmaw/enclave.conf", "etc/cmaw/kms-roots.pem", "init", "agent/bin", ".root/init", "proc/1/mem",
                                        "dev/nsm", "run"};
    static const char *const heads[] = {"/", "/../", "/../../../../", "/tmp/../../", "/dev/../../", "./../", "/tmp/up/", "/tmp/proc/",
                                        "/dev/fd/", "/proc/self/root/", "/proc/1/root/", "/proc/1/cwd/../"};
    attempt(ANY_ERRNO, "link to the root", symlink("/../../..", "/tmp/up") == 0 ? -1 : 0);
    attempt(ANY_ERRNO, "link to the first process", symlink("/proc/1/root", "/tmp/proc") == 0 ? -1 : 0);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        for (size_t k = 0; k < sizeof tails / sizeof tails[0]; k++) {
            char path[128];
            (void)snprintf(path, sizeof path, "%s%s", heads[i], tails[k]);
            attempt(ENOENT, path, open(path, O_RDONLY));
            attempt(ENOENT, path, open(path, O_PATH | O_NOFOLLOW));
            attempt(ENOENT, path, access(path, F_OK));
        }
    }
    for (int fd = 0; fd < 3; fd++) {
        attempt(ENOTDIR, "parent of a descriptor", openat(fd, "..", O_RDONLY));
        attempt(ENOTDIR, "fchdir to a descriptor", fchdir(fd));
        FORBIDDEN("name_to_handle_at", syscall(SYS_name_to_handle_at, fd, "", NULL, NULL, 0x1000));
    }
    FORBIDDEN("open_by_handle_at", syscall(SYS_open_by_handle_at, -100, NULL, 0));
    return verdict();
}

int mode_descriptors(void)
{
    for (int fd = 3; fd < FDS; fd++) {
        char path[32];
        attempt(EBADF, "an open descriptor", fcntl(fd, F_GETFD));
        attempt(EBADF, "duplicate of a descriptor", dup(fd));
        (void)snprintf(path, sizeof path, "/dev/fd/%d", fd);
        attempt(ENOENT, path, open(path, O_RDWR));
        FORBIDDEN("pidfd_getfd", syscall(SYS_pidfd_getfd, fd, fd, 0));
    }
    char byte = 0;
    attempt(EBADF, "read from standard error", read(2, &byte, 1));
    return verdict();
}

/* What a crash writes would be read by whoever made it crash. */
int mode_core(void)
{
    const struct rlimit endless = {RLIM_INFINITY, RLIM_INFINITY};
    attempt(EPERM, "limit of cores", setrlimit(RLIMIT_CORE, &endless));
    attempt(EPERM, "limit of cores by prlimit", syscall(SYS_prlimit64, 0, RLIMIT_CORE, &endless, NULL));
    FORBIDDEN("PR_SET_DUMPABLE", syscall(SYS_prctl, 4, 1, 0, 0, 0));
    attempt(ANY_ERRNO, "chdir to /tmp", chdir("/tmp") == 0 ? -1 : 0);
    const pid_t pid = fork();
    if (pid == 0) {
        *(volatile int *)8 = 1; // NOLINT: a fault is what is wanted
        _exit(0);
    }
    int status = 0;
    attempt(ANY_ERRNO, "core", waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && !WCOREDUMP(status) ? -1 : 0);
    attempt(ENOENT, "core in /tmp", access("/tmp/core", F_OK));
    return verdict();
}

int mode_write_input(void)
{
    attempt(EPERM, "write to the input", write(0, "x", 1));
    attempt(EPERM, "truncate the input", ftruncate(0, 0));
    attempt(EPERM, "lengthen the input", ftruncate(0, 1 << 20));
    attempt(EPERM, "punch a hole into the input", fallocate(0, 3 /* PUNCH_HOLE | KEEP_SIZE */, 0, 1));
    return verdict();
}
