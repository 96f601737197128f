/* How far a run is, step by step, as Temporal tells it while it goes on: shown to its owner, proven only afterwards. */
#ifndef CMAW_CLIENT_RUN_PROGRESS_H
#define CMAW_CLIENT_RUN_PROGRESS_H

#include "lib/sst/plan.h"

enum cmaw_step_state { CMAW_STEP_PENDING, CMAW_STEP_RUNNING, CMAW_STEP_RETRYING, CMAW_STEP_DONE };

enum { CMAW_PROGRESS_NAME_SIZE = CMAW_NAME_MAX + 1, CMAW_PROGRESS_ENCLAVE_SIZE = 64, CMAW_PROGRESS_STATE_SIZE = 48 };

struct cmaw_step_progress {
    char name[CMAW_PROGRESS_NAME_SIZE];
    char role[CMAW_PROGRESS_NAME_SIZE];
    enum cmaw_step_state state;
    uint32_t attempt;
    uint64_t since_ms;   /* RUNNING: when this attempt was seen to start, by the monotonic clock */
    uint64_t took_ms;    /* DONE: by the clock of the enclave */
    uint64_t scheduled;  /* Temporal's event of the attempt */
    char enclave[CMAW_PROGRESS_ENCLAVE_SIZE];  /* DONE: its module, as its document says */
    char output[CMAW_PROGRESS_STATE_SIZE];     /* DONE: sizes of the states that it gave: "4 KiB" */
    char code[32];       /* RETRYING: why the last attempt failed */
};
/* About 20 KiB: on the heap. */
struct cmaw_progress_steps {
    size_t count;
    uint64_t queued_ms;  /* since when no worker has taken what is to be decided; 0: one has */
    struct cmaw_step_progress steps[CMAW_STEPS_MAX];
};

/* Names from the plan and its manifest; everything pending. */
void cmaw_progress_begin(const struct cmaw_plan *plan, const struct cmaw_manifest *manifest, struct cmaw_progress_steps *ret_progress);
/* A StepTask was handed out. Returns the step, or NULL where it names none of the plan (hostile bytes). */
struct cmaw_step_progress *cmaw_progress_started(struct cmaw_progress_steps *progress, uint64_t scheduled, struct cmaw_slice task, uint64_t now_ms);
/* The attempt that was scheduled by this event gave a StepResult, or failed with code. NULL: no such attempt is running. */
struct cmaw_step_progress *cmaw_progress_done(struct cmaw_progress_steps *progress, uint64_t scheduled, struct cmaw_slice result, uint64_t now_ms);
struct cmaw_step_progress *cmaw_progress_failed(struct cmaw_progress_steps *progress, uint64_t scheduled, const char *code);

/* Appends what a log would say of a step: "step intake: running in role intake, attempt 1". */
void cmaw_progress_say(const struct cmaw_step_progress *step, struct cmaw_buf *buf);
/* Appends a titled table of all steps, each line ended by a line feed and at most width columns wide; colours with escape sequences. After it, a
 * line if no worker answers. */
void cmaw_progress_draw(const struct cmaw_progress_steps *progress, uint64_t now_ms, size_t width, bool colours, struct cmaw_buf *buf);
/* Whether the run has waited for a worker for longer than one takes that is there. */
bool cmaw_progress_unattended(const struct cmaw_progress_steps *progress, uint64_t now_ms);

#endif
