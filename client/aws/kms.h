/* What a key administrator does with KMS, and what an auditor reads in CloudTrail. */
#ifndef CMAW_CLIENT_AWS_KMS_H
#define CMAW_CLIENT_AWS_KMS_H

#include "client/aws/http.h"
#include "lib/sst/manifest.h"

/* Who may do what with the key of a role: the IAM principals of the policy. */
struct cmaw_kms_principals {
    const char *admin;    /* may change the policy: a deployment trusts whoever holds this */
    const char *instance; /* the role of the host that the enclaves run on */
};

/* A key of AWS_KMS origin that only its administrator may touch yet. */
enum cmaw_err cmaw_kms_create_key(const struct cmaw_aws_endpoint *endpoint, const struct cmaw_kms_principals *principals,
                                  const char *description, char ret_arn[static CMAW_ARN_MAX + 1], struct cmaw_diag *diag);
/* The policy of PROTOCOL.md section 5 for a role of the manifest: Decrypt and GenerateDataKey only for its images (PCR0) in this role (PCR16) and under the exact
 * encryption context; nothing unattested; the instance role has no Encrypt, ReEncrypt, CreateGrant or PutKeyPolicy. The caller owns it. */
enum cmaw_err cmaw_kms_role_policy(const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                                   const struct cmaw_kms_principals *principals, json_t **ret_policy);
enum cmaw_err cmaw_kms_put_policy(const struct cmaw_aws_endpoint *endpoint, const char *arn, const json_t *policy,
                                  struct cmaw_diag *diag);

/* Visits every CloudTrail event about a resource, in the service's order (newest first): the parsed CloudTrailEvent. */
enum cmaw_err cmaw_trail_each(const struct cmaw_aws_endpoint *endpoint, const char *resource,
                              enum cmaw_err (*visit)(void *context, const json_t *event), void *context, struct cmaw_diag *diag);

#endif
