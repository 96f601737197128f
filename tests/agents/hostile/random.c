/* Calls that nobody thought of: random numbers of system calls with random arguments, the same for the same seed. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

enum { CHILDREN = 12, CALLS = 3000, NUMBERS = 480, ARENA = 65536 };

static uint64_t state;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static long argument(char *arena)
{
    static const long edges[] = {0, 1, -1, 2, 3, 7, 8, 4096, 0x7fffffff, 0x80000000, -100, 1L << 40, 0x10000000, 0x1000};
    switch (next() % 4) {
    case 0: return edges[next() % (sizeof edges / sizeof edges[0])];
    case 1: return (long)(intptr_t)(arena + next() % (ARENA - 4096));
    case 2: return (long)(next() % 64);
    default: return (long)(next() >> next() % 64);
    }
}

static void fill(char *arena)
{
    static const char *const paths[] = {"/tmp/a", "/dev/null", "/dev/zero", "/", "..", "/bin/agent", "/tmp", "."};
    for (size_t at = 0; at + 8 <= ARENA; at += 8) {
        const uint64_t word = next() % 3 == 0 ? next() % 64 : next();
        __builtin_memcpy(arena + at, &word, sizeof word);
    }
    for (size_t at = 0; at + 64 <= ARENA; at += 512) {
        __builtin_strcpy(arena + at, paths[next() % 8]);
    }
}

/* Not what ends or stops the process before it has tried much. */
static int is_worth_trying(long number)
{
    static const long dull[] = {SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_pause, SYS_poll,
                                SYS_ppoll, SYS_select, SYS_pselect6, SYS_nanosleep, SYS_clock_nanosleep, SYS_futex, SYS_kill};
    for (size_t i = 0; i < sizeof dull / sizeof dull[0]; i++) {
        if (number == dull[i]) {
            return 0;
        }
    }
    return 1;
}

/* Ends by itself, by a fault, or by the alarm. Its descriptors are not those of the agent's output. */
static void call_at_random(void)
{
    char *arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) {
        (void)dup2(null, fd);
    }
    (void)alarm(1);
    for (int i = 0; i < CALLS; i++) {
        const long number = (long)(next() % NUMBERS);
        if (i % 100 == 0) {
            fill(arena);
        }
        if (is_worth_trying(number)) {
            (void)syscall(number, argument(arena), argument(arena), argument(arena), argument(arena), argument(arena), argument(arena));
        }
    }
    _exit(0);
}

int mode_random(void)
{
    state = 0x9e3779b97f4a7c15 * (uint64_t)(atoi(mode_word) + 1);
    for (int i = 0; i < CHILDREN; i++) {
        (void)next();
        if (fork() == 0) {
            state += (uint64_t)i * 0x2545f4914f6cdd1d;
            call_at_random();
        }
        if (i % 4 == 3) { /* so many at once */
            (void)usleep(300000);
            (void)kill(-1, SIGKILL);
            while (wait(NULL) > 0) {
            }
        }
    }
    return verdict();
}
