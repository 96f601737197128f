/* The proofs of a run as one page that needs nothing else: HTML with its style, drawings and the evidence inside; no script, no network. It holds no word of the
 * run's content, whatever was found where: only evidence with disclosures does. */
#ifndef CMAW_CLIENT_REPORT_REPORT_H
#define CMAW_CLIENT_REPORT_REPORT_H

#include "client/proof/proof.h"

enum { CMAW_REPORT_MAX = 400 * 1024 * 1024 }; /* bytes: base64 of the largest evidence, and the page */

/* Everything is borrowed. What it shows comes from proofs[…].json, which is what cmaw verify --json prints, and from the verified run. */
struct cmaw_report {
    const struct cmaw_run_record *record;
    const struct cmaw_manifest *manifest;
    const struct cmaw_verified_run *run; /* NULL: it did not verify; then only the plan is drawn, as its owner made it */
    const struct cmaw_proof *proofs;
    size_t proof_count;
    struct cmaw_slice evidence;          /* empty where there is no run */
    const struct cmaw_words *disclosed;  /* names of edges that the evidence has in clear */
    bool insecure;                       /* unsigned documents were taken */
    uint64_t made_ms;
};

/* Appends the page. MALFORMED if the record's plan cannot be read. */
enum cmaw_err cmaw_report_write(const struct cmaw_report *report, struct cmaw_buf *page);

#endif
