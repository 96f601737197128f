/* Attestation of a role under a manifest: PROTOCOL.md section 9. */
#ifndef CMAW_SST_ATTEST_H
#define CMAW_SST_ATTEST_H

#include "lib/sst/check.h"
#include "lib/sst/keys.h"

/* What an accepted document says. Slices point into the document. */
struct cmaw_attested {
    struct cmaw_slice spki; /* AK, DER, 91 bytes */
    struct cmaw_bytes32 kid;   /* H(spki) */
    struct cmaw_bytes32 doc_hash; /* H(ctx("ak-doc", document)) */
    struct cmaw_slice nonce;
    uint64_t timestamp_ms;
};

/* The document is a good one of this role of the manifest, valid at its own timestamp. AUTH, and *finding says which check
 * refused ("doc.…"); finding may be NULL. */
enum cmaw_err cmaw_attest_role(struct cmaw_slice ak_doc, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
    struct cmaw_attested *ret_attested, struct cmaw_finding *finding);

#endif
