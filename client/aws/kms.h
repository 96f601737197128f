/* What a key administrator does with KMS. */
#ifndef CMAW_CLIENT_AWS_KMS_H
#define CMAW_CLIENT_AWS_KMS_H

#include "client/aws/http.h"
#include "client/kms/hardened.h"

/* A key of AWS_KMS origin that only its administrator may touch yet. */
enum cmaw_err cmaw_kms_create_key(const struct cmaw_aws_endpoint *endpoint, const struct cmaw_kms_principals *principals,
                                  const char *description, char ret_arn[static CMAW_ARN_MAX + 1], struct cmaw_diag *diag);
/* Replaces the policy of a key. */
enum cmaw_err cmaw_kms_put_policy(const struct cmaw_aws_endpoint *endpoint, const char *arn, const json_t *policy,
                                  struct cmaw_diag *diag);

#endif
