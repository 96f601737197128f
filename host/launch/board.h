/* The switchboard of the simulation, between an enclave and its host: it hands descriptors over and copies no data. Both sides are
 * hostile: every queue is bounded, and every wait has an end. */
#ifndef CMAW_LAUNCH_BOARD_H
#define CMAW_LAUNCH_BOARD_H

#include <sys/types.h>

#include "host/launch/loop.h"
#include "host/launch/nsm.h"

enum { LAUNCH_CALLS_MAX = 128 };

/* A host's connection that has not been handed over yet. source is first: the handler gets the call by its address. */
struct launch_call {
    struct launch_source source;
    uint32_t port;
    bool waiting; /* port is known; the enclave's queue is full */
};

/* The state of its loop. */
struct launch_board {
    const struct launch_options *options;
    struct launch_module module;
    struct launch_source death, listener, incoming, outgoing;
    struct launch_call calls[LAUNCH_CALLS_MAX];
    struct launch_source nsm; /* a connection that waits for the simulator's answer */
    struct launch_nsm_answer nsm_answer;
};

/* The descriptors of a simulated enclave. */
struct launch_ends {
    pid_t pid;
    int pidfd;    /* readable once the enclave has ended */
    int incoming; /* SOCK_SEQPACKET: we send {u32be port} with the host's connection */
    int outgoing; /* SOCK_SEQPACKET: the enclave sends {u32be port}, we answer {u32be errno} with a connection */
    int console;  /* what the enclave prints; -1 unless in debug mode */
};

/* board.c. listener and ends stay the caller's, but for the console, which the loop takes. Hosts wait in the backlog until
 * cmaw_launch_board_serve. */
void cmaw_launch_board_init(struct launch_board *board, const struct launch_options *options);
enum cmaw_err cmaw_launch_board_open(struct launch_board *board, struct launch_loop *loop, struct launch_ends *ends, int listener);
void cmaw_launch_board_serve(struct launch_board *board, struct launch_loop *loop);

/* calls.c: connections of the host to the enclave. */
void cmaw_launch_listener_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events);
void cmaw_launch_incoming_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events);
/* pass.c: one message of four bytes, with a descriptor unless fd is -1. BUSY when the queue is full, CLOSED, IO. */
enum cmaw_err cmaw_launch_pass(int queue, uint32_t value, int fd);

/* outgoing.c: connections of the enclave to the host. */
void cmaw_launch_outgoing_ready(struct launch_loop *loop, struct launch_source *source, uint32_t events);

#endif
