#include "host/temporal/objects.h"

#include "lib/pb/pb.h"

/* Fills list with the elements of a repeated field; TOO_LARGE where it has more than max. */
static uint32_t read_list(struct cmaw_pb_reader *reader, uint32_t field, struct cmaw_slice *list, uint32_t max)
{
    uint32_t count = 0;
    struct cmaw_slice item;

    while (cmaw_pb_next(reader, field, &item)) {
        if (count == max) {
            cmaw_pb_fail(reader, CMAW_E_TOO_LARGE);
            return 0;
        }
        list[count++] = item;
    }
    return count;
}

static void put_list(struct cmaw_buf *buf, uint32_t field, const struct cmaw_slice *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        cmaw_pb_put_element(buf, field, list[i]);
    }
}

enum cmaw_err cmaw_step_task_decode(struct cmaw_slice bytes, struct cmaw_step_task *ret_task)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);

    ret_task->plan = cmaw_pb_bytes(&reader, 1);
    ret_task->ticket = cmaw_pb_bytes(&reader, 2);
    ret_task->step = cmaw_pb_u32(&reader, 3);
    ret_task->input_count = read_list(&reader, 4, ret_task->inputs, CMAW_EDGES_MAX);
    ret_task->attempt = cmaw_pb_u32(&reader, 5);
    return cmaw_pb_end(&reader);
}

void cmaw_step_task_encode(const struct cmaw_step_task *task, struct cmaw_buf *buf)
{
    cmaw_pb_put_bytes(buf, 1, task->plan);
    cmaw_pb_put_bytes(buf, 2, task->ticket);
    cmaw_pb_put_u32(buf, 3, task->step);
    put_list(buf, 4, task->inputs, task->input_count);
    cmaw_pb_put_u32(buf, 5, task->attempt);
}

enum cmaw_err cmaw_step_output_decode(struct cmaw_slice bytes, struct cmaw_step_output *ret_output)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);

    ret_output->state_count = read_list(&reader, 1, ret_output->states, CMAW_EDGES_MAX);
    ret_output->receipt = cmaw_pb_bytes(&reader, 2);
    ret_output->ak_doc = cmaw_pb_bytes(&reader, 3);
    return cmaw_pb_end(&reader);
}

void cmaw_step_output_encode(const struct cmaw_step_output *output, struct cmaw_buf *buf)
{
    put_list(buf, 1, output->states, output->state_count);
    cmaw_pb_put_bytes(buf, 2, output->receipt);
    cmaw_pb_put_bytes(buf, 3, output->ak_doc);
}

enum cmaw_err cmaw_run_result_decode(struct cmaw_slice bytes, struct cmaw_run_result *ret_result)
{
    struct cmaw_pb_reader reader = cmaw_pb_reader_of(bytes);

    ret_result->state_count = read_list(&reader, 1, ret_result->states, CMAW_EDGES_MAX);
    ret_result->receipt_count = read_list(&reader, 2, ret_result->receipts, CMAW_STEPS_MAX);
    ret_result->ak_doc_count = read_list(&reader, 3, ret_result->ak_docs, CMAW_STEPS_MAX);
    return cmaw_pb_end(&reader);
}

void cmaw_run_result_encode(const struct cmaw_run_result *result, struct cmaw_buf *buf)
{
    put_list(buf, 1, result->states, result->state_count);
    put_list(buf, 2, result->receipts, result->receipt_count);
    put_list(buf, 3, result->ak_docs, result->ak_doc_count);
}
