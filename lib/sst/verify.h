/* Verification of a run: PROTOCOL.md section 9. Needs no secret and no network. cmaw_run_verify_secrets (verify_open.c, an object
 * of its own) is for a holder of edge secrets. */
#ifndef CMAW_SST_VERIFY_H
#define CMAW_SST_VERIFY_H

#include "lib/sst/attest.h"
#include "lib/sst/edge.h"
#include "lib/sst/evidence.h"
#include "lib/sst/receipt.h"
#include "lib/sst/state_open.h"
#include "lib/sst/ticket.h"

/* How the content of an edge is tied to the receipts. Bits. */
enum { CMAW_BOUND_STATE = 1, CMAW_BOUND_DISCLOSURE = 2, CMAW_BOUND_OPENED = 4 };

struct cmaw_verified_step {
    uint32_t doc; /* index into docs and evidence->ak_docs; receipt i of the evidence is of steps[i] */
    uint32_t attempt;
    uint64_t started_ms;
    uint64_t finished_ms;
};
struct cmaw_verified_edge {
    struct cmaw_bytes32 digest; /* as the receipts say */
    struct cmaw_bytes32 commit;
    uint32_t bound;      /* 0 on a client edge: reported as unbound */
    uint32_t state;      /* index into evidence->states, where bound has CMAW_BOUND_STATE */
    uint32_t disclosure; /* index into evidence->disclosures, where bound has CMAW_BOUND_DISCLOSURE */
};
/* A verified run, about 85 KiB. Points into the evidence. Freed by cmaw_verified_run_free. */
struct cmaw_verified_run {
    const struct cmaw_evidence *evidence;
    struct cmaw_manifest manifest;
    struct cmaw_plan plan;
    struct cmaw_ticket_header header; /* header.run_id is the run */
    uint32_t doc_count;
    uint32_t unsigned_count; /* of docs: those that nobody signed */
    struct cmaw_attested docs[CMAW_STEPS_MAX];
    struct cmaw_verified_step steps[CMAW_STEPS_MAX]; /* steps[i] is step i + 1 */
    struct cmaw_verified_edge edges[CMAW_EDGES_MAX]; /* edges[i] is edge i + 1 */
};
void cmaw_verified_run_free(struct cmaw_verified_run *run);

/* pinned_mh is the manifest that the verifier pinned, trust says which documents it takes. On success *ret_run holds the run. On failure AUTH (or NO_MEMORY), nothing
 * to free, and *finding (may be NULL) names the check and the object. */
enum cmaw_err cmaw_run_verify(const struct cmaw_evidence *evidence, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_verified_run **ret_run, struct cmaw_finding *finding);
/* From the bytes of an Evidence; evidence gets its parts and must outlive the run. */
enum cmaw_err cmaw_run_verify_bytes(struct cmaw_slice bytes, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_evidence *ret_evidence, struct cmaw_verified_run **ret_run, struct cmaw_finding *finding);
/* What a holder of edge secrets checks beyond that (verify_open.c): every secret given matches its commitment; every state at hand with a
 * secret opens, is of the smallest class where the plan names none, and its commitment is the receipts'. AUTH. */
enum cmaw_err cmaw_run_verify_secrets(struct cmaw_verified_run *run, const struct cmaw_edge_secrets *secrets,
    struct cmaw_finding *finding);

/* A failure state with its receipt of kind 2 (section 7), as a client meets it. */
struct cmaw_failure {
    struct cmaw_slice manifest;
    struct cmaw_slice plan;
    struct cmaw_slice ticket_header;
    struct cmaw_slice ak_doc;
    struct cmaw_slice receipt;
    struct cmaw_slice state;
    enum cmaw_doc_trust trust; /* which documents the caller takes */
};
/* AUTH unless it is a failure of this run that the enclave of its step reported. *ret_step is the step. */
enum cmaw_err cmaw_failure_verify(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh, uint32_t *ret_step,
    struct cmaw_finding *finding);
/* Also opens it with the secret of the step's first out-edge; appends its content (the code's name, a line feed, error text). */
enum cmaw_err cmaw_failure_open(const struct cmaw_failure *failure, const struct cmaw_bytes32 *pinned_mh, struct cmaw_slice secret,
    uint32_t *ret_step, struct cmaw_buf *ret_content, struct cmaw_finding *finding);

#endif
