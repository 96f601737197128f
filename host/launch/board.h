/* The switchboard between an enclave and its host: one thread, one epoll. It hands descriptors over and copies no data.
 * Both sides are hostile: every queue and every line is bounded, and every wait has an end. */
#ifndef CMAW_LAUNCH_BOARD_H
#define CMAW_LAUNCH_BOARD_H

#include "host/launch/backend.h"
#include "host/launch/nsm.h"

enum { LAUNCH_CALLS_MAX = 128, LAUNCH_STREAMS_MAX = 8, LAUNCH_LOG_LINE_MAX = 512 };

struct launch_board;

/* A descriptor in the epoll; the handler of an event may close any source. */
struct launch_source {
    int fd; /* -1: not in use */
    void (*ready)(struct launch_board *board, struct launch_source *source, uint32_t events);
};

/* A host's connection that has not been handed over yet. source is first: the handler gets the call by its address. */
struct launch_call {
    struct launch_source source;
    uint64_t deadline;
    uint32_t port;
    bool waiting; /* port is known; the enclave's queue is full */
};

/* A connection of the enclave to the launcher itself: heartbeat, logs, console. */
struct launch_stream {
    struct launch_source source;
    size_t used;
    char line[LAUNCH_LOG_LINE_MAX + 1];
};

enum launch_end { LAUNCH_RUNS, LAUNCH_STOPPED, LAUNCH_DIED, LAUNCH_SILENT };

struct launch_board {
    const struct launch_options *options;
    const struct launch_module *module;
    int epoll;
    enum launch_end end;
    bool alive;                     /* the heartbeat has come */
    uint64_t heartbeat_deadline;
    struct launch_source signals, death, listener, incoming, outgoing;
    struct launch_call calls[LAUNCH_CALLS_MAX];
    struct launch_stream streams[LAUNCH_STREAMS_MAX];
    struct launch_source nsm;       /* a connection that waits for the simulator's answer */
    struct launch_nsm_answer nsm_answer;
    uint64_t nsm_deadline;
    struct { uint64_t tokens, refilled, dropped; } log_budget; /* bytes, ms, lines */
    int console_file;               /* -1: none */
    uint64_t console_left;          /* bytes that it may still grow by */
};

/* board.c: sources, and the loop. Descriptors of enclave stay the caller's. */
enum cmaw_err cmaw_launch_board_open(struct launch_board *board, const struct launch_options *options, const struct launch_module *module,
                                     const struct launch_enclave *enclave, int listener, int signals);
void cmaw_launch_board_close(struct launch_board *board);
/* Runs until the heartbeat has come, or the enclave has ended, was stopped, or stayed silent. */
void cmaw_launch_board_boot(struct launch_board *board);
/* Runs until the enclave has ended or was stopped. */
void cmaw_launch_board_serve(struct launch_board *board);
/* Watches fd, which the source owns from now on. */
enum cmaw_err cmaw_launch_source_add(struct launch_board *board, struct launch_source *source, int fd, uint32_t events,
                                     void (*ready)(struct launch_board *, struct launch_source *, uint32_t));
void cmaw_launch_source_watch(struct launch_board *board, struct launch_source *source, uint32_t events);
/* Forgets and closes the descriptor. Does nothing for a source that is not in use. */
void cmaw_launch_source_close(struct launch_board *board, struct launch_source *source);

/* calls.c: connections of the host to the enclave. */
void cmaw_launch_listener_ready(struct launch_board *board, struct launch_source *source, uint32_t events);
void cmaw_launch_incoming_ready(struct launch_board *board, struct launch_source *source, uint32_t events);
void cmaw_launch_calls_expire(struct launch_board *board, uint64_t now);
/* pass.c: one message of four bytes, with a descriptor unless fd is -1. BUSY when the queue is full, CLOSED, IO. */
enum cmaw_err cmaw_launch_pass(int queue, uint32_t value, int fd);

/* outgoing.c: connections of the enclave to the host. */
void cmaw_launch_outgoing_ready(struct launch_board *board, struct launch_source *source, uint32_t events);
void cmaw_launch_nsm_expire(struct launch_board *board, uint64_t now);

/* streams.c: heartbeat, logs and console. *ret_fd is the enclave's end. */
enum cmaw_err cmaw_launch_heartbeat_open(struct launch_board *board, int *ret_fd);
enum cmaw_err cmaw_launch_log_open(struct launch_board *board, int *ret_fd);
enum cmaw_err cmaw_launch_console_open(struct launch_board *board, int fd);

#endif
