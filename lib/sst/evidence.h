/* What proves a run to anyone: messages Evidence and Disclosure of PROTOCOL.md section 4. Form only; verify.h judges. */
#ifndef CMAW_SST_EVIDENCE_H
#define CMAW_SST_EVIDENCE_H

#include "lib/sst/plan.h"

struct cmaw_disclosure {
    uint32_t edge;
    struct cmaw_slice agent_state;
};
/* About 14 KiB. Slices point into what it was decoded from, or are the caller's own: it may be filled from parts. */
struct cmaw_evidence {
    struct cmaw_slice manifest;
    struct cmaw_slice plan;
    struct cmaw_slice ticket_header;
    uint32_t ak_doc_count;
    uint32_t receipt_count;
    uint32_t state_count;
    uint32_t disclosure_count;
    struct cmaw_slice ak_docs[CMAW_STEPS_MAX];
    struct cmaw_slice receipts[CMAW_STEPS_MAX + 1]; /* one too many is seen and named */
    struct cmaw_slice states[CMAW_EDGES_MAX];
    struct cmaw_disclosure disclosures[CMAW_EDGES_MAX];
};

/* Size and canonical form. TOO_LARGE, MALFORMED. */
enum cmaw_err cmaw_evidence_decode(struct cmaw_slice bytes, struct cmaw_evidence *ret_evidence);
void cmaw_evidence_encode(const struct cmaw_evidence *evidence, struct cmaw_buf *buf);
enum cmaw_err cmaw_disclosure_decode(struct cmaw_slice bytes, struct cmaw_disclosure *ret_disclosure);

#endif
