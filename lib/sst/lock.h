/* Whether an enclave may lock itself to a role: PROTOCOL.md section 6, point 1, as a pure function. */
#ifndef CMAW_SST_LOCK_H
#define CMAW_SST_LOCK_H

#include "lib/sst/code.h"
#include "lib/sst/manifest.h"

/* What the enclave is: measured, not told by the host. */
struct cmaw_lock_self {
    struct cmaw_slice pcrs[CMAW_MEASURED_PCRS]; /* own PCR 0, 1, 2, 8; 48 bytes each */
    struct cmaw_bytes32 attestation_root;          /* SHA-256 of the root in the image */
    uint64_t now_ms;                            /* trusted time */
};
/* OK, BAD_REQUEST (form), EXPIRED (time) or DENIED, in this order. On OK the manifest is parsed into *ret_manifest, whose
 * slices point into manifest; *ret_role is one of its roles. */
enum cmaw_code cmaw_lock_check(const struct cmaw_lock_self *self, struct cmaw_slice manifest, uint32_t role,
    struct cmaw_manifest *ret_manifest, const struct cmaw_role **ret_role);

#endif
