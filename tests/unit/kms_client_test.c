/* The KMS client against a server that answers what a test wrote down: connections, retries, the clock, answers that are not to be trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "tests/unit/kms_peer.h"

#define ERROR(status_, type, message) {.status = status_, .body = "{\"__type\":\"" type "\",\"message\":\"" message "\"}"}
#define GOOD {0}
#define SCRIPT(...) kms_peer_script(&peer, (const struct kms_step[]){__VA_ARGS__}, \
                                    sizeof((const struct kms_step[]){__VA_ARGS__}) / sizeof(struct kms_step))

static struct kms_peer peer;
static struct cmaw_kms_failure failure;

static int open_peer(void **state)
{
    (void)state;
    kms_peer_open(&peer);
    return 0;
}

static int close_peer(void **state)
{
    (void)state;
    kms_peer_close(&peer);
    return 0;
}

/* One Decrypt in a session of its own. */
static enum cmaw_err decrypt(void)
{
    CMAW_SECRET_AUTO(tsk);
    CMAW_KMS_SESSION_AUTO(session);
    assert_int_equal(cmaw_kms_open(&peer.kms, &peer.key, &session, &failure), CMAW_OK);
    const enum cmaw_err err = cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &tsk, &failure);
    assert_int_equal(tsk.bytes == NULL, err != CMAW_OK);
    if (err == CMAW_OK) {
        assert_true(cmaw_slice_eq(cmaw_secret_slice(&tsk), CMAW_SLICE_ARRAY(peer.tsk)));
    } else {
        assert_string_not_equal(failure.type, "");
        assert_true(failure.recipient_sent || peer.requests == 0);
    }
    return err;
}

/* DescribeKey and GenerateDataKey, as at birth; returns how many connections that took. */
static size_t give_birth(void)
{
    CMAW_SECRET_AUTO(tsk);
    CMAW_BUF_AUTO(blob, 100);
    CMAW_KMS_SESSION_AUTO(session);
    assert_int_equal(cmaw_kms_open(&peer.kms, &peer.key, &session, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_check_key(&session, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_generate(&session, &blob, &tsk, &failure), CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&blob), "BLOB"));
    assert_int_equal(peer.requests, 2);
    return peer.connections;
}

static void one_connection_carries_the_calls_of_a_birth(void **state)
{
    (void)state;
    SCRIPT(GOOD, GOOD);
    assert_int_equal(give_birth(), 1);
    SCRIPT({.headers = "Connection: keep-alive\r\n"}, GOOD);
    assert_int_equal(give_birth(), 1);
    SCRIPT({.headers = "Connection: x, Close\r\n"}, GOOD); /* it says that it will, and does not: it is not asked again */
    assert_int_equal(give_birth(), 2);
    SCRIPT({.close = true}, GOOD); /* it closes without a word */
    assert_int_equal(give_birth(), 2);
}

/* Else the second request would be answered by what was sent before it. */
static void what_comes_between_two_requests_ends_the_connection(void **state)
{
    (void)state;
    CMAW_SECRET_AUTO(tsk);
    CMAW_BUF_AUTO(blob, 100);
    CMAW_KMS_SESSION_AUTO(session);
    SCRIPT({.endless = true}, GOOD);
    assert_int_equal(cmaw_kms_open(&peer.kms, &peer.key, &session, &failure), CMAW_OK);
    const enum cmaw_err first = cmaw_kms_check_key(&session, &failure);
    assert_true(first == CMAW_OK || first == CMAW_E_PEER); /* whether it was there in time to be seen with the first answer */
    assert_int_equal(cmaw_kms_generate(&session, &blob, &tsk, &failure), CMAW_OK);
    assert_int_equal(peer.connections, 2);
}

static void only_throttling_and_faults_of_the_server_are_asked_again(void **state)
{
    (void)state;
    static const struct {
        struct kms_step step;
        size_t requests;
        enum cmaw_err err;
    } cases[] = {
        {ERROR(400, "ThrottlingException", "slow"), 3, CMAW_E_UNAVAILABLE},
        {ERROR(500, "KMSInternalException", ""), 3, CMAW_E_UNAVAILABLE},
        {ERROR(500, "KeyUnavailableException", ""), 3, CMAW_E_UNAVAILABLE},
        {{.status = 503, .body = "<html>"}, 3, CMAW_E_UNAVAILABLE},
        {{.status = 429, .body = ""}, 3, CMAW_E_UNAVAILABLE},
        {ERROR(400, "AccessDeniedException", "no"), 1, CMAW_E_DENIED},
        {ERROR(400, "LimitExceededException", ""), 1, CMAW_E_DENIED},
        {ERROR(400, "DisabledException", ""), 1, CMAW_E_DENIED},
        {ERROR(403, "InvalidSignatureException", "The request signature we calculated does not match"), 1, CMAW_E_DENIED},
        {ERROR(400, "ExpiredTokenException", ""), 1, CMAW_E_UNAVAILABLE},
        {ERROR(400, "UnrecognizedClientException", ""), 1, CMAW_E_UNAVAILABLE},
        {{.status = 400, .body = "{}"}, 1, CMAW_E_DENIED},
        {{.status = 307, .headers = "Location: https://kms.cmaw.test/\r\n", .body = ""}, 1, CMAW_E_PEER},
        {{.status = 204, .body = ""}, 1, CMAW_E_PEER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SCRIPT(cases[i].step, cases[i].step, cases[i].step, cases[i].step);
        const enum cmaw_err err = decrypt();
        if (err != cases[i].err || peer.requests != cases[i].requests) {
            fail_msg("case %zu: %s after %zu requests", i, cmaw_err_text(err), peer.requests);
        }
    }
    SCRIPT(ERROR(400, "ThrottlingException", ""), ERROR(500, "InternalFailure", ""), GOOD);
    assert_int_equal(decrypt(), CMAW_OK);
    assert_string_equal(failure.request_id, "id-2"); /* of the last one that failed */
}

static void waits_are_jittered_within_bounds(void **)
{
    static const uint64_t bounds_ms[CMAW_KMS_TRIES - 1] = {200, 800};
    for (int attempt = 0; attempt < CMAW_KMS_TRIES - 1; attempt++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (uint32_t chance = 0; chance <= UINT16_MAX; chance++) {
            const uint64_t wait_ms = cmaw_kms_wait_ms(attempt, (uint16_t)chance);
            least = wait_ms < least ? wait_ms : least;
            most = wait_ms > most ? wait_ms : most;
        }
        assert_int_equal(least, 0);
        assert_int_equal(most, bounds_ms[attempt] - 1);
    }
}

static void retries_end_with_the_deadline(void **state)
{
    (void)state;
    SCRIPT(ERROR(400, "ThrottlingException", ""), GOOD);
    peer.key.deadline_ms = tls_deadline(900); /* a wait needs a second more than itself */
    assert_int_equal(decrypt(), CMAW_E_UNAVAILABLE);
    assert_true(peer.requests <= 1);
}

/* One for an operation and its retries, another for the next. */
static void recipients_are_used_for_one_operation(void **state)
{
    (void)state;
    CMAW_SECRET_AUTO(one);
    CMAW_SECRET_AUTO(two);
    CMAW_KMS_SESSION_AUTO(session);
    SCRIPT(ERROR(500, "InternalFailure", ""), GOOD, GOOD);
    assert_int_equal(cmaw_kms_open(&peer.kms, &peer.key, &session, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &one, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &two, &failure), CMAW_OK);
    assert_true(cmaw_slice_eq(cmaw_buf_slice(&peer.spkis[0]), cmaw_buf_slice(&peer.spkis[1])));
    assert_false(cmaw_slice_eq(cmaw_buf_slice(&peer.spkis[1]), cmaw_buf_slice(&peer.spkis[2])));
}

static bool signed_at(size_t request, const char *stamp)
{
    return memmem(peer.heads[request].data, peer.heads[request].size, stamp, strlen(stamp)) != NULL;
}

/* The date that KMS gives is far behind the end of its own certificate: were it believed for more than signatures, the second connection
 * would not come about. */
static void the_clock_of_signatures_is_corrected_once(void **state)
{
    (void)state;
#define LATE "Date: Fri, 01 Jan 2100 00:00:07 GMT\r\nConnection: close\r\n"
#define EXPIRED "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: a is now earlier than b\"}"
    const struct kms_step late = {.status = 403, .headers = LATE, .body = EXPIRED};
    SCRIPT(late, GOOD);
    assert_int_equal(decrypt(), CMAW_OK);
    assert_int_equal(peer.connections, 2);
    assert_true(signed_at(0, "X-Amz-Date: 20250615T150640Z") && signed_at(1, "X-Amz-Date: 21000101T000007Z"));
    SCRIPT(late, late, GOOD);
    assert_int_equal(decrypt(), CMAW_E_UNAVAILABLE);
    assert_int_equal(peer.requests, 2);
    SCRIPT({.status = 400, .headers = LATE, .body = "{\"__type\":\"RequestExpired\"}"}, GOOD);
    assert_int_equal(decrypt(), CMAW_OK);
    SCRIPT({.status = 403, .body = EXPIRED}, GOOD); /* without a date there is nothing to correct by */
    assert_int_equal(decrypt(), CMAW_E_UNAVAILABLE);
    assert_int_equal(peer.requests, 1);
    SCRIPT({.status = 403, .headers = "Date: 2100-01-01\r\n", .body = EXPIRED}, GOOD);
    assert_int_equal(decrypt(), CMAW_E_UNAVAILABLE);
    SCRIPT({.headers = LATE}, GOOD); /* a date that nobody asked for */
    assert_int_equal(give_birth(), 2);
    assert_true(signed_at(1, "X-Amz-Date: 20250615T150640Z"));
}

static void answers_not_to_be_trusted_release_nothing(void **state)
{
    (void)state;
#define OK_HEAD "HTTP/1.1 200 OK\r\n"
    static const struct {
        struct kms_step step;
        enum cmaw_err err;
    } cases[] = {
        {{.foreign = true}, CMAW_E_PEER},
        {{.body = "{\"KeyId\":\"arn:aws:kms:eu-central-1:111122223333:key/other\",\"CiphertextForRecipient\":\"QUFB\"}"}, CMAW_E_PEER},
        {{.body = "{\"KeyId\":\"" KMS_ARN "\",\"Plaintext\":\"QUFB\"}"}, CMAW_E_PEER},
        {{.body = "{}"}, CMAW_E_PEER},
        {{.body = ""}, CMAW_E_PEER},
        {{.raw = OK_HEAD "Content-Length: 100\r\n\r\n{", .close = true}, CMAW_E_UNAVAILABLE},
        {{.raw = "HTTP/1.1 200", .close = true}, CMAW_E_UNAVAILABLE},
        {{.raw = "", .close = true}, CMAW_E_UNAVAILABLE},
        {{.raw = OK_HEAD "Content-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\n"}, CMAW_E_PEER},
        {{.raw = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"}, CMAW_E_PEER},
        {{.raw = "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\n{}"}, CMAW_E_PEER},
        {{.raw = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"}, CMAW_E_PEER},
        {{.raw = OK_HEAD "Content-Length: 104857600\r\n\r\n", .endless = true}, CMAW_E_PEER},
        {{.raw = OK_HEAD "Content-Length: 65000\r\n\r\n", .endless = true}, CMAW_E_PEER},
        {{.raw = OK_HEAD "A: ", .endless = true}, CMAW_E_PEER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        SCRIPT(cases[i].step, cases[i].step);
        const enum cmaw_err err = decrypt();
        kms_peer_join(&peer);
        if (err != cases[i].err || peer.sent > 4 << 20) {
            fail_msg("case %zu: %s %s after %zu bytes", i, cmaw_err_text(err), failure.message, peer.sent);
        }
    }
}

static void an_answer_to_an_earlier_call_does_not_open(void **state)
{
    (void)state;
    CMAW_SECRET_AUTO(one);
    CMAW_SECRET_AUTO(none);
    CMAW_KMS_SESSION_AUTO(session);
    SCRIPT(GOOD, {.replay = true});
    assert_int_equal(cmaw_kms_open(&peer.kms, &peer.key, &session, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &one, &failure), CMAW_OK);
    assert_int_equal(cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &none, &failure), CMAW_E_PEER);
}

/* The deadline is one of the call: each byte that comes in time does not move it. The server would go on for minutes. */
static void a_trickle_ends_with_the_deadline(void **state)
{
    (void)state;
    SCRIPT({.trickle_ms = 200});
    peer.key.deadline_ms = tls_deadline(4000); /* the handshake is before the first byte */
    assert_int_equal(decrypt(), CMAW_E_UNAVAILABLE);
    assert_string_equal(failure.type, "NoAnswer");
    kms_peer_join(&peer);
    assert_in_range(peer.sent, 1, 200);
}

static void hosts_are_derived_from_the_key(void **state)
{
    (void)state;
    SCRIPT(GOOD); /* the peer's certificate is for another name */
    struct cmaw_kms derived = peer.kms;
    struct cmaw_kms_key key = peer.key;
    CMAW_KMS_SESSION_AUTO(session);
    derived.host = NULL;
    assert_int_equal(cmaw_kms_open(&derived, &key, &session, &failure), CMAW_OK);
    assert_string_equal(session.host, "kms.eu-central-1.amazonaws.com");
    derived.fips = true;
    assert_int_equal(cmaw_kms_open(&derived, &key, &session, &failure), CMAW_OK);
    assert_string_equal(session.host, "kms-fips.eu-central-1.amazonaws.com");
    assert_int_equal(cmaw_kms_check_key(&session, &failure), CMAW_E_AUTH);
    assert_string_equal(failure.type, "TlsFailed");
    assert_int_equal(peer.requests, 0);
    CMAW_SECRET_AUTO(tsk);
    assert_int_equal(cmaw_kms_decrypt(&session, CMAW_SLICE_LIT("blob"), &tsk, &failure), CMAW_E_AUTH);
    assert_false(failure.recipient_sent);
    key.arn = CMAW_SLICE_LIT("arn:aws-zz:kms:eu-central-1:111122223333:key/x");
    assert_int_equal(cmaw_kms_open(&derived, &key, &session, &failure), CMAW_E_MALFORMED);
    assert_string_equal(failure.type, "NoEndpoint");
    key = peer.key;
    key.credentials.access_key_id = CMAW_SLICE_LIT("AKID\r\nX: yyyyyyyyyyyyyy");
    assert_int_equal(cmaw_kms_open(&derived, &key, &session, &failure), CMAW_E_MALFORMED);
    assert_string_equal(failure.type, "BadCredentials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_connection_carries_the_calls_of_a_birth),
        cmocka_unit_test(what_comes_between_two_requests_ends_the_connection),
        cmocka_unit_test(only_throttling_and_faults_of_the_server_are_asked_again),
        cmocka_unit_test(waits_are_jittered_within_bounds),
        cmocka_unit_test(retries_end_with_the_deadline),
        cmocka_unit_test(recipients_are_used_for_one_operation),
        cmocka_unit_test(the_clock_of_signatures_is_corrected_once),
        cmocka_unit_test(answers_not_to_be_trusted_release_nothing),
        cmocka_unit_test(an_answer_to_an_earlier_call_does_not_open),
        cmocka_unit_test(a_trickle_ends_with_the_deadline),
        cmocka_unit_test(hosts_are_derived_from_the_key),
    };
    return cmocka_run_group_tests_name("kms_client", tests, open_peer, close_peer);
}
