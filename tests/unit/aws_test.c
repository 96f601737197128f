#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"

/* The known answer of facts/KMS.md section 1.2: 2026-01-02T03:04:05Z. */
static const struct cmaw_aws_request request = {
    .service = "kms",
    .region = "us-east-1",
    .host = "kms.us-east-1.amazonaws.com",
    .target = "TrentService.GenerateRandom",
    .body = {(const uint8_t *)"{\"NumberOfBytes\":32}", 20},
    .time_s = 1767323045,
};

static struct cmaw_aws_credentials credentials_of(const char *token)
{
    return (struct cmaw_aws_credentials){cmaw_slice_of_cstr("AKIDEXAMPLE00000"),
                                         cmaw_slice_of_cstr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), cmaw_slice_of_cstr(token)};
}

static bool signed_with(const char *token, const char *signature)
{
    const struct cmaw_aws_credentials credentials = credentials_of(token);
    CMAW_BUF_AUTO(buf, 8192);
    assert_int_equal(cmaw_sigv4_put_headers(&request, &credentials, &buf), CMAW_OK);
    cmaw_buf_put_u8(&buf, 0);
    assert_non_null(strstr((const char *)buf.data, "X-Amz-Date: 20260102T030405Z\r\n"));
    return strstr((const char *)buf.data, signature) != NULL;
}

/* The access key id is not part of the signature, so one that is long enough may stand for AKIDEXAMPLE. */
static void the_known_answers_come_out(void **state)
{
    (void)state;
    assert_true(signed_with("SESSIONTOKENEXAMPLE", "Signature=bcdc2ab42faadfc10b98596bdc34f8f5003e4db6d7a6f4b164ce30241e697609\r\n"));
    assert_true(signed_with("", "Signature=be2f6e891fe972888b183aa35f1e8216c7bc40f64c06bd0b0667b13e6c5e6231\r\n"));
    assert_true(signed_with("", "SignedHeaders=content-type;host;x-amz-date;x-amz-target,"));
}

static void dates_are_right(void **state)
{
    (void)state;
    static const struct {
        uint64_t time_s;
        const char *stamp;
    } cases[] = {{0, "19700101T000000Z"}, {951782399, "20000228T235959Z"}, {951782400, "20000229T000000Z"},
                 {1709251199, "20240229T235959Z"}, {1735689599, "20241231T235959Z"}, {4107542400, "21000301T000000Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cmaw_aws_request at = request;
        at.time_s = cases[i].time_s;
        const struct cmaw_aws_credentials credentials = credentials_of("");
        CMAW_BUF_AUTO(buf, 8192);
        assert_int_equal(cmaw_sigv4_put_headers(&at, &credentials, &buf), CMAW_OK);
        cmaw_buf_put_u8(&buf, 0);
        assert_non_null(strstr((const char *)buf.data, cases[i].stamp));
    }
}

static void credentials_that_break_out_of_a_line_are_refused(void **state)
{
    (void)state;
    CMAW_BUF_AUTO(buf, 8192);
    struct cmaw_aws_credentials credentials = credentials_of("a\r\nX: y");
    assert_int_equal(cmaw_sigv4_put_headers(&request, &credentials, &buf), CMAW_E_MALFORMED);
    credentials = credentials_of("");
    credentials.access_key_id = CMAW_SLICE_LIT("TOOSHORT");
    assert_int_equal(cmaw_sigv4_put_headers(&request, &credentials, &buf), CMAW_E_MALFORMED);
    credentials = credentials_of("");
    credentials.secret_access_key = CMAW_SLICE_EMPTY;
    assert_int_equal(cmaw_sigv4_put_headers(&request, &credentials, &buf), CMAW_E_MALFORMED);
    assert_int_equal(buf.size, 0);
}

/* The same against botocore's data: tests/peer/test_endpoints.py. */
static void endpoints_are_those_of_the_partition(void **state)
{
    (void)state;
    static const struct { const char *arn; bool fips; const char *host; } good[] = {
        {"arn:aws:kms:eu-central-1:1:key/x", false, "kms.eu-central-1.amazonaws.com"},
        {"arn:aws:kms:us-east-1:1:key/x", true, "kms-fips.us-east-1.amazonaws.com"},
        {"arn:aws-cn:kms:cn-north-1:1:key/x", false, "kms.cn-north-1.amazonaws.com.cn"},
        {"arn:aws-us-gov:kms:us-gov-west-1:1:key/x", true, "kms-fips.us-gov-west-1.amazonaws.com"},
        {"arn:aws-iso:kms:us-iso-east-1:1:key/x", false, "kms.us-iso-east-1.c2s.ic.gov"},
        {"arn:aws-iso-b:kms:us-isob-east-1:1:key/x", false, "kms.us-isob-east-1.sc2s.sgov.gov"},
        {"arn:aws-iso-e:kms:eu-isoe-west-1:1:key/x", false, "kms.eu-isoe-west-1.cloud.adc-e.uk"},
        {"arn:aws-iso-f:kms:us-isof-south-1:1:key/x", false, "kms.us-isof-south-1.csp.hci.ic.gov"},
        {"arn:aws-eusc:kms:eusc-de-east-1:1:key/x", false, "kms.eusc-de-east-1.amazonaws.eu"},
    };
    static const char *const bad[] = {
        "", "arn", "arn:aws:kms:eu-central-1", "arn:aws:kms::1:key/x", "arn:aws:kms:EU:1:key/x", "arn:aws:kms:a.b:1:key/x",
        "arn:aws:kms:evil.test/:1:key/x", "arn:aws:s3:eu-central-1:1:key/x", "arx:aws:kms:eu-central-1:1:key/x",
        "arn:aws-zz:kms:eu-central-1:1:key/x", "arn:aws:kms:cn-north-1:1:key/x", "arn:aws-cn:kms:eu-central-1:1:key/x",
        "arn:aws:kms:us-gov-west-1:1:key/x", "arn:aws-iso:kms:us-isob-east-1:1:key/x", "arn:aws:kms:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:1:key/x",
        "arn:aws:kms:s3:1:key/x", "arn:aws:kms:s3-eu-west-1:1:key/x", "arn:aws:kms:eu-s3-west-1:1:key/x", "arn:aws:kms:eu-1:1:key/x", "arn:aws:kms:eu--1:1:key/x",
        "arn:aws:kms:eu-central:1:key/x", "arn:aws:kms:eu-central-:1:key/x", "arn:aws:kms:eu-central-1a:1:key/x", "arn:aws:kms:-central-1:1:key/x",
        "arn:aws-cn:kms:cn-:1:key/x", "arn:aws-cn:kms:cn-1:1:key/x",
    };
    char host[CMAW_AWS_HOST_SIZE] = "untouched";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_aws_host_of(cmaw_slice_of_cstr(bad[i]), "kms", false, host), CMAW_E_MALFORMED);
        assert_string_equal(host, "untouched");
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cmaw_aws_host_of(cmaw_slice_of_cstr(good[i].arn), "kms", good[i].fips, host), CMAW_OK);
        assert_string_equal(host, good[i].host);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_those_of_the_partition),
        cmocka_unit_test(the_known_answers_come_out),
        cmocka_unit_test(dates_are_right),
        cmocka_unit_test(credentials_that_break_out_of_a_line_are_refused),
    };
    return cmocka_run_group_tests_name("aws", tests, NULL, NULL);
}
