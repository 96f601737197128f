/* An agent that goes to its limits, in the way that its input names ("eat 20", "forks"): what one enclave is asked to outlive, one step after the other. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Memory that RLIMIT_DATA does not count: what was written and may not be written any more. */
static int eat(int mib)
{
    enum { PIECE = 1 << 20 };
    for (int i = 1; i <= mib; i++) {
        char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (piece == MAP_FAILED) {
            printf("refused after %d MiB\n", i - 1);
            return 0;
        }
        memset(piece, i, PIECE);
        if (mprotect(piece, PIECE, PROT_READ) != 0) {
            return 1;
        }
    }
    printf("ate %d MiB\n", mib);
    return 0;
}

/* The same in a child: it is the whole agent that the kernel ends, and not the child alone. */
static int eat_in_child(int mib)
{
    const pid_t child = fork();
    if (child == 0) {
        _exit(eat(mib));
    }
    int status = 0;
    (void)waitpid(child, &status, 0);
    puts("outlived its child");
    return 0;
}

static int forks(int unused)
{
    (void)unused;
    int count = 0;
    while (count < 4096) {
        const pid_t child = fork();
        if (child < 0) {
            break;
        }
        if (child == 0) {
            for (;;) {
                pause();
            }
        }
        count++;
    }
    printf("%d processes\n", count + 1);
    return errno == EAGAIN ? 0 : 1;
}

/* Children of children whose parents are gone. */
static int orphans(int unused)
{
    (void)unused;
    for (int i = 0; i < 40; i++) {
        const pid_t child = fork();
        if (child < 0) {
            return 1;
        }
        if (child == 0) {
            if (fork() == 0) {
                (void)setsid();
            }
            _exit(0);
        }
        (void)waitpid(child, NULL, 0);
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
    puts("orphaned");
    return 0;
}

static int spill(int unused)
{
    (void)unused;
    static char block[65536];
    FILE *file = fopen("/tmp/full", "w");
    size_t written = 0;
    memset(block, 'x', sizeof block);
    while (file != NULL && fwrite(block, 1, sizeof block, file) == sizeof block && fflush(file) == 0) {
        written += sizeof block;
    }
    printf("%s after %zu KiB\n", errno == ENOSPC ? "full" : strerror(errno), written >> 10);
    return 0;
}

static int die(int unused)
{
    (void)unused;
    abort();
}

static const struct {
    const char *name;
    int (*run)(int number);
} modes[] = {{"eat", eat}, {"eat-in-child", eat_in_child}, {"forks", forks}, {"orphans", orphans}, {"spill", spill}, {"die", die}};

int main(void)
{
    char input[64] = {0};
    (void)signal(SIGPIPE, SIG_IGN);
    const size_t size = fread(input, 1, sizeof input - 1, stdin);
    const size_t word = strcspn(input, " ");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strlen(modes[i].name) == word && strncmp(input, modes[i].name, word) == 0) {
            return modes[i].run((int)strtol(input + word, NULL, 10));
        }
    }
    return fwrite(input, 1, size, stdout) == size ? 0 : 1; /* anything else is echoed */
}
