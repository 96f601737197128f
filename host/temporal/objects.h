/* The messages of proto/cmaw/v1/host.proto: what the worker puts into Temporal beside the objects of SST/1. Decoding is zero-copy and checks
 * form (canonical encoding, counts, sizes); what is inside is not looked into. MALFORMED, TOO_LARGE. */
#ifndef CMAW_TEMPORAL_OBJECTS_H
#define CMAW_TEMPORAL_OBJECTS_H

#include "lib/base/bytes.h"
#include "lib/sst/limits.h"

/* About 4 KiB each. */
struct cmaw_step_task {
    struct cmaw_slice plan;
    struct cmaw_slice ticket;
    uint32_t step;
    uint32_t attempt;
    uint32_t input_count;
    struct cmaw_slice inputs[CMAW_EDGES_MAX]; /* whole State messages, in edge order */
};
struct cmaw_step_output {
    uint32_t state_count;
    struct cmaw_slice states[CMAW_EDGES_MAX]; /* whole State messages, in edge order */
    struct cmaw_slice receipt;
    struct cmaw_slice ak_doc;
};
struct cmaw_run_result {
    uint32_t state_count;
    uint32_t receipt_count;
    uint32_t ak_doc_count;
    struct cmaw_slice states[CMAW_EDGES_MAX];   /* to the client, in edge order */
    struct cmaw_slice receipts[CMAW_STEPS_MAX]; /* in step order */
    struct cmaw_slice ak_docs[CMAW_STEPS_MAX];  /* each once, in order of first use */
};

enum cmaw_err cmaw_step_task_decode(struct cmaw_slice bytes, struct cmaw_step_task *ret_task);
void cmaw_step_task_encode(const struct cmaw_step_task *task, struct cmaw_buf *buf);
/* StepResult. */
enum cmaw_err cmaw_step_output_decode(struct cmaw_slice bytes, struct cmaw_step_output *ret_output);
void cmaw_step_output_encode(const struct cmaw_step_output *output, struct cmaw_buf *buf);
enum cmaw_err cmaw_run_result_decode(struct cmaw_slice bytes, struct cmaw_run_result *ret_result);
void cmaw_run_result_encode(const struct cmaw_run_result *result, struct cmaw_buf *buf);

#endif
