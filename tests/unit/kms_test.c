/* What the KMS client makes of hostile answers. The exchange over TLS is tested end to end against the emulator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "enclave/kms/reply.h"

#define ARN "arn:aws:kms:eu-central-1:111122223333:key/01234567-89ab-cdef-0123-456789abcdef"

static enum cmaw_err parse(const char *text, bool *ret_complete, struct cmaw_http_response *ret_response)
{
    return cmaw_http_parse(cmaw_slice_of_cstr(text), ret_complete, ret_response);
}

static void a_response_is_read(void **state)
{
    (void)state;
    static const char text[] = "HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: id-1\r\nX-AMZN-ErrorType:\tDenied:http://x \r\n"
                               "content-length: 2\r\n\r\n{}";
    bool complete = false;
    struct cmaw_http_response response;
    for (size_t size = 0; size < sizeof text - 1; size++) {
        assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, size), &complete, &response), CMAW_OK);
        assert_false(complete);
    }
    assert_int_equal(parse(text, &complete, &response), CMAW_OK);
    assert_true(complete);
    assert_int_equal(response.status, 400);
    assert_true(cmaw_slice_eq_cstr(response.request_id, "id-1"));
    assert_true(cmaw_slice_eq_cstr(response.error_type, "Denied:http://x"));
    assert_true(cmaw_slice_eq_cstr(response.body, "{}"));
}

static void ambiguous_responses_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 01\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n Content-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: \x01\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool complete = false;
        struct cmaw_http_response response;
        const enum cmaw_err err = parse(cases[i], &complete, &response);
        if (err == CMAW_OK || complete) {
            fail_msg("case %zu: %s", i, cmaw_err_text(err));
        }
    }
}

static void a_server_may_end_the_connection(void **state)
{
    (void)state;
    static const struct { const char *line; bool last; } cases[] = {
        {"", false}, {"Connection: close\r\n", true}, {"connection: CLOSE\r\n", true}, {"Connection: keep-alive\r\n", false},
        {"Connection: a , close,b\r\n", true}, {"Connection: a\r\nConnection: close\r\n", true}, {"Connection: closed, xclose\r\n", false},
        {"Connection:\r\n", false}, {"Connection: ,,\r\n", false}, {"Keep-Alive: close\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        bool complete = false;
        struct cmaw_http_response response;
        (void)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n%sContent-Length: 0\r\n\r\n", cases[i].line);
        assert_int_equal(parse(text, &complete, &response), CMAW_OK);
        assert_int_equal(response.last, cases[i].last);
    }
}

static void dates_are_read_strictly(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t time_s; } good[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0}, {"Tue, 29 Feb 2000 23:59:59 GMT", 951868799},
        {"Sat, 31 Dec 2016 23:59:60 GMT", 1483228800}, {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400}};
    static const char *const bad[] = {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1969 08:49:37 GMT", "Xun, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:-7 GMT", "Sun, 06 Nov 1994 08:49:37 GMT "};
    int64_t time_s = -1;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(cmaw_http_date(cmaw_slice_of_cstr(good[i].text), &time_s), CMAW_OK);
        assert_int_equal(time_s, good[i].time_s);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_http_date(cmaw_slice_of_cstr(bad[i]), &time_s), CMAW_E_MALFORMED);
    }
}

static void limits_are_exact(void **state)
{
    (void)state;
    static char text[CMAW_HTTP_RESPONSE_MAX + 2];
    bool complete = false;
    struct cmaw_http_response response;
    memset(text, 'a', sizeof text);
    assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, CMAW_HTTP_HEAD_MAX - 1), &complete, &response), CMAW_OK);
    assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, CMAW_HTTP_HEAD_MAX), &complete, &response), CMAW_E_TOO_LARGE);
    assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, CMAW_HTTP_RESPONSE_MAX + 1), &complete, &response), CMAW_E_TOO_LARGE);
    const int used = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", CMAW_HTTP_RESPONSE_MAX + 1);
    assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, (size_t)used), &complete, &response), CMAW_E_TOO_LARGE);

    size_t size = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i <= CMAW_HTTP_HEADERS_MAX; i++) {
        size += (size_t)snprintf(text + size, sizeof text - size, "A: b\r\n");
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "\r\n");
    assert_int_equal(cmaw_http_parse(cmaw_slice_of(text, size), &complete, &response), CMAW_E_TOO_LARGE);
}

static enum cmaw_kms_class classify(uint32_t status, const char *header, const char *body, struct cmaw_kms_failure *failure)
{
    const struct cmaw_http_response response = {
        .status = status, .error_type = cmaw_slice_of_cstr(header), .body = cmaw_slice_of_cstr(body)};
    return cmaw_kms_failure_of(&response, failure);
}

static void errors_are_named_in_all_their_forms(void **state)
{
    (void)state;
    struct cmaw_kms_failure failure = {0};
    assert_int_equal(classify(400, NULL, "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}", &failure), CMAW_KMS_FINAL);
    assert_string_equal(failure.type, "AccessDeniedException");
    assert_string_equal(failure.message, "no");
    assert_int_equal(classify(400, NULL, "{\"__type\":\"com.amazonaws.kms#ThrottlingException\"}", &failure), CMAW_KMS_RETRY);
    assert_string_equal(failure.type, "ThrottlingException");
    assert_string_equal(failure.message, "");
    assert_int_equal(classify(400, "ExpiredTokenException:http://x/", "", &failure), CMAW_KMS_NEW_CREDENTIALS);
    assert_string_equal(failure.type, "ExpiredTokenException");
    assert_int_equal(classify(503, NULL, "<html>", &failure), CMAW_KMS_RETRY);
    assert_string_equal(failure.type, "UnknownError");
    assert_int_equal(classify(403, NULL, "[1]", &failure), CMAW_KMS_FINAL);
}

static void a_message_is_cut_and_made_printable(void **state)
{
    (void)state;
    struct cmaw_kms_failure failure = {0};
    char body[2000];
    (void)snprintf(body, sizeof body, "{\"__type\":\"X\",\"message\":\"%01500d\"}", 7);
    (void)classify(400, NULL, body, &failure);
    assert_int_equal(strlen(failure.message), 512);
    (void)classify(400, NULL, "{\"__type\":\"X\",\"message\":\"a\\nb\\u00e9\"}", &failure);
    assert_string_equal(failure.message, "a?b??");
}

static enum cmaw_err data(const char *body)
{
    struct cmaw_kms_data_reply reply = {0};
    const enum cmaw_err err = cmaw_kms_parse_data(cmaw_slice_of_cstr(body), CMAW_SLICE_LIT(ARN), &reply);
    cmaw_kms_data_reply_free(&reply);
    return err;
}

static void a_data_answer_is_read(void **state)
{
    (void)state;
    struct cmaw_kms_data_reply reply = {0};
    static const char body[] =
        "{\"KeyId\":\"" ARN "\",\"CiphertextBlob\":\"YmxvYg==\",\"CiphertextForRecipient\":\"ZW52\",\"Plaintext\":\"\",\"New\":{}}";
    assert_int_equal(cmaw_kms_parse_data(CMAW_SLICE_LIT(body), CMAW_SLICE_LIT(ARN), &reply), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&reply.blob), "blob"));
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&reply.envelope), "env"));
    cmaw_kms_data_reply_free(&reply);
    assert_int_equal(data("{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\",\"Plaintext\":null}"), CMAW_OK);
}

static void data_answers_not_to_be_trusted_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "{", "[]", "null", "\"x\"",
        "{\"CiphertextForRecipient\":\"ZW52\"}",
        "{\"KeyId\":\"" ARN "0\",\"CiphertextForRecipient\":\"ZW52\"}",
        "{\"KeyId\":7,\"CiphertextForRecipient\":\"ZW52\"}",
        "{\"KeyId\":\"" ARN "\"}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"\"}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW5\"}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":[]}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\",\"Plaintext\":\"QQ==\"}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\",\"Plaintext\":7}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\",\"Plaintext\":{}}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\",\"CiphertextBlob\":7}",
        "{\"KeyId\":\"" ARN "\",\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\"}",
        "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"ZW52\"} ,",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (data(cases[i]) != CMAW_E_PEER) {
            fail_msg("case %zu", i);
        }
    }
}

static void an_oversized_blob_is_refused(void **state)
{
    (void)state;
    static char body[20000];
    (void)snprintf(body, sizeof body, "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"%s%08192d\"}", "", 0);
    assert_int_equal(data(body), CMAW_OK); /* 8,192 digits are base64 of 6,144 bytes: the most there may be */
    (void)snprintf(body, sizeof body, "{\"KeyId\":\"" ARN "\",\"CiphertextForRecipient\":\"%s%08196d\"}", "", 0);
    assert_int_equal(data(body), CMAW_E_PEER);
}

static void *read_deep_answers(void *unused)
{
    static char body[CMAW_HTTP_RESPONSE_MAX];
    struct cmaw_kms_failure failure = {0};
    (void)unused;
    memset(body, '[', sizeof body - 1);
    assert_int_equal(data(body), CMAW_E_PEER);
    for (size_t at = 0; at + 6 < sizeof body; at += 5) {
        memcpy(body + at, "{\"a\":", 6);
    }
    assert_int_equal(data(body), CMAW_E_PEER);
    (void)snprintf(body, sizeof body, "{\"__type\":\"%060000d\"}", 0);
    memset(strchr(body, '0'), '#', 60000);
    assert_int_equal(classify(400, NULL, body, &failure), CMAW_KMS_FINAL);
    assert_string_equal(failure.type, "UnknownError");
    return NULL;
}

/* A stack such as connections have in the enclave (thread.c); the thread sanitizer's own frames are larger. */
#ifdef __SANITIZE_THREAD__
enum { STACK_SIZE = 8 * 1024 * 1024 };
#else
enum { STACK_SIZE = 512 * 1024 };
#endif

static void deep_answers_do_not_hurt(void **state)
{
    (void)state;
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    assert_int_equal(pthread_create(&thread, &attributes, read_deep_answers, NULL), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&attributes);
}

static enum cmaw_err key(const char *members)
{
    char body[1024];
    (void)snprintf(body, sizeof body, "{\"KeyMetadata\":{\"Arn\":\"" ARN "\",%s}}", members);
    return cmaw_kms_parse_key(cmaw_slice_of_cstr(body), CMAW_SLICE_LIT(ARN));
}

static void only_a_key_that_kms_alone_holds_will_do(void **state)
{
    (void)state;
#define REST "\"KeySpec\":\"SYMMETRIC_DEFAULT\",\"KeyUsage\":\"ENCRYPT_DECRYPT\",\"KeyManager\":\"CUSTOMER\""
    static const char good[] = "\"Origin\":\"AWS_KMS\"," REST ",\"KeyState\":\"Enabled\",\"MultiRegion\":false";
    static const char *const bad[] = {
        "\"Origin\":\"EXTERNAL\"," REST ",\"KeyState\":\"Enabled\",\"MultiRegion\":false",
        "\"Origin\":\"AWS_KMS\"," REST ",\"KeyState\":\"Disabled\",\"MultiRegion\":false",
        "\"Origin\":\"AWS_KMS\"," REST ",\"KeyState\":\"Enabled\",\"MultiRegion\":true",
        "\"Origin\":\"AWS_KMS\"," REST ",\"KeyState\":\"Enabled\",\"MultiRegion\":\"false\"",
        "\"Origin\":\"AWS_KMS\"," REST ",\"KeyState\":\"Enabled\"",
        "\"Origin\":\"AWS_KMS\",\"KeySpec\":\"RSA_2048\",\"KeyUsage\":\"ENCRYPT_DECRYPT\",\"KeyManager\":\"CUSTOMER\",\"KeyState\":\"Enabled\",\"MultiRegion\":false",
        "\"Origin\":\"AWS_KMS\",\"KeySpec\":\"SYMMETRIC_DEFAULT\",\"KeyUsage\":\"ENCRYPT_DECRYPT\",\"KeyManager\":\"AWS\",\"KeyState\":\"Enabled\",\"MultiRegion\":false",
        "\"Origin\":null," REST ",\"KeyState\":\"Enabled\",\"MultiRegion\":false",
    };
    assert_int_equal(key(good), CMAW_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(key(bad[i]), CMAW_E_DENIED);
    }
    assert_int_equal(cmaw_kms_parse_key(CMAW_SLICE_LIT("{}"), CMAW_SLICE_LIT(ARN)), CMAW_E_PEER);
    assert_int_equal(cmaw_kms_parse_key(CMAW_SLICE_LIT("{\"KeyMetadata\":{\"Arn\":\"x\"}}"), CMAW_SLICE_LIT(ARN)), CMAW_E_PEER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_is_read),
        cmocka_unit_test(ambiguous_responses_are_refused),
        cmocka_unit_test(a_server_may_end_the_connection),
        cmocka_unit_test(dates_are_read_strictly),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(errors_are_named_in_all_their_forms),
        cmocka_unit_test(a_message_is_cut_and_made_printable),
        cmocka_unit_test(a_data_answer_is_read),
        cmocka_unit_test(data_answers_not_to_be_trusted_are_refused),
        cmocka_unit_test(an_oversized_blob_is_refused),
        cmocka_unit_test(deep_answers_do_not_hurt),
        cmocka_unit_test(only_a_key_that_kms_alone_holds_will_do),
    };
    return cmocka_run_group_tests_name("kms", tests, NULL, NULL);
}
