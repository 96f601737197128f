/* Policies by chance: whatever the emulator's evaluation lets out, lint has found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "client/kms/lint.h"
#include "devd_verdict.h"

enum { POLICIES = 4000, CALLS = 40, STATEMENTS_MAX = 4, TESTS_MAX = 3 };

#define TIMES_12(x) x x x x x x x x x x x x
#define HEX(x) TIMES_12(x x x x x x x x)
#define IMAGE HEX("a")
#define OLD HEX("b") /* an image that policies name and the manifest does not */
#define ENEMY HEX("e")
#define LOCK HEX("c")
#define ZEROS HEX("0")
#define PARENT "arn:aws:iam::111122223333:role/parent"
#define USER "arn:aws:iam::111122223333:user/u"
#define ROOT "arn:aws:iam::111122223333:root"
#define STRANGER "arn:aws:iam::999988887777:role/parent"
#define KEY "arn:aws:kms:eu-central-1:111122223333:key/11111111-2222-4333-8444-555555555555"
#define ATTESTATION "kms:RecipientAttestation:"

static uint64_t state_of_chance;

static size_t below(size_t count)
{
    state_of_chance ^= state_of_chance << 13;
    state_of_chance ^= state_of_chance >> 7;
    state_of_chance ^= state_of_chance << 17;
    return (size_t)(state_of_chance % count);
}

#define ONE_OF(list) list[below(sizeof list / sizeof list[0])]

static const char *const operators[] = {
    "StringEquals", "StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike", "ArnEquals",
    "ArnLike", "ArnNotLike", "Null", "Null", "Bool", "NumericEquals", "NumericNotEquals", "IpAddress", "NotIpAddress", "stringequals",
};
static const char *const quantifiers[] = {"", "", "", "", "ForAnyValue:", "ForAllValues:"};
static const char *const condition_keys[] = {
    ATTESTATION "PCR0", ATTESTATION "PCR0", ATTESTATION "PCR0", ATTESTATION "ImageSha384", "KMS:recipientattestation:pcr0", ATTESTATION "PCR1", ATTESTATION "PCR8",
    ATTESTATION "PCR16", ATTESTATION "PCR16", ATTESTATION "PCR00", ATTESTATION "PCR32", ATTESTATION "PCR0 ", "kms:RecipientAttestation", "kms:EncryptionContext:run",
    "kms:EncryptionContextKeys", "aws:PrincipalArn", "aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount", "aws:MultiFactorAuthPresent", "kms:ViaService",
    "aws:SourceIp",
};
/* as JSON */
static const char *const values[] = {
    "\"" IMAGE "\"", "\"" IMAGE "\"", "\"" IMAGE "\"", "\"" OLD "\"", "\"" HEX("A") "\"", "\"" LOCK "\"", "\"" ZEROS "\"", "\"*\"", "\"a*\"", "\"*0\"", "\"" HEX("?") "\"", "\"\"", "\"true\"",
    "\"false\"", "true", "false", "5", "111122223333", "\"111122223333\"", "\"1111*\"", "\"" PARENT "\"", "\"" USER "\"", "\"arn:aws:iam::*:role/parent\"", "\"arn:aws:iam::*\"",
    "\"arn:*\"", "\"arn:aws:iam::111122223333:*\"", "\"${aws:PrincipalArn}\"", "\"${*}\"", "\"127.0.0.1\"", "\"0.0.0.0/0\"", "\"run\"", "\"1\"",
};
static const char *const principals[] = {
    "\"*\"", "{\"AWS\":\"*\"}", "{\"AWS\":\"" PARENT "\"}", "{\"AWS\":\"" PARENT "\"}", "{\"AWS\":[\"" USER "\",\"" PARENT "\"]}", "{\"AWS\":\"" ROOT "\"}", "{\"AWS\":\"111122223333\"}",
    "{\"AWS\":\"" STRANGER "\"}", "{\"AWS\":\"999988887777\"}", "{\"AWS\":\"arn:aws:sts::111122223333:assumed-role/parent/cmaw-dev\"}", "{\"Service\":\"s3.amazonaws.com\"}",
    "{\"AWS\":[\"" ROOT "\",\"" PARENT "\",\"arn:aws:sts::111122223333:assumed-role/parent/cmaw-dev\"]}",
};
static const char *const actions[] = {
    "\"kms:Decrypt\"", "\"kms:Decrypt\"", "\"kms:*\"", "\"*\"", "\"kms:De*\"", "\"kms:*crypt*\"", "\"KMS:decrypt\"", "[\"kms:GenerateDataKey\",\"kms:Describe*\"]", "\"kms:GenerateDataKey*\"",
    "\"kms:ReEncrypt*\"", "\"kms:PutKeyPolicy\"", "\"kms:Describe*\"",
};
static const char *const resources[] = {
    "\"*\"", "\"*\"", "\"*\"", "\"*\"", "\"" KEY "\"", "\"arn:aws:kms:*:*:key/*\"", "\"arn:aws:kms:*:111122223333:key/22222222-2222-4333-8444-555555555555\"", "\"arn:aws:kms:*\"",
    "\"arn:*key/11111111-2222-4333-8444-555555555555\"", "\"arn:aws:kms:eu-central-1:*key/*\"", "\"arn:aws:s3:::*\"",
};

/* Mostly one that the operator takes. */
static const char *value_for(const char *operator_name)
{
    static const char *const booleans[] = {"\"true\"", "\"false\"", "true", "false"}, *const addresses[] = {"\"127.0.0.1\"", "\"0.0.0.0/0\""};
    if (below(20) == 0) {
        return ONE_OF(values);
    }
    if (strcmp(operator_name, "Null") == 0 || strcmp(operator_name, "Bool") == 0) {
        return ONE_OF(booleans);
    }
    return strstr(operator_name, "Numeric") != NULL ? "5" : strstr(operator_name, "Ip") != NULL ? ONE_OF(addresses) : ONE_OF(values);
}

static void put_test(struct cmaw_buf *text)
{
    const char *operator_name = ONE_OF(operators);
    const bool null_test = strcmp(operator_name, "Null") == 0;
    cmaw_buf_printf(text, "\"%s%s%s\":{\"%s\":", null_test ? "" : ONE_OF(quantifiers), operator_name, null_test || below(4) > 0 ? "" : "IfExists", ONE_OF(condition_keys));
    if (below(4) == 0) {
        cmaw_buf_printf(text, "[%s,%s]}", value_for(operator_name), value_for(operator_name));
    } else {
        cmaw_buf_printf(text, "%s}", value_for(operator_name));
    }
}

static void put_statement(struct cmaw_buf *text, bool deny)
{
    cmaw_buf_printf(text, "{\"Effect\":\"%s\",\"%s\":%s,", deny ? "Deny" : "Allow", deny && below(8) == 0 ? "NotPrincipal" : "Principal", ONE_OF(principals));
    cmaw_buf_printf(text, "\"%s\":%s,\"%s\":%s", below(8) == 0 ? "NotAction" : "Action", ONE_OF(actions), below(10) == 0 ? "NotResource" : "Resource", ONE_OF(resources));
    const size_t tests = below(TESTS_MAX + 1);
    for (size_t i = 0; i < tests; i++) {
        cmaw_buf_put_cstr(text, i == 0 ? ",\"Condition\":{" : ",");
        put_test(text);
    }
    cmaw_buf_put_cstr(text, tests == 0 ? "}" : "}}");
}

static void put_policy(struct cmaw_buf *text)
{
    const size_t count = 1 + below(STATEMENTS_MAX);
    cmaw_buf_printf(text, "{%s\"Statement\":[", below(8) == 0 ? "" : "\"Version\":\"2012-10-17\",");
    for (size_t i = 0; i < count; i++) {
        cmaw_buf_put_cstr(text, i == 0 ? "" : ",");
        put_statement(text, i > 0 && below(3) > 0);
    }
    cmaw_buf_put_cstr(text, "]}");
    cmaw_buf_put_u8(text, 0);
    assert_int_equal(cmaw_buf_err(text), CMAW_OK);
}

static void set_key(json_t *keys, const char *name, const char *value)
{
    if (value != NULL) {
        assert_int_equal(json_object_set_new(keys, name, json_pack("[s]", value)), 0);
    }
}

/* An attestation that must not get the key: none, debug mode, the enemy's image, with a manifest also an old image or the right one in another role. */
static void set_attestation(json_t *keys, bool by_manifest)
{
    static const char *const any[] = {IMAGE, OLD, ENEMY, LOCK, ZEROS}, *const locks[] = {NULL, LOCK, OLD}, *const other_locks[] = {NULL, OLD, ZEROS};
    const size_t kind = below(by_manifest ? 5 : 3);
    if (kind == 0) {
        return;
    }
    static const char *const images[] = {NULL, ZEROS, ENEMY, OLD, IMAGE};
    const bool debug = kind == 1;
    set_key(keys, "kms:recipientattestation:pcr0", images[kind]);
    set_key(keys, "kms:recipientattestation:imagesha384", images[kind]);
    set_key(keys, "kms:recipientattestation:pcr1", debug ? ZEROS : ONE_OF(any));
    set_key(keys, "kms:recipientattestation:pcr8", debug ? ZEROS : by_manifest ? ONE_OF(any) : ENEMY);
    set_key(keys, "kms:recipientattestation:pcr16", kind == 4 ? ONE_OF(other_locks) : ONE_OF(locks));
}

static json_t *call_keys(const struct cmaw_lint_action *action, bool by_manifest)
{
    static const char *const runs[] = {NULL, "1", "run"}, *const booleans[] = {NULL, "true", "false"}, *const services[] = {NULL, "s3.eu-central-1.amazonaws.com"};
    static const char *const addresses[] = {"127.0.0.1", "10.1.1.1"};
    json_t *keys = json_object();
    const char *run = ONE_OF(runs);
    set_key(keys, "kms:encryptioncontext:run", run);
    set_key(keys, "kms:encryptioncontextkeys", run == NULL ? NULL : "run");
    set_key(keys, "aws:multifactorauthpresent", ONE_OF(booleans));
    set_key(keys, "kms:viaservice", ONE_OF(services));
    set_key(keys, "aws:sourceip", ONE_OF(addresses));
    if (action->recipient) {
        set_attestation(keys, by_manifest);
    }
    return keys;
}

static bool found(const struct cmaw_lint_report *report, const char *arn, const struct cmaw_lint_action *action)
{
    char account[13];
    cmaw_lint_account_of(arn, account);
    for (size_t i = 0; i < report->path_count; i++) {
        const struct cmaw_lint_principal *who = report->paths[i].principal;
        const bool session = strstr(who->name, ":assumed-role/parent/") != NULL && strcmp(arn, PARENT) == 0;
        if (report->paths[i].action == action
            && (who->kind == CMAW_LINT_ANYONE || (who->kind == CMAW_LINT_ACCOUNT ? strcmp(who->account, account) == 0 : strcmp(who->name, arn) == 0 || session))) {
            return true;
        }
    }
    return false;
}

/* How often something was let out. */
static size_t compare(const char *text, json_t *policy, bool by_manifest)
{
    static const struct cmaw_lint_expected expected = {.images = {IMAGE}, .image_count = 1, .lock = LOCK, .key_arn = KEY};
    static const char *const callers[] = {PARENT, PARENT, USER, ROOT, STRANGER, "arn:aws:iam::111122223333:role/nobody"};
    struct cmaw_diag diag = {0};
    size_t out = 0;
    CMAW_LINT_DOCUMENT_AUTO(document);
    CMAW_LINT_REPORT_AUTO(report);
    if (cmaw_lint_document_parse("p", cmaw_slice_of_cstr(text), CMAW_LINT_KEY_POLICY, &document, &diag) != CMAW_OK) {
        fail_msg("the emulator takes it, lint does not: %s\n%s", diag.text, text);
    }
    const struct cmaw_lint_input input = {.policy = &document, .expected = by_manifest ? &expected : NULL};
    assert_int_equal(cmaw_lint_run(&input, &report), CMAW_OK);
    for (size_t i = 0; i < CALLS; i++) {
        const struct cmaw_lint_action *action = &cmaw_lint_actions[below(9)];
        const char *arn = ONE_OF(callers);
        json_t *keys = call_keys(action, by_manifest);
        if (action->effect != CMAW_LINT_EFFECT_GRANT && devd_allows(policy, arn, action->name, KEY, keys)) {
            out++;
            if (!found(&report, arn, action)) {
                print_error("%s\n", text);
                (void)json_dumpf(keys, stderr, JSON_COMPACT);
                fail_msg("not found: %s by %s", action->name, arn);
            }
        }
        json_decref(keys);
    }
    return out;
}

static void whatever_gets_out_is_found(void **state)
{
    size_t stored = 0, open = 0, out = 0;
    (void)state;
    state_of_chance = 88172645463325252ULL;
    for (size_t i = 0; i < POLICIES; i++) {
        CMAW_BUF_AUTO(text, 32768);
        put_policy(&text);
        json_t *policy = devd_key_policy((const char *)text.data);
        if (policy != NULL) {
            const size_t got = compare((const char *)text.data, policy, i % 2 == 0);
            stored++;
            open += got > 0;
            out += got;
            json_decref(policy);
        }
    }
    print_message("%zu of %d policies are stored, %zu let something out, %zu calls did\n", stored, POLICIES, open, out);
    assert_true(stored > POLICIES / 3 && open > POLICIES / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whatever_gets_out_is_found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
