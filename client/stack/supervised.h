/* One process under supervision: started, watched until it is ready, started again with growing pauses when it dies. */
#ifndef CMAW_CLIENT_STACK_SUPERVISED_H
#define CMAW_CLIENT_STACK_SUPERVISED_H

#include "client/stack/service.h"
#include "sys/proc.h"

struct cmaw_supervised {
    struct cmaw_stack_process *record; /* what stack.json says of it */
    bool wanted;
    bool was_ready;          /* has been ready once: a failure is then a reason to try again */
    struct cmaw_proc proc;
    int ready_fd;            /* read end; -1: none */
    uint16_t probe_port;
    uint64_t deadline_ms;    /* of STARTING */
    uint64_t next_ms;        /* of WAITING: when to start again; of STARTING: when to probe again */
    uint64_t ready_since_ms;
    uint32_t pause_ms;
    char fault[400];         /* why it failed */
};

/* Starts it now. On failure it is WAITING or FAILED, and fault says why. */
void cmaw_supervised_start(struct cmaw_supervised *process, const struct cmaw_stack *stack);
/* Its ready_fd has become readable. */
void cmaw_supervised_on_ready(struct cmaw_supervised *process);
/* Its pidfd has become readable: it ended. */
void cmaw_supervised_on_end(struct cmaw_supervised *process);
/* Does what is due by the clock; returns the next moment to call it again, UINT64_MAX: none. */
uint64_t cmaw_supervised_on_clock(struct cmaw_supervised *process, const struct cmaw_stack *stack);
/* SIGTERM, SIGKILL after a grace period, and reaped. It is not wanted any more. */
void cmaw_supervised_stop(struct cmaw_supervised *process);

#endif
