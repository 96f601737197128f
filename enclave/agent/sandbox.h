/* One sandbox: a process in its own user, mount, pid, network, ipc and uts namespaces that is prepared ahead, waits for
 * one job, becomes the agent, and is never used again. It is PID 1 of its pid namespace, so its end is the end of
 * everything it started. The spawner makes it before any key exists: its memory holds nothing but the measured image. */
#ifndef CMAW_AGENT_SANDBOX_H
#define CMAW_AGENT_SANDBOX_H

#include "enclave/agent/filter.h"
#include "enclave/conf.h"

enum { CMAW_AGENT_UID = 1000 }; /* inside; outside it is a number of its own wherever the kernel lets us map one */

/* Where a sandbox failed before it became the agent; with an errno it is all that is reported. */
enum cmaw_sandbox_stage {
    CMAW_SANDBOX_NONE, CMAW_SANDBOX_CLONE, CMAW_SANDBOX_MAP, CMAW_SANDBOX_ROOT, CMAW_SANDBOX_TMP, CMAW_SANDBOX_PIVOT,
    CMAW_SANDBOX_LIMITS, CMAW_SANDBOX_PRIVILEGES, CMAW_SANDBOX_JOB, CMAW_SANDBOX_FILTER, CMAW_SANDBOX_EXEC,
    CMAW_SANDBOX_WORKDIR, CMAW_SANDBOX_GROUP,
};

struct cmaw_sandbox_report {
    int32_t stage;
    int32_t errnum;
};

/* What one job brings; texts end in NUL. */
struct cmaw_sandbox_job {
    char run[65];  /* hex */
    char step[11]; /* decimal */
    char seed[65]; /* hex */
};
enum { CMAW_SANDBOX_SIGNALS = 256 /* that may wait for an agent */, CMAW_SANDBOX_JOB_FDS = 3 /* standard input, output, error */ };

struct cmaw_sandbox_plan {
    const struct cmaw_conf *conf;
    const char *root; /* the agent's root file system in the spawner's mount namespace */
    struct cmaw_filter filter;
};

/* Once, in the spawner, in a mount namespace of its own: makes plan->root a read-only mount with a minimal /dev (null,
 * zero, urandom) and an empty directory /tmp. IO with errno set. */
enum cmaw_err cmaw_sandbox_prepare_root(const char *root);
/* The life of a sandbox from just after clone: waits on control (SOCK_SEQPACKET) for one byte, which says that its ids
 * are mapped, prepares itself, sends a report of stage NONE, waits for the job {struct cmaw_sandbox_job, three descriptors},
 * and executes the agent. On failure it sends a report that says where, and ends. */
[[gnu::noreturn]] void cmaw_sandbox_main(const struct cmaw_sandbox_plan *plan, int control);

#endif
