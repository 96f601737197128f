#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devd_quoted.h"
#include "dev/policy.h"

#define PARENT "arn:aws:iam::111122223333:role/enclave-parent"
#define ADMIN "arn:aws:iam::111122223333:role/kms-admin"
#define KEY "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555"

/* One statement "s" of a key policy, with single quotes for double ones, and what it says about a request. */
struct policy_case {
    const char *name;
    const char *policy;
    const char *caller;
    const char *action;
    const char *keys; /* {'name':['value']} */
    bool deny, allow, allow_account, allow_session;
};

#define S(body) "{'Version':'2012-10-17','Statement':[" body "]}"
#define ALLOW_ALL "{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}"
#define TO_PARENT "'Principal':{'AWS':'" PARENT "'}"
#define PCR0 "kms:recipientattestation:pcr0"

static const struct policy_case policy_cases[] = {
    {"nothing matches: neither", S("{'Effect':'Allow'," TO_PARENT ",'Action':'kms:Encrypt','Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"named role", S("{'Effect':'Allow'," TO_PARENT ",'Action':'kms:Decrypt','Resource':'*'}"), PARENT, "kms:Decrypt",
     "{}", false, true, false},
    {"another role", S("{'Effect':'Allow'," TO_PARENT ",'Action':'kms:Decrypt','Resource':'*'}"), ADMIN, "kms:Decrypt",
     "{}", false, false, false},
    {"session of the role by its own ARN",
     S("{'Effect':'Allow','Principal':{'AWS':'arn:aws:sts::111122223333:assumed-role/enclave-parent/cmaw-dev'},'Action':'kms:Decrypt','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, false, false, true},
    {"deny stands beside allow", S(ALLOW_ALL ",{'Effect':'Deny','Principal':'*','Action':'kms:Decrypt','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", true, true, false},
    {"deny of another action", S(ALLOW_ALL ",{'Effect':'Deny','Principal':'*','Action':'kms:Encrypt','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, true, false},
    {"root delegates to the account",
     S("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:root'},'Action':'kms:*','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, false, true},
    {"account number is root", S("{'Effect':'Allow','Principal':{'AWS':'111122223333'},'Action':'kms:*','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, false, true},
    {"root of another account",
     S("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::999922223333:root'},'Action':'kms:*','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, false, false},
    {"deny of root denies everyone of the account",
     S(ALLOW_ALL ",{'Effect':'Deny','Principal':{'AWS':'arn:aws:iam::111122223333:root'},'Action':'kms:*','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", true, true, false},
    {"action in any case", S("{'Effect':'Allow','Principal':'*','Action':'KMS:decrypt','Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, true, false},
    {"action wildcard", S("{'Effect':'Allow','Principal':'*','Action':'kms:GenerateDataKey*','Resource':'*'}"), PARENT,
     "kms:GenerateDataKeyWithoutPlaintext", "{}", false, true, false},
    {"action wildcard of one character", S("{'Effect':'Allow','Principal':'*','Action':'kms:Decryp?','Resource':'*'}"),
     PARENT, "kms:Decrypt", "{}", false, true, false},
    {"NotAction", S("{'Effect':'Allow','Principal':'*','NotAction':['kms:Encrypt','kms:Put*'],'Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, true, false},
    {"NotAction excludes", S("{'Effect':'Allow','Principal':'*','NotAction':['kms:Dec*'],'Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"resource by ARN", S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'" KEY "'}"), PARENT,
     "kms:Decrypt", "{}", false, true, false},
    {"another resource", S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'" KEY "0'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"a statement without Resource is inert", S("{'Effect':'Allow','Principal':'*','Action':'kms:*'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"a statement without Action is inert", S("{'Effect':'Allow','Principal':'*','Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"a service principal is no caller",
     S("{'Effect':'Allow','Principal':{'Service':'ec2.amazonaws.com'},'Action':'kms:*','Resource':'*'}"), PARENT,
     "kms:Decrypt", "{}", false, false, false},
    {"condition holds",
     S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'kms:RecipientAttestation:PCR0':'aa'}}}"),
     PARENT, "kms:Decrypt", "{'" PCR0 "':['aa']}", false, true, false},
    {"condition does not hold",
     S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'kms:RecipientAttestation:PCR0':'aa'}}}"),
     PARENT, "kms:Decrypt", "{'" PCR0 "':['ab']}", false, false, false},
    {"deny fires on a missing key under a negated operator",
     S(ALLOW_ALL ",{'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringNotEquals':{'kms:RecipientAttestation:PCR0':'aa'}}}"),
     PARENT, "kms:Decrypt", "{}", true, true, false},
    {"two PCRs in one deny fire only together",
     S(ALLOW_ALL ",{'Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringNotEquals':{'kms:RecipientAttestation:PCR0':'aa','kms:RecipientAttestation:PCR1':'bb'}}}"),
     PARENT, "kms:Decrypt", "{'" PCR0 "':['aa'],'kms:recipientattestation:pcr1':['cc']}", false, true, false},
};

static void policies_decide(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof policy_cases / sizeof policy_cases[0]; i++) {
        const struct policy_case *one = &policy_cases[i];
        struct cmaw_principal who;
        char reason[256] = "";
        json_t *policy = NULL;
        json_t *keys = json_loads(quoted(one->keys), 0, NULL);
        assert_int_equal(cmaw_principal_parse(one->caller, &who), CMAW_OK);
        if (cmaw_policy_parse(quoted(one->policy), CMAW_POLICY_KEY, &policy, reason) != CMAW_OK) {
            fail_msg("%s: %s", one->name, reason);
        }
        const struct cmaw_policy_request request = {&who, one->action, KEY, keys};
        const struct cmaw_policy_verdict got = cmaw_policy_eval(policy, CMAW_POLICY_KEY, &request);
        if (got.deny != one->deny || got.allow != one->allow || got.allow_account != one->allow_account
            || got.allow_session != one->allow_session) {
            fail_msg("%s: deny %d allow %d account %d session %d", one->name, got.deny, got.allow, got.allow_account,
                     got.allow_session);
        }
        json_decref(keys);
        json_decref(policy);
    }
}

static void policies_that_say_unknown_things_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "{}", "not json", "{'Version':'2012-10-17'}", "{'Version':'2013-01-01','Statement':[" ALLOW_ALL "]}",
        S(""), S("1"), S(ALLOW_ALL) "x",
        S("{'Effect':'allow','Principal':'*','Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'" PARENT "','Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{'AWS':'enclave-parent'},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::111122223333:role/*'},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{'AWS':[]},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','NotPrincipal':{'AWS':'*'},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':1,'Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':[],'Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'Decrypt','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:a:b','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'k*:Decrypt','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','NotAction':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','NotResource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'key/1'}"),
        S("{'Effect':'Deny','Principal':'*','NotPrincipal':'*','Action':'kms:*','Resource':'*'}"),
        S("{'Sid':1,'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{'AWS':'arn:aws:iam::*:root'},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':{'CanonicalUser':'x'},'Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'arn:aws:kms:::${aws:PrincipalTag/a}'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'NumericEquals':{'a':'x'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'IpAddress':{'a':'10.0.0.0/33'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'DateLessThan':{'a':'soon'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'Bool':{'a':'yes'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'Null':{'a':'maybe'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'NullIfExists':{'a':'true'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'BinaryEquals':{'a':'QQ=='}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'a':{}}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':'a'}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'a':'${aws:PrincipalArn, \\'x\\'}'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Other':1}"),
        S("{'Effect':'Allow','Effect':'Deny','Principal':'*','Action':'kms:*','Resource':'*'}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':[]}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringSame':{'a':'b'}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'a':[]}}}"),
        S("{'Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*','Condition':{'StringEquals':{'a':'${aws:username}'}}}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char reason[256] = "";
        json_t *policy = NULL;
        if (cmaw_policy_parse(quoted(bad[i]), CMAW_POLICY_KEY, &policy, reason) != CMAW_E_MALFORMED || policy != NULL
            || reason[0] == '\0') {
            fail_msg("accepted or without a reason: %s", bad[i]);
        }
    }
}

static void a_reason_names_the_statement_and_the_thing(void **state)
{
    (void)state;
    char reason[256] = "";
    json_t *policy = NULL;
    const char *text = quoted(S(ALLOW_ALL ",{'Sid':'Second','Effect':'Allow','Principal':'*','Action':'kms:*','Resource':'*',"
                                          "'Condition':{'StringSame':{'a':'b'}}}"));
    assert_int_equal(cmaw_policy_parse(text, CMAW_POLICY_KEY, &policy, reason), CMAW_E_MALFORMED);
    assert_string_equal(reason, "statement 2 (Second): the condition operator StringSame is not known");
}

static void an_identity_policy_has_no_principal(void **state)
{
    (void)state;
    char reason[256] = "";
    json_t *policy = NULL;
    assert_int_equal(cmaw_policy_parse(quoted(S(ALLOW_ALL)), CMAW_POLICY_IDENTITY, &policy, reason), CMAW_E_MALFORMED);
    assert_int_equal(cmaw_policy_parse(quoted(S("{'Effect':'Allow','Action':'kms:*','Resource':'*'}")),
                                       CMAW_POLICY_IDENTITY, &policy, reason), CMAW_OK);
    json_decref(policy);
}

static void a_policy_has_a_size(void **state)
{
    (void)state;
    static char text[CMAW_POLICY_SIZE_MAX + 2];
    char reason[256] = "";
    json_t *policy = NULL;
    const char *core = quoted(S(ALLOW_ALL));
    memset(text, ' ', sizeof text - 1);
    memcpy(text, core, strlen(core));
    assert_int_equal(cmaw_policy_parse(text, CMAW_POLICY_KEY, &policy, reason), CMAW_E_TOO_LARGE);
    text[CMAW_POLICY_SIZE_MAX] = '\0';
    assert_int_equal(cmaw_policy_parse(text, CMAW_POLICY_KEY, &policy, reason), CMAW_OK);
    json_decref(policy);
}

static void wildcards_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool fold, matches;
    } cases[] = {
        {"", "", false, true},         {"", "a", false, false},     {"*", "", false, true},
        {"**", "abc", false, true},    {"a*c", "abbbc", false, true}, {"a*c", "abbb", false, false},
        {"*ab", "aab", false, true},   {"*a*b", "xaxbxb", false, true}, {"?", "", false, false},
        {"a?c", "abc", false, true},   {"ABC", "abc", false, false}, {"ABC", "abc", true, true},
        {"a*b*c", "a1b2b3c", false, true}, {"*c*", "abab", false, false},
        {"a\x01*c", "abc", false, false}, {"a\x01*c", "a*c", false, true}, {"\x01?", "?", false, true},
        {"\x01?", "x", false, false}, {"*\x01*", "ab*", false, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cmaw_wildcard_match(cases[i].pattern, cases[i].text, cases[i].fold) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
    }
}

static void arns_match_part_by_part(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool complete, matches;
    } cases[] = {
        {KEY, KEY, false, true},
        {"arn:aws:kms:*:*:key/*", KEY, false, true},
        {"arn:aws:kms:eu-*-?:111122223333:*", KEY, false, true},
        {"arn:aws:kms:*:key/*", KEY, false, false},
        {"arn:aws:kms:*:key/*", KEY, true, false},
        {"arn:*", KEY, false, false},
        {"arn:*", KEY, true, true},
        {"*", KEY, true, true},
        {"*", KEY, false, false},
        {"arn:aws:kms", KEY, true, true},
        {"arn:aws:s3", KEY, true, false},
        {"arn:aws:kms:*:*:alias/*", KEY, false, false},
        {"ARN:aws:kms:*:*:key/*", KEY, false, false},
        {"arn:aws:kms:*:*:key/*", "*", true, false},
        {"arn:aws:sns:*:*:a:*", "arn:aws:sns:r:1:a:b:c", false, true},
        {"arn:aws:iam::*:role/*", PARENT, false, true},
        {"arn:aws:iam:::role/*", PARENT, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (cmaw_arn_match(cases[i].pattern, cases[i].text, cases[i].complete) != cases[i].matches) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
    }
}

static void principals_are_read_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "arn:aws:iam::111122223333:role/", "arn:aws:iam::11112222333:role/a", "arn:aws:iam::111122223333:group/a",
        "arn:aws:iam::111122223333:role/a b", "arn:aws:iam::111122223333:role/a*", "arn:aws:sts::111122223333:role/a",
        "arn:aws:iam::111122223333:rooty", "arn:aws:iam::11112222333x:root", "arn:aws:iam::111122223333:role/a/",
    };
    struct cmaw_principal who;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (cmaw_principal_parse(bad[i], &who) == CMAW_OK) {
            fail_msg("accepted %s", bad[i]);
        }
    }
    assert_int_equal(cmaw_principal_parse("arn:aws:iam::111122223333:role/path/to/name", &who), CMAW_OK);
    assert_string_equal(who.caller, "arn:aws:sts::111122223333:assumed-role/name/cmaw-dev");
    assert_string_equal(who.type, "AssumedRole");
    assert_int_equal(cmaw_principal_parse("arn:aws:iam::111122223333:root", &who), CMAW_OK);
    assert_string_equal(who.caller, "arn:aws:iam::111122223333:root");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_decide),
        cmocka_unit_test(policies_that_say_unknown_things_are_refused),
        cmocka_unit_test(a_reason_names_the_statement_and_the_thing),
        cmocka_unit_test(an_identity_policy_has_no_principal),
        cmocka_unit_test(a_policy_has_a_size),
        cmocka_unit_test(wildcards_match),
        cmocka_unit_test(arns_match_part_by_part),
        cmocka_unit_test(principals_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
