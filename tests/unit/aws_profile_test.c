#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/aws/answer.h"
#include "sys/aws/profile.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* What the files say of a profile: NULL where they say nothing. */
static const struct {
    const char *text;
    enum cmaw_aws_file file;
    const char *name;
    bool found;
    const char *id, *secret, *token, *region, *unsupported;
} profiles[] = {
    {"[default]\naws_access_key_id = A\naws_secret_access_key=S\n", CMAW_AWS_FILE_CREDENTIALS, "default", true, "A", "S", NULL, NULL, NULL},
    {"[default]\r\naws_access_key_id = A\r\naws_secret_access_key = S\r\naws_session_token = T\r\n", CMAW_AWS_FILE_CREDENTIALS, "default", true, "A",
     "S", "T", NULL, NULL},
    {"[a]\naws_access_key_id=1\n[b]\naws_access_key_id=2\n[a]\naws_secret_access_key=3\n", CMAW_AWS_FILE_CREDENTIALS, "a", true, "1", "3", NULL, NULL, NULL},
    {"[a]\naws_access_key_id=1\n[b]\naws_access_key_id=2\n", CMAW_AWS_FILE_CREDENTIALS, "c", false, NULL, NULL, NULL, NULL, NULL},
    {"[a]\naws_access_key_id=1\naws_access_key_id=2", CMAW_AWS_FILE_CREDENTIALS, "a", true, "2", NULL, NULL, NULL, NULL},
    {"# c\n; c\n\n   \n[ a ]   # c\n\taws_access_key_id=0\naws_access_key_id = a#b;c #d\nregion = r ; c\n", CMAW_AWS_FILE_CREDENTIALS, "a", true, "a#b;c", NULL,
     NULL, "r", NULL},
    {"[a]\naws_secret_access_key = a=b+/==\n", CMAW_AWS_FILE_CREDENTIALS, "a", true, NULL, "a=b+/==", NULL, NULL, NULL},
    {"[a]\nAWS_ACCESS_KEY_ID=1\naws_access_key_id =\n", CMAW_AWS_FILE_CREDENTIALS, "a", true, NULL, NULL, NULL, NULL, NULL},
    {"[a]\ns3 =\n  max_concurrent_requests = 20\n  region = x\nregion = eu-central-1\n", CMAW_AWS_FILE_CREDENTIALS, "a", true, NULL, NULL, NULL, "eu-central-1", NULL},
    {"[profile a]\nregion=1\n[a]\nregion=2\n[sso-session a]\nregion=3\n[services a]\nregion=4\n", CMAW_AWS_FILE_CONFIG, "a", true, NULL, NULL, NULL, "1", NULL},
    {"[profile \t a b ]\nregion=1\n[profilea b]\nregion=2\n", CMAW_AWS_FILE_CONFIG, "a b", true, NULL, NULL, NULL, "1", NULL},
    {"[default]\nregion=1\n", CMAW_AWS_FILE_CONFIG, "default", true, NULL, NULL, NULL, "1", NULL},
    {"[profile default]\nregion=1\n", CMAW_AWS_FILE_CONFIG, "default", true, NULL, NULL, NULL, "1", NULL},
    {"[profile a]\nregion=1\n", CMAW_AWS_FILE_CREDENTIALS, "a", false, NULL, NULL, NULL, NULL, NULL},
    {"[profile a]\ncredential_process = /bin/x --y\n", CMAW_AWS_FILE_CONFIG, "a", true, NULL, NULL, NULL, NULL, "credential_process"},
    {"[profile a]\nrole_arn = arn\nsource_profile = b\n", CMAW_AWS_FILE_CONFIG, "a", true, NULL, NULL, NULL, NULL, "role_arn"},
    {"[profile a]\nsso_session = s\n[profile b]\nrole_arn=x\n", CMAW_AWS_FILE_CONFIG, "a", true, NULL, NULL, NULL, NULL, "sso_session"},
    {"", CMAW_AWS_FILE_CREDENTIALS, "default", false, NULL, NULL, NULL, NULL, NULL},
};

static void assert_text(struct cmaw_slice slice, const char *text)
{
    assert_true(text == NULL ? slice.size == 0 : cmaw_slice_eq_cstr(slice, text));
}

static void profiles_are_read_as_aws_reads_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(profiles); i++) {
        struct cmaw_aws_profile profile;
        unsigned line = 0;
        assert_int_equal(cmaw_aws_profile_read(cmaw_slice_of_cstr(profiles[i].text), profiles[i].file, profiles[i].name, &profile, &line), CMAW_OK);
        assert_int_equal(profile.found, profiles[i].found);
        assert_text(profile.access_key_id, profiles[i].id);
        assert_text(profile.secret_access_key, profiles[i].secret);
        assert_text(profile.session_token, profiles[i].token);
        assert_text(profile.region, profiles[i].region);
        assert_true(profiles[i].unsupported == NULL ? profile.unsupported == NULL
                                                    : profile.unsupported != NULL && strcmp(profile.unsupported, profiles[i].unsupported) == 0);
    }
}

static void malformed_files_are_refused_with_the_line(void **state)
{
    (void)state;
    static const struct {
        struct cmaw_slice text;
        unsigned line;
    } cases[] = {
        {CMAW_SLICE_LIT("region=1\n[a]\n"), 1},         {CMAW_SLICE_LIT("[a]\nregion\n"), 2},   {CMAW_SLICE_LIT("[a]\n\n[b\n"), 3},
        {CMAW_SLICE_LIT("["), 1},                        {CMAW_SLICE_LIT("[a] b\n"), 1},         {CMAW_SLICE_LIT("[a]\n= 1\n"), 2},
        {CMAW_SLICE_LIT("[a]\nregion = a\0b\n"), 2},    {CMAW_SLICE_LIT("[a]\nregion = \x1b[2J\n"), 2}, {CMAW_SLICE_LIT("\xef\xbb\xbf[a]\n"), 1},
        {CMAW_SLICE_LIT("  region = 1\n"), 1},           {CMAW_SLICE_LIT("[a]\nx = 1\ry\n"), 2}, {CMAW_SLICE_LIT("[a]\n\x7f = 1\n"), 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct cmaw_aws_profile profile;
        unsigned line = 0;
        assert_int_equal(cmaw_aws_profile_read(cases[i].text, CMAW_AWS_FILE_CONFIG, "a", &profile, &line), CMAW_E_MALFORMED);
        assert_int_equal(line, cases[i].line);
    }
}

#define ID "\"AccessKeyId\":\"ASIAAAAAAAAAAAAAAAAA\""
#define SECRET "\"SecretAccessKey\":\"s3cr3t\""
#define TOKEN "\"Token\":\"t0k3n\""

static void answers_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t expires_s;
        const char *token;
    } cases[] = {
        {"{\"Code\":\"Success\"," ID "," SECRET "," TOKEN ",\"Expiration\":\"2026-01-02T03:04:05Z\",\"Type\":\"AWS-HMAC\"}", 1767323045, "t0k3n"},
        {"{\"RoleArn\":\"x\"," ID "," SECRET "," TOKEN ",\"Expiration\":\"2026-01-02T03:04:05.123Z\"}", 1767323045, "t0k3n"},
        {"{" ID "," SECRET ",\"Expiration\":null}", 0, ""},
        {"{" ID "," SECRET "," TOKEN "}", 0, "t0k3n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CMAW_AWS_KEYS_AUTO(keys);
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_aws_answer_parse(cmaw_slice_of_cstr(cases[i].text), &keys, &diag), CMAW_OK);
        assert_int_equal(keys.expires_s, cases[i].expires_s);
        assert_string_equal(keys.access_key_id, "ASIAAAAAAAAAAAAAAAAA");
        assert_true(cmaw_slice_eq_cstr(cmaw_secret_slice(&keys.secret_access_key), "s3cr3t"));
        assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&keys.session_token), cases[i].token));
    }
}

static void answers_that_are_none_are_refused_without_their_content(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "{", "[]", "null", "\"s3cr3t\"", "{}", "{" ID "}", "{" ID "," SECRET "," SECRET "}", "{" SECRET "," TOKEN "}",
        "{" ID ",\"SecretAccessKey\":5}", "{" ID ",\"SecretAccessKey\":\"a b\"}", "{" ID ",\"SecretAccessKey\":\"s3cr3t\\r\\nX: y\"}",
        "{" ID "," SECRET ",\"Token\":\"t0k3n\\u0000\"}", "{\"AccessKeyId\":\"short\"," SECRET "}", "{\"Code\":\"Failed\"," ID "," SECRET "}",
        "{\"Code\":\"s3cr3t \\u001b[2J\"," ID "," SECRET "}", "{\"Code\":1," ID "," SECRET "}", "{" ID "," SECRET ",\"Expiration\":\"soon\"}",
        "{" ID "," SECRET ",\"Expiration\":5}", "{" ID "," SECRET ",\"Expiration\":\"2026-01-02T03:04:05\"}",
        "{" ID "," SECRET ",\"Expiration\":\"2026-01-02T03:04:05.Z\"}", "{" ID "," SECRET ",\"Expiration\":\"1926-01-02T03:04:05Z\"}",
        "{" ID "," SECRET ",\"Expiration\":\"2026-01-02T03:04:05Z \"}", "{" ID "," SECRET "} {}",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CMAW_AWS_KEYS_AUTO(keys);
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_aws_answer_parse(cmaw_slice_of_cstr(cases[i]), &keys, &diag), CMAW_E_PEER);
        assert_true(diag.text[0] != '\0');
        assert_null(strstr(diag.text, "s3cr3t"));
        assert_null(keys.secret_access_key.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_read_as_aws_reads_them),
        cmocka_unit_test(malformed_files_are_refused_with_the_line),
        cmocka_unit_test(answers_are_read),
        cmocka_unit_test(answers_that_are_none_are_refused_without_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
