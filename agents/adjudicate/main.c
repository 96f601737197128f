#include <jansson.h>

#include "agents/adjudicate/adjudicate.h"
#include "agents/adjudicate/policies.h"
#include "agents/agent.h"

enum { DECISION_MAX = 1835008 };

/* The table is /etc/policies.json of the image, or the file that the image's command names. */
int main(int argc, char **argv)
{
    CMAW_BUF_AUTO(claim, CMAW_AGENT_INPUT_MAX);
    CMAW_BUF_AUTO(policies, CMAW_POLICIES_MAX);
    CMAW_BUF_AUTO(decision, DECISION_MAX);
    const char *problem = "";
    json_object_seed(1); /* one process, one input: nothing to protect from chosen keys, and no device to ask */
    enum cmaw_err err = cmaw_agent_read_file(argc > 1 ? argv[1] : "/etc/policies.json", &policies);
    if (err != CMAW_OK) {
        return cmaw_agent_fail("adjudicate", "cannot read the policy table", err);
    }
    err = cmaw_agent_read(&claim);
    if (err != CMAW_OK) {
        return cmaw_agent_fail("adjudicate", "cannot read the claim", err);
    }
    err = cmaw_adjudicate(cmaw_buf_slice(&claim), cmaw_buf_slice(&policies), &decision, &problem);
    if (err != CMAW_OK) {
        return cmaw_agent_fail("adjudicate", problem, err);
    }
    err = cmaw_agent_write(cmaw_buf_slice(&decision));
    return err == CMAW_OK ? 0 : cmaw_agent_fail("adjudicate", "cannot write the decision", err);
}
