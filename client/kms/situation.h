/* Who calls what, and with which attestation: the cases in which a policy is judged. The enemy chooses everything else in the call. */
#ifndef CMAW_CLIENT_KMS_SITUATION_H
#define CMAW_CLIENT_KMS_SITUATION_H

#include "client/kms/document.h"
#include "lib/sst/manifest.h"

enum { CMAW_LINT_PCR_TEXT = 2 * CMAW_PCR_SIZE + 1 };

/* What a key lets out when an action on it is allowed. */
enum cmaw_lint_effect {
    CMAW_LINT_EFFECT_DATA,    /* secrets, to the caller or to the enclave that it names as recipient */
    CMAW_LINT_EFFECT_MOVE,    /* secrets, under another key or in another region */
    CMAW_LINT_EFFECT_GRANT,   /* others may use the key, whatever the policy allows */
    CMAW_LINT_EFFECT_REWRITE, /* the policy can be replaced */
};
struct cmaw_lint_action {
    const char *name; /* "kms:Decrypt" */
    enum cmaw_lint_effect effect;
    bool recipient;       /* a call may carry an attestation document */
    const char *outcome;  /* what the enemy has then */
};
/* Every action that lets key material out; a name of NULL ends it. Others (Encrypt, GenerateDataKeyWithoutPlaintext, Sign,
 * Describe…) let none out. */
extern const struct cmaw_lint_action cmaw_lint_actions[];

enum cmaw_lint_caller {
    CMAW_LINT_ANYONE,  /* of any account, but for those that the policy names */
    CMAW_LINT_NAMED,   /* an ARN that the policy names */
    CMAW_LINT_ACCOUNT, /* an account's root user, and whoever has an identity policy there that nobody has shown us */
    CMAW_LINT_HOLDER,  /* whoever has an identity policy that was given */
    CMAW_LINT_OUTSIDE, /* a service, an identity provider */
};
struct cmaw_lint_principal {
    enum cmaw_lint_caller kind;
    const char *name;  /* ARN, service, or file of the identity policy; "*" */
    char account[13];  /* twelve digits, or empty where it is not known */
    const struct cmaw_lint_document *identity; /* HOLDER */
};

/* The attestation document of a call that must fail. */
enum cmaw_lint_attestation {
    CMAW_LINT_NONE,       /* none */
    CMAW_LINT_DEBUG,      /* of an enclave in debug mode: PCR 0, 1, 2 and 8 are zero */
    CMAW_LINT_OTHER_IMAGE, /* of an image that the enemy made, on the same host */
    CMAW_LINT_OTHER_ROLE, /* of the right image that is locked to another role, or to none */
    CMAW_LINT_ATTESTATIONS,
};
/* "none", "debug", "other-image", "other-role". */
const char *cmaw_lint_attestation_name(enum cmaw_lint_attestation attestation);

/* What a matching attestation is, where a manifest says it. */
struct cmaw_lint_expected {
    char images[CMAW_MEASUREMENTS_MAX][CMAW_LINT_PCR_TEXT]; /* PCR0 */
    size_t image_count;
    char lock[CMAW_LINT_PCR_TEXT]; /* PCR16 */
    char key_arn[CMAW_ARN_MAX + 1];
};
enum cmaw_err cmaw_lint_expect(const struct cmaw_manifest *manifest, const struct cmaw_role *role, struct cmaw_lint_expected *ret_expected);

struct cmaw_lint_situation {
    const struct cmaw_lint_principal *principal;
    const struct cmaw_lint_action *action;
    enum cmaw_lint_attestation attestation;
    const struct cmaw_lint_expected *expected; /* NULL: any PCR0 or PCR8 that the policy names, but for zeros, is taken as right */
};

/* Each of the parts of a statement, and all of them. */
enum cmaw_lint_truth cmaw_lint_principal_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation);
enum cmaw_lint_truth cmaw_lint_action_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation);
enum cmaw_lint_truth cmaw_lint_resource_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation);
enum cmaw_lint_truth cmaw_lint_tests_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation);
enum cmaw_lint_truth cmaw_lint_statement_truth(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation);
/* True if one of the document's Deny statements stops every such call. */
bool cmaw_lint_denied(const struct cmaw_lint_document *document, const struct cmaw_lint_situation *situation);
/* True if text is the number of an account or the ARN of its root. */
bool cmaw_lint_is_account(const char *text, const char *account);
/* The account in an ARN of IAM or STS, or in a number alone; empty if there is none. */
void cmaw_lint_account_of(const char *text, char ret_account[static 13]);

#endif
