/* More memory than the image gives, by every way that a limit of a process may not count. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

enum { MIB = 1 << 20, PROT_RW = PROT_READ | PROT_WRITE };

static char *map(size_t size, int protection, int flags)
{
    char *memory = mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void attempt_map(const char *what, int wanted, size_t size, int flags, int fd)
{
    attempt(wanted, what, mmap(NULL, size, PROT_RW, flags, fd, 0) == MAP_FAILED ? -1 : 0);
}

int mode_memory_fill(void)
{
    const int zero = open("/dev/zero", O_RDWR);
    attempt_map("shared memory", EPERM, 4096, MAP_SHARED | MAP_ANONYMOUS, -1);
    attempt_map("shared memory, validated", EPERM, 4096, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1);
    attempt_map("shared memory of /dev/zero", EPERM, 4096, MAP_SHARED, zero);
    attempt_map("huge pages", ANY_ERRNO, 512 * MIB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
    char *late = map(256 * (size_t)MIB, PROT_READ, MAP_PRIVATE); /* read-only first, writable later */
    attempt(ENOMEM, "mprotect", late == NULL ? -1 : mprotect(late, 256 * (size_t)MIB, PROT_RW));
    attempt(ENOMEM, "brk", sbrk(512 * (intptr_t)MIB) == (void *)-1 ? -1 : 0);
    char *small = map(4096, PROT_RW, MAP_PRIVATE);
    attempt(ENOMEM, "mremap", mremap(small, 4096, 512 * (size_t)MIB, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    for (size_t mib = 0; mib < 4096; mib++) {
        char *page = map(MIB, PROT_RW, MAP_PRIVATE);
        if (page == NULL) {
            return verdict();
        }
        memset(page, 1, MIB);
    }
    got_through("4 GiB");
    return verdict();
}

/* Stacks are not data to the kernel's count. */
int mode_stack_fill(void)
{
    const struct rlimit endless = {RLIM_INFINITY, RLIM_INFINITY};
    const struct rlimit large = {1 << 30, 1 << 30};
    attempt(EPERM, "endless stack", setrlimit(RLIMIT_STACK, &endless));
    attempt(EPERM, "large stack", setrlimit(RLIMIT_STACK, &large));
    attempt_map("mapping that grows like a stack", EPERM, 256 * (size_t)MIB, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
    char *late = map(256 * (size_t)MIB, PROT_READ, MAP_PRIVATE);
    attempt(ANY_ERRNO, "PROT_GROWSDOWN", late == NULL ? -1 : mprotect(late, 256 * (size_t)MIB, PROT_RW | PROT_GROWSDOWN));
    return verdict();
}

/* Filled, then made read-only: no limit of a process counts such pages, the group of the agent does. */
static void fill_protected(size_t mib)
{
    for (size_t i = 0; i < mib; i++) {
        char *part = map(MIB, PROT_RW, MAP_PRIVATE);
        if (part == NULL) {
            return;
        }
        memset(part, 1, MIB);
        (void)mprotect(part, MIB, PROT_READ);
    }
}

int mode_protect_fill(void)
{
    fill_protected(1024);
    got_through("1 GiB of read-only pages");
    return verdict();
}

/* A page in every 2 MiB: the tables cost as much as the pages. */
int mode_tables_fill(void)
{
    enum { SPAN = 1 << 30 };
    for (int spans = 0; spans < 8; spans++) {
        char *pages = map(SPAN, PROT_READ, MAP_PRIVATE | MAP_NORESERVE);
        if (pages == NULL) {
            return verdict();
        }
        for (size_t at = 0; at < SPAN; at += 2 * MIB) {
            (void)*(volatile char *)(pages + at);
        }
    }
    got_through("8 GiB of address space");
    return verdict();
}

/* Each of the family keeps to its own limit, all together do not. */
int mode_family_fill(void)
{
    for (int i = 0; i < 12; i++) {
        if (fork() == 0) {
            fill_protected(256);
            for (;;) {
                pause();
            }
        }
    }
    fill_protected(256);
    got_through("gigabytes of a family");
    return verdict();
}
