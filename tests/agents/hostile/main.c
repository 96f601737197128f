#include "hostile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct text {
    char bytes[8192];
    size_t size;
};

const char *mode_word = "";
static struct text report; /* what got through */
static struct text said;
static unsigned attempts;

[[gnu::format(printf, 2, 3)]] static void append(struct text *text, const char *format, ...)
{
    const size_t room = sizeof text->bytes - text->size;
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(text->bytes + text->size, room, format, args);
    va_end(args);
    text->size += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room - 1;
}

void got_through(const char *what)
{
    append(&report, "%s got through\n", what);
}

void attempt(int wanted, const char *what, long result)
{
    const int errnum = errno;
    attempts++;
    if (result >= 0) {
        got_through(what);
    } else if (wanted != ANY_ERRNO && errnum != wanted) {
        append(&report, "%s failed by errno %d and not %d\n", what, errnum, wanted);
    }
}

void attempt_deadly(const char *what, void (*try)(void))
{
    attempts++;
    const pid_t pid = fork();
    if (pid == 0) {
        try();
        _exit(0);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status)) {
        got_through(what);
    }
}

void say(const char *text)
{
    append(&said, "%s", text);
}

int verdict(void)
{
    say(report.size == 0 ? "refused\n" : report.bytes);
    (void)fprintf(stderr, "attempts: %u\n%s", attempts, report.bytes);
    return report.size == 0 ? 0 : 1;
}

void write_all(const char *bytes, size_t size)
{
    for (ssize_t wrote; size > 0 && (wrote = write(1, bytes, size)) > 0; bytes += wrote, size -= (size_t)wrote) {
    }
}

size_t put_length(char *out, size_t length)
{
    for (int i = 0; i < 5; i++) {
        out[i] = (char)(((length >> (7 * i)) & 0x7f) | (i < 4 ? 0x80 : 0));
    }
    return 5;
}

size_t put_field(char *out, char tag, const char *bytes, size_t size)
{
    out[0] = tag;
    (void)put_length(out + 1, size);
    memmove(out + 6, bytes, size);
    return 6 + size;
}

/* One AgentOutput with one port (proto/cmaw/v1/agent.proto). */
static void write_port(void)
{
    static char port[sizeof said.bytes + 64];
    static char message[sizeof port + 64];
    size_t size = put_field(port, 0x0a, "out", 3);
    size += put_field(port + size, 0x1a, said.bytes, said.size);
    size = put_field(message + 5, 0x0a, port, size);
    (void)put_length(message, size);
    write_all(message, 5 + size);
}

int mode_echo(void)
{
    static char block[65536];
    for (ssize_t got; (got = read(0, block, sizeof block)) > 0;) {
        write_all(block, (size_t)got);
    }
    return 0;
}

int mode_env(void)
{
    extern char **environ;
    for (char **entry = environ; *entry != NULL; entry++) {
        say(*entry);
        say("\n");
    }
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} modes[] = {
    {"memory", mode_memory}, {"trace", mode_trace}, {"files", mode_files}, {"descriptors", mode_descriptors}, {"core", mode_core},
    {"write-input", mode_write_input}, {"sockets", mode_sockets}, {"socket-calls", mode_socket_calls}, {"other-abi", mode_other_abi},
    {"mount", mode_mount}, {"namespaces", mode_namespaces}, {"root", mode_root}, {"nsm", mode_nsm}, {"privilege", mode_privilege},
    {"identity", mode_identity}, {"set-user-id", mode_set_user_id}, {"prctl", mode_prctl}, {"calls", mode_calls}, {"ioctl", mode_ioctl},
    {"realtime", mode_realtime}, {"counters", mode_counters}, {"signals", mode_signals}, {"litter", mode_litter},
    {"daemon", mode_daemon}, {"ipc", mode_ipc}, {"locks", mode_locks}, {"watch", mode_watch}, {"touch", mode_touch},
    {"timers", mode_timers}, {"look", mode_look}, {"clean", mode_clean}, {"forkbomb", mode_forkbomb}, {"threads", mode_threads},
    {"vfork", mode_vfork}, {"zombies", mode_zombies}, {"arguments-fill", mode_arguments_fill},
    {"tmp-fill", mode_tmp_fill}, {"tmp-names", mode_tmp_names}, {"descriptors-fill", mode_descriptors_fill},
    {"pipes-fill", mode_pipes_fill}, {"maps-fill", mode_maps_fill}, {"output-sparse", mode_output_sparse},
    {"memory-fill", mode_memory_fill}, {"stack-fill", mode_stack_fill}, {"protect-fill", mode_protect_fill},
    {"tables-fill", mode_tables_fill}, {"family-fill", mode_family_fill}, {"hang", mode_hang}, {"stop", mode_stop},
    {"spin", mode_spin}, {"vfork-wait", mode_vfork_wait}, {"respawn", mode_respawn}, {"close-output", mode_close_output},
    {"cpu", mode_cpu}, {"timer-storm", mode_timer_storm}, {"long-calls", mode_long_calls}, {"flood", mode_flood}, {"flood-errors", mode_flood_errors}, {"flood-huge", mode_flood_huge},
    {"frames", mode_frames}, {"seals", mode_seals}, {"behind", mode_behind}, {"no-output", mode_no_output}, {"exit", mode_exit},
    {"fault", mode_fault}, {"abort", mode_abort}, {"forge", mode_forge}, {"random", mode_random}, {"shell", mode_shell}, {"python", mode_python}, {"echo", mode_echo}, {"env", mode_env},
    {"names", mode_names},
};
enum { MODES = sizeof modes / sizeof modes[0] };

int mode_names(void)
{
    for (size_t i = 0; i < MODES; i++) {
        say(modes[i].name);
        say("\n");
    }
    return 0;
}

static int run(const char *mode)
{
    for (size_t i = 0; i < MODES; i++) {
        if (strcmp(mode, modes[i].name) == 0) {
            return modes[i].run();
        }
    }
    return 64;
}

/* The content of an AgentInput is behind the last 0x1a: modes and their words are letters, digits and '-'. */
static char *content_of(char *input, size_t size)
{
    for (size_t at = size; at > 1; at--) {
        if (input[at - 2] == 0x1a) {
            return input + at;
        }
    }
    return input;
}

/* The mode is the argument, or else the first line of the input: one image can then carry every attack. */
int main(int argc, char **argv)
{
    static char line[256];
    const int ports = argc > 1 && strcmp(argv[1], "--ports") == 0;
    char *mode = argv[argc - 1];
    if (argc == 1 || ports) {
        const ssize_t got = read(0, line, sizeof line - 1);
        mode = ports && got > 0 ? content_of(line, (size_t)got) : line;
        mode[strcspn(mode, "\n")] = '\0';
    }
    char *word = strchr(mode, ' ');
    if (word != NULL) {
        *word = '\0';
        mode_word = word + 1;
    }
    const int status = run(mode);
    if (ports) {
        write_port();
    } else {
        write_all(said.bytes, said.size);
    }
    return status;
}
