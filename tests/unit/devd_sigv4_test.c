#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dev/sigv4.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define NOW_S 1767323045 /* 2026-01-02T03:04:05Z */
#define SIGNATURE_WITH_TOKEN "bcdc2ab42faadfc10b98596bdc34f8f5003e4db6d7a6f4b164ce30241e697609"
#define SIGNATURE_WITHOUT_TOKEN "be2f6e891fe972888b183aa35f1e8216c7bc40f64c06bd0b0667b13e6c5e6231"

/* The known answer of facts/KMS.md section 1.2, with what a test changes. */
struct sample {
    struct cmaw_http_request request;
    char authorization[512];
};

static void make(struct sample *sample, bool with_token, const char *signature)
{
    *sample = (struct sample){.request = {.method = "POST", .path = "/", .body = CMAW_SLICE_LIT("{\"NumberOfBytes\":32}")}};
    (void)snprintf(sample->authorization, sizeof sample->authorization,
                   "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/kms/aws4_request, "
                   "SignedHeaders=content-type;host;x-amz-date;%sx-amz-target, Signature=%s",
                   with_token ? "x-amz-security-token;" : "", signature);
    const struct cmaw_header headers[] = {
        {"Host", "kms.us-east-1.amazonaws.com"},
        {"Content-Type", "  application/x-amz-json-1.1 "},
        {"X-Amz-Date", "20260102T030405Z"},
        {"X-Amz-Target", "TrentService.GenerateRandom"},
        {"Accept-Encoding", "identity"},
        {"Authorization", sample->authorization},
        {"X-Amz-Security-Token", "SESSIONTOKENEXAMPLE"},
    };
    sample->request.header_count = sizeof headers / sizeof headers[0] - (with_token ? 0 : 1);
    memcpy(sample->request.headers, headers, sizeof headers);
}

static enum cmaw_fault_type check_at(const struct sample *sample, const char *token, int64_t now_s)
{
    struct cmaw_sigv4 auth;
    struct cmaw_fault fault = {0};
    enum cmaw_err err = cmaw_sigv4_parse(&sample->request, &auth, &fault);
    if (err == CMAW_OK) {
        err = cmaw_sigv4_verify(&sample->request, &auth, SECRET, token, "us-east-1", "kms", now_s, &fault);
    }
    assert_int_equal(err == CMAW_OK, fault.type == CMAW_FAULT_NONE);
    return fault.type;
}

static enum cmaw_fault_type check(const struct sample *sample, const char *token)
{
    return check_at(sample, token, NOW_S);
}

static void known_answers_verify(void **state)
{
    (void)state;
    struct sample sample;
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    assert_int_equal(check(&sample, ""), CMAW_FAULT_NONE);
    make(&sample, true, SIGNATURE_WITH_TOKEN);
    assert_int_equal(check(&sample, "SESSIONTOKENEXAMPLE"), CMAW_FAULT_NONE);
}

static void tokens_are_compared(void **state)
{
    (void)state;
    struct sample sample;
    make(&sample, true, SIGNATURE_WITH_TOKEN);
    assert_int_equal(check(&sample, "SESSIONTOKENEXAMPLF"), CMAW_FAULT_UNRECOGNIZED_CLIENT);
    assert_int_equal(check(&sample, ""), CMAW_FAULT_UNRECOGNIZED_CLIENT);
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    assert_int_equal(check(&sample, "SESSIONTOKENEXAMPLE"), CMAW_FAULT_UNRECOGNIZED_CLIENT);
}

static void what_is_signed_cannot_change(void **state)
{
    (void)state;
    struct sample sample;
    for (size_t i = 0; i < 4; i++) {
        make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
        sample.request.headers[i].value = i == 2 ? "20260102T030406Z" : "other";
        assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
    }
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.headers[4].value = "gzip"; /* not signed */
    assert_int_equal(check(&sample, ""), CMAW_FAULT_NONE);
    sample.request.body = CMAW_SLICE_LIT("{\"NumberOfBytes\":33}");
    assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.method = "PUT";
    assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
}

static void every_bit_of_the_signature_counts(void **state)
{
    (void)state;
    struct sample sample;
    char hex[] = SIGNATURE_WITHOUT_TOKEN;
    for (size_t i = 0; i < sizeof hex - 1; i++) {
        const char right = hex[i];
        hex[i] = right == '0' ? '1' : '0';
        make(&sample, false, hex);
        assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
        hex[i] = right;
    }
}

static void protocol_headers_must_be_signed(void **state)
{
    (void)state;
    struct sample sample;
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.headers[sample.request.header_count++] = (struct cmaw_header){"X-Amz-Meta", "smuggled"};
    assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.headers[sample.request.header_count++] = (struct cmaw_header){"Host", "second"};
    assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
}

static void time_is_within_five_minutes(void **state)
{
    (void)state;
    struct sample sample;
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    assert_int_equal(check_at(&sample, "", NOW_S + 300), CMAW_FAULT_NONE);
    assert_int_equal(check_at(&sample, "", NOW_S - 300), CMAW_FAULT_NONE);
    assert_int_equal(check_at(&sample, "", NOW_S + 301), CMAW_FAULT_INVALID_SIGNATURE);
    assert_int_equal(check_at(&sample, "", NOW_S - 301), CMAW_FAULT_INVALID_SIGNATURE);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *authorization;
        enum cmaw_fault_type fault;
    } cases[] = {
        {"", CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"Basic abc", CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=a/b", CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/kms/aws4_request, SignedHeaders=host, Signature=zz",
         CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/kms/aws5_request, SignedHeaders=host, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260103/us-east-1/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INCOMPLETE_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-2/kms/aws4_request, SignedHeaders=host;x-amz-date, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INVALID_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INVALID_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/kms/aws4_request, SignedHeaders=x-amz-target;x-amz-date;host, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INVALID_SIGNATURE},
        {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/kms/aws4_request, SignedHeaders=absent;host;x-amz-date;x-amz-target, Signature="
         SIGNATURE_WITHOUT_TOKEN, CMAW_FAULT_INVALID_SIGNATURE},
    };
    struct sample sample;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
        (void)snprintf(sample.authorization, sizeof sample.authorization, "%s", cases[i].authorization);
        if (check(&sample, "") != cases[i].fault) {
            fail_msg("%s", cases[i].authorization);
        }
    }
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.headers[5].name = "Other";
    assert_int_equal(check(&sample, ""), CMAW_FAULT_MISSING_AUTHENTICATION);
}

static void a_declared_body_hash_must_be_right(void **state)
{
    (void)state;
    struct sample sample;
    make(&sample, false, SIGNATURE_WITHOUT_TOKEN);
    sample.request.headers[sample.request.header_count++] = (struct cmaw_header){"x-amz-content-sha256", "00"};
    assert_int_equal(check(&sample, ""), CMAW_FAULT_INVALID_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers_verify),
        cmocka_unit_test(tokens_are_compared),
        cmocka_unit_test(what_is_signed_cannot_change),
        cmocka_unit_test(every_bit_of_the_signature_counts),
        cmocka_unit_test(protocol_headers_must_be_signed),
        cmocka_unit_test(time_is_within_five_minutes),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(a_declared_body_hash_must_be_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
