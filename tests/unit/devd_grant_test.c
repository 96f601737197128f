/* What grants allow, and which grants a grant lets one make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "devd_quoted.h"
#include "dev/grant.h"

#define OPS(list) "'Operations':[" list "]"
#define EQUALS(pairs) ",'Constraints':{'EncryptionContextEquals':{" pairs "}}"
#define SUBSET(pairs) ",'Constraints':{'EncryptionContextSubset':{" pairs "}}"

static void grants_allow(void **state)
{
    (void)state;
    static const struct {
        const char *grant, *operation, *context;
        bool allowed;
    } cases[] = {
        {OPS("'Decrypt'"), "Decrypt", "{}", true},
        {OPS("'Decrypt'"), "Decrypt", "{'a':'1'}", true},
        {OPS("'Decrypt'"), "Encrypt", "{}", false},
        {OPS("'GenerateDataKey'"), "GenerateDataKeyWithoutPlaintext", "{}", false},
        {OPS("'CreateGrant','Decrypt'"), "CreateGrant", "{}", false},
        {OPS("'Decrypt'") EQUALS("'a':'1'"), "Decrypt", "{'a':'1'}", true},
        {OPS("'Decrypt'") EQUALS("'a':'1'"), "Decrypt", "{'a':'1','b':'2'}", false},
        {OPS("'Decrypt'") EQUALS("'a':'1'"), "Decrypt", "{}", false},
        {OPS("'Decrypt'") EQUALS("'a':'1'"), "Decrypt", "{'A':'1'}", false},
        {OPS("'Decrypt'") EQUALS("'a':'1','b':'2'"), "Decrypt", "{'b':'2','a':'1'}", true},
        {OPS("'Decrypt'") EQUALS(""), "Decrypt", "{'b':'2'}", true},
        {OPS("'Decrypt'") SUBSET("'a':'1'"), "Decrypt", "{'a':'1','b':'2'}", true},
        {OPS("'Decrypt'") SUBSET("'a':'1'"), "Decrypt", "{'a':'2','b':'2'}", false},
        {OPS("'Decrypt'") SUBSET("'a':'1'"), "Decrypt", "{}", false},
        {OPS("'DescribeKey'") SUBSET("'a':'1'"), "DescribeKey", "{}", true},
        {OPS("'ReEncryptTo'") SUBSET("'a':'1'"), "ReEncryptTo", "{}", false},
        {OPS("'GetPublicKey'") SUBSET("'a':'1'"), "GetPublicKey", "{}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        (void)snprintf(text, sizeof text, "{%s}", cases[i].grant);
        json_t *grant = json_loads(quoted(text), 0, NULL), *context = json_loads(quoted(cases[i].context), 0, NULL);
        assert_non_null(grant);
        if (cmaw_grant_allows(grant, cases[i].operation, context) != cases[i].allowed
            || (json_object_size(context) == 0
                && cmaw_grant_allows(grant, cases[i].operation, NULL) != cases[i].allowed)) {
            fail_msg("%s for %s with %s", cases[i].grant, cases[i].operation, cases[i].context);
        }
        json_decref(grant);
        json_decref(context);
    }
}

static void grants_cover_what_is_as_strict(void **state)
{
    (void)state;
    static const struct {
        const char *grant, *wanted;
        bool covered;
    } cases[] = {
        {OPS("'CreateGrant','Decrypt'"), OPS("'Decrypt'"), true},
        {OPS("'Decrypt'"), OPS("'Decrypt'"), false},
        {OPS("'CreateGrant','Decrypt'"), OPS("'Decrypt','Encrypt'"), false},
        {OPS("'CreateGrant','Decrypt'"), OPS("'Decrypt','CreateGrant'"), true},
        {OPS("'CreateGrant','Decrypt'"), OPS("'Decrypt'") EQUALS("'a':'1'"), true},
        {OPS("'CreateGrant','Decrypt'") EQUALS("'a':'1'"), OPS("'Decrypt'"), false},
        {OPS("'CreateGrant','Decrypt'") EQUALS("'a':'1'"), OPS("'Decrypt'") EQUALS("'a':'1'"), true},
        {OPS("'CreateGrant','Decrypt'") EQUALS("'a':'1'"), OPS("'Decrypt'") EQUALS("'a':'1','b':'2'"), false},
        {OPS("'CreateGrant','Decrypt'") EQUALS("'a':'1'"), OPS("'Decrypt'") SUBSET("'a':'1'"), false},
        {OPS("'CreateGrant','Decrypt'") SUBSET("'a':'1'"), OPS("'Decrypt'") EQUALS("'a':'1','b':'2'"), true},
        {OPS("'CreateGrant','Decrypt'") SUBSET("'a':'1'"), OPS("'Decrypt'") SUBSET("'a':'1','b':'2'"), true},
        {OPS("'CreateGrant','Decrypt'") SUBSET("'a':'1','b':'2'"), OPS("'Decrypt'") SUBSET("'a':'1'"), false},
        {OPS("'CreateGrant','Decrypt'") SUBSET("'a':'1'"), OPS("'Decrypt'"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char grant_text[512], wanted_text[512];
        (void)snprintf(grant_text, sizeof grant_text, "{%s}", cases[i].grant);
        (void)snprintf(wanted_text, sizeof wanted_text, "{%s}", cases[i].wanted);
        json_t *grant = json_loads(quoted(grant_text), 0, NULL), *wanted = json_loads(quoted(wanted_text), 0, NULL);
        if (cmaw_grant_covers(grant, wanted) != cases[i].covered) {
            fail_msg("%s for %s", cases[i].grant, cases[i].wanted);
        }
        json_decref(grant);
        json_decref(wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grants_allow),
        cmocka_unit_test(grants_cover_what_is_as_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
