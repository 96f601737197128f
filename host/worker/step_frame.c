#include "host/worker/step_frame.h"

#include "lib/pb/pb.h"
#include "lib/rpc/frame.h"
#include "lib/rpc/message.h"

/* Fields of StepRequest. */
enum { FIELD_PLAN = 1, FIELD_TICKET = 2, FIELD_STEP = 3, FIELD_INPUTS = 4, FIELD_ATTEMPT = 5 };

static size_t body_size(const struct cmaw_step_task *task)
{
    size_t size = cmaw_pb_size_bytes(FIELD_PLAN, task->plan.size) + cmaw_pb_size_bytes(FIELD_TICKET, task->ticket.size) +
                  cmaw_pb_size_u64(FIELD_STEP, task->step) + cmaw_pb_size_u64(FIELD_ATTEMPT, task->attempt);

    for (uint32_t i = 0; i < task->input_count; i++) {
        size += cmaw_pb_size_element(FIELD_INPUTS, task->inputs[i].size);
    }
    return size;
}

enum cmaw_err cmaw_step_frame_make(const struct cmaw_step_task *task, struct cmaw_step_frame *frame)
{
    const size_t size = body_size(task);
    size_t ends[CMAW_EDGES_MAX + 1], from = 0; // where each part of heads ends

    CMAW_REQUIRE(size <= CMAW_FRAME_MAX - 16, CMAW_E_TOO_LARGE);
    frame->heads = CMAW_BUF(CMAW_PLAN_MAX + CMAW_TICKET_MAX + CMAW_EDGES_MAX * 8 + 64);
    cmaw_pb_put_head(&frame->heads, CMAW_VERB_STEP, size);
    cmaw_pb_put_bytes(&frame->heads, FIELD_PLAN, task->plan);
    cmaw_pb_put_bytes(&frame->heads, FIELD_TICKET, task->ticket);
    cmaw_pb_put_u32(&frame->heads, FIELD_STEP, task->step);
    for (uint32_t i = 0; i < task->input_count; i++) {
        cmaw_pb_put_head(&frame->heads, FIELD_INPUTS, task->inputs[i].size);
        ends[i] = frame->heads.size;
    }
    cmaw_pb_put_u32(&frame->heads, FIELD_ATTEMPT, task->attempt);
    CMAW_TRY(cmaw_buf_err(&frame->heads));
    ends[task->input_count] = frame->heads.size;
    for (uint32_t i = 0; i <= task->input_count; i++) {
        frame->parts[frame->count++] = cmaw_slice_of(frame->heads.data + from, ends[i] - from);
        from = ends[i];
        if (i < task->input_count) {
            frame->parts[frame->count++] = task->inputs[i];
        }
    }
    return CMAW_OK;
}

void cmaw_step_frame_free(struct cmaw_step_frame *frame)
{
    cmaw_buf_free(&frame->heads);
}
