#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/kms/lint.h"

#define P "arn:aws:iam::111122223333:role/parent"
#define GOOD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ZEROS "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define KEY(name) "kms:RecipientAttestation:" name

/* Policies are written with single quotes for double ones. */
static struct cmaw_slice quoted(const char *text)
{
    static char copy[8192];
    assert_true(strlen(text) < sizeof copy);
    for (size_t i = 0; i <= strlen(text); i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    return cmaw_slice_of_cstr(copy);
}

#define POLICY(statements) "{'Version':'2012-10-17','Statement':[" statements "]}"
#define STATEMENT(rest) "{'Sid':'One','Effect':'Allow','Principal':{'AWS':'" P "'},'Action':'kms:Decrypt','Resource':'*'" rest "}"
#define CONDITION(block) POLICY(STATEMENT(",'Condition':{" block "}"))

static void what_is_no_policy_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says; /* part of the message */
    } cases[] = {
        {"", "p.json:1: not valid JSON"},
        {"[", "p.json:1: not valid JSON"},
        {"[]", "p.json: a policy is an object"},
        {"{}", "there is no statement"},
        {"{'Version':1,'Statement':[]}", "p.json: Version is not"},
        {"{'Version':'2012-10-18','Statement':[]}", "p.json: Version is not"},
        {"{'Version':'2012-10-17','Version':'2012-10-17','Statement':[]}", "not valid JSON"},
        {"{'Version':'2012-10-17'}", "there is no statement"},
        {"{'Version':'2012-10-17','Statement':[]}", "there is no statement"},
        {"{'Version':'2012-10-17','Statements':[]}", "a policy has no element Statements"},
        {POLICY("1"), "statement 0: it is not an object"},
        {POLICY(STATEMENT("") ",{'Effect':'allow'}"), "statement 1: Effect is neither"},
        {POLICY(STATEMENT(",'Sids':''")), "statement 0 (One): there is no element Sids"},
        {POLICY("{'Sid':1,'Effect':'Deny'}"), "Sid is not a text"},
        {POLICY(STATEMENT(",'NotAction':'kms:*'")), "Action and NotAction exclude"},
        {POLICY(STATEMENT(",'NotPrincipal':'*'")), "Principal and NotPrincipal exclude"},
        {POLICY(STATEMENT(",'NotResource':'*'")), "Resource and NotResource exclude"},
        {POLICY("{'Effect':'Allow','Action':'kms:*','Resource':'*'}"), "for which Principal"},
        {POLICY("{'Effect':'Allow','Principal':'x','Action':'kms:*','Resource':'*'}"), "a principal is \"*\""},
        {POLICY("{'Effect':'Allow','Principal':{},'Action':'kms:*','Resource':'*'}"), "a principal is \"*\""},
        {POLICY("{'Effect':'Allow','Principal':{'Aws':'*'},'Action':'kms:*','Resource':'*'}"), "principals of kind Aws"},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':[]},'Action':'kms:*','Resource':'*'}"), "a principal is empty"},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':[1]},'Action':'kms:*','Resource':'*'}"), "not a text or a list of texts"},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:role/*'},'Action':'kms:*','Resource':'*'}"), "a wildcard in a principal"},
        {POLICY("{'Effect':'Allow','Principal':{'AWS':'somebody'},'Action':'kms:*','Resource':'*'}"), "no ARN and no account"},
        {POLICY("{'Effect':'Allow','Principal':'*','Action':[],'Resource':'*'}"), "Action is empty"},
        {POLICY("{'Effect':'Allow','Principal':'*','Action':{},'Resource':'*'}"), "Action is not a text"},
        {POLICY("{'Effect':'Allow','Principal':'*','Action':'*','Resource':[['*']]}"), "Resource is not a text"},
        {POLICY(STATEMENT(",'Condition':[]")), "Condition is not an object"},
        {CONDITION("'StringEquals':'x'"), "StringEquals has no object"},
        {CONDITION("'StringEqual':{'a':'x'}"), "there is no operator StringEqual"},
        {CONDITION("'ForAllValues:Null':{'a':'true'}"), "there is no operator ForAllValues:Null"},
        {CONDITION("'NullIfExists':{'a':'true'}"), "there is no operator NullIfExists"},
        {CONDITION("'StringEquals':{'a':[]}"), "a is empty"},
        {CONDITION("'StringEquals':{'a':{'b':'c'}}"), "a is not a text"},
        {POLICY("{'Sid':'\\u001b[2Jno key material','Effect':'Deny','Principal':'*','Action':'*','Resource':'*'}"), "p.json: a text in it has a control character"},
        {CONDITION("'StringEquals':{'a\\u009b':'b'}"), "p.json: a text in it has a control character"},
        {CONDITION("'StringEquals':{'a':['b','c\\nd']}"), "p.json: a text in it has a control character"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_lint_document document = {0};
        struct cmaw_diag diag = {0};
        if (cmaw_lint_document_parse("p.json", quoted(cases[i].text), CMAW_LINT_KEY_POLICY, &document, &diag) == CMAW_OK) {
            fail_msg("taken: %s", cases[i].text);
        }
        assert_int_equal(document.count, 0);
        if (strstr(diag.text, cases[i].says) == NULL) {
            fail_msg("%s: %s", cases[i].text, diag.text);
        }
    }
}

static void a_policy_has_a_size(void **state)
{
    (void)state;
    static char text[CMAW_LINT_POLICY_MAX + 1];
    struct cmaw_lint_document document = {0};
    struct cmaw_diag diag = {0};
    memset(text, ' ', sizeof text);
    assert_int_equal(cmaw_lint_document_parse("p", CMAW_SLICE_ARRAY(text), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_E_TOO_LARGE);
    const struct cmaw_slice policy = quoted(POLICY(STATEMENT("")));
    memcpy(text, policy.data, policy.size);
    assert_int_equal(cmaw_lint_document_parse("p", cmaw_slice_of(text, CMAW_LINT_POLICY_MAX), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_OK);
    cmaw_lint_document_free(&document);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    const struct cmaw_slice whole = quoted(CONDITION("'Null':{'a':true},'StringLike':{'b':['c',2]}"));
    for (size_t size = 0; size < whole.size; size++) {
        struct cmaw_lint_document document = {0};
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_lint_document_parse("p", cmaw_slice_of(whole.data, size), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_E_MALFORMED);
    }
}

static void an_identity_policy_has_no_principal(void **state)
{
    (void)state;
    struct cmaw_lint_document document = {0};
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_lint_document_parse("p", quoted(POLICY(STATEMENT(""))), CMAW_LINT_IDENTITY_POLICY, &document, &diag), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_lint_document_parse("p", quoted(POLICY("{'Effect':'Allow','Action':'*','Resource':'*'}")), CMAW_LINT_IDENTITY_POLICY,
                                              &document, &diag), CMAW_OK);
    cmaw_lint_document_free(&document);
}

static const struct cmaw_lint_action *action(const char *name)
{
    for (const struct cmaw_lint_action *one = cmaw_lint_actions; one->name != NULL; one++) {
        if (strcmp(one->name, name) == 0) {
            return one;
        }
    }
    fail();
    return NULL;
}

/* What one test comes to: N never, M maybe, A always; for a call with no document, of debug mode, of another image, and (under a
 * manifest) of the right image in another role. */
static void tests_have_three_values(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        const char *plain;    /* without a manifest: none, debug, other image */
        const char *manifest; /* with one: and other role */
    } cases[] = {
        {"'StringEquals':{'" KEY("PCR0") "':'" GOOD "'}", "NNN", "NNNM"},
        {"'StringEquals':{'" KEY("ImageSha384") "':'" GOOD "'}", "NNN", "NNNM"},
        {"'StringEquals':{'" KEY("PCR0") "':'" OTHER "'}", "NNN", "NNMN"},
        {"'StringEquals':{'" KEY("PCR0") "':['" GOOD "','" ZEROS "']}", "NAN", "NANM"},
        {"'StringEquals':{'" KEY("PCR0") "':'abcd'}", "NNN", "NNNN"},
        {"'StringNotEquals':{'" KEY("PCR0") "':'abcd'}", "AAA", "AAAA"},
        {"'StringNotEquals':{'" KEY("PCR0") "':'" GOOD "'}", "AAA", "AAAM"},
        {"'StringNotEqualsIfExists':{'" KEY("PCR0") "':'" GOOD "'}", "AAA", "AAAM"},
        {"'ForAllValues:StringNotEquals':{'" KEY("PCR0") "':'" GOOD "'}", "AAA", "AAAM"},
        {"'ForAnyValue:StringNotEquals':{'" KEY("PCR0") "':'" GOOD "'}", "NAA", "NAAM"},
        {"'StringEqualsIfExists':{'" KEY("PCR0") "':'" GOOD "'}", "ANN", "ANNM"},
        {"'ForAllValues:StringEquals':{'" KEY("PCR0") "':'" GOOD "'}", "ANN", "ANNM"},
        {"'ForAnyValue:StringEquals':{'" KEY("PCR0") "':'" GOOD "'}", "NNN", "NNNM"},
        {"'Null':{'" KEY("PCR0") "':'true'}", "ANN", "ANNN"},
        {"'Null':{'" KEY("PCR0") "':'false'}", "NAA", "NAAA"},
        {"'Null':{'kms:RecipientAttestation':'true'}", "AAA", "AAAA"},
        {"'StringLike':{'" KEY("PCR0") "':'*'}", "NAA", "NAAA"},
        {"'StringLike':{'" KEY("PCR0") "':'a*'}", "NNM", "NNMM"},
        {"'StringEquals':{'" KEY("PCR0") "':'*'}", "NNN", "NNNN"},
        {"'StringEquals':{'" KEY("PCR3") "':'" GOOD "'}", "NMM", "NMMM"},
        {"'StringEquals':{'" KEY("PCR8") "':'" GOOD "'}", "NNN", "NNMM"},
        {"'StringEquals':{'" KEY("PCR8") "':'" ZEROS "'}", "NAM", "NAMM"},
        {"'StringEquals':{'" KEY("PCR16") "':'" OTHER "'}", "NMM", "NMMN"},
        {"'StringNotEquals':{'" KEY("PCR16") "':'" OTHER "'}", "AMM", "AMMA"},
        {"'StringEquals':{'" KEY("PCR32") "':'" GOOD "'}", "NNN", "NNNN"},
        {"'StringEquals':{'" KEY("PCR00") "':'" GOOD "'}", "NNN", "NNNN"},
        {"'BoolIfExists':{'" KEY("PCR0") "':'true'}", "AMM", "AMMM"},
        {"'StringEquals':{'kms:EncryptionContext:a':'b'}", "MMM", "MMMM"},
        {"'StringEquals':{'aws:PrincipalArn':'" P "'}", "AAA", "AAAA"},
        {"'StringNotEquals':{'aws:PrincipalArn':'" P "'}", "NNN", "NNNN"},
        {"'ArnLike':{'aws:PrincipalArn':'arn:aws:iam::*:role/*'}", "AAA", "AAAA"},
        {"'ArnLike':{'aws:PrincipalArn':'arn:*:*:*:*:user/*'}", "NNN", "NNNN"},
        {"'ArnLike':{'aws:PrincipalArn':'arn:*:role/*'}", "MMM", "MMMM"}, /* no ARN */
        {"'ArnLike':{'aws:PrincipalArn':'*'}", "MMM", "MMMM"},
        {"'ArnEquals':{'aws:PrincipalAccount':'111122223333'}", "MMM", "MMMM"},
        {"'StringLike':{'aws:PrincipalArn':'*'}", "AAA", "AAAA"},
        {"'StringEquals':{'aws:PrincipalAccount':111122223333}", "MMM", "MMMM"}, /* a number */
        {"'Null':{'" KEY("PCR0") "':'perhaps'}", "MMM", "MMMM"},
        {"'StringLike':{'aws:PrincipalArn':'arn:*:role/*'}", "AAA", "AAAA"},
        {"'StringEquals':{'aws:PrincipalAccount':'999922223333'}", "NNN", "NNNN"},
    };
    static const char letters[] = "NMA";
    struct cmaw_lint_expected expected = {.images = {GOOD}, .image_count = 1, .lock = OTHER};
    const struct cmaw_lint_principal who = {.kind = CMAW_LINT_NAMED, .name = P, .account = "111122223333"};
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        CMAW_LINT_DOCUMENT_AUTO(document);
        struct cmaw_diag diag = {0};
        char text[1024], got[CMAW_LINT_ATTESTATIONS + 1] = "";
        const bool manifest = i % 2 == 1;
        const char *wanted = manifest ? cases[i / 2].manifest : cases[i / 2].plain;
        assert_true(snprintf(text, sizeof text, CONDITION("%s"), cases[i / 2].block) < (int)sizeof text);
        assert_int_equal(cmaw_lint_document_parse("p", quoted(text), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_OK);
        for (size_t j = 0; wanted[j] != '\0'; j++) {
            const struct cmaw_lint_situation situation = {&who, action("kms:Decrypt"), (enum cmaw_lint_attestation)j, manifest ? &expected : NULL};
            got[j] = letters[cmaw_lint_test_truth(&document.statements[0].tests[0], &situation)];
        }
        if (strcmp(got, wanted) != 0) {
            fail_msg("%s: %s, not %s", cases[i / 2].block, got, wanted);
        }
    }
}

static void a_call_without_a_recipient_has_no_registers(void **state)
{
    (void)state;
    CMAW_LINT_DOCUMENT_AUTO(document);
    struct cmaw_diag diag = {0};
    const struct cmaw_lint_principal who = {.kind = CMAW_LINT_ANYONE, .name = "*"};
    assert_int_equal(cmaw_lint_document_parse("p", quoted(CONDITION("'StringNotEquals':{'" KEY("PCR0") "':'" GOOD "'}")), CMAW_LINT_KEY_POLICY,
                                              &document, &diag), CMAW_OK);
    const struct cmaw_lint_situation situation = {&who, action("kms:ReEncryptFrom"), CMAW_LINT_OTHER_ROLE, NULL};
    assert_int_equal(cmaw_lint_test_truth(&document.statements[0].tests[0], &situation), CMAW_LINT_ALWAYS);
}

/* Whether a Deny for everyone but the principal named leaves nobody: not where letters of another case name one that nobody has gathered. */
static void an_exception_is_for_whoever_it_matches(void **state)
{
    (void)state;
    static const struct {
        const char *block;
        enum cmaw_lint_truth truth;
    } cases[] = {
        {"'StringNotEquals':{'aws:PrincipalArn':'" P "'}", CMAW_LINT_ALWAYS},
        {"'StringNotEqualsIgnoreCase':{'aws:PrincipalArn':'" P "'}", CMAW_LINT_ALWAYS}, /* P is looked at by itself */
        {"'StringNotEqualsIgnoreCase':{'aws:PrincipalArn':'ARN:aws:iam::111122223333:role/parent'}", CMAW_LINT_MAYBE},
        {"'StringNotEquals':{'aws:PrincipalArn':'ARN:aws:iam::111122223333:role/parent'}", CMAW_LINT_ALWAYS},
    };
    const struct cmaw_lint_principal who = {.kind = CMAW_LINT_ANYONE, .name = "*"};
    const struct cmaw_lint_situation situation = {&who, action("kms:Decrypt"), CMAW_LINT_NONE, NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CMAW_LINT_DOCUMENT_AUTO(document);
        struct cmaw_diag diag = {0};
        char text[1024];
        assert_true(snprintf(text, sizeof text, CONDITION("%s"), cases[i].block) < (int)sizeof text);
        assert_int_equal(cmaw_lint_document_parse("p", quoted(text), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_OK);
        assert_int_equal(cmaw_lint_test_truth(&document.statements[0].tests[0], &situation), cases[i].truth);
    }
}

static void a_session_acts_for_its_role(void **state)
{
    (void)state;
    static const struct {
        const char *session;
        enum cmaw_lint_truth truth;
    } cases[] = {
        {"arn:aws:sts::111122223333:assumed-role/parent/x", CMAW_LINT_ALWAYS},
        {"arn:aws:sts::111122223333:assumed-role/parents/x", CMAW_LINT_NEVER},
        {"arn:aws:sts::999922223333:assumed-role/parent/x", CMAW_LINT_NEVER},
        {P, CMAW_LINT_ALWAYS},
        {"arn:aws:iam::111122223333:role/parents", CMAW_LINT_NEVER},
    };
    CMAW_LINT_DOCUMENT_AUTO(document);
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_lint_document_parse("p", quoted(POLICY(STATEMENT(""))), CMAW_LINT_KEY_POLICY, &document, &diag), CMAW_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_lint_principal who = {.kind = CMAW_LINT_NAMED, .name = cases[i].session};
        cmaw_lint_account_of(who.name, who.account);
        const struct cmaw_lint_situation situation = {&who, action("kms:Decrypt"), CMAW_LINT_NONE, NULL};
        assert_int_equal(cmaw_lint_statement_truth(&document.statements[0], &situation), cases[i].truth);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_policy_is_refused_with_its_place),
        cmocka_unit_test(a_policy_has_a_size),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(an_identity_policy_has_no_principal),
        cmocka_unit_test(tests_have_three_values),
        cmocka_unit_test(a_call_without_a_recipient_has_no_registers),
        cmocka_unit_test(an_exception_is_for_whoever_it_matches),
        cmocka_unit_test(a_session_acts_for_its_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
