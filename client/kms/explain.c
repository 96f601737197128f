#include "client/kms/explain.h"

#include <string.h>

struct cause {
    const char *word;
    const char *text; /* after "OPERATOR on KEY " */
};

static bool any_has(const struct cmaw_lint_list *values, const char *characters)
{
    for (size_t i = 0; i < values->count; i++) {
        if (strpbrk(values->items[i], characters) != NULL) {
            return true;
        }
    }
    return false;
}

/* Why a test of an Allow holds although its key is absent. */
static struct cause cause_absent(const struct cmaw_lint_test *test)
{
    if (test->op.compare == CMAW_LINT_NULL) {
        return (struct cause){"null", "asks for a call without the key"};
    }
    if (test->op.if_exists) {
        return (struct cause){"if-exists", "passes when the call does not have the key (IfExists)"};
    }
    if (test->op.quantifier == CMAW_LINT_FOR_ALL) {
        return (struct cause){"for-all-values", "is true of a key that the call does not have (ForAllValues)"};
    }
    return test->op.negated ? (struct cause){"negated", "is negated, so it is true of a key that the call does not have"}
                            : (struct cause){"not-an-enclave", "is not about an enclave's document"};
}

/* Why it holds for an attestation that is not the right one. */
static struct cause cause_present(const struct cmaw_lint_test *test, unsigned pcr, const struct cmaw_lint_situation *situation)
{
    if (test->op.compare == CMAW_LINT_NULL) {
        return (struct cause){"null", "only asks whether there is a document, not of which image"};
    }
    if (test->op.negated) {
        return (struct cause){"negated", "is negated, so it is true of every other value"};
    }
    if (any_has(&test->values, "$")) {
        return (struct cause){"variable", "has a variable, whose value is not the policy's to choose"};
    }
    if (test->op.compare == CMAW_LINT_LIKE && any_has(&test->values, "*?")) {
        return (struct cause){"wildcard", "has a wildcard, which other values match"};
    }
    if (situation->attestation == CMAW_LINT_DEBUG && (pcr <= 2 || pcr == 8)) {
        return (struct cause){"zeros", "has the value of every enclave in debug mode: all zeros"};
    }
    if (situation->attestation == CMAW_LINT_OTHER_ROLE && pcr == 16) {
        return (struct cause){"other-role", "has a value that is not the manifest's lock of this role"};
    }
    if (pcr == 0) {
        return (struct cause){"not-in-manifest", "has an image that the manifest does not name for this role"};
    }
    return pcr == 8 ? (struct cause){"signer", "names who signed an image, not which"}
                    : (struct cause){"not-an-image", "does not name an image: another enclave can have that value"};
}

/* The test that tells most about the path: about the image if there is one, or about the role. */
static const struct cmaw_lint_test *telling_test(const struct cmaw_lint_statement *statement, const struct cmaw_lint_situation *situation)
{
    const struct cmaw_lint_test *best = NULL;
    const unsigned wanted = situation->attestation == CMAW_LINT_OTHER_ROLE ? 16 : 0;
    for (size_t i = 0; i < statement->test_count; i++) {
        unsigned pcr = 99;
        const struct cmaw_lint_test *test = &statement->tests[i];
        if (!cmaw_lint_key_attests(test->key)) {
            continue;
        }
        (void)cmaw_lint_key_of(test->key, &pcr);
        if (pcr == wanted) {
            return test;
        }
        best = best == NULL && wanted != 16 ? test : best;
    }
    return best;
}

static struct cause cause_without_test(const struct cmaw_lint_situation *situation)
{
    if (situation->attestation == CMAW_LINT_OTHER_ROLE) {
        return (struct cause){"no-role-lock", "nothing asks for PCR16, so the image may be in any role"};
    }
    return situation->action->recipient ? (struct cause){"no-condition", "no condition asks for an attestation"}
                                        : (struct cause){"no-attestation", "such a call carries no attestation, and nothing else stops it"};
}

const char *cmaw_lint_why_allowed(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path, struct cmaw_buf *text)
{
    const struct cmaw_lint_situation situation = cmaw_lint_situation_of(input, path);
    const struct cmaw_lint_test *test = telling_test(path->allow, &situation);
    if (path->action->effect == CMAW_LINT_EFFECT_GRANT) {
        cmaw_buf_printf(text, "a grant carries no condition on attestation, and no Deny stops %s by whom it names", path->granted->name);
        return "grant";
    }
    if (path->action->effect == CMAW_LINT_EFFECT_REWRITE) {
        cmaw_buf_put_cstr(text, "whoever may replace the policy may allow anything");
        return "rewrite";
    }
    if (test == NULL) {
        const struct cause cause = cause_without_test(&situation);
        cmaw_buf_put_cstr(text, cause.text);
        return cause.word;
    }
    unsigned pcr = 99;
    const enum cmaw_lint_key key = cmaw_lint_key_of(test->key, &pcr);
    const bool absent = path->attestation == CMAW_LINT_NONE || key != CMAW_LINT_KEY_PCR;
    const struct cause cause = absent ? cause_absent(test) : cause_present(test, pcr, &situation);
    cmaw_buf_printf(text, "%s on %s %s", test->name, test->key, cause.text);
    return cause.word;
}

static const char *why_test_fails(const struct cmaw_lint_test *test, const struct cmaw_lint_situation *situation)
{
    unsigned pcr = 99;
    const enum cmaw_lint_key key = cmaw_lint_key_of(test->key, &pcr);
    if (!cmaw_lint_key_attests(test->key)) {
        return key == CMAW_LINT_KEY_CHOSEN ? "depends on what the caller chooses" : "is not true of every such caller";
    }
    if (situation->attestation == CMAW_LINT_NONE || key == CMAW_LINT_KEY_NO_SUCH) {
        return "is false when the call does not have the key";
    }
    return "can be false for an enclave of somebody else's";
}

void cmaw_lint_why_not_denied(const struct cmaw_lint_input *input, const struct cmaw_lint_path *path,
                              const struct cmaw_lint_statement *deny, struct cmaw_buf *text)
{
    const struct cmaw_lint_situation situation = cmaw_lint_situation_of(input, path);
    if (deny->actions.count == 0 || deny->resources.count == 0) {
        cmaw_buf_put_cstr(text, "it has no Action or no Resource, so it does nothing");
    } else if (cmaw_lint_action_truth(deny, &situation) != CMAW_LINT_ALWAYS) {
        cmaw_buf_printf(text, "it is not about %s", path->action->name);
    } else if (cmaw_lint_principal_truth(deny, &situation) != CMAW_LINT_ALWAYS) {
        cmaw_buf_put_cstr(text, "it is for other principals");
    } else if (cmaw_lint_resource_truth(deny, &situation) != CMAW_LINT_ALWAYS) {
        cmaw_buf_put_cstr(text, "its Resource need not be this key (\"*\" is)");
    }
    for (size_t i = 0; text->size == 0 && i < deny->test_count; i++) {
        const struct cmaw_lint_test *test = &deny->tests[i];
        if (cmaw_lint_test_truth(test, &situation) != CMAW_LINT_ALWAYS) {
            cmaw_buf_printf(text, "%s on %s %s%s", test->name, test->key, why_test_fails(test, &situation),
                            deny->test_count > 1 ? ", and all its conditions must hold" : "");
        }
    }
}
