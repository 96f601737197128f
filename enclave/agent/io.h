/* What an agent reads and writes: proto/cmaw/v1/agent.proto with io: proto, the bare content with io: raw. What it writes is
 * hostile. */
#ifndef CMAW_AGENT_IO_H
#define CMAW_AGENT_IO_H

#include "enclave/conf.h"
#include "lib/sst/step.h"

/* A sealed descriptor for standard input with the opened inputs of step, which are wiped from the step (only what the receipt
 * needs stays). UNSUPPORTED with io: raw where the step does not have exactly one in- and one out-edge. */
enum cmaw_err cmaw_agent_io_input(const struct cmaw_conf *conf, struct cmaw_step *step, int *ret_fd);
/* The outputs in the order of step->outputs, from what the agent wrote; ret_outputs has step->output_count elements, whose
 * slices point into written and conf. MALFORMED unless there is exactly one port for each out-edge. Content types and annotations are
 * for cmaw_step_finish to check. */
enum cmaw_err cmaw_agent_io_output(const struct cmaw_conf *conf, const struct cmaw_step *step, struct cmaw_slice written,
                                   struct cmaw_agent_state *ret_outputs);

#endif
