#include "client/kms/situation.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

static const struct {
    const char *name;
    enum cmaw_lint_compare compare;
    bool negated;
} comparisons[] = {
    {"StringEquals", CMAW_LINT_EXACT, false},
    {"StringNotEquals", CMAW_LINT_EXACT, true},
    {"StringEqualsIgnoreCase", CMAW_LINT_FOLD, false},
    {"StringNotEqualsIgnoreCase", CMAW_LINT_FOLD, true},
    {"StringLike", CMAW_LINT_LIKE, false},
    {"StringNotLike", CMAW_LINT_LIKE, true},
    {"ArnEquals", CMAW_LINT_ARN, false},
    {"ArnNotEquals", CMAW_LINT_ARN, true},
    {"ArnLike", CMAW_LINT_ARN, false},
    {"ArnNotLike", CMAW_LINT_ARN, true},
    {"NumericEquals", CMAW_LINT_OTHER, false},
    {"NumericNotEquals", CMAW_LINT_OTHER, true},
    {"NumericLessThan", CMAW_LINT_OTHER, false},
    {"NumericLessThanEquals", CMAW_LINT_OTHER, false},
    {"NumericGreaterThan", CMAW_LINT_OTHER, false},
    {"NumericGreaterThanEquals", CMAW_LINT_OTHER, false},
    {"DateEquals", CMAW_LINT_OTHER, false},
    {"DateNotEquals", CMAW_LINT_OTHER, true},
    {"DateLessThan", CMAW_LINT_OTHER, false},
    {"DateLessThanEquals", CMAW_LINT_OTHER, false},
    {"DateGreaterThan", CMAW_LINT_OTHER, false},
    {"DateGreaterThanEquals", CMAW_LINT_OTHER, false},
    {"Bool", CMAW_LINT_OTHER, false},
    {"BinaryEquals", CMAW_LINT_OTHER, false},
    {"IpAddress", CMAW_LINT_OTHER, false},
    {"NotIpAddress", CMAW_LINT_OTHER, true},
};

static const char *skip_prefix(const char *text, const char *prefix)
{
    const size_t size = strlen(prefix);
    return strncasecmp(text, prefix, size) == 0 ? text + size : NULL;
}

enum cmaw_err cmaw_lint_operator_parse(const char *name, struct cmaw_lint_operator *ret_operator)
{
    struct cmaw_lint_operator op = {0};
    const char *base = name, *rest = NULL;
    if ((rest = skip_prefix(name, "ForAnyValue:")) != NULL) {
        op.quantifier = CMAW_LINT_FOR_ANY;
        base = rest;
    } else if ((rest = skip_prefix(name, "ForAllValues:")) != NULL) {
        op.quantifier = CMAW_LINT_FOR_ALL;
        base = rest;
    }
    if (strcasecmp(base, "Null") == 0 && op.quantifier == CMAW_LINT_SINGLE) {
        op.compare = CMAW_LINT_NULL;
        *ret_operator = op;
        return CMAW_OK;
    }
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        const char *tail = skip_prefix(base, comparisons[i].name);
        if (tail != NULL && (*tail == '\0' || strcasecmp(tail, "IfExists") == 0)) {
            op.compare = comparisons[i].compare;
            op.negated = comparisons[i].negated;
            op.if_exists = *tail != '\0';
            *ret_operator = op;
            return CMAW_OK;
        }
    }
    return CMAW_E_UNSUPPORTED;
}

static bool same_char(uint8_t a, uint8_t b, bool fold)
{
    return a == b || (fold && strncasecmp((const char *)&a, (const char *)&b, 1) == 0);
}

static bool slice_like(struct cmaw_slice pattern, struct cmaw_slice text, bool fold)
{
    size_t p = 0, t = 0, star = SIZE_MAX, resume = 0;
    while (t < text.size) {
        if (p < pattern.size && pattern.data[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size && (pattern.data[p] == '?' || same_char(pattern.data[p], text.data[t], fold))) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1; /* let the last star take one character more */
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.size;
}

bool cmaw_lint_wildcard(const char *pattern, const char *text, bool fold)
{
    return slice_like(cmaw_slice_of_cstr(pattern), cmaw_slice_of_cstr(text), fold);
}

/* Up to the next colon, or all in the last part. */
static struct cmaw_slice next_part(const char **text, bool last)
{
    const char *start = *text;
    const size_t size = last ? strlen(start) : strcspn(start, ":");
    *text = start[size] == ':' ? start + size + 1 : start + size;
    return cmaw_slice_of(start, size);
}

bool cmaw_lint_arn_like(const char *pattern, const char *text)
{
    for (int i = 0; i < 6; i++) {
        const struct cmaw_slice expected = next_part(&pattern, i == 5), actual = next_part(&text, i == 5);
        if (!slice_like(expected, actual, false)) {
            return false;
        }
    }
    return true;
}

bool cmaw_lint_key_attests(const char *name)
{
    const char *rest = skip_prefix(name, "kms:RecipientAttestation");
    return rest != NULL && (*rest == '\0' || *rest == ':');
}

static bool register_number(const char *text, uint64_t max, unsigned *ret_number)
{
    uint64_t number = 0;
    if (text == NULL || cmaw_parse_u64(text, max, &number) != CMAW_OK) {
        return false;
    }
    *ret_number = (unsigned)number;
    return true;
}

enum cmaw_lint_key cmaw_lint_key_of(const char *name, unsigned *ret_pcr)
{
    unsigned tpm = 0;
    if (strcasecmp(name, "aws:PrincipalArn") == 0) {
        return CMAW_LINT_KEY_PRINCIPAL;
    }
    if (strcasecmp(name, "aws:PrincipalAccount") == 0 || strcasecmp(name, "kms:CallerAccount") == 0) {
        return CMAW_LINT_KEY_ACCOUNT;
    }
    if (!cmaw_lint_key_attests(name)) {
        return CMAW_LINT_KEY_CHOSEN;
    }
    if (strcasecmp(name, "kms:RecipientAttestation:ImageSha384") == 0) {
        *ret_pcr = 0;
        return CMAW_LINT_KEY_PCR;
    }
    if (register_number(skip_prefix(name, "kms:RecipientAttestation:PCR"), CMAW_PCR_COUNT - 1, ret_pcr)) {
        return CMAW_LINT_KEY_PCR;
    }
    return register_number(skip_prefix(name, "kms:RecipientAttestation:NitroTPMPCR"), 23, &tpm) ? CMAW_LINT_KEY_TPM_PCR
                                                                                               : CMAW_LINT_KEY_NO_SUCH;
}

static bool has_six_parts(const char *text)
{
    size_t colons = 0;
    for (; *text != '\0'; text++) {
        colons += *text == ':';
    }
    return colons >= 5;
}

/* A text that one can compare: no number, no variable, and an ARN where the operator is for ARNs. */
static bool compares_text(const struct cmaw_lint_operator *op, const char *expected)
{
    return op->compare != CMAW_LINT_OTHER && strstr(expected, "${") == NULL && (op->compare != CMAW_LINT_ARN || has_six_parts(expected));
}

static bool text_matches(const struct cmaw_lint_operator *op, const char *expected, const char *actual)
{
    switch (op->compare) {
    case CMAW_LINT_EXACT:
        return strcmp(expected, actual) == 0;
    case CMAW_LINT_FOLD:
        return strcasecmp(expected, actual) == 0;
    case CMAW_LINT_ARN:
        return cmaw_lint_arn_like(expected, actual);
    case CMAW_LINT_LIKE:
    case CMAW_LINT_OTHER:
    case CMAW_LINT_NULL:
        break;
    }
    return cmaw_lint_wildcard(expected, actual, false);
}

static bool has_wildcard(const struct cmaw_lint_operator *op, const char *text)
{
    return (op->compare == CMAW_LINT_LIKE || op->compare == CMAW_LINT_ARN) && strpbrk(text, "*?") != NULL;
}

static bool is_image(const char *value, const struct cmaw_lint_expected *expected)
{
    for (size_t i = 0; i < expected->image_count; i++) {
        if (strcasecmp(value, expected->images[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether an enclave that must not have the key can have this value (96 hex digits) in a register that is not zeroed by debug
 * mode. Only PCR0 names an image, PCR8 a signer, and under a manifest PCR16 a role: an enemy's enclave extends PCR16 and up as it
 * likes, runs on the same host (PCR3, PCR4), and shares the kernel or the application (PCR1, PCR2). */
static enum cmaw_lint_truth register_has(const char *value, unsigned pcr, const struct cmaw_lint_situation *situation)
{
    const struct cmaw_lint_expected *expected = situation->expected;
    const bool zeros = strspn(value, "0") == strlen(value);
    if (situation->attestation == CMAW_LINT_OTHER_ROLE) {
        const bool impossible = (pcr == 0 && !is_image(value, expected)) || (pcr == 16 && strcasecmp(value, expected->lock) == 0);
        return impossible ? CMAW_LINT_NEVER : CMAW_LINT_MAYBE;
    }
    if (pcr == 0) {
        return zeros || expected == NULL || is_image(value, expected) ? CMAW_LINT_NEVER : CMAW_LINT_MAYBE;
    }
    return pcr == 8 && expected == NULL && !zeros ? CMAW_LINT_NEVER : CMAW_LINT_MAYBE;
}

static enum cmaw_lint_truth pcr_matches(const struct cmaw_lint_operator *op, const char *value, unsigned pcr,
                                        const struct cmaw_lint_situation *situation)
{
    static const char zeros[] = "000000000000000000000000000000000000000000000000"
                                "000000000000000000000000000000000000000000000000";
    if (!compares_text(op, value) || op->compare == CMAW_LINT_ARN) {
        return CMAW_LINT_MAYBE;
    }
    if (situation->attestation == CMAW_LINT_DEBUG && (pcr <= 2 || pcr == 8)) {
        return cmaw_lint_truth_of(text_matches(op, value, zeros));
    }
    if (has_wildcard(op, value)) {
        return value[strspn(value, "*")] == '\0' ? CMAW_LINT_ALWAYS : CMAW_LINT_MAYBE;
    }
    const char *digits = op->compare == CMAW_LINT_FOLD ? "0123456789abcdefABCDEF" : "0123456789abcdef";
    if (strlen(value) != CMAW_LINT_PCR_TEXT - 1 || strspn(value, digits) != CMAW_LINT_PCR_TEXT - 1) {
        return CMAW_LINT_NEVER;
    }
    return register_has(value, pcr, situation);
}

static enum cmaw_lint_truth principal_matches(const struct cmaw_lint_operator *op, const char *value,
                                              const struct cmaw_lint_principal *principal)
{
    char account[13];
    if (!compares_text(op, value)) {
        return CMAW_LINT_MAYBE;
    }
    if (op->compare == CMAW_LINT_LIKE && value[0] != '\0' && value[strspn(value, "*")] == '\0') {
        return CMAW_LINT_ALWAYS;
    }
    if (principal->kind == CMAW_LINT_ANYONE) {
        /* who is named without a wildcard is looked at as a principal of its own, unless it is written as no ARN is and matches one all the same */
        cmaw_lint_account_of(value, account);
        return has_wildcard(op, value) || (op->compare == CMAW_LINT_FOLD && account[0] == '\0') ? CMAW_LINT_MAYBE : CMAW_LINT_NEVER;
    }
    if (principal->kind != CMAW_LINT_NAMED || strstr(principal->name, ":assumed-role/") != NULL) {
        return CMAW_LINT_MAYBE;
    }
    return cmaw_lint_truth_of(text_matches(op, value, principal->name));
}

static enum cmaw_lint_truth account_matches(const struct cmaw_lint_operator *op, const char *value,
                                            const struct cmaw_lint_principal *principal)
{
    if (!compares_text(op, value) || op->compare == CMAW_LINT_ARN || principal->account[0] == '\0') {
        return CMAW_LINT_MAYBE;
    }
    return cmaw_lint_truth_of(text_matches(op, value, principal->account));
}

static enum cmaw_lint_truth value_matches(const struct cmaw_lint_test *test, const char *value, enum cmaw_lint_key key, unsigned pcr,
                                          const struct cmaw_lint_situation *situation)
{
    switch (key) {
    case CMAW_LINT_KEY_PCR:
        return pcr_matches(&test->op, value, pcr, situation);
    case CMAW_LINT_KEY_PRINCIPAL:
        return principal_matches(&test->op, value, situation->principal);
    case CMAW_LINT_KEY_ACCOUNT:
        return account_matches(&test->op, value, situation->principal);
    case CMAW_LINT_KEY_CHOSEN:
    case CMAW_LINT_KEY_TPM_PCR:
    case CMAW_LINT_KEY_NO_SUCH:
        break;
    }
    return CMAW_LINT_MAYBE;
}

/* Whether the call has the key at all. Documents hold PCR 0 to 15 always, and of the others those that are locked. */
static enum cmaw_lint_truth present(enum cmaw_lint_key key, unsigned pcr, const struct cmaw_lint_situation *situation)
{
    switch (key) {
    case CMAW_LINT_KEY_NO_SUCH:
        return CMAW_LINT_NEVER;
    case CMAW_LINT_KEY_PCR:
        if (situation->attestation == CMAW_LINT_NONE || !situation->action->recipient) {
            return CMAW_LINT_NEVER;
        }
        return pcr < 16 ? CMAW_LINT_ALWAYS : CMAW_LINT_MAYBE;
    case CMAW_LINT_KEY_TPM_PCR:
        return situation->action->recipient ? CMAW_LINT_MAYBE : CMAW_LINT_NEVER;
    case CMAW_LINT_KEY_PRINCIPAL:
    case CMAW_LINT_KEY_ACCOUNT:
        return situation->principal->kind == CMAW_LINT_OUTSIDE ? CMAW_LINT_MAYBE : CMAW_LINT_ALWAYS;
    case CMAW_LINT_KEY_CHOSEN:
        break;
    }
    return CMAW_LINT_MAYBE;
}

static enum cmaw_lint_truth null_truth(const struct cmaw_lint_test *test, enum cmaw_lint_truth is_present)
{
    if (test->values.count != 1) {
        return CMAW_LINT_MAYBE;
    }
    const char *value = test->values.items[0];
    return strcasecmp(value, "true") == 0 ? cmaw_lint_not(is_present) : strcasecmp(value, "false") == 0 ? is_present : CMAW_LINT_MAYBE;
}

static enum cmaw_lint_truth absent_truth(const struct cmaw_lint_operator *op)
{
    if (op->quantifier == CMAW_LINT_FOR_ANY) {
        return op->if_exists ? CMAW_LINT_MAYBE : CMAW_LINT_NEVER;
    }
    return cmaw_lint_truth_of(op->if_exists || op->quantifier == CMAW_LINT_FOR_ALL || op->negated);
}

enum cmaw_lint_truth cmaw_lint_test_truth(const struct cmaw_lint_test *test, const struct cmaw_lint_situation *situation)
{
    unsigned pcr = 0;
    const enum cmaw_lint_key key = cmaw_lint_key_of(test->key, &pcr);
    const enum cmaw_lint_truth is_present = present(key, pcr, situation);
    if (test->op.compare == CMAW_LINT_NULL) {
        return null_truth(test, is_present);
    }
    const enum cmaw_lint_truth if_absent = absent_truth(&test->op);
    if (is_present == CMAW_LINT_NEVER) {
        return if_absent;
    }
    enum cmaw_lint_truth matches = CMAW_LINT_NEVER;
    for (size_t i = 0; i < test->values.count; i++) {
        matches = cmaw_lint_or(matches, value_matches(test, test->values.items[i], key, pcr, situation));
    }
    const enum cmaw_lint_truth if_present = test->op.negated ? cmaw_lint_not(matches) : matches;
    return is_present == CMAW_LINT_ALWAYS || if_present == if_absent ? if_present : CMAW_LINT_MAYBE;
}
