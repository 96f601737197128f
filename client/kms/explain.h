/* Why a policy lets something out, in words. */
#ifndef CMAW_CLIENT_KMS_EXPLAIN_H
#define CMAW_CLIENT_KMS_EXPLAIN_H

#include "client/kms/lint.h"

/* Appends why the statement that allows the path does not ask for a matching attestation; returns a word for it that stays the same
 * ("if-exists"; docs/kms.md lists them). */
const char *cmaw_lint_why_allowed(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path, struct cmaw_buf *text);
/* Appends why a Deny statement does not stop it. */
void cmaw_lint_why_not_denied(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path,
                              const struct cmaw_lint_statement *deny, struct cmaw_buf *text);

struct cmaw_lint_warning {
    const struct cmaw_lint_statement *statement;
    char text[320];
};
/* Visits what is no way out but hardly meant: values that match nothing, keys that do not exist, statements that do nothing. */
enum cmaw_err cmaw_lint_warnings(const struct cmaw_lint_input *input, enum cmaw_err (*visit)(void *context, const struct cmaw_lint_warning *warning),
                                 void *context);

#endif
