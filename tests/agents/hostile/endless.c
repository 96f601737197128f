/* No end, of time or of output. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

static void ignore_all(void)
{
    sigset_t all;
    for (int number = 1; number < 65; number++) {
        (void)signal(number, SIG_IGN);
    }
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

int mode_hang(void)
{
    ignore_all();
    (void)fork();
    (void)fork();
    while (pause() < 0) {
    }
    return 1;
}

/* Nothing that is stopped ends on a signal that it could catch. */
int mode_stop(void)
{
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            (void)kill(getpid(), SIGSTOP);
        }
    }
    (void)kill(getpid(), SIGSTOP);
    return mode_hang();
}

static void *spin(void *unused)
{
    for (volatile unsigned long i = 0;; i++) {
    }
    return unused;
}

int mode_spin(void)
{
    pthread_t thread;
    ignore_all();
    while (pthread_create(&thread, NULL, spin, NULL) == 0) {
    }
    return spin(NULL) == NULL;
}

/* The parent cannot be woken by what it handles, only killed. */
int mode_vfork_wait(void)
{
    ignore_all();
    if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0) == 0) {
        (void)syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, 0);
        for (;;) {
            pause();
        }
    }
    return 0;
}

/* Never the same process for long: who looks for them one by one is always late. */
int mode_respawn(void)
{
    ignore_all();
    for (;;) {
        const pid_t pid = fork();
        if (pid == 0 && fork() != 0) {
            _exit(0);
        }
        (void)sched_yield();
    }
}

/* As many timers as there may be, each due again at once, whose signals nobody takes. */
int mode_timer_storm(void)
{
    const struct itimerspec now = {{0, 1}, {0, 1}};
    timer_t timer;
    ignore_all();
    for (int i = 0; i < 1000; i++) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + i % 8};
        if (timer_create(i % 2 == 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME, &event, &timer) == 0) {
            (void)timer_settime(timer, 0, &now, NULL);
        }
    }
    return mode_hang();
}

/* Calls that take long by themselves, and look for signals late or not at all. */
static void *call_long(void *unused)
{
    enum { MOST = 0x7ffff000, BLOCK = 16 << 20 };
    const int zero = open("/dev/zero", O_RDWR);
    const int null = open("/dev/null", O_RDWR);
    char *block = malloc(BLOCK);
    for (;;) {
        (void)sendfile(null, zero, NULL, MOST);
        (void)copy_file_range(zero, NULL, null, NULL, MOST, 0);
        if (block != NULL) {
            (void)getrandom(block, BLOCK, 0);
            (void)read(zero, block, BLOCK);
        }
    }
    return unused;
}

int mode_long_calls(void)
{
    pthread_t thread;
    ignore_all();
    while (pthread_create(&thread, NULL, call_long, NULL) == 0) {
    }
    return call_long(NULL) == NULL;
}

int mode_close_output(void)
{
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
    }
    return mode_hang();
}

int mode_cpu(void)
{
    return spin(NULL) == NULL;
}

static void fill(char *block, size_t size)
{
    memset(block, 'x', size);
}

int mode_flood(void)
{
    static char block[65536];
    fill(block, sizeof block);
    while (write(1, block, sizeof block) > 0) {
    }
    return 1;
}

int mode_flood_errors(void)
{
    for (int i = 0; i < 100000; i++) {
        (void)fprintf(stderr, "line %d of many\n", i);
    }
    return 3;
}

/* 1 GiB each, as far as it is taken. */
int mode_flood_huge(void)
{
    static char block[1 << 20];
    fill(block, sizeof block);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 1024; i++) {
        (void)write(2, block, sizeof block);
        (void)write(1, block, sizeof block);
    }
    return 3;
}
