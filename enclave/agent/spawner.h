/* The spawner: a process forked before any key exists, which alone makes agents. It keeps a few warm sandboxes, each of
 * which is used for exactly one job, and makes one on the spot when there is none left.
 *
 * A job is one message on the job socket {struct cmaw_sandbox_job, descriptors: input, output, error, status}. status is
 * one end of a SOCK_SEQPACKET pair: the spawner answers on it with one struct cmaw_spawner_result when everything in the
 * sandbox has ended; closing the other end before that kills the sandbox with all it started. */
#ifndef CMAW_AGENT_SPAWNER_H
#define CMAW_AGENT_SPAWNER_H

#include <sys/types.h>

#include "enclave/agent/sandbox.h"

enum { CMAW_SPAWNER_WARM = 4, CMAW_SPAWNER_WARM_LOW = 2, CMAW_SPAWNER_RUNNING_MAX = 16, CMAW_SPAWNER_JOB_FDS = CMAW_SANDBOX_JOB_FDS + 1 };

enum cmaw_spawner_end {
    CMAW_SPAWNER_EXITED, CMAW_SPAWNER_SIGNALLED, CMAW_SPAWNER_NOT_STARTED, CMAW_SPAWNER_FULL,
    CMAW_SPAWNER_OUT_OF_MEMORY, /* ended by the kernel: it wanted more than its group may have */
};

struct cmaw_spawner_result {
    int32_t end;   /* enum cmaw_spawner_end */
    int32_t value; /* exit status, signal, or enum cmaw_sandbox_stage */
    int32_t errnum;
};

struct cmaw_spawner {
    pid_t pid;
    int jobs; /* SOCK_SEQPACKET */
};

/* Forks the spawner, which serves until the job socket closes or this process ends. The calling process must have one
 * thread, hold no key, and outlive the spawner; conf must stay as it is. root: the folder with the agent's file system. groups: of
 * cmaw_cgroup_prepare; NULL: there are rlimits alone.
 * Returns when the root is prepared and the first sandbox can be made. */
enum cmaw_err cmaw_spawner_start(const struct cmaw_conf *conf, const char *root, const char *groups,
                                 struct cmaw_spawner *ret_spawner, struct cmaw_sandbox_report *ret_report);

#endif
