/* The three proofs that cmaw verify makes of a finished run. */
#ifndef CMAW_CLIENT_PROOF_PROOF_H
#define CMAW_CLIENT_PROOF_PROOF_H

#include "client/aws/auditor.h"
#include "client/json.h"
#include "client/run/outcome.h"
#include "client/stack/stack.h"

enum { CMAW_PROOF_TEXT_MAX = 1024 * 1024 };

/* One proof as a person reads it. text is for the owner: it may name what was found. */
struct cmaw_proof {
    const char *name;   /* "confidentiality" */
    bool pass;
    bool incomplete;    /* neither proven nor refuted */
    char summary[384];  /* one line */
    struct cmaw_buf text; /* lines of what was looked at, and how much */
    json_t *json;       /* the same for programs */
};
enum cmaw_err cmaw_proof_new(const char *name, struct cmaw_proof *ret_proof);
void cmaw_proof_free(struct cmaw_proof *proof);
#define CMAW_PROOF_AUTO(name) [[gnu::cleanup(cmaw_proof_free)]] struct cmaw_proof name = {0}
/* Adds "  <formatted>\n" to the text. */
[[gnu::format(printf, 2, 3)]] void cmaw_proof_line(struct cmaw_proof *proof, const char *format, ...);

/* Plaintexts of a run: every state that its owner can open, inputs and outputs among them. */
struct cmaw_plaintexts {
    size_t count;
    struct cmaw_opened opened[CMAW_EDGES_MAX];
};
void cmaw_plaintexts_free(struct cmaw_plaintexts **plaintexts);
enum cmaw_err cmaw_plaintexts_open(const struct cmaw_outcome *outcome, struct cmaw_plaintexts **ret_plaintexts, struct cmaw_diag *diag);

/* Terms of the owner's own, a line each (terms.h); name is the file's. */
struct cmaw_forbidden {
    const char *name;
    struct cmaw_slice lines;
};

/* No term of the plaintexts, and none that is forbidden, is in the event history (as Temporal gave it), in the server's database files, or in any log of the stack. stack may be NULL: then only
 * the history can be looked at, and the proof says so. Incomplete: nothing was found, but there was no stack, a compressed stream was too large
 * to be searched, or there was no term to look for. MALFORMED for what
 * is forbidden, as cmaw_terms_add_forbidden. */
enum cmaw_err cmaw_prove_confidentiality(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_slice history,
                                         const struct cmaw_stack *stack, const struct cmaw_forbidden *forbidden, struct cmaw_proof *proof,
                                         struct cmaw_diag *diag);
/* Every Decrypt and GenerateDataKey that KMS granted for the manifest's keys carried a recipient measured as the manifest says, as CloudTrail has it (audit.h). Waits
 * up to wait_ms for the events that must be there, with progress on standard error; SIGINT ends that. Incomplete: some are missing, or there are no
 * credentials. Errors as cmaw_trail_each. */
enum cmaw_err cmaw_prove_attestation(const struct cmaw_outcome *outcome, const struct cmaw_auditor_settings *settings, uint64_t wait_ms,
                                     struct cmaw_proof *proof, struct cmaw_diag *diag);
/* What the verification of the run established, and the change that the last step made. */
enum cmaw_err cmaw_prove_integrity(const struct cmaw_outcome *outcome, const struct cmaw_plaintexts *plaintexts, struct cmaw_proof *proof,
                                   struct cmaw_diag *diag);

/* Lines about what differs between two JSON documents, at most limit of them; returns how many there are in all. A document that is kept inside the other under
 * one of its members is recognised. */
size_t cmaw_json_diff(const json_t *before, const json_t *after, size_t limit, struct cmaw_buf *lines);

/* States of internal edges from the event history, those that the receipts of a verified run name. found points into buf. */
enum cmaw_err cmaw_history_states(struct cmaw_slice history, const struct cmaw_verified_run *run, struct cmaw_buf *buf,
                                  struct cmaw_found_states *ret_found, struct cmaw_diag *diag);

#endif
