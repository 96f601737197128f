/* The shapes of CloudTrail's events, their clock, and the rate of lookups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dev/clock.h"
#include "dev/rate.h"
#include "dev/trail_shape.h"

static size_t take_many(struct cmaw_rate *rate, const char *account, int64_t now_ms)
{
    size_t taken = 0;
    while (taken < 10000 && cmaw_rate_take(rate, account, now_ms)) {
        taken++;
    }
    return taken;
}

static void a_bucket_fills_with_time_and_no_further(void **state)
{
    (void)state;
    static const struct {
        int64_t at_ms;
        size_t taken;
    } steps[] = {{1000000, 2}, {1000000, 0}, {1000499, 0}, {1000500, 1}, {1001000, 1}, {1001999, 1}, {1002001, 1},
                 {9000000, 2}, {8000000, 0}, {8000500, 1}, {8001500, 2}};
    struct cmaw_rate rate = {.per_second = 2};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(take_many(&rate, "111122223333", steps[i].at_ms), steps[i].taken);
    }
}

static void accounts_have_buckets_of_their_own(void **state)
{
    (void)state;
    struct cmaw_rate rate = {.per_second = 3};
    char account[CMAW_ACCOUNT_SIZE + 1];
    for (int i = 0; i < CMAW_RATE_ACCOUNTS; i++) {
        (void)snprintf(account, sizeof account, "%012d", i);
        assert_int_equal(take_many(&rate, account, 1000000 + i), 3);
    }
    /* one more takes the place of the first, which then starts afresh in that of the second */
    assert_int_equal(take_many(&rate, "999999999999", 1000050), 3);
    assert_int_equal(take_many(&rate, "000000000000", 1000050), 3);
    assert_int_equal(take_many(&rate, "000000000002", 1000050), 0);
}

static void no_rate_is_no_limit(void **state)
{
    (void)state;
    struct cmaw_rate rate = {0};
    assert_int_equal(take_many(&rate, "111122223333", 1), 10000);
}

static void check_members(const char *from, const char *names, const char *expected)
{
    json_t *source = json_loads(from, 0, NULL), *wanted = json_loads(expected, 0, NULL);
    assert_non_null(source);
    assert_non_null(wanted);
    json_t *got = cmaw_trail_members(source, names);
    assert_true(json_equal(got, wanted));
    json_decref(got);
    json_decref(wanted);
    json_decref(source);
}

static void members_are_written_as_cloudtrail_does(void **state)
{
    (void)state;
    static const struct {
        const char *from, *names, *expected;
    } cases[] = {
        {"{\"KeyId\":\"x\",\"Plaintext\":\"secret\"}", "KeyId", "{\"keyId\":\"x\"}"},
        {"{\"KeyId\":null}", "KeyId Policy", "{}"},
        {"{\"AWSAccountId\":\"1\"}", NULL, "{\"AWSAccountId\":\"1\"}"},
        {"{\"CreationDate\":1660171107.5}", NULL, "{\"creationDate\":\"Aug 10, 2022, 10:38:27 PM\"}"},
        {"{\"DeletionDate\":1618182010}", NULL, "{\"deletionDate\":\"Apr 11, 2021, 11:00:10 PM\"}"},
        {"{\"Date\":5,\"Dates\":[1]}", NULL, "{\"date\":5,\"dates\":[1]}"},
        {"{\"EncryptionContext\":{\"Upper\":\"v\",\"SomeDate\":\"d\"}}", NULL,
         "{\"encryptionContext\":{\"Upper\":\"v\",\"SomeDate\":\"d\"}}"},
        {"{\"Tags\":[{\"TagKey\":\"A\"},7],\"GrantTokens\":[\"T\"]}", "Tags", "{\"tags\":[{\"tagKey\":\"A\"},7]}"},
        {"{\"KeyMetadata\":{\"KeyId\":\"k\",\"Enabled\":true}}", "KeyMetadata", "{\"keyMetadata\":{\"keyId\":\"k\",\"enabled\":true}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_members(cases[i].from, cases[i].names, cases[i].expected);
    }
}

static const char *text_at(json_t *object, const char *first, const char *second)
{
    json_t *value = json_object_get(object, first);
    return json_string_value(second == NULL ? value : json_object_get(value, second));
}

static void identities_by_kind_of_caller(void **state)
{
    (void)state;
    static const struct {
        const char *arn, *type, *user_name, *listed;
    } cases[] = {
        {"arn:aws:iam::111122223333:role/path/parent", "AssumedRole", NULL, "cmaw-dev"},
        {"arn:aws:iam::111122223333:user/alice", "IAMUser", "alice", "alice"},
        {"arn:aws:iam::111122223333:root", "Root", NULL, "root"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_principal who;
        assert_int_equal(cmaw_principal_parse(cases[i].arn, &who), CMAW_OK);
        json_t *identity = cmaw_trail_identity(&who, "AKIA", 1000), *session = json_object_get(identity, "sessionContext");
        assert_string_equal(text_at(identity, "type", NULL), cases[i].type);
        assert_string_equal(cmaw_trail_user_name(&who), cases[i].listed);
        assert_true((json_object_get(identity, "userName") != NULL) == (cases[i].user_name != NULL));
        assert_true((session != NULL) == (strcmp(cases[i].type, "AssumedRole") == 0));
        if (session != NULL) {
            assert_string_equal(text_at(session, "sessionIssuer", "arn"), cases[i].arn);
            assert_string_equal(text_at(session, "sessionIssuer", "userName"), "parent");
            assert_string_equal(text_at(session, "attributes", "creationDate"), "1970-01-01T00:00:01Z");
            assert_non_null(strstr(text_at(identity, "principalId", NULL), ":cmaw-dev"));
        }
        json_decref(identity);
    }
}

static void the_clock_is_never_set_back(void **state)
{
    (void)state;
    static const int64_t steps[][2] = {{5, 5}, {7, 7}, {7, 7}, {6, 7}, {1, 7}, {8, 8}};
    _Atomic int64_t latest_ms = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_int_equal(cmaw_clock_forward(&latest_ms, steps[i][0]), steps[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_fills_with_time_and_no_further),
        cmocka_unit_test(accounts_have_buckets_of_their_own),
        cmocka_unit_test(no_rate_is_no_limit),
        cmocka_unit_test(members_are_written_as_cloudtrail_does),
        cmocka_unit_test(identities_by_kind_of_caller),
        cmocka_unit_test(the_clock_is_never_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
