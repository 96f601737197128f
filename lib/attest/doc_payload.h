/* The payload of an attestation document apart from its signature: only for emulators of what is not signed at all. Verifiers
 * use doc.h, which never gives a document without one. */
#ifndef CMAW_ATTEST_DOC_PAYLOAD_H
#define CMAW_ATTEST_DOC_PAYLOAD_H

#include "lib/attest/doc.h"

/* facts/NITRO.md section 1.2, with any number of certificates up to CMAW_DOC_BUNDLE_MAX; doc must be zero but for sign1. MALFORMED,
 * and doc is then of no use. Hostile input. */
enum cmaw_err cmaw_doc_parse_payload(struct cmaw_slice payload, struct cmaw_doc *doc);

#endif
