/* Finds every way in which a key policy lets key material out without a matching attestation: for each principal, each action of
 * cmaw_lint_actions and each wrong attestation. It errs on the side of reporting: what it cannot decide is a way. */
#ifndef CMAW_CLIENT_KMS_LINT_H
#define CMAW_CLIENT_KMS_LINT_H

#include "client/kms/situation.h"

struct cmaw_lint_input {
    const struct cmaw_lint_document *policy;      /* of the key */
    const struct cmaw_lint_document *identities;  /* policies of identities in accounts that the key's policy may name */
    size_t identity_count;
    const struct cmaw_lint_expected *expected; /* NULL: no manifest */
    const char *const *admins;                 /* ARNs that may replace the policy: trusted */
    size_t admin_count;
};

/* One way out. */
struct cmaw_lint_path {
    const struct cmaw_lint_statement *allow;    /* of the key's policy */
    const struct cmaw_lint_statement *identity; /* of a HOLDER's policy; else NULL */
    const struct cmaw_lint_principal *principal;
    const struct cmaw_lint_action *action;
    enum cmaw_lint_attestation attestation;
    const struct cmaw_lint_action *granted; /* CreateGrant: what a grant can then be used for */
};

struct cmaw_lint_report {
    struct cmaw_lint_principal *principals;
    size_t principal_count;
    struct cmaw_lint_path *paths;   /* in the order of the statements */
    size_t path_count;
    struct cmaw_lint_path *trusted; /* what an admin may do */
    size_t trusted_count;
};

/* NO_MEMORY. Refers to the input, which must outlive it. */
enum cmaw_err cmaw_lint_run(const struct cmaw_lint_input *input, struct cmaw_lint_report *ret_report);
void cmaw_lint_report_free(struct cmaw_lint_report *report);
#define CMAW_LINT_REPORT_AUTO(name) [[gnu::cleanup(cmaw_lint_report_free)]] struct cmaw_lint_report name = {0}
/* The situation that a path is about. */
struct cmaw_lint_situation cmaw_lint_situation_of(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path);

#endif
