#include <jansson.h>

#include "agents/agent.h"
#include "agents/intake/intake.h"

enum { CLAIM_MAX = 256 * 1024 };

int main(void)
{
    CMAW_BUF_AUTO(letter, CMAW_AGENT_INPUT_MAX);
    CMAW_BUF_AUTO(claim, CLAIM_MAX);
    json_object_seed(1); /* one process, one input: nothing to protect from chosen keys, and no device to ask */
    enum cmaw_err err = cmaw_agent_read(&letter);
    if (err != CMAW_OK) {
        return cmaw_agent_fail("intake", "cannot read the letter", err);
    }
    err = cmaw_intake(cmaw_buf_slice(&letter), &claim);
    if (err != CMAW_OK) {
        return cmaw_agent_fail("intake", err == CMAW_E_MALFORMED ? "the letter is not text in UTF-8" : "cannot read the letter", err);
    }
    err = cmaw_agent_write(cmaw_buf_slice(&claim));
    return err == CMAW_OK ? 0 : cmaw_agent_fail("intake", "cannot write the claim", err);
}
