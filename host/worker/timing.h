/* The worker's times and sizes. A step's activity may spend CMAW_STEP_WAIT_MS on waiting for its enclave (which does not count as an attempt), then the
 * agent has the plan's timeout; the rest of the margin is for transport. A lost worker is noticed by the heartbeat's timeout. */
#ifndef CMAW_WORKER_TIMING_H
#define CMAW_WORKER_TIMING_H

enum {
    CMAW_STEP_WAIT_MS = 60 * 1000,
    CMAW_STEP_MARGIN_MS = 90 * 1000,
    CMAW_HEARTBEAT_TIMEOUT_MS = 5000,
    CMAW_HEARTBEAT_EVERY_MS = 1000,
    CMAW_RETRY_FIRST_MS = 200, /* of activities that the server repeats */
    CMAW_RETRY_LAST_MS = 10000,
    CMAW_BACKOFF_FIRST_MS = 50, /* towards an enclave */
    CMAW_BACKOFF_LAST_MS = 1000,
    CMAW_CONNECT_TIMEOUT_MS = 2000,
    CMAW_CALL_TIMEOUT_MS = 30000, /* describe, configure, sending a step */
    CMAW_KEEPER_EVERY_MS = 2000,  /* how often an idle enclave is looked at */
    CMAW_REPLY_COMMANDS_MAX = 320,
    CMAW_STACK_SIZE = 512 * 1024,
};

#endif
