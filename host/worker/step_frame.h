/* The EnclaveRequest of a step as parts for cmaw_frame_write: the states are borrowed, not copied, since they are most of it and wait as long as the agent runs. */
#ifndef CMAW_WORKER_STEP_FRAME_H
#define CMAW_WORKER_STEP_FRAME_H

#include "host/temporal/objects.h"

struct cmaw_step_frame {
    struct cmaw_buf heads; /* everything but the states */
    size_t count;
    struct cmaw_slice parts[2 * CMAW_EDGES_MAX + 1];
};

/* Points into task, which must outlive it. *frame must be zeroed, and freed in any case; do not copy it. NO_MEMORY; TOO_LARGE where it is over a frame. */
enum cmaw_err cmaw_step_frame_make(const struct cmaw_step_task *task, struct cmaw_step_frame *frame);
void cmaw_step_frame_free(struct cmaw_step_frame *frame);

#endif
