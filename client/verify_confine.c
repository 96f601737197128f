#include "client/verify_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call list for this processor"
#endif

/* Reading the file, memory, the C library's output and the ciphers' start. openat is looked at more closely below. */
static const uint16_t allowed[] = {
    SYS_read, SYS_write, SYS_close, SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect,
    SYS_madvise, SYS_brk, SYS_futex, SYS_getrandom, SYS_clock_gettime, SYS_getpid, SYS_ioctl, SYS_exit, SYS_exit_group,
    SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_mlock, SYS_munlock,
};

enum { ALLOWED_COUNT = sizeof allowed / sizeof allowed[0], HEAD = 4, TAIL = 6, PROGRAM_SIZE = HEAD + ALLOWED_COUNT + TAIL };

#define LOAD(field) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field)))
#define JUMP_IF(value, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, (uint8_t)(yes), (uint8_t)(no)))
#define RETURN(value) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value))

/* The layout, by index: architecture, number, the list, then openat, and two returns: [ALLOW] and [REFUSE]. */
static void build(struct sock_filter program[static PROGRAM_SIZE])
{
    enum { OPENAT = HEAD + ALLOWED_COUNT, ALLOW = PROGRAM_SIZE - 2, REFUSE = PROGRAM_SIZE - 1 };
    program[0] = LOAD(arch);
    program[1] = JUMP_IF(OWN_ARCH, 1, 0);
    program[2] = RETURN(SECCOMP_RET_KILL_PROCESS);
    program[3] = LOAD(nr);
    for (size_t i = 0; i < ALLOWED_COUNT; i++) {
        program[HEAD + i] = JUMP_IF(allowed[i], ALLOW - (HEAD + i) - 1, 0);
    }
    program[OPENAT] = JUMP_IF(SYS_openat, 0, REFUSE - OPENAT - 1);
    program[OPENAT + 1] = LOAD(args[2]);
    program[OPENAT + 2] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, O_ACCMODE | O_CREAT | O_TRUNC);
    program[OPENAT + 3] = JUMP_IF(O_RDONLY, 0, REFUSE - (OPENAT + 3) - 1);
    program[ALLOW] = RETURN(SECCOMP_RET_ALLOW);
    program[REFUSE] = RETURN(SECCOMP_RET_ERRNO | EPERM);
}

enum cmaw_err cmaw_verify_confine(void)
{
    struct sock_filter filter[PROGRAM_SIZE];
    build(filter);
    const struct sock_fprog program = {.len = PROGRAM_SIZE, .filter = filter};
    CMAW_REQUIRE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, cmaw_err_of_errno(errno));
    CMAW_REQUIRE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0, cmaw_err_of_errno(errno));
    return CMAW_OK;
}
