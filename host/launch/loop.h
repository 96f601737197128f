/* The launcher's one loop: signals, the end of the enclave, its heartbeat, and what it says. Backends add their own sources.
 * Whatever an enclave can reach is hostile: every queue and every line is bounded, and every wait has an end. */
#ifndef CMAW_LAUNCH_LOOP_H
#define CMAW_LAUNCH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

enum { LAUNCH_STREAMS_MAX = 16, LAUNCH_SPEAKERS_MAX = 8, LAUNCH_LOGS_EACH = 4, LAUNCH_LOG_LINE_MAX = 512, LAUNCH_LABEL_MAX = 65 };

struct launch_loop;

/* A descriptor in the epoll; the handler of an event may close any source. */
struct launch_source {
    int fd; /* -1: not in use */
    void (*ready)(struct launch_loop *loop, struct launch_source *source, uint32_t events);
    void (*expired)(struct launch_loop *loop, struct launch_source *source);
    uint64_t deadline; /* when expired is called; UINT64_MAX: never */
    struct launch_source *next;
};

#define LAUNCH_SOURCE_NONE ((struct launch_source){.fd = -1, .deadline = UINT64_MAX})

/* The last line that a tool of ours has printed: what it has to say if it fails. */
struct launch_words {
    char text[LAUNCH_LOG_LINE_MAX + 1];
};

/* Something that sends bytes to the launcher: heartbeat, logs, console, or the complaints of a tool. */
struct launch_stream {
    struct launch_source source;
    char label[LAUNCH_LABEL_MAX]; /* the enclave or the program that speaks */
    struct launch_words *words;   /* NULL: not a tool */
    bool console;
    size_t used;
    char line[LAUNCH_LOG_LINE_MAX + 1];
};

/* What one that speaks may have in the log: bytes, which refill with time, and how many lines had no room. */
struct launch_budget {
    char label[LAUNCH_LABEL_MAX]; /* empty: nobody's yet */
    uint64_t tokens, refilled_ms, dropped;
};

enum launch_end { LAUNCH_RUNS, LAUNCH_STOPPED, LAUNCH_DIED, LAUNCH_SILENT };

struct launch_loop {
    const char *name; /* of the enclave */
    void *state;      /* of the backend, for its handlers */
    int epoll;
    enum launch_end end;
    bool alive;                  /* the heartbeat has come */
    uint64_t heartbeat_deadline;
    struct launch_source signals, *first;
    struct launch_stream streams[LAUNCH_STREAMS_MAX];
    struct launch_budget budgets[LAUNCH_SPEAKERS_MAX];
    int console_file;            /* -1: none */
    uint64_t console_left;       /* bytes that it may still grow by */
};

/* loop.c. signals stays the caller's. name must outlive the loop. */
enum cmaw_err cmaw_launch_loop_open(struct launch_loop *loop, const char *name, uint32_t boot_timeout_ms, int signals);
/* Closes every source that is still in use, and the console file. */
void cmaw_launch_loop_close(struct launch_loop *loop);
/* Runs until the heartbeat has come, or the enclave has ended, was stopped, or stayed silent. */
void cmaw_launch_loop_boot(struct launch_loop *loop);
/* Runs until the enclave has ended or was stopped. */
void cmaw_launch_loop_serve(struct launch_loop *loop);

/* Watches *fd, which the source owns from now on and which is -1 afterwards. On failure it stays the caller's. */
enum cmaw_err cmaw_launch_source_add(struct launch_loop *loop, struct launch_source *source, int *fd, uint32_t events,
                                     void (*ready)(struct launch_loop *, struct launch_source *, uint32_t));
/* As above with a duplicate of fd, which stays the caller's. */
enum cmaw_err cmaw_launch_source_add_copy(struct launch_loop *loop, struct launch_source *source, int fd, uint32_t events,
                                          void (*ready)(struct launch_loop *, struct launch_source *, uint32_t));
void cmaw_launch_source_watch(struct launch_loop *loop, struct launch_source *source, uint32_t events);
/* Forgets and closes the descriptor. Does nothing for a source that is not in use. */
void cmaw_launch_source_close(struct launch_loop *loop, struct launch_source *source);
/* A handler for what can be read when the enclave has ended. */
void cmaw_launch_death_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events);

/* streams.c: what the enclave says. Each takes a connected or readable descriptor, as cmaw_launch_source_add does. BUSY when there are
 * too many. */
enum cmaw_err cmaw_launch_heartbeat_add(struct launch_loop *loop, int *fd);
/* Lines go to the log under label; at most LAUNCH_LOGS_EACH at once for one label. */
enum cmaw_err cmaw_launch_log_add(struct launch_loop *loop, const char *label, int *fd);
/* As lines, and as it is into console_file as far as that may grow. */
enum cmaw_err cmaw_launch_console_add(struct launch_loop *loop, int *fd);
/* Standard error of a tool, as lines; the last is kept in words. */
enum cmaw_err cmaw_launch_tool_add(struct launch_loop *loop, const char *program, struct launch_words *words, int *fd);
/* Reads what tools have left in their pipes. */
void cmaw_launch_tools_drain(struct launch_loop *loop);

#endif
