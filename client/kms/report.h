/* What lint found, for people and for programs. */
#ifndef CMAW_CLIENT_KMS_REPORT_H
#define CMAW_CLIENT_KMS_REPORT_H

#include "client/kms/explain.h"

/* On standard output. */
enum cmaw_err cmaw_lint_print(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report);
/* {"paths": [{"statement", "sid", "principal", "action", "attestation", "cause", "why", "outcome", "not_denied": [{"statement", "sid",
 * "why"}], "identity", "grant"}], "trusted": […], "warnings": [{"statement", "sid", "text"}]}; the caller owns it. */
enum cmaw_err cmaw_lint_json(const struct cmaw_lint_input *input, const struct cmaw_lint_report *report, json_t **ret_json);

#endif
