/* Birth certificates: PROTOCOL.md section 6, points 3 and 4, and section 9. */
#ifndef CMAW_SST_BIRTH_H
#define CMAW_SST_BIRTH_H

#include "lib/crypto/ecdsa.h"
#include "lib/sst/attest.h"

struct cmaw_birth_claims {
    struct cmaw_bytes32 manifest;
    uint32_t role;
    struct cmaw_bytes32 tsk_commit;
    struct cmaw_bytes32 blob_hash; /* H(ctx("blob", kms blob)) */
    struct cmaw_bytes32 pk_role;
    struct cmaw_slice key_arn;
    uint64_t created_ms;
    bool is_unsigned; /* no claim of it: the document that vouches for the signer is QEMU's */
};

/* Appends the COSE_Sign1 of AK over the claims. */
enum cmaw_err cmaw_birth_make(const struct cmaw_birth_claims *claims, const struct cmaw_ec_key *ak, struct cmaw_buf *buf);
/* The certificate of a role: attestation of ak_doc as far as trust goes, signature by that AK, claims of this manifest and role, created within its
 * validity, and kms_blob is the blob it names. AUTH, and *finding (may be NULL) says why. */
enum cmaw_err cmaw_birth_verify(struct cmaw_slice cert, struct cmaw_slice ak_doc, struct cmaw_slice kms_blob,
    const struct cmaw_manifest *manifest, const struct cmaw_role *role, enum cmaw_doc_trust trust,
    struct cmaw_birth_claims *ret_claims, struct cmaw_finding *finding);
/* The TSK that came out of KMS is the one that was born: tsk_commit and pk_role match. AUTH. ret_keys as in
 * cmaw_role_keys_derive, and released on failure. */
enum cmaw_err cmaw_birth_match_tsk(const struct cmaw_birth_claims *claims, struct cmaw_slice tsk, struct cmaw_role_keys *ret_keys,
    struct cmaw_finding *finding);

#endif
