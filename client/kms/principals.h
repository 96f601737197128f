/* Everyone whom a policy has to be judged for. */
#ifndef CMAW_CLIENT_KMS_PRINCIPALS_H
#define CMAW_CLIENT_KMS_PRINCIPALS_H

#include "client/kms/lint.h"

/* Anyone first, then accounts, those that statements and aws:PrincipalArn name, holders of the given identity policies in each
 * account, and services. The caller frees *ret_principals. */
enum cmaw_err cmaw_lint_principals(const struct cmaw_lint_input *input, struct cmaw_lint_principal **ret_principals, size_t *ret_count);

#endif
