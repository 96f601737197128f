/* Verdicts: what a key's policy, identity policies and the policy of a session say together about a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "devd_quoted.h"
#include "dev/authz.h"

#define ACCOUNT "111122223333"
#define ROOT "arn:aws:iam::" ACCOUNT ":root"
#define PARENT "arn:aws:iam::" ACCOUNT ":role/parent"
#define SESSION "arn:aws:sts::" ACCOUNT ":assumed-role/parent/cmaw-dev"
#define USER "arn:aws:iam::" ACCOUNT ":user/u"
#define OTHER "arn:aws:iam::999988887777:role/parent"
#define KEY "arn:aws:kms:eu-central-1:" ACCOUNT ":key/11111111-2222-4333-8444-555555555555"

#define OK CMAW_AUTHZ_ALLOWED
#define DR CMAW_AUTHZ_DENIED_BY_RESOURCE
#define DI CMAW_AUTHZ_DENIED_BY_IDENTITY
#define DS CMAW_AUTHZ_DENIED_BY_SESSION
#define NR CMAW_AUTHZ_NOT_IN_RESOURCE
#define NI CMAW_AUTHZ_NOT_IN_IDENTITY
#define NS CMAW_AUTHZ_NOT_IN_SESSION

#define STMT(effect, who, action, rest) "{'Effect':'" effect "'," who "'Action':'" action "','Resource':'*'" rest "}"
#define ALLOW(who, action) STMT("Allow", who, action, "")
#define DENY(who, action) STMT("Deny", who, action, "")
#define P(name) "'Principal':{'AWS':'" name "'},"
#define NP(names) "'NotPrincipal':{'AWS':[" names "]},"
#define ANY "'Principal':'*',"
#define IF(block) ",'Condition':{" block "}"
#define PCR0(op, value) IF("'" op "':{'kms:RecipientAttestation:PCR0':'" value "'}")
#define ON(resource) "{'Effect':'Allow'," ANY "'Action':'kms:*','Resource':'" resource "'}"
#define NOT_ON(resource) "{'Effect':'Allow'," ANY "'Action':'kms:*','NotResource':'" resource "'}"
#define NOT_ACTION(effect, action) "{'Effect':'" effect "'," ANY "'NotAction':'" action "','Resource':'*'}"
#define GOOD "{'kms:recipientattestation:pcr0':['aa']}"
#define BAD "{'kms:recipientattestation:pcr0':['bb']}"

static const struct verdict_case {
    const char *key;      /* statements */
    const char *identity; /* NULL: none */
    const char *session;  /* NULL: none */
    const char *caller;
    const char *action;
    const char *keys;
    enum cmaw_authz_verdict verdict;
} cases[] = {
    /* who is named */
    {ALLOW(P(PARENT), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(SESSION), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P("*"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*"), NULL, NULL, USER, "kms:Decrypt", "{}", OK},
    {ALLOW(P(USER), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(P(PARENT), "kms:*"), NULL, NULL, USER, "kms:Decrypt", "{}", NR},
    {ALLOW(P(PARENT), "kms:Encrypt"), ALLOW("", "*"), NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(P("arn:aws:sts::" ACCOUNT ":assumed-role/parent/another"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW("'Principal':{'AWS':['" USER "','" PARENT "']},", "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW("'Principal':{'Service':'ec2.amazonaws.com','AWS':'" PARENT "'},", "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    /* the account decides by its identity policies */
    {ALLOW(P(ROOT), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NI},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(ACCOUNT), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:Encrypt"), NULL, PARENT, "kms:Decrypt", "{}", NI},
    {ALLOW(P(ROOT), "kms:Encrypt"), ALLOW("", "kms:*"), NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(P(ROOT), "kms:*"), NULL, NULL, ROOT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(PARENT), "kms:*"), ALLOW("", "*"), NULL, ROOT, "kms:Decrypt", "{}", NR},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:*") "," DENY("", "kms:Decrypt"), NULL, PARENT, "kms:Decrypt", "{}", DI},
    {ALLOW(P(ROOT), "kms:*"), STMT("Allow", "", "kms:*", PCR0("StringEquals", "aa")), NULL, PARENT, "kms:Decrypt", GOOD, OK},
    {ALLOW(P(ROOT), "kms:*"), STMT("Allow", "", "kms:*", PCR0("StringEquals", "aa")), NULL, PARENT, "kms:Decrypt", BAD, NI},
    {ALLOW(P(ROOT), "kms:*"), "{'Effect':'Allow','Action':'kms:*','Resource':'" KEY "'}", NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(ROOT), "kms:*"), "{'Effect':'Allow','Action':'kms:*','Resource':'" KEY "0'}", NULL, PARENT, "kms:Decrypt", "{}", NI},
    {ALLOW(P(ROOT), "kms:*"), "{'Effect':'Allow','NotAction':'kms:Decrypt','Resource':'*'}", NULL, PARENT, "kms:Decrypt", "{}", NI},
    {ALLOW(P(ROOT), "kms:*"), "{'Effect':'Allow','NotAction':'iam:*','Resource':'*'}", NULL, PARENT, "kms:Decrypt", "{}", OK},
    /* another account */
    {ALLOW(P(OTHER), "kms:*"), NULL, NULL, OTHER, "kms:Decrypt", "{}", NI},
    {ALLOW(P(OTHER), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, OTHER, "kms:Decrypt", "{}", OK},
    {ALLOW(P("999988887777"), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, OTHER, "kms:Decrypt", "{}", OK},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, OTHER, "kms:Decrypt", "{}", NR},
    {ALLOW(P(PARENT), "kms:*"), ALLOW("", "kms:Decrypt"), NULL, OTHER, "kms:Decrypt", "{}", NR},
    {ALLOW(ANY, "kms:*"), NULL, NULL, OTHER, "kms:Decrypt", "{}", NI},
    {ALLOW(ANY, "kms:*"), ALLOW("", "kms:*"), NULL, OTHER, "kms:Decrypt", "{}", OK},
    /* an explicit Deny wins, wherever it is */
    {ALLOW(ANY, "kms:*") "," DENY(ANY, "kms:Decrypt"), ALLOW("", "*"), NULL, PARENT, "kms:Decrypt", "{}", DR},
    {DENY(ANY, "kms:Decrypt") "," ALLOW(ANY, "kms:*"), ALLOW("", "*"), NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," DENY(P(USER), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*") "," DENY(P(ROOT), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," DENY(P(SESSION), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(P(PARENT), "kms:*"), DENY("", "kms:Dec*"), NULL, PARENT, "kms:Decrypt", "{}", DI},
    {ALLOW(ANY, "kms:*"), NULL, ALLOW("", "kms:*") "," DENY("", "kms:Decrypt"), PARENT, "kms:Decrypt", "{}", DS},
    {ALLOW(P(ROOT), "kms:*"), DENY("", "kms:*"), NULL, ROOT, "kms:Decrypt", "{}", DI},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", PCR0("StringNotEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, OK},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", PCR0("StringNotEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", BAD, DR},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", PCR0("StringNotEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", PCR0("StringNotEqualsIfExists", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", PCR0("StringEquals", "bb")), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", IF("'Null':{'kms:RecipientAttestation:PCR0':'true'}")), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", IF("'Null':{'kms:RecipientAttestation:PCR0':'true'}")), NULL, NULL, PARENT, "kms:Decrypt", BAD, OK},
    /* misspelt keys and the bare name are never there */
    {ALLOW(ANY, "kms:*") "," STMT("Deny", ANY, "kms:*", IF("'Null':{'kms:RecipientAttestation':'true'}")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, DR},
    {STMT("Allow", ANY, "kms:*", IF("'StringEquals':{'kms:RecipientAttestation:PRC0':'aa'}")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, NR},
    {STMT("Allow", ANY, "kms:*", IF("'StringEqualsIfExists':{'kms:RecipientAttestation:PRC0':'aa'}")), NULL, NULL, PARENT, "kms:Decrypt", BAD, OK},
    /* attested Allow */
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEqualsIgnoreCase", "AA")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, OK},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEquals", "AA")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, NR},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringLike", "a*")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, OK},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEquals", "a*")), NULL, NULL, PARENT, "kms:Decrypt", GOOD, NR},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEqualsIfExists", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringNotEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("ForAllValues:StringEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("ForAnyValue:StringEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(P(PARENT), "kms:Decrypt") "," STMT("Allow", P(PARENT), "kms:Decrypt", PCR0("StringEquals", "aa")), NULL, NULL, PARENT, "kms:Decrypt", BAD, OK},
    /* actions */
    {ALLOW(ANY, "KMS:DECRYPT"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:D*t"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:D*t"), NULL, NULL, PARENT, "kms:DescribeKey", "{}", NR},
    {ALLOW(ANY, "kms:?ecrypt"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:?Decrypt"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(ANY, "kms:ReEncrypt*"), NULL, NULL, PARENT, "kms:ReEncryptFrom", "{}", OK},
    {ALLOW(ANY, "kms:GenerateDataKey"), NULL, NULL, PARENT, "kms:GenerateDataKeyPair", "{}", NR},
    {ALLOW(ANY, "s3:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {NOT_ACTION("Allow", "kms:PutKeyPolicy"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {NOT_ACTION("Allow", "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(ANY, "kms:*") "," NOT_ACTION("Deny", "kms:Describe*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," NOT_ACTION("Deny", "kms:Dec*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    /* resources */
    {ON(KEY), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ON("arn:aws:kms:*:*:key/*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ON("arn:aws:kms:*:*:alias/*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ON("arn:aws:kms:us-east-1:*:key/*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ON("arn:aws:kms:*:${aws:PrincipalAccount}:key/*"), NULL, NULL, PARENT, "kms:Decrypt", "{'aws:principalaccount':['" ACCOUNT "']}", OK},
    {ON("arn:aws:kms:*:${aws:PrincipalAccount}:key/*"), NULL, NULL, PARENT, "kms:Decrypt", "{'aws:principalaccount':['1']}", NR},
    {ON("arn:aws:kms:*:${aws:PrincipalAccount}:key/*"), NULL, NULL, PARENT, "kms:Decrypt", "{'aws:principalaccount':['*']}", NR},
    {NOT_ON(KEY), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {NOT_ON("arn:aws:kms:*:*:alias/*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {"{'Effect':'Allow'," ANY "'Action':'kms:*'}", ALLOW("", "*"), NULL, PARENT, "kms:Decrypt", "{}", NR},
    {ALLOW(ANY, "kms:*") ",{'Effect':'Deny'," ANY "'Action':'kms:*'}", NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    /* NotPrincipal spares whom it names in full only */
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" PARENT "'"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" PARENT "','" ROOT "'"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" PARENT "','" ROOT "','" SESSION "'"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" USER "','" ACCOUNT "'"), "kms:*"), NULL, NULL, USER, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" USER "','" ROOT "'"), "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", DR},
    {ALLOW(ANY, "kms:*") "," DENY(NP("'" ROOT "'"), "kms:*"), NULL, NULL, ROOT, "kms:Decrypt", "{}", OK},
    {ALLOW(ANY, "kms:*") "," DENY("'NotPrincipal':'*',", "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    /* a session's policy bounds what is not given to the session itself */
    {ALLOW(P(PARENT), "kms:*"), NULL, ALLOW("", "kms:Decrypt"), PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(PARENT), "kms:*"), NULL, ALLOW("", "kms:Encrypt"), PARENT, "kms:Decrypt", "{}", NS},
    {ALLOW(P(SESSION), "kms:*"), NULL, ALLOW("", "kms:Encrypt"), PARENT, "kms:Decrypt", "{}", OK},
    {ALLOW(P(SESSION), "kms:*"), NULL, DENY("", "kms:Decrypt"), PARENT, "kms:Decrypt", "{}", DS},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:*"), ALLOW("", "kms:Encrypt"), PARENT, "kms:Decrypt", "{}", NS},
    {ALLOW(P(ROOT), "kms:*"), ALLOW("", "kms:Encrypt"), ALLOW("", "kms:*"), PARENT, "kms:Decrypt", "{}", NI},
    {ALLOW(P(USER), "kms:*"), NULL, ALLOW("", "kms:*"), PARENT, "kms:Decrypt", "{}", NR},
    /* an action without a key is a matter of identity policies */
    {NULL, ALLOW("", "kms:GenerateRandom"), NULL, PARENT, "kms:GenerateRandom", "{}", OK},
    {NULL, NULL, NULL, PARENT, "kms:GenerateRandom", "{}", NI},
    {NULL, NULL, NULL, ROOT, "kms:GenerateRandom", "{}", OK},
    {NULL, ALLOW("", "kms:*"), ALLOW("", "kms:ListKeys"), PARENT, "kms:GenerateRandom", "{}", NS},
    {NULL, ALLOW("", "kms:*") "," STMT("Deny", "", "kms:*", PCR0("StringNotEquals", "aa")), NULL, PARENT, "kms:GenerateRandom", "{}", DI},
    {NULL, "{'Effect':'Allow','Action':'kms:*','Resource':'arn:aws:kms:*:*:key/*'}", NULL, PARENT, "kms:GenerateRandom", "{}", NI},
    /* several conditions and values */
    {STMT("Allow", ANY, "kms:*", IF("'StringEquals':{'a':['x','y']},'StringLike':{'b':'1*'}")), NULL, NULL, PARENT, "kms:Decrypt", "{'a':['y'],'b':['12']}", OK},
    {STMT("Allow", ANY, "kms:*", IF("'StringEquals':{'a':['x','y']},'StringLike':{'b':'1*'}")), NULL, NULL, PARENT, "kms:Decrypt", "{'a':['y'],'b':['21']}", NR},
    {STMT("Allow", ANY, "kms:*", IF("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':['run']}")), NULL, NULL, PARENT, "kms:Decrypt", "{}", OK},
    {STMT("Allow", ANY, "kms:*", IF("'ForAllValues:StringEquals':{'kms:EncryptionContextKeys':['run']}")), NULL, NULL, PARENT, "kms:Decrypt", "{'kms:encryptioncontextkeys':['run','x']}", NR},
    {STMT("Allow", ANY, "kms:*", IF("'IpAddress':{'aws:SourceIp':'127.0.0.0/8'}")), NULL, NULL, PARENT, "kms:Decrypt", "{'aws:sourceip':['127.0.0.1']}", OK},
    {STMT("Allow", ANY, "kms:*", IF("'StringEquals':{'kms:ViaService':'s3.eu-central-1.amazonaws.com'}")), NULL, NULL, PARENT, "kms:Decrypt", "{}", NR},
    {STMT("Deny", ANY, "kms:*", IF("'Bool':{'aws:SecureTransport':'false'}")) "," ALLOW(ANY, "kms:*"), NULL, NULL, PARENT, "kms:Decrypt", "{'aws:securetransport':['true']}", OK},
};

static json_t *parse(const char *statements, enum cmaw_policy_kind kind)
{
    char text[8192], reason[256] = "";
    json_t *policy = NULL;
    if (statements == NULL) {
        return NULL;
    }
    (void)snprintf(text, sizeof text, "{'Version':'2012-10-17','Statement':[%s]}", statements);
    if (cmaw_policy_parse(quoted(text), kind, &policy, reason) != CMAW_OK) {
        fail_msg("%s: %s", text, reason);
    }
    return policy;
}

static enum cmaw_authz_verdict decide(const struct verdict_case *one, enum cmaw_scope granted)
{
    struct cmaw_principal who;
    assert_int_equal(cmaw_principal_parse(one->caller, &who), CMAW_OK);
    json_t *keys = json_loads(quoted(one->keys), 0, NULL), *key = parse(one->key, CMAW_POLICY_KEY);
    json_t *identity = json_array(), *session = parse(one->session, CMAW_POLICY_IDENTITY);
    if (one->identity != NULL) {
        (void)json_array_append_new(identity, parse(one->identity, CMAW_POLICY_IDENTITY));
    }
    const struct cmaw_policy_request request = {&who, one->action, key == NULL ? "*" : KEY, keys};
    const struct cmaw_authz authz = {.request = &request, .resource = key, .resource_kind = CMAW_POLICY_KEY, .owner = ACCOUNT,
                                     .identity = identity, .session = session, .granted = granted};
    const enum cmaw_authz_verdict verdict = cmaw_authz_decide(&authz);
    json_decref(keys);
    json_decref(key);
    json_decref(identity);
    json_decref(session);
    return verdict;
}

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const enum cmaw_authz_verdict got = decide(&cases[i], CMAW_SCOPE_NONE);
        if (got != cases[i].verdict) {
            fail_msg("case %zu: %s | %s | %s | %s: %d, not %d", i, cases[i].key, cases[i].identity, cases[i].session,
                     cases[i].keys, got, cases[i].verdict);
        }
    }
}

static bool denies(enum cmaw_authz_verdict verdict)
{
    return verdict == DR || verdict == DI || verdict == DS;
}

/* The statements of every case added to those of every other. */
static void more_statements_never_lift_a_deny_and_more_allows_never_refuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            char key[8192];
            struct verdict_case more = cases[i];
            if (cases[i].key == NULL || cases[j].key == NULL) {
                continue;
            }
            (void)snprintf(key, sizeof key, "%s,%s", cases[i].key, cases[j].key);
            more.key = key;
            const enum cmaw_authz_verdict got = decide(&more, CMAW_SCOPE_NONE);
            if (denies(cases[i].verdict) && !denies(got)) {
                fail_msg("case %zu is not denied with more of %zu", i, j);
            }
            if (cases[i].verdict == OK && got != OK && strstr(cases[j].key, "'Deny'") == NULL) {
                fail_msg("case %zu is refused with an Allow of %zu more", i, j);
            }
        }
    }
}

/* Every Allow of a key's policy turned into a Deny and added to every case. */
static void a_deny_more_never_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < sizeof cases / sizeof cases[0]; j++) {
            char key[8192];
            struct verdict_case more = cases[i];
            const char *at = cases[j].key == NULL ? NULL : strstr(cases[j].key, "'Allow'");
            if (at == NULL || cases[i].key == NULL || strstr(at + 1, "'Effect'") != NULL) {
                continue;
            }
            (void)snprintf(key, sizeof key, "%s,%.*s'Deny'%s", cases[i].key, (int)(at - cases[j].key), cases[j].key, at + 7);
            more.key = key;
            if (decide(&more, CMAW_SCOPE_NONE) == OK && cases[i].verdict != OK) {
                fail_msg("case %zu is allowed with a Deny of %zu more", i, j);
            }
        }
    }
}

static void a_grant_allows_but_never_over_a_deny(void **state)
{
    (void)state;
    size_t opened = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (enum cmaw_scope scope = CMAW_SCOPE_ACCOUNT; scope <= CMAW_SCOPE_SESSION; scope++) {
            const enum cmaw_authz_verdict got = decide(&cases[i], scope);
            if (denies(cases[i].verdict) ? got != cases[i].verdict : cases[i].verdict == OK && got != OK) {
                fail_msg("case %zu under a grant: %d", i, got);
            }
            if (cases[i].verdict == NR && cases[i].identity == NULL && scope == CMAW_SCOPE_ACCOUNT) {
                assert_int_equal(got, NI); /* the account's identity policies decide */
            }
            if (cases[i].verdict == NR && strcmp(cases[i].caller, PARENT) == 0 && scope == CMAW_SCOPE_CALLER) {
                assert_int_equal(got, cases[i].session == NULL || strstr(cases[i].session, "kms:*") != NULL ? OK : NS);
                opened++;
            }
        }
    }
    assert_true(opened > 10);
}

static void verdicts_have_words(void **state)
{
    (void)state;
    char text[160];
    cmaw_authz_because(CMAW_AUTHZ_NOT_IN_RESOURCE, "kms:Decrypt", text);
    assert_string_equal(text, "because no resource-based policy allows the kms:Decrypt action");
    cmaw_authz_because(CMAW_AUTHZ_DENIED_BY_IDENTITY, "kms:Decrypt", text);
    assert_string_equal(text, "with an explicit deny in an identity-based policy");
    cmaw_authz_because(CMAW_AUTHZ_ALLOWED, "kms:Decrypt", text);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(more_statements_never_lift_a_deny_and_more_allows_never_refuse),
        cmocka_unit_test(a_deny_more_never_allows),
        cmocka_unit_test(a_grant_allows_but_never_over_a_deny),
        cmocka_unit_test(verdicts_have_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
