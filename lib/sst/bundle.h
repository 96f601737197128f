/* A deployment: messages Bundle and RoleKey of PROTOCOL.md section 4, and their verification. */
#ifndef CMAW_SST_BUNDLE_H
#define CMAW_SST_BUNDLE_H

#include "lib/sst/birth.h"

struct cmaw_role_key {
    uint32_t role;
    struct cmaw_slice birth_cert;
    struct cmaw_slice ak_doc;
    struct cmaw_slice kms_blob;
};
struct cmaw_bundle {
    struct cmaw_slice manifest;
    uint32_t role_count;
    struct cmaw_role_key roles[CMAW_ROLES_MAX];
};
/* Canonical form only. */
enum cmaw_err cmaw_bundle_decode(struct cmaw_slice bytes, struct cmaw_bundle *ret_bundle);
/* Size, form, limits of each part, roles strictly ascending. TOO_LARGE, MALFORMED. */
enum cmaw_err cmaw_bundle_parse(struct cmaw_slice bytes, struct cmaw_bundle *ret_bundle);
void cmaw_bundle_encode(const struct cmaw_bundle *bundle, struct cmaw_buf *buf);
const struct cmaw_role_key *cmaw_bundle_role(const struct cmaw_bundle *bundle, uint32_t role);

/* A verified deployment: bundle.roles[i] has the key pk[i]. About 40 KiB. */
struct cmaw_deployment {
    struct cmaw_bundle bundle;
    struct cmaw_manifest manifest;
    struct cmaw_bytes32 pk[CMAW_ROLES_MAX];
    uint32_t unsigned_count; /* of births whose document nobody signed */
};
/* All of it: form, manifest, every birth certificate, as far as trust goes. pinned_mh may be NULL for a client that is about to pin. AUTH (or
 * MALFORMED, TOO_LARGE), and *finding (may be NULL) names the check and the role. Points into bytes. */
enum cmaw_err cmaw_bundle_verify(struct cmaw_slice bytes, const struct cmaw_bytes32 *pinned_mh, enum cmaw_doc_trust trust,
    struct cmaw_deployment *ret_deployment, struct cmaw_finding *finding);
/* The key of a role; NULL where the bundle has none. */
const struct cmaw_bytes32 *cmaw_deployment_pk(const struct cmaw_deployment *deployment, uint32_t role);

#endif
