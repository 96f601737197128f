/* A finished run with everything about it that its owner can get: what the verbs verify and evidence work on. */
#ifndef CMAW_CLIENT_PROOF_SUBJECT_H
#define CMAW_CLIENT_PROOF_SUBJECT_H

#include "client/options.h"
#include "client/proof/proof.h"
#include "client/settings.h"

struct cmaw_subject {
    struct cmaw_store *store;
    struct cmaw_run_record record;
    struct cmaw_buf history;
    struct cmaw_buf states; /* of internal edges, from the history */
    struct cmaw_found_states found;
    struct cmaw_outcome *outcome;
    struct cmaw_plaintexts *plaintexts;
    struct cmaw_stack *stack; /* NULL: the server is elsewhere */
};
void cmaw_subject_free(struct cmaw_subject **subject);
#define CMAW_SUBJECT_AUTO(name) [[gnu::cleanup(cmaw_subject_free)]] struct cmaw_subject *name = NULL

/* Finds the run in the store and brings it to its end: the record, the event history from Temporal, the stack if the server is its. A run that did not complete
 * is reported as cmaw_failure_report does. */
enum cmaw_err cmaw_subject_fetch(const struct cmaw_settings *settings, const char *run, struct cmaw_subject **ret_subject, struct cmaw_diag *diag);
/* Verifies the run, then once more with the states of internal edges that the history holds, and opens what the owner's secrets open. AUTH. */
enum cmaw_err cmaw_subject_verify(struct cmaw_subject *subject, struct cmaw_diag *diag);

/* Appends the run's Evidence (PROTOCOL.md section 9), with what is on the edges named in disclose in clear. The run was verified. USAGE: no such edge; NOT_FOUND: its
 * state is not at hand. */
enum cmaw_err cmaw_evidence_bytes(const struct cmaw_subject *subject, const struct cmaw_words *disclose, struct cmaw_buf *bytes, struct cmaw_diag *diag);
/* Writes it to path, 0600. Errors as cmaw_evidence_bytes. */
enum cmaw_err cmaw_evidence_write(const struct cmaw_subject *subject, const struct cmaw_words *disclose, const char *path, struct cmaw_diag *diag);

#endif
