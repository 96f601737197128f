/* Runs one agent from the process that holds the keys. The agent gets descriptors, never memory. */
#ifndef CMAW_AGENT_RUN_H
#define CMAW_AGENT_RUN_H

#include "enclave/agent/spawner.h"

enum {
    CMAW_AGENT_ERRORS_MAX = 2048,                  /* bytes kept of the agent's error output */
    CMAW_AGENT_ERRORS_READ_MAX = 16 * 1024 * 1024, /* an agent that writes more of it has failed */
};

enum cmaw_agent_end {
    CMAW_AGENT_DONE,      /* exit status 0, output within its limit */
    CMAW_AGENT_FAILED,    /* another exit status, a signal, or error output without end */
    CMAW_AGENT_TIMEOUT,
    CMAW_AGENT_TOO_LARGE, /* wrote more than output_max */
    CMAW_AGENT_FULL,      /* as many run as may at once */
    CMAW_AGENT_BROKEN,    /* the sandbox could not be made; result says where */
};

struct cmaw_agent_outcome {
    enum cmaw_agent_end end;
    int output;                            /* with DONE: what it wrote, output_size bytes; else -1. Owned */
    size_t output_size;
    uint8_t errors[CMAW_AGENT_ERRORS_MAX]; /* the first bytes of standard error */
    size_t errors_size;
    struct cmaw_spawner_result result;
};

/* A descriptor for standard input that holds the parts one after the other, sealed against every change. */
enum cmaw_err cmaw_agent_input(const struct cmaw_slice *parts, size_t count, int *ret_fd);
/* Runs the agent to its end. Its standard output is a file in memory that is read when it has ended: a step holds no
 * memory of ours while its agent works. Everything it started has ended when this returns, or is being killed (TIMEOUT, error output without end).
 * Takes input (closes it). Several threads may call this at once. IO or NO_MEMORY if the job cannot be handed over. */
enum cmaw_err cmaw_agent_run(const struct cmaw_spawner *spawner, const struct cmaw_sandbox_job *job, int input,
                             size_t output_max, uint64_t timeout_ms, struct cmaw_agent_outcome *ret_outcome);
/* Appends the output. */
enum cmaw_err cmaw_agent_output_read(const struct cmaw_agent_outcome *outcome, struct cmaw_buf *buf);
/* Closes and wipes. */
void cmaw_agent_outcome_free(struct cmaw_agent_outcome *outcome);

#endif
