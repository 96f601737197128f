/* Conditions of policies: a table of blocks and what they say of one request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "devd_quoted.h"
#include "dev/policy_cond.h"

static const char present[] =
    "{'a':['x'],'m':['p','q'],'b':['true'],'n':['30'],'t':['2026-01-02T03:04:05Z'],'i':['203.0.113.7'],'v':['2001:db8::1'],"
    "'r':['arn:aws:iam::111122223333:role/parent'],'e':[''],'s':['a*b'],'aws:principalarn':['arn:aws:iam::111122223333:role/parent'],"
    "'aws:principalaccount':['111122223333']}";

/* Condition blocks against the keys below, with nothing called z (facts/KMS.md section 3.2). */
static const struct {
    const char *block;
    bool holds;
} condition_cases[] = {
    {"{}", true},
    {"{'StringEquals':{'a':'x'}}", true},
    {"{'StringEquals':{'A':'x'}}", true},
    {"{'StringEquals':{'a':'X'}}", false},
    {"{'StringEquals':{'a':['y','x']}}", true},
    {"{'StringEquals':{'a':['y','w']}}", false},
    {"{'StringEquals':{'a':'x','b':'true'}}", true},
    {"{'StringEquals':{'a':'x','b':'false'}}", false},
    {"{'StringEquals':{'a':'x'},'StringLike':{'b':'f*'}}", false},
    {"{'StringEquals':{'z':'x'}}", false},
    {"{'StringEqualsIfExists':{'z':'x'}}", true},
    {"{'StringEqualsIfExists':{'a':'y'}}", false},
    {"{'StringNotEquals':{'a':'x'}}", false},
    {"{'StringNotEquals':{'a':'y'}}", true},
    {"{'StringNotEquals':{'a':['y','x']}}", false},
    {"{'StringNotEquals':{'z':'x'}}", true},
    {"{'StringEqualsIgnoreCase':{'a':'X'}}", true},
    {"{'StringNotEqualsIgnoreCase':{'a':'X'}}", false},
    {"{'StringNotEqualsIgnoreCase':{'z':'X'}}", true},
    {"{'StringLike':{'a':'?'}}", true},
    {"{'StringLike':{'a':'?" "?'}}", false},
    {"{'StringLike':{'b':'t*e'}}", true},
    {"{'StringNotLike':{'b':'t*e'}}", false},
    {"{'Bool':{'b':'TRUE'}}", true},
    {"{'Bool':{'b':true}}", true},
    {"{'Bool':{'b':'false'}}", false},
    {"{'Bool':{'z':'true'}}", false},
    {"{'BoolIfExists':{'z':'true'}}", true},
    {"{'Null':{'z':'true'}}", true},
    {"{'Null':{'z':'false'}}", false},
    {"{'Null':{'a':'true'}}", false},
    {"{'Null':{'a':'false'}}", true},
    {"{'ForAnyValue:StringEquals':{'m':['q']}}", true},
    {"{'ForAnyValue:StringEquals':{'m':['r']}}", false},
    {"{'ForAnyValue:StringEquals':{'z':['r']}}", false},
    {"{'ForAnyValue:StringNotEquals':{'m':['q']}}", true},
    {"{'ForAnyValue:StringNotEquals':{'m':['q','p']}}", false},
    {"{'ForAllValues:StringEquals':{'m':['p','q','r']}}", true},
    {"{'ForAllValues:StringEquals':{'m':['p']}}", false},
    {"{'ForAllValues:StringEquals':{'z':['p']}}", true},
    {"{'ForAllValues:StringNotEquals':{'m':['r']}}", true},
    {"{'ForAllValues:StringNotEquals':{'m':['q']}}", false},
    {"{'StringEquals':{'m':'q'}}", true},
    {"{'StringNotEquals':{'m':'q'}}", false},
    {"{'ArnLike':{'a':'x'}}", false},
    {"{'ArnLike':{'r':'arn:aws:iam::*:role/parent'}}", true},
    {"{'ArnEquals':{'r':'arn:aws:iam::111122223333:role/p?rent'}}", true},
    {"{'ArnLike':{'r':'arn:aws:iam::*'}}", false},
    {"{'ArnLike':{'r':'arn:aws:iam::*:user/*'}}", false},
    {"{'ArnNotLike':{'r':'arn:aws:iam::*:role/*'}}", false},
    {"{'ArnNotEquals':{'r':'arn:aws:iam::*:user/*'}}", true},
    {"{'ArnNotLike':{'z':'arn:aws:iam::*:role/*'}}", true},
    {"{'ArnLikeIfExists':{'z':'arn:aws:iam::*:role/*'}}", true},
    {"{'NumericEquals':{'n':'30'}}", true},
    {"{'NumericEquals':{'n':30}}", true},
    {"{'NumericEquals':{'n':'30.0'}}", true},
    {"{'NumericEquals':{'n':['7','30']}}", true},
    {"{'NumericEquals':{'a':'30'}}", false},
    {"{'NumericNotEquals':{'n':'30'}}", false},
    {"{'NumericNotEquals':{'n':'31'}}", true},
    {"{'NumericNotEquals':{'z':'31'}}", true},
    {"{'NumericLessThan':{'n':'31'}}", true},
    {"{'NumericLessThan':{'n':'30'}}", false},
    {"{'NumericLessThanEquals':{'n':'30'}}", true},
    {"{'NumericGreaterThan':{'n':'30'}}", false},
    {"{'NumericGreaterThan':{'n':'9'}}", true},
    {"{'NumericGreaterThanEquals':{'n':'30'}}", true},
    {"{'NumericGreaterThanEqualsIfExists':{'z':'30'}}", true},
    {"{'NumericGreaterThan':{'z':'1'}}", false},
    {"{'DateLessThan':{'t':'2026-01-02T03:04:06Z'}}", true},
    {"{'DateLessThan':{'t':'2026-01-02T03:04:05Z'}}", false},
    {"{'DateLessThanEquals':{'t':'2026-01-02T03:04:05Z'}}", true},
    {"{'DateGreaterThan':{'t':'2026-01-02'}}", true},
    {"{'DateGreaterThanEquals':{'t':'2026-01-02T03:04Z'}}", true},
    {"{'DateEquals':{'t':'1767323045'}}", true},
    {"{'DateNotEquals':{'t':'1767323045'}}", false},
    {"{'DateGreaterThan':{'a':'2026-01-02'}}", false},
    {"{'IpAddress':{'i':'203.0.113.0/24'}}", true},
    {"{'IpAddress':{'i':'203.0.113.7'}}", true},
    {"{'IpAddress':{'i':'203.0.113.8/30'}}", false},
    {"{'IpAddress':{'i':['10.0.0.0/8','203.0.113.6/31']}}", true},
    {"{'IpAddress':{'i':'0.0.0.0/0'}}", true},
    {"{'IpAddress':{'i':'::/0'}}", false},
    {"{'IpAddress':{'v':'2001:db8::/32'}}", true},
    {"{'IpAddress':{'v':'2001:db9::/32'}}", false},
    {"{'IpAddress':{'a':'203.0.113.0/24'}}", false},
    {"{'IpAddress':{'z':'203.0.113.0/24'}}", false},
    {"{'NotIpAddress':{'i':'203.0.113.0/24'}}", false},
    {"{'NotIpAddress':{'i':'10.0.0.0/8'}}", true},
    {"{'NotIpAddress':{'z':'10.0.0.0/8'}}", true},
    {"{'StringEquals':{'n':30}}", true},
    {"{'StringEquals':{'b':true}}", true},
    {"{'stringequals':{'a':'x'}}", true},
    {"{'StringNotLike':{'a':['y*','z*']}}", true},
    {"{'StringNotLike':{'a':['y*','x*']}}", false},
    {"{'StringNotLike':{'z':'*'}}", true},
    {"{'StringLike':{'z':'*'}}", false},
    {"{'StringLikeIfExists':{'z':'nothing'}}", true},
    {"{'StringNotEqualsIfExists':{'z':'x'}}", true},
    {"{'StringNotEqualsIfExists':{'a':'x'}}", false},
    {"{'StringNotEqualsIgnoreCaseIfExists':{'a':'X'}}", false},
    {"{'Null':{'z':['true','false']}}", true},
    {"{'Null':{'z':true}}", true},
    {"{'Null':{'a':'false'},'StringEquals':{'z':'x'}}", false},
    {"{'ForAnyValue:StringLike':{'m':'q*'}}", true},
    {"{'ForAnyValue:StringEqualsIfExists':{'z':'q'}}", true},
    {"{'ForAnyValue:StringNotEquals':{'z':'q'}}", false},
    {"{'ForAnyValue:ArnLike':{'r':'arn:aws:iam::*:role/*'}}", true},
    {"{'ForAllValues:StringLike':{'m':['p*','q*']}}", true},
    {"{'ForAllValues:StringLike':{'m':['p*']}}", false},
    {"{'ForAllValues:StringEqualsIgnoreCase':{'m':['P','Q']}}", true},
    {"{'ForAllValues:StringNotLike':{'m':['p*']}}", false},
    {"{'ForAllValues:StringNotLike':{'z':['p*']}}", true},
    {"{'ForAllValues:StringEquals':{'e':['p']}}", true},
    {"{'ForAnyValue:StringEquals':{'e':['p']}}", false},
    {"{'StringEquals':{'e':''}}", true},
    {"{'ForAllValues:StringEquals':{'z':['p']},'Null':{'z':'false'}}", false},
    {"{'StringEquals':{'r':'${aws:PrincipalArn}'}}", true},
    {"{'StringEquals':{'r':'${AWS:principalarn}'}}", true},
    {"{'StringNotEquals':{'r':'${aws:PrincipalArn}'}}", false},
    {"{'StringEquals':{'r':'arn:aws:iam::${aws:PrincipalAccount}:role/parent'}}", true},
    {"{'ArnEquals':{'r':'arn:aws:iam::${aws:PrincipalAccount}:role/*'}}", true},
    {"{'StringEquals':{'a':'${aws:PrincipalArn}'}}", false},
    {"{'StringEquals':{'s':'a${*}b'}}", true},
    {"{'StringLike':{'s':'a${*}b'}}", true},
    {"{'StringLike':{'a':'${*}'}}", false},
    {"{'StringLike':{'s':'${?}*'}}", false},
    {"{'StringEquals':{'a':'${$}'}}", false},
    {"{'StringEquals':{'a':'${aws:SourceIp}'}}", false},
    {"{'StringNotEquals':{'a':'${aws:SourceIp}'}}", true},
};

static void conditions_hold(void **state)
{
    (void)state;
    json_t *keys = json_loads(quoted(present), 0, NULL);
    assert_non_null(keys);
    for (size_t i = 0; i < sizeof condition_cases / sizeof condition_cases[0]; i++) {
        char reason[256] = "";
        json_t *block = json_loads(quoted(condition_cases[i].block), 0, NULL);
        if (!cmaw_policy_cond_prepare(block, true, reason)
            || cmaw_policy_cond_holds(block, keys, true) != condition_cases[i].holds) {
            fail_msg("%s should be %d (%s)", condition_cases[i].block, condition_cases[i].holds, reason);
        }
        json_decref(block);
    }
    json_decref(keys);
}

/* In a policy of 2008-10-17 ${…} is text like any other. */
static void variables_are_text_in_old_policies(void **state)
{
    (void)state;
    char reason[256] = "";
    json_t *keys = json_loads(quoted("{'a':['${aws:PrincipalArn}'],'aws:principalarn':['x']}"), 0, NULL);
    json_t *block = json_loads(quoted("{'StringEquals':{'a':'${aws:PrincipalArn}'}}"), 0, NULL);
    assert_true(cmaw_policy_cond_prepare(block, false, reason));
    assert_true(cmaw_policy_cond_holds(block, keys, false));
    assert_false(cmaw_policy_cond_holds(block, keys, true));
    json_decref(block);
    json_decref(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold),
        cmocka_unit_test(variables_are_text_in_old_policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
