/* More than one's share, of what the limits of the image name or should cover. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

enum { PROCESSES_MAX = 64, DESCRIPTORS_MAX = 64, TMP_BYTES_MAX = 4 << 20 }; /* no image of the tests allows as much */

static char block[65536];

int mode_forkbomb(void)
{
    int children = 0;
    for (; children < 10000; children++) {
        const pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                (void)fork();
            }
        }
        if (pid < 0) {
            break;
        }
    }
    attempt(EAGAIN, "fork bomb", children > PROCESSES_MAX ? 0 : -1);
    return verdict();
}

static void *sleep_forever(void *unused)
{
    for (;;) {
        pause();
    }
    return unused;
}

int mode_threads(void)
{
    pthread_attr_t small;
    pthread_t thread;
    int threads = 0;
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 16384);
    while (threads < 10000 && (errno = pthread_create(&thread, &small, sleep_forever, NULL)) == 0) {
        threads++;
    }
    attempt(EAGAIN, "threads", threads > PROCESSES_MAX ? 0 : -1);
    return verdict();
}

/* How long a chain gets in which each waits for the one below it, where no signal that can be caught reaches it. */
static int chain_of_vforks(int length)
{
    const long pid = length < 200 ? syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) : -1;
    int status = 0;
    if (pid == 0) {
        _exit(chain_of_vforks(length + 1));
    }
    return pid > 0 && waitpid((pid_t)pid, &status, 0) == pid ? WEXITSTATUS(status) : length;
}

int mode_vfork(void)
{
    const int length = chain_of_vforks(0);
    attempt(ANY_ERRNO, "vforks", length == 0 || length > PROCESSES_MAX ? 0 : -1);
    return verdict();
}

/* Ended, and never waited for: their places are taken all the same. */
int mode_zombies(void)
{
    int children = 0;
    for (pid_t pid; children < 10000 && (pid = fork()) >= 0; children++) {
        if (pid == 0) {
            _exit(0);
        }
    }
    attempt(EAGAIN, "zombies", children > PROCESSES_MAX ? 0 : -1);
    return verdict();
}

/* The kernel takes words for a new program out of memory that no limit but that of stacks is for. */
int mode_arguments_fill(void)
{
    enum { WORDS = 32, WORD_SIZE = 100 * 1024 };
    static char word[WORD_SIZE], *words[WORDS + 1];
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    memset(word, 'x', sizeof word - 1);
    for (int i = 0; i < WORDS; i++) {
        words[i] = word;
    }
    (void)setrlimit(RLIMIT_STACK, &all);
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execve("/bin/agent", words, NULL);
        _exit(errno == E2BIG ? 0 : 1);
    }
    attempt(ANY_ERRNO, "3 MiB of words", pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? -1 : 0);
    return verdict();
}

int mode_tmp_fill(void)
{
    size_t total = 0;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int file = 0; file < 100; file++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/tmp/%d", file);
        const int fd = open(path, O_CREAT | O_WRONLY, 0600);
        for (ssize_t wrote; fd >= 0 && (wrote = write(fd, block, sizeof block)) > 0;) {
            total += (size_t)wrote;
        }
        if (fd >= 0) {
            attempt(ANY_ERRNO, "file beyond the limit", ftruncate(fd, 1LL << 40));
            attempt(ANY_ERRNO, "reserved beyond the limit", fallocate(fd, 1 /* KEEP_SIZE */, 0, 1LL << 32));
            attempt(ANY_ERRNO, "written beyond the limit", pwrite(fd, "x", 1, 1LL << 40));
            close(fd);
        }
    }
    attempt(ANY_ERRNO, "more than the image allows", total > TMP_BYTES_MAX ? 0 : -1);
    return verdict();
}

/* What takes no space but memory of the kernel. */
int mode_tmp_names(void)
{
    char path[256];
    int made = 0;
    close(open("/tmp/first", O_CREAT | O_WRONLY, 0600));
    for (; made < 1000000; made++) {
        (void)snprintf(path, sizeof path, "/tmp/%0200d", made);
        if ((made % 3 == 0 ? mkdir(path, 0700) : made % 3 == 1 ? symlink(path, path) : link("/tmp/first", path)) != 0) {
            break;
        }
    }
    attempt(ENOSPC, "names without end", made > 20000 ? 0 : -1);
    return verdict();
}

int mode_descriptors_fill(void)
{
    const struct rlimit many = {1 << 20, 1 << 20};
    attempt(EPERM, "limit of open files", setrlimit(RLIMIT_NOFILE, &many));
    int kinds[3] = {0};
    for (int i = 0; i < 100000; i++) {
        const int fd = i % 3 == 0 ? eventfd(0, 0) : i % 3 == 1 ? epoll_create1(0) : open("/dev/null", O_RDONLY);
        kinds[i % 3] += fd >= 0;
        if (fd < 0) {
            break;
        }
    }
    attempt(EMFILE, "descriptors", kinds[0] + kinds[1] + kinds[2] > DESCRIPTORS_MAX ? 0 : -1);
    attempt(ANY_ERRNO, "high descriptor", dup2(0, 100000));
    attempt(ANY_ERRNO, "high descriptor by fcntl", fcntl(0, F_DUPFD, 5000));
    return verdict();
}

/* A pipe holds 64 KiB, and would hold 1 MiB when asked. */
int mode_pipes_fill(void)
{
    int ends[2];
    size_t total = 0;
    while (pipe2(ends, O_NONBLOCK) == 0) {
        FORBIDDEN("size of a pipe", fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
        for (ssize_t wrote; (wrote = write(ends[1], block, sizeof block)) > 0;) {
            total += (size_t)wrote;
        }
    }
    FORBIDDEN("size of the error output", fcntl(2, F_SETPIPE_SZ, 1 << 20));
    attempt(ANY_ERRNO, "memory of pipes", total > DESCRIPTORS_MAX / 2 * sizeof block ? 0 : -1);
    return verdict();
}

int mode_maps_fill(void)
{
    char *pages = mmap(NULL, 1 << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int parts = 0;
    for (; pages != MAP_FAILED && parts < 1 << 18; parts++) { /* every other page another mapping */
        if (mprotect(pages + (size_t)parts * 8192, 4096, PROT_NONE) != 0) {
            break;
        }
    }
    attempt(ENOMEM, "mappings without end", parts == 1 << 18 ? 0 : -1);
    return verdict();
}

/* Standard output is a file: it may look longer than it is. */
int mode_output_sparse(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int shift = 22; shift < 63; shift += 3) {
        const off_t size = (off_t)1 << shift;
        attempt(EFBIG, "length", ftruncate(1, size));
        attempt(EFBIG, "reserve", fallocate(1, 0, 0, size));
        attempt(EFBIG, "reserve behind the end", fallocate(1, 1 /* KEEP_SIZE */, size, 4096));
        attempt(EFBIG, "write far out", pwrite(1, "x", 1, size));
        attempt(ANY_ERRNO, "seek", lseek(1, size, SEEK_SET) == size ? -1 : 0);
        attempt(EFBIG, "write after a seek", write(1, "x", 1));
    }
    attempt(ANY_ERRNO, "back", lseek(1, 0, SEEK_SET) == 0 ? -1 : 0);
    return verdict();
}
