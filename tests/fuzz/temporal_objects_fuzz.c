/* What Temporal holds of ours, as it comes back from a server that may have put anything there. What is accepted is what would be written. */
#include <stdlib.h>

#include "host/temporal/objects.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 1 << 20 };

static void want_same(const struct cmaw_buf *again, struct cmaw_slice bytes)
{
    if (again->err != CMAW_OK || !cmaw_slice_eq(cmaw_buf_slice(again), bytes)) {
        abort();
    }
}

static void check_task(struct cmaw_slice bytes)
{
    struct cmaw_step_task task;
    CMAW_BUF_AUTO(again, OUT_MAX);
    if (cmaw_step_task_decode(bytes, &task) == CMAW_OK) {
        cmaw_step_task_encode(&task, &again);
        want_same(&again, bytes);
    }
}

static void check_output(struct cmaw_slice bytes)
{
    struct cmaw_step_output output;
    CMAW_BUF_AUTO(again, OUT_MAX);
    if (cmaw_step_output_decode(bytes, &output) == CMAW_OK) {
        cmaw_step_output_encode(&output, &again);
        want_same(&again, bytes);
    }
}

static void check_result(struct cmaw_slice bytes)
{
    struct cmaw_run_result result;
    CMAW_BUF_AUTO(again, OUT_MAX);
    if (cmaw_run_result_decode(bytes, &result) == CMAW_OK) {
        cmaw_run_result_encode(&result, &again);
        want_same(&again, bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cmaw_slice bytes = cmaw_slice_of(data, size);
    check_task(bytes);
    check_output(bytes);
    check_result(bytes);
    return 0;
}
