/* Which measured images a document may stand for: an allow-list of PCR values, and the debug rule (facts/NITRO.md 1.5). */
#ifndef CMAW_ATTEST_DOC_POLICY_H
#define CMAW_ATTEST_DOC_POLICY_H

#include "lib/attest/doc.h"

/* Values to compare, CMAW_PCR_SIZE bytes each; empty: not compared. pcr0 is required. */
struct cmaw_doc_measurement {
    struct cmaw_slice pcr0;
    struct cmaw_slice pcr1;
    struct cmaw_slice pcr2;
    struct cmaw_slice pcr8;
};

/* MALFORMED if an entry of the list is one that must not be there: no pcr0, a wrong size, an all-zero value. */
enum cmaw_err cmaw_doc_measurements_check(const struct cmaw_doc_measurement *list, size_t count);
/* DENIED unless the document equals one entry in all its given values, and is no debug document or those are allowed by
 * allow_debug (then a debug document needs no entry). An empty list matches nothing. MALFORMED as above. */
enum cmaw_err cmaw_doc_measurements_match(const struct cmaw_doc *doc, const struct cmaw_doc_measurement *list,
                                          size_t count, bool allow_debug);

#endif
