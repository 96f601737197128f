/* Lies to the runtime: its frames, its output, the way an agent ends. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

/* What the spawner, the sandbox and the launcher say on their sockets, to every descriptor there might be; then a failure. */
int mode_frames(void)
{
    static const int32_t frames[][3] = {{0, 0, 0}, {1, 9, 0}, {2, 1, 1}, {3, 0, 0}};
    for (int fd = 3; fd < 1024; fd++) {
        for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
            attempt(EBADF, "result of a job", write(fd, frames[i], sizeof frames[i]));
            attempt(EBADF, "report of a sandbox", write(fd, frames[i], 8));
        }
        attempt(EBADF, "word to go", write(fd, "\1", 1));
        attempt(EBADF, "port for the launcher", write(fd, "\0\0\x13\x88", 4));
        FORBIDDEN("message with descriptors", syscall(SYS_sendmsg, fd, NULL, 0));
    }
    return verdict() == 0 ? 3 : 0;
}

/* The output is a file that the runtime reads: nothing of its may be taken from the runtime. */
int mode_seals(void)
{
    FORBIDDEN("seal against growing", fcntl(1, F_ADD_SEALS, F_SEAL_GROW));
    FORBIDDEN("seal against all", fcntl(1, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL));
    FORBIDDEN("lease", fcntl(1, F_SETLEASE, F_WRLCK));
    FORBIDDEN("owner of signals", fcntl(1, F_SETOWN, 1));
    FORBIDDEN("signals of the error output", fcntl(2, F_SETOWN, 1));
    FORBIDDEN("shared mapping of the output", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, 1, 0) == MAP_FAILED ? -1 : 0);
    attempt(ANY_ERRNO, "program in the output", syscall(SYS_execveat, 1, "", NULL, NULL, 0x1000));
    attempt(ANY_ERRNO, "mode of the output", fchmod(1, 0777));
    return verdict();
}

/* A child goes on writing the same after this has ended: what is taken must be whole, and nothing may come later. */
int mode_behind(void)
{
    if (fork() == 0) {
        static char message[6] = {0};
        (void)setsid();
        for (;;) {
            (void)pwrite(1, message, 0, 0);
            (void)ftruncate(1, 1 << 16);
            (void)ftruncate(1, 0);
        }
    }
    while (lseek(1, 0, SEEK_END) == 0) {
    }
    return 0;
}

/* The output given away: what comes to the runtime is nothing. */
int mode_no_output(void)
{
    (void)dup2(open("/dev/null", O_WRONLY), 1);
    return 0;
}

int mode_exit(void)
{
    return atoi(mode_word);
}

int mode_fault(void)
{
    if (strcmp(mode_word, "segv") == 0) {
        *(volatile int *)8 = 1; // NOLINT: a fault is what is wanted
    } else if (strcmp(mode_word, "ill") == 0) {
        __builtin_trap();
    } else if (strcmp(mode_word, "bus") == 0) {
        const int fd = open("/tmp/short", O_CREAT | O_RDWR, 0600);
        const char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
        (void)*(const volatile char *)page;
    } else if (strcmp(mode_word, "stack") == 0) {
        char deep[1 << 16];
        memset(deep, 1, sizeof deep);
        return mode_fault() + deep[sizeof deep - 1];
#ifdef __x86_64__
    } else if (strcmp(mode_word, "sys") == 0) {
        (void)syscall(0x40000000 | SYS_getpid);
    } else if (strcmp(mode_word, "fpe") == 0) {
        volatile int zero = 0;
        (void)fprintf(stderr, "%d\n", 7 / zero);
    } else if (strcmp(mode_word, "trap") == 0) {
        __asm__ volatile("int3");
#endif
    }
    got_through("an end by a fault");
    return verdict();
}

int mode_abort(void)
{
    abort();
}

/* All that it may signal is itself; the first process of a namespace does not even die of that. */
int mode_signals(void)
{
    for (int number = 1; number < 65; number++) {
        attempt(ESRCH, "signal to all", kill(-1, number));
        attempt(ESRCH, "signal to the second process", kill(2, number));
        attempt(ESRCH, "signal to a thread", syscall(SYS_tgkill, 2, 2, number));
        attempt(ESRCH, "signal to a group", kill(-2, number));
    }
    (void)signal(SIGTERM, SIG_DFL);
    attempt(ANY_ERRNO, "SIGKILL to itself", kill(getpid(), SIGKILL) == 0 ? -1 : 0);
    attempt(ANY_ERRNO, "SIGTERM to its group", kill(0, SIGTERM) == 0 ? -1 : 0);
    FORBIDDEN("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, NULL));
    return verdict();
}

enum { ROOM = 4 << 20 };
static char message[ROOM];
static char port[ROOM];

struct lie {
    const char *name;
    const char *names[3]; /* of ports, up to the first NULL */
    size_t content;       /* bytes of each */
    const char *type;
    int annotations;      /* how many */
    const char *key;      /* of them, NULL: numbered */
    int length_off;       /* added to the length in front */
    const char *tail;     /* behind the last port, within the length */
    size_t tail_size;
};

static const struct lie lies[] = {
    {.name = "port-of-the-input", .names = {"in"}},
    {.name = "port-of-nobody", .names = {"elsewhere"}},
    {.name = "port-without-name", .names = {""}},
    {.name = "port-longer-name", .names = {"out2"}},
    {.name = "port-twice", .names = {"out", "out"}},
    {.name = "port-too-many", .names = {"out", "elsewhere"}},
    {.name = "port-none", .names = {NULL}},
    {.name = "length-long", .names = {"out"}, .length_off = 1},
    {.name = "length-short", .names = {"out"}, .length_off = -1},
    {.name = "length-huge", .names = {"out"}, .length_off = 0x70000000},
    {.name = "tail-cut", .names = {"out"}, .tail = "\x0a\x7f", .tail_size = 2},
    {.name = "tail-group", .names = {"out"}, .tail = "\x0b", .tail_size = 1},
    {.name = "tail-wire-type", .names = {"out"}, .tail = "\x0f\x01", .tail_size = 2},
    {.name = "tail-field-0", .names = {"out"}, .tail = "\x02\x00", .tail_size = 2},
    {.name = "tail-varint", .names = {"out"}, .tail = "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", .tail_size = 13},
    {.name = "tail-2-to-the-63", .names = {"out"}, .tail = "\x1a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", .tail_size = 11},
    {.name = "type-newline", .names = {"out"}, .type = "text/plain\nx: y"},
    {.name = "type-escape", .names = {"out"}, .type = "\x1b[2J"},
    {.name = "type-long", .names = {"out"}, .type = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {.name = "annotations-many", .names = {"out"}, .annotations = 1000},
    {.name = "annotations-same", .names = {"out"}, .annotations = 2, .key = "key"},
    {.name = "annotations-no-key", .names = {"out"}, .annotations = 1, .key = ""},
    {.name = "annotations-newline", .names = {"out"}, .annotations = 1, .key = "a\nb"},
    {.name = "content-large", .names = {"out"}, .content = 2000 * 1024},
    {.name = "failure-type", .names = {"out"}, .type = "application/vnd.cmaw.failure"}, /* allowed, and no failure state */
};

static size_t put_annotations(char *out, const struct lie *lie)
{
    size_t size = 0;
    for (int i = 0; i < lie->annotations; i++) {
        char entry[64];
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        const char *name = lie->key == NULL ? key : lie->key;
        size_t entry_size = put_field(entry, 0x0a, name, strlen(name));
        entry_size += put_field(entry + entry_size, 0x12, "v", 1);
        size += put_field(out + size, 0x22, entry, entry_size);
    }
    return size;
}

static void write_lie(const struct lie *lie)
{
    size_t size = 5;
    for (size_t i = 0; i < 3 && lie->names[i] != NULL; i++) {
        static const char zeros[2000 * 1024];
        size_t port_size = put_field(port, 0x0a, lie->names[i], strlen(lie->names[i]));
        port_size += lie->type == NULL ? 0 : put_field(port + port_size, 0x12, lie->type, strlen(lie->type));
        port_size += put_field(port + port_size, 0x1a, zeros, lie->content);
        port_size += put_annotations(port + port_size, lie);
        size += put_field(message + size, 0x0a, port, port_size);
    }
    if (lie->tail != NULL) {
        memcpy(message + size, lie->tail, lie->tail_size);
        size += lie->tail_size;
    }
    (void)put_length(message, size - 5 + (size_t)lie->length_off);
    write_all(message, size);
}

/* Writes the message itself and ends at once: under --ports another would follow. */
int mode_forge(void)
{
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        if (strcmp(mode_word, lies[i].name) == 0) {
            write_lie(&lies[i]);
            _exit(0);
        }
    }
    return 64;
}
