/* Whether an agent does on a test case what is expected of it. */
#ifndef CMAW_CLIENT_AGENT_JUDGE_H
#define CMAW_CLIENT_AGENT_JUDGE_H

#include "client/agent/cases.h"
#include "client/agent/trial.h"

enum { CMAW_JUDGE_REASON_SIZE = 512 };

struct cmaw_judgement {
    bool passed;
    bool updated;                        /* what was expected has been written anew */
    char reason[CMAW_JUDGE_REASON_SIZE]; /* why not, or what passed without being expected; empty: nothing to say */
    const char *end;                     /* "done", "failed", "timeout", "too-large" */
    uint32_t status;                     /* of a failed one */
    uint64_t us;                         /* of the first run */
    size_t output_size;
};

/* Runs the case twice with one setting: the same input and seed must give the same end, and the same output. Expected is CASE.out, the
 * output byte for byte, or CASE.fails: the agent ends with another status than 0, and its standard error is that file, unless it is empty.
 * Where CASE.in is a folder (io: proto), so is CASE.out: see client/agent/ports.h. With update these two are written instead of compared. */
enum cmaw_err cmaw_judge_case(const struct cmaw_agent_image *image, const struct cmaw_trial_setting *setting, const struct cmaw_cases *cases,
                              const char *name, bool update, struct cmaw_judgement *ret_judgement, struct cmaw_diag *diag);

#endif
