/* Policies of keys and of identities (IAM User Guide, "Grammar of the IAM JSON policy language"), read strictly into statements:
 * what KMS refuses to store, or what this does not know, is an error that names its place, and nothing is skipped. */
#ifndef CMAW_CLIENT_KMS_DOCUMENT_H
#define CMAW_CLIENT_KMS_DOCUMENT_H

#include "client/json.h"
#include "client/kms/condition.h"

enum { CMAW_LINT_POLICY_MAX = 32768 }; /* bytes: KMS's limit for a key policy */

struct cmaw_lint_statement {
    size_t index; /* from 0 */
    const char *sid; /* "" where it has none */
    bool deny;
    /* Principal, or NotPrincipal; in the policy of an identity: neither */
    bool except_principals, any_principal; /* any: "*" is one of those named */
    struct cmaw_lint_list aws;             /* ARNs and account numbers, without "*" */
    struct cmaw_lint_list others;          /* services, identity providers, canonical users */
    bool except_actions, except_resources;
    struct cmaw_lint_list actions, resources; /* none: the statement is stored, but does nothing */
    struct cmaw_lint_test *tests; /* all must hold */
    size_t test_count;
};

enum cmaw_lint_kind { CMAW_LINT_KEY_POLICY, CMAW_LINT_IDENTITY_POLICY };

/* Its texts point into json. */
struct cmaw_lint_document {
    const char *name; /* of the file, for messages; borrowed */
    enum cmaw_lint_kind kind;
    json_t *json;
    struct cmaw_lint_statement *statements;
    size_t count;
};

/* text is hostile. MALFORMED, UNSUPPORTED (an operator that is not known) and TOO_LARGE with the place in diag. On success the
 * caller frees *ret_document. */
enum cmaw_err cmaw_lint_document_parse(const char *name, struct cmaw_slice text, enum cmaw_lint_kind kind,
                                       struct cmaw_lint_document *ret_document, struct cmaw_diag *diag);
/* NULL-safe for members: a zero document is fine. */
void cmaw_lint_document_free(struct cmaw_lint_document *document);
#define CMAW_LINT_DOCUMENT_AUTO(name) [[gnu::cleanup(cmaw_lint_document_free)]] struct cmaw_lint_document name = {0}

#endif
