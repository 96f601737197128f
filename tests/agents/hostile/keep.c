/* What the next step must not find; and the next step, which looks. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hostile.h"

static void wait_forever(void)
{
    for (int number = 1; number < 65; number++) {
        (void)signal(number, SIG_IGN);
    }
    for (;;) {
        pause();
    }
}

/* A file, and processes that outlive their parent. */
int mode_litter(void)
{
    const int fd = open("/tmp/letter", O_CREAT | O_WRONLY, 0600);
    if (fd < 0 || write(fd, "secret", 6) != 6) {
        return 1;
    }
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            (void)setsid();
            wait_forever();
        }
    }
    say("littered\n");
    return 0;
}

/* The classic way into the background, with everything that could keep it there. */
int mode_daemon(void)
{
    const int fd = open("/tmp/pid", O_CREAT | O_RDWR, 0666);
    (void)umask(0);
    if (fork() == 0) {
        (void)setsid();
        if (fork() != 0) {
            _exit(0);
        }
        (void)chdir("/tmp");
        (void)unlink("/tmp/pid"); /* a file without a name, for as long as this lives */
        for (int i = 0; i < 3; i++) {
            (void)dup2(fd, i);
        }
        wait_forever();
    }
    (void)wait(NULL);
    say("littered\n");
    return 0;
}

int mode_ipc(void)
{
    FORBIDDEN("shmget", syscall(SYS_shmget, 1, 4096, 01600));
    FORBIDDEN("shmat", syscall(SYS_shmat, 0, 0, 0));
    FORBIDDEN("shmctl", syscall(SYS_shmctl, 0, 0, 0));
    FORBIDDEN("msgget", syscall(SYS_msgget, 1, 01600));
    FORBIDDEN("msgsnd", syscall(SYS_msgsnd, 0, "x", 0, 0));
    FORBIDDEN("msgrcv", syscall(SYS_msgrcv, 0, NULL, 0, 0, 0));
    FORBIDDEN("semget", syscall(SYS_semget, 1, 1, 01600));
    FORBIDDEN("semop", syscall(SYS_semop, 0, NULL, 0));
    FORBIDDEN("mq_open", syscall(SYS_mq_open, "queue", O_CREAT | O_RDWR, 0600, NULL));
    FORBIDDEN("mq_unlink", syscall(SYS_mq_unlink, "queue"));
    FORBIDDEN("memfd_create", syscall(SYS_memfd_create, "kept", 0));
    FORBIDDEN("shared mapping", mmap(NULL, 4096, PROT_READ, MAP_SHARED, 0, 0) == MAP_FAILED ? -1 : 0);
    attempt(ENOENT, "/dev/shm", open("/dev/shm/kept", O_CREAT | O_RDWR, 0600));
    attempt(ENOENT, "/dev/mqueue", open("/dev/mqueue/kept", O_CREAT | O_RDWR, 0600));
    attempt(ANY_ERRNO, "pipe with a name", mkfifo("/tmp/fifo", 0600));
    return verdict();
}

static void attempt_locks(const char *name, int fd)
{
    static const int kinds[] = {F_SETLK, F_SETLKW, F_GETLK, 36 /* F_OFD_GETLK */, 37 /* F_OFD_SETLK */, 38 /* F_OFD_SETLKW */};
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    attempt(ENOLCK, name, flock(fd, LOCK_EX | LOCK_NB));
    attempt(ENOLCK, name, flock(fd, LOCK_SH | LOCK_NB));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        lock.l_pid = 0;
        attempt(ENOLCK, name, fcntl(fd, kinds[i], &lock));
    }
    attempt(EPERM, name, fcntl(fd, F_SETLEASE, F_RDLCK));
}

/* The read-only root is the same for all agents at work: a lock on one of its files is a bit that others can read. */
int mode_locks(void)
{
    static const char *const names[] = {"/", "/bin", "/bin/agent", "/dev/null", "/dev/urandom", "/tmp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const int fd = open(names[i], O_RDONLY);
        attempt(ANY_ERRNO, names[i], fd >= 0 ? -1 : 0);
        attempt_locks(names[i], fd);
    }
    for (int fd = 0; fd < 3; fd++) {
        attempt_locks("standard descriptor", fd);
    }
    return verdict();
}

/* So is a signal when another agent opens a file of it. */
int mode_watch(void)
{
    static const char *const names[] = {"/", "/bin", "/dev", "/tmp"};
    FORBIDDEN("inotify_init1", syscall(SYS_inotify_init1, 0));
    FORBIDDEN("inotify_add_watch", syscall(SYS_inotify_add_watch, 0, "/bin", 1));
#ifdef SYS_inotify_init
    FORBIDDEN("inotify_init", syscall(SYS_inotify_init));
#endif
    FORBIDDEN("fanotify_init", syscall(SYS_fanotify_init, 0, 0));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const int fd = open(names[i], O_RDONLY | O_DIRECTORY);
        FORBIDDEN("dnotify", fcntl(fd, F_NOTIFY, DN_ACCESS | DN_MULTISHOT));
        FORBIDDEN("F_SETSIG", fcntl(fd, F_SETSIG, SIGUSR1));
        FORBIDDEN("F_SETOWN", fcntl(fd, F_SETOWN, 1));
        FORBIDDEN("F_SET_RW_HINT", fcntl(fd, 1036, NULL));
    }
    return verdict();
}

/* Times and modes of files that are not gone with this step. */
int mode_touch(void)
{
    static const char *const names[] = {"/", "/bin", "/bin/agent", "/dev", "/dev/null", "/dev/zero", "/dev/urandom"};
    static const struct timespec times[2] = {{4242, 42}, {4242, 42}};
    struct stat before;
    struct stat after;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        attempt(ANY_ERRNO, "stat", stat(names[i], &before) == 0 ? -1 : 0);
        attempt(EROFS, names[i], utimensat(AT_FDCWD, names[i], NULL, 0));
        attempt(EROFS, names[i], utimensat(AT_FDCWD, names[i], times, 0));
        attempt(EROFS, names[i], chmod(names[i], 0777));
        attempt(EPERM, names[i], chown(names[i], getuid(), getgid()));
        const int fd = open(names[i], O_RDONLY);
        char block[64];
        (void)read(fd, block, sizeof block);
        attempt(EROFS, names[i], futimens(fd, NULL));
        attempt(EROFS, names[i], fchmod(fd, 0777));
        close(fd);
        if (i > 3) {
            const int device = open(names[i], O_RDWR);
            (void)write(device, block, sizeof block);
            attempt(EROFS, names[i], futimens(device, NULL));
            close(device);
        }
        const int same = stat(names[i], &after) == 0 && memcmp(&before.st_atim, &after.st_atim, 3 * sizeof before.st_atim) == 0 &&
                         before.st_mode == after.st_mode && before.st_nlink == after.st_nlink;
        attempt(ANY_ERRNO, names[i], same ? -1 : 0);
    }
    return verdict();
}

/* Would go off in the next step, if anything did. */
int mode_timers(void)
{
    const struct itimerval soon = {.it_value = {0, 200000}};
    const struct itimerspec later = {.it_value = {0, 300000000}};
    timer_t timer;
    (void)alarm(1);
    attempt(ANY_ERRNO, "setitimer", setitimer(ITIMER_REAL, &soon, NULL) == 0 ? -1 : 0);
    attempt(ANY_ERRNO, "timer", timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0 && timer_settime(timer, 0, &later, NULL) == 0 ? -1 : 0);
    attempt(ANY_ERRNO, "alarm that wakes the machine", timer_create(CLOCK_BOOTTIME_ALARM, NULL, &timer));
    attempt(ANY_ERRNO, "timer descriptor that wakes the machine", syscall(SYS_timerfd_create, CLOCK_REALTIME_ALARM, 0));
    return verdict();
}

/* Numbers of the whole machine: how much memory is free, how many processes run. */
int mode_look(void)
{
    struct utsname name;
    char info[512];
    FORBIDDEN("sysinfo", syscall(SYS_sysinfo, info));
    attempt(ENOENT, "/proc/loadavg", open("/proc/loadavg", O_RDONLY));
    attempt(ENOENT, "/proc/meminfo", open("/proc/meminfo", O_RDONLY));
    attempt(ENOENT, "/sys/fs/cgroup/memory.current", open("/sys/fs/cgroup/memory.current", O_RDONLY));
    if (uname(&name) != 0 || strcmp(name.nodename, "agent") != 0) {
        got_through("the machine's name");
    }
    attempt(ESRCH, "a process beside", kill(-1, 0));
    attempt(ESRCH, "session of another", getsid(2));
    attempt(ESRCH, "priority of another", getpriority(PRIO_PROCESS, 2));
    if (getpid() != 1 || getppid() != 0 || getsid(0) != 1) {
        got_through("another process above");
    }
    return verdict();
}

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return folder == NULL ? -1 : count;
}

static void expect(const char *what, int holds)
{
    attempt(ANY_ERRNO, what, holds ? -1 : 0);
}

static void expect_fresh_files(void)
{
    struct statfs space;
    struct stat status;
    expect("left file", count_entries("/tmp") == 0);
    expect("device", count_entries("/dev") == 3);
    expect("file of the root", count_entries("/bin") <= 4 && access("/x", F_OK) != 0);
    expect("used space", statfs("/tmp", &space) == 0 && space.f_blocks - space.f_bfree <= 1 && space.f_files - space.f_ffree <= 1);
    expect("earlier output", fstat(1, &status) == 0 && status.st_size == 0 && lseek(1, 0, SEEK_CUR) == 0);
    expect("descriptor", fcntl(3, F_GETFD) < 0);
    expect("working directory", strcmp(getcwd((char[16]){0}, 16), "/") == 0);
}

static void expect_fresh_process(void)
{
    struct itimerval timer;
    sigset_t set;
    expect("process", kill(-1, 0) != 0 && errno == ESRCH && getpid() == 1);
    expect("child", waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    expect("timer", getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0);
    expect("pending signal", sigpending(&set) == 0 && sigismember(&set, SIGALRM) == 0 && sigismember(&set, SIGCHLD) == 0);
    expect("blocked signal", sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        expect("blocked signal", sigismember(&set, number) == 0);
        expect("signal handler", number == SIGKILL || number == SIGSTOP || (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_DFL));
    }
    expect("scheduler", sched_getscheduler(0) == SCHED_OTHER);
}

/* What a limit gives to one agent is there again: some of it, or, asked for by a word, about all. */
static void expect_fresh_shares(int whole)
{
    const size_t size = (size_t)(whole ? 40 : 2) << 20;
    const int wanted = whole ? 12 : 2;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect("memory", memory != MAP_FAILED);
    if (memory != MAP_FAILED) {
        memset(memory, 1, size);
        (void)munmap(memory, size);
    }
    int children = 0;
    for (int i = 0; i < wanted; i++) {
        const pid_t pid = fork();
        if (pid == 0) {
            _exit(0);
        }
        children += pid > 0;
    }
    expect("processes", children == wanted);
    const int fd = open("/tmp/space", O_CREAT | O_WRONLY, 0600);
    static const char block[512 * 1024];
    expect("space", write(fd, block, sizeof block) == (ssize_t)sizeof block);
}

int mode_clean(void)
{
    expect_fresh_files();
    expect_fresh_process();
    expect_fresh_shares(mode_word[0] != '\0');
    return verdict();
}
