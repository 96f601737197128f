/* Attestation of a role under a manifest: PROTOCOL.md section 9. */
#ifndef CMAW_SST_ATTEST_H
#define CMAW_SST_ATTEST_H

#include "lib/attest/doc.h"
#include "lib/sst/check.h"
#include "lib/sst/keys.h"

/* What an accepted document says. Slices point into the document. Freed by cmaw_attested_free. */
struct cmaw_attested {
    struct cmaw_ec_key *ak;    /* public key, parsed once; owned */
    struct cmaw_bytes32 kid;   /* H(SPKI of AK) */
    struct cmaw_bytes32 doc_hash; /* H(ctx("ak-doc", document)) */
    struct cmaw_slice nonce;
    uint64_t timestamp_ms;
    bool is_unsigned;          /* QEMU's: nobody vouches for any of it */
};
#define CMAW_ATTESTED_AUTO(name) [[gnu::cleanup(cmaw_attested_free)]] struct cmaw_attested name = {0}
void cmaw_attested_free(struct cmaw_attested *attested);

/* The document is a good one of this role of the manifest, valid at its own timestamp. AUTH, and *finding says which check
 * refused ("doc.…"; CMAW_CHECK_UNSIGNED for one of QEMU's that trust does not take); finding and cache may be NULL. Of an unsigned
 * one that trust takes, everything but the signature and its chain is checked. */
#define CMAW_CHECK_UNSIGNED "doc.unsigned"
enum cmaw_err cmaw_attest_role(struct cmaw_slice ak_doc, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
    enum cmaw_doc_trust trust, struct cmaw_x509_cache *cache, struct cmaw_attested *ret_attested, struct cmaw_finding *finding);

#endif
