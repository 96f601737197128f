/* One run of an agent in its sandbox, outside any enclave. */
#ifndef CMAW_CLIENT_AGENT_TRIAL_H
#define CMAW_CLIENT_AGENT_TRIAL_H

#include "client/agent/image.h"

enum cmaw_trial_end { CMAW_TRIAL_DONE, CMAW_TRIAL_FAILED, CMAW_TRIAL_TIMEOUT, CMAW_TRIAL_TOO_LARGE };

/* "done", "failed", "timeout", "too-large": in agent-run's verdict and in what is printed. */
const char *cmaw_trial_end_name(enum cmaw_trial_end end);

/* What the agent is told beside its input. */
struct cmaw_trial_setting {
    const char *run;  /* 64 hex digits */
    const char *step; /* decimal */
    const char *seed; /* 64 hex digits */
    uint32_t timeout_ms;
};

struct cmaw_trial {
    enum cmaw_trial_end end;
    uint32_t status; /* with FAILED: the exit status, or 128 and a signal */
    uint64_t us;     /* from the job to the end of everything that it started */
    struct cmaw_buf output, errors;
};

/* Runs agent-run with the file as input, or with the message that a folder stands for (client/agent/ports.h). UNSUPPORTED with a hint where this system lets nobody make a sandbox. The caller frees, also after
 * a failure; *trial is all zero before. */
enum cmaw_err cmaw_trial_run(const struct cmaw_agent_image *image, const struct cmaw_trial_setting *setting, const char *input_path,
                             struct cmaw_trial *trial, struct cmaw_diag *diag);
void cmaw_trial_free(struct cmaw_trial *trial);
#define CMAW_TRIAL_AUTO(name) [[gnu::cleanup(cmaw_trial_free)]] struct cmaw_trial name = {.status = 0}

#endif
