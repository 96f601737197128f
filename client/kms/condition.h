/* One test of a Condition block, and what it can come to when an enemy makes the call: a policy is judged without knowing the
 * call, so the answer has three values. */
#ifndef CMAW_CLIENT_KMS_CONDITION_H
#define CMAW_CLIENT_KMS_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/error.h"

/* Borrowed texts, in an array that the document owns. */
struct cmaw_lint_list {
    const char **items;
    size_t count;
};

/* Over all calls that the enemy can make in a situation. */
enum cmaw_lint_truth {
    CMAW_LINT_NEVER,  /* false in each */
    CMAW_LINT_MAYBE,  /* the enemy chooses, or it cannot be decided: good enough for an Allow, not for a Deny */
    CMAW_LINT_ALWAYS, /* true in each */
};

static inline enum cmaw_lint_truth cmaw_lint_not(enum cmaw_lint_truth truth)
{
    return (enum cmaw_lint_truth)(CMAW_LINT_ALWAYS - truth);
}
static inline enum cmaw_lint_truth cmaw_lint_and(enum cmaw_lint_truth a, enum cmaw_lint_truth b)
{
    return a < b ? a : b;
}
static inline enum cmaw_lint_truth cmaw_lint_or(enum cmaw_lint_truth a, enum cmaw_lint_truth b)
{
    return a > b ? a : b;
}
static inline enum cmaw_lint_truth cmaw_lint_truth_of(bool value)
{
    return value ? CMAW_LINT_ALWAYS : CMAW_LINT_NEVER;
}

enum cmaw_lint_quantifier { CMAW_LINT_SINGLE, CMAW_LINT_FOR_ANY, CMAW_LINT_FOR_ALL };
enum cmaw_lint_compare {
    CMAW_LINT_EXACT, /* StringEquals */
    CMAW_LINT_FOLD,  /* StringEqualsIgnoreCase */
    CMAW_LINT_LIKE,  /* StringLike */
    CMAW_LINT_ARN,   /* ArnEquals, ArnLike: they are the same */
    CMAW_LINT_OTHER, /* numbers, dates, booleans, addresses */
    CMAW_LINT_NULL,
};

struct cmaw_lint_operator {
    enum cmaw_lint_quantifier quantifier;
    enum cmaw_lint_compare compare;
    bool negated;
    bool if_exists;
};

struct cmaw_lint_test {
    const char *name; /* of the operator, as written */
    struct cmaw_lint_operator op;
    const char *key; /* as written */
    struct cmaw_lint_list values; /* at least one */
};

/* "ForAnyValue:StringLikeIfExists", in any case. UNSUPPORTED. */
enum cmaw_err cmaw_lint_operator_parse(const char *name, struct cmaw_lint_operator *ret_operator);

/* Shell-like match of the whole text with * and ?. fold: letters match in either case (ASCII). */
bool cmaw_lint_wildcard(const char *pattern, const char *text, bool fold);
/* The six parts of an ARN, each against its own: no wildcard reaches over a colon. */
bool cmaw_lint_arn_like(const char *pattern, const char *text);

/* What the tests of conditions ask about. */
enum cmaw_lint_key {
    CMAW_LINT_KEY_CHOSEN,      /* the caller can choose the value, or it cannot be known here */
    CMAW_LINT_KEY_PCR,         /* kms:RecipientAttestation:PCR0 to PCR31, ImageSha384 */
    CMAW_LINT_KEY_TPM_PCR,     /* kms:RecipientAttestation:NitroTPMPCR0 to NitroTPMPCR23: no enclave */
    CMAW_LINT_KEY_NO_SUCH,     /* any other kms:RecipientAttestation: no call has it */
    CMAW_LINT_KEY_PRINCIPAL,   /* aws:PrincipalArn */
    CMAW_LINT_KEY_ACCOUNT,     /* aws:PrincipalAccount, kms:CallerAccount */
};
/* Names are in any case. *ret_pcr: which register, for PCR only. */
enum cmaw_lint_key cmaw_lint_key_of(const char *name, unsigned *ret_pcr);
/* True for every kms:RecipientAttestation key, also those that do not exist. */
bool cmaw_lint_key_attests(const char *name);

struct cmaw_lint_situation;
/* What the test comes to in a situation (situation.h). */
enum cmaw_lint_truth cmaw_lint_test_truth(const struct cmaw_lint_test *test, const struct cmaw_lint_situation *situation);

#endif
