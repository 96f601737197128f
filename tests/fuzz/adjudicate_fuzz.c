/* A claim: any bytes, against the example's policy table. */
#include <stdio.h>
#include <stdlib.h>

#include "agents/adjudicate/adjudicate.h"
#include "agents/agent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cmaw_buf policies = CMAW_BUF(1 << 20);
    CMAW_BUF_AUTO(out, 4 << 20);
    const char *problem = NULL;
    if (policies.size == 0 && cmaw_agent_read_file(CMAW_SOURCE_ROOT "/agents/policies.json", &policies) != CMAW_OK) {
        abort();
    }
    if (cmaw_adjudicate(cmaw_slice_of(data, size), cmaw_buf_slice(&policies), &out, &problem) != CMAW_OK && problem == NULL) {
        abort();
    }
    return 0;
}
