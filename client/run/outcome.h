/* A finished run: verified as PROTOCOL.md section 9 says, with the owner's secrets, before anything of it is shown. */
#ifndef CMAW_CLIENT_RUN_OUTCOME_H
#define CMAW_CLIENT_RUN_OUTCOME_H

#include "client/run/prepare.h"
#include "lib/sst/run.h"
#include "lib/sst/state_open.h"
#include "lib/sst/verify.h"

/* Everything of a run that was verified. Freed by cmaw_outcome_free, which wipes the secrets. */
struct cmaw_outcome {
    struct cmaw_pinned pinned;
    struct cmaw_evidence evidence; /* points into pinned, the record, and extra */
    struct cmaw_verified_run *run;
    struct cmaw_edge_secrets secrets;
    enum cmaw_doc_trust trust; /* what was taken: run->unsigned_count says how often that mattered, for the births where all else is signed */
};
void cmaw_outcome_free(struct cmaw_outcome **outcome);
#define CMAW_OUTCOME_AUTO(name) [[gnu::cleanup(cmaw_outcome_free)]] struct cmaw_outcome *name = NULL

/* States of internal edges that were found elsewhere (Temporal's history): of[id - 1], empty where there is none. */
struct cmaw_found_states {
    struct cmaw_slice of[CMAW_EDGES_MAX];
};

/* Verifies a completed run, with documents as the store's trust has them. record and found (may be NULL) must outlive the outcome. AUTH: it does not verify, and diag names the check. */
enum cmaw_err cmaw_outcome_verify(struct cmaw_store *store, const struct cmaw_run_record *record, const struct cmaw_found_states *found,
                                  struct cmaw_outcome **ret_outcome, struct cmaw_diag *diag);
/* Opens the state on an edge of a verified run. NOT_FOUND if the state is not at hand. */
enum cmaw_err cmaw_outcome_open(const struct cmaw_outcome *outcome, uint32_t edge, struct cmaw_opened *ret_opened, struct cmaw_diag *diag);

/* What a failed run says: the failed step and the text that its agent left, where a sealed failure state and its receipt came and verify. */
struct cmaw_failure_text {
    char step[CMAW_NAME_MAX + 1]; /* empty: not known */
    struct cmaw_buf text;         /* empty: none came */
    uint32_t unsigned_count;      /* of the births of the deployment that it was checked with: those that nobody signed */
};
/* Sets the diag for a run that did not complete: one line and a hint by its code. */
enum cmaw_err cmaw_failure_report(struct cmaw_store *store, const struct cmaw_run_record *record, bool json, struct cmaw_diag *diag);

#endif
