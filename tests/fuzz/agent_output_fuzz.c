/* What an agent with io: proto writes, for a step with two out-edges. What is accepted lies inside what was written. */
#include <stdlib.h>

#include "enclave/agent/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct cmaw_slice part, const uint8_t *data, size_t size)
{
    if (part.size > 0 && (part.data < data || part.data + part.size > data + size)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmaw_conf conf = {.agent_proto = true};
    static struct cmaw_plan_edge edges[2];
    static struct cmaw_step step;
    static struct cmaw_agent_state outputs[2];
    edges[0].name = CMAW_SLICE_LIT("a");
    edges[1].name = CMAW_SLICE_LIT("b");
    step.output_count = 2;
    step.outputs[0] = &edges[0];
    step.outputs[1] = &edges[1];
    if (cmaw_agent_io_output(&conf, &step, cmaw_slice_of(data, size), outputs) != CMAW_OK) {
        return 0;
    }
    for (size_t i = 0; i < 2; i++) {
        inside(outputs[i].content, data, size);
        inside(outputs[i].content_type, data, size);
        for (uint32_t k = 0; k < outputs[i].annotation_count; k++) {
            inside(outputs[i].annotations[k].key, data, size);
            inside(outputs[i].annotations[k].value, data, size);
        }
    }
    return 0;
}
