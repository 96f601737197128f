#include <stdlib.h>

#include "lib/sst/code.h"
#include "lib/sst/failure.h"
#include "lib/sst/state_open.h"

/* The code's name, a line feed, and at most so much of the agent's error output. */
static bool content_ok(struct cmaw_slice content)
{
    static const enum cmaw_code reported[] = {CMAW_CODE_AGENT_FAILED, CMAW_CODE_AGENT_TIMEOUT};
    for (size_t i = 0; i < sizeof reported / sizeof reported[0]; i++) {
        const struct cmaw_slice name = cmaw_slice_of_cstr(cmaw_code_name(reported[i]));
        if (cmaw_slice_eq(cmaw_slice_sub(content, 0, name.size), name) && content.size > name.size &&
            content.data[name.size] == '\n') {
            return content.size - name.size - 1 <= CMAW_FAILURE_TEXT_MAX;
        }
    }
    return false;
}

static enum cmaw_err open_view(const struct cmaw_failure_view *view, struct cmaw_slice secret, struct cmaw_buf *ret_content,
    struct cmaw_finding *finding)
{
    struct cmaw_bytes32 commit;
    CMAW_OPENED_AUTO(opened);
    CMAW_TRY(cmaw_edge_commit(secret, view->header.nonce, view->edge->id, &commit));
    if (!cmaw_ct_eq(cmaw_bytes32_slice(&commit), view->header.edge_commits[view->edge->id - 1])) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "secret.commit", "the secret is not the one of the ticket");
    }
    const enum cmaw_err err = cmaw_state_open(&view->state, view->edge, &view->header.run_id, secret, &opened);
    if (err != CMAW_OK) {
        return cmaw_finding_set(finding, err, "state.open", "the state does not open");
    }
    if (!cmaw_bytes32_eq(&cmaw_receipt_outputs(&view->receipt.claims)[0].commit, cmaw_bytes32_slice(&opened.commit))) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "state.commit", "the state is not what the receipt commits to");
    }
    if (!cmaw_slice_eq_cstr(opened.content.content_type, CMAW_FAILURE_CONTENT_TYPE)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "failure.type", "the content type is not that of a failure");
    }
    if (opened.content.annotation_count != 0 || !content_ok(opened.content.content)) {
        return cmaw_finding_set(finding, CMAW_E_AUTH, "failure.content", "the content is not that of a failure");
    }
    cmaw_buf_put(ret_content, opened.content.content);
    return cmaw_buf_err(ret_content);
}

enum cmaw_err cmaw_failure_open(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh, struct cmaw_slice secret,
    uint32_t *ret_step, struct cmaw_buf *ret_content, struct cmaw_finding *finding)
{
    struct cmaw_failure_view *view = calloc(1, sizeof *view);
    CMAW_REQUIRE(view != NULL, CMAW_E_NO_MEMORY);
    enum cmaw_err err = cmaw_failure_check(failure, pinned_mh, view, finding);
    if (err == CMAW_OK) {
        err = open_view(view, secret, ret_content, finding);
    }
    if (err == CMAW_OK) {
        *ret_step = view->step->id;
    }
    free(view);
    return err;
}
