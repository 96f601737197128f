#include "client/proof/subject.h"

#include <stdlib.h>

#include "sys/file.h"

/* Adds what is on an edge, in clear, to the evidence; bufs keeps the bytes. */
static enum cmaw_err put_disclosure(const struct cmaw_subject *subject, uint32_t edge, struct cmaw_evidence *evidence, struct cmaw_buf *buf)
{
    *buf = CMAW_BUF(CMAW_CLASS_MAX_SIZE);
    cmaw_agent_state_encode(&subject->plaintexts->opened[edge - 1].content, buf);
    CMAW_TRY(buf->err);
    evidence->disclosures[evidence->disclosure_count++] = (struct cmaw_disclosure){.edge = edge, .agent_state = cmaw_buf_slice(buf)};
    return CMAW_OK;
}

static bool is_named(const struct cmaw_plan_edge *edge, const struct cmaw_words *names, bool *used)
{
    bool found = false;
    for (size_t i = 0; i < names->count; i++) {
        if (cmaw_slice_eq_cstr(edge->name, names->items[i])) {
            used[i] = true;
            found = true;
        }
    }
    return found;
}

static enum cmaw_err fill_evidence(const struct cmaw_words *words, const struct cmaw_subject *subject, struct cmaw_evidence *evidence,
                                   struct cmaw_buf *bufs, struct cmaw_diag *diag)
{
    bool used[CMAW_WORDS_MAX] = {false};
    const struct cmaw_plan *plan = &subject->outcome->run->plan;
    for (uint32_t edge = 1; edge <= plan->edge_count; edge++) {
        if (is_named(cmaw_plan_edge_at(plan, edge), words, used)) {
            if ((subject->outcome->run->edges[edge - 1].bound & CMAW_BOUND_OPENED) == 0) {
                return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "--disclose: the state of edge %u is not at hand", edge);
            }
            CMAW_TRY(put_disclosure(subject, edge, evidence, &bufs[edge - 1]));
        }
    }
    for (size_t i = 0; i < words->count; i++) {
        if (!used[i]) {
            return cmaw_diag_set(diag, CMAW_E_USAGE, "--disclose %.80s: this workflow has no edge of that name", words->items[i]);
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_evidence_bytes(const struct cmaw_subject *subject, const struct cmaw_words *disclose, struct cmaw_buf *bytes, struct cmaw_diag *diag)
{
    struct cmaw_evidence *evidence = calloc(1, sizeof *evidence);
    struct cmaw_buf *bufs = calloc(CMAW_EDGES_MAX, sizeof *bufs);
    enum cmaw_err err = CMAW_E_NO_MEMORY;
    if (evidence != NULL && bufs != NULL) {
        *evidence = subject->outcome->evidence;
        err = fill_evidence(disclose, subject, evidence, bufs, diag);
        if (err == CMAW_OK) {
            cmaw_evidence_encode(evidence, bytes);
            err = bytes->err;
        }
    }
    for (size_t i = 0; bufs != NULL && i < CMAW_EDGES_MAX; i++) {
        cmaw_buf_free(&bufs[i]);
    }
    free(bufs);
    free(evidence);
    return err;
}

enum cmaw_err cmaw_evidence_write(const struct cmaw_subject *subject, const struct cmaw_words *disclose, const char *path, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(bytes, CMAW_EVIDENCE_MAX);
    CMAW_TRY(cmaw_evidence_bytes(subject, disclose, &bytes, diag));
    return cmaw_file_write(path, cmaw_buf_slice(&bytes), 0600, diag);
}
