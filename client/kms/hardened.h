/* The key policy that a deployment wants: docs/kms.md goes through it line by line. */
#ifndef CMAW_CLIENT_KMS_HARDENED_H
#define CMAW_CLIENT_KMS_HARDENED_H

#include "client/json.h"
#include "lib/base/diag.h"
#include "lib/sst/manifest.h"

/* Who may do what with the key of a role: ARNs of IAM. */
struct cmaw_kms_principals {
    const char *admin;       /* may replace the policy, unless it is immutable: a deployment trusts whoever holds this; NULL: nobody */
    const char *instance;    /* the role of the host that the enclaves run on */
    const char *break_glass; /* may only disable the key and schedule its deletion; NULL: nobody */
    bool immutable;          /* nobody may replace the policy, ever */
};

/* USAGE unless each of them is the ARN of one role or user, and none is two of them. Who is more than one person (everyone, an account by its
 * root) would open what the policy closes, and a host that may replace it would, too. */
enum cmaw_err cmaw_kms_principals_check(const struct cmaw_kms_principals *principals, struct cmaw_diag *diag);

/* The policy of PROTOCOL.md section 5 for a role of the manifest: Decrypt and GenerateDataKey only for its images (PCR0) in this role
 * (PCR16) and under the exact encryption context; nothing unattested; whatever carries no attestation is denied to everyone. The
 * caller owns it. */
enum cmaw_err cmaw_kms_role_policy(const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                                   const struct cmaw_kms_principals *principals, json_t **ret_policy);

#endif
