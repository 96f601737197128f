#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/kms/explain.h"

struct visitor {
    enum cmaw_err (*visit)(void *context, const struct cmaw_lint_warning *warning);
    void *context;
    const struct cmaw_lint_statement *statement;
};

[[gnu::format(printf, 2, 3)]] static enum cmaw_err warn(const struct visitor *visitor, const char *format, ...)
{
    struct cmaw_lint_warning warning = {.statement = visitor->statement};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(warning.text, sizeof warning.text, format, args);
    va_end(args);
    return visitor->visit(visitor->context, &warning);
}

/* Values of a PCR that no document has. */
static enum cmaw_err look_at_value(const struct visitor *visitor, const struct cmaw_lint_test *test, const char *value)
{
    const bool pattern = test->op.compare == CMAW_LINT_LIKE && strpbrk(value, "*?") != NULL;
    if (pattern || test->op.compare >= CMAW_LINT_ARN) {
        return CMAW_OK;
    }
    if (strlen(value) != CMAW_LINT_PCR_TEXT - 1 || strspn(value, "0123456789abcdefABCDEF") != CMAW_LINT_PCR_TEXT - 1) {
        return warn(visitor, "%s: \"%.40s\" equals no PCR, which has 96 hex digits", test->key, value);
    }
    if (test->op.compare != CMAW_LINT_FOLD && strpbrk(value, "ABCDEF") != NULL) {
        return warn(visitor, "%s: KMS compares lower-case digits; upper-case ones equal nothing under %s", test->key, test->name);
    }
    return CMAW_OK;
}

static enum cmaw_err look_at_test(const struct visitor *visitor, const struct cmaw_lint_test *test)
{
    unsigned pcr = 0;
    const enum cmaw_lint_key key = cmaw_lint_key_of(test->key, &pcr);
    if (key == CMAW_LINT_KEY_NO_SUCH) {
        return warn(visitor, "%.100s: there is no such condition key, so no call has it", test->key);
    }
    for (size_t i = 0; key == CMAW_LINT_KEY_PCR && test->op.compare != CMAW_LINT_NULL && i < test->values.count; i++) {
        CMAW_TRY(look_at_value(visitor, test, test->values.items[i]));
    }
    return CMAW_OK;
}

static bool tests_pcr(const struct cmaw_lint_statement *statement, unsigned wanted)
{
    for (size_t i = 0; i < statement->test_count; i++) {
        unsigned pcr = 99;
        if (cmaw_lint_key_of(statement->tests[i].key, &pcr) == CMAW_LINT_KEY_PCR && pcr == wanted) {
            return true;
        }
    }
    return false;
}

static enum cmaw_err look_at_allow(const struct visitor *visitor, const struct cmaw_lint_statement *statement)
{
    if (tests_pcr(statement, 8) && !tests_pcr(statement, 0)) {
        return warn(visitor, "PCR8 says who signed an image: every image of that signer gets the key, also old ones");
    }
    if (tests_pcr(statement, 0) && !tests_pcr(statement, 16)) {
        return warn(visitor, "nothing asks for PCR16: the image gets the key in whatever role it is");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_lint_warnings(const struct cmaw_lint_input *input, enum cmaw_err (*visit)(void *context, const struct cmaw_lint_warning *warning),
                                 void *context)
{
    for (size_t i = 0; i < input->policy->count; i++) {
        const struct cmaw_lint_statement *statement = &input->policy->statements[i];
        const struct visitor visitor = {visit, context, statement};
        if (statement->actions.count == 0 || statement->resources.count == 0) {
            CMAW_TRY(warn(&visitor, "it has no Action or no Resource: KMS stores it, and it does nothing"));
        }
        for (size_t j = 0; j < statement->test_count; j++) {
            CMAW_TRY(look_at_test(&visitor, &statement->tests[j]));
        }
        if (!statement->deny) {
            CMAW_TRY(look_at_allow(&visitor, statement));
        }
    }
    return CMAW_OK;
}
