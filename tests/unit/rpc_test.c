#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/pb/pb.h"
#include "lib/rpc/call.h"

static void pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void send_all(int fd, const void *data, size_t size)
{
    assert_int_equal(write(fd, data, size), (ssize_t)size);
}

static void frame_of_parts_arrives(void **)
{
    int fds[2];
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    struct cmaw_slice parts[200];
    pair(fds);
    for (size_t i = 0; i < 200; i++) {
        parts[i] = i % 3 == 0 ? CMAW_SLICE_EMPTY : CMAW_SLICE_LIT("ab");
    }
    assert_int_equal(cmaw_frame_write(fds[0], cmaw_deadline_in(60000), parts, 200), CMAW_OK);
    assert_int_equal(cmaw_frame_write(fds[0], cmaw_deadline_in(60000), NULL, 0), CMAW_OK);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_OK);
    assert_int_equal(buf.size, 2 * 133);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_OK);
    assert_int_equal(buf.size, 0);
    close(fds[0]);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_E_CLOSED);
    close(fds[1]);
}

static void *write_largest(void *arg)
{
    const int fd = *(const int *)arg;
    uint8_t *data = calloc(1, CMAW_FRAME_MAX);
    assert_non_null(data);
    data[CMAW_FRAME_MAX - 1] = 7;
    const struct cmaw_slice part = cmaw_slice_of(data, CMAW_FRAME_MAX);
    const enum cmaw_err err = cmaw_frame_write(fd, cmaw_deadline_in(60000), &part, 1);
    free(data);
    return err == CMAW_OK ? NULL : arg;
}

/* More than any socket buffer holds, so both ends see partial transfers. */
static void largest_frame_arrives(void **)
{
    int fds[2];
    pthread_t thread;
    void *failed;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    pair(fds);
    assert_int_equal(pthread_create(&thread, NULL, write_largest, &fds[0]), 0);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_OK);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(buf.size, CMAW_FRAME_MAX);
    assert_int_equal(buf.data[CMAW_FRAME_MAX - 1], 7);
    close(fds[0]);
    close(fds[1]);
}

/* The length is checked before allocation. */
static void length_is_bounded_before_memory(void **)
{
    static const uint8_t lengths[][4] = {{0, 0x40, 0, 1}, {0xff, 0xff, 0xff, 0xff}};
    for (size_t i = 0; i < 2; i++) {
        int fds[2];
        CMAW_BUF_AUTO(buf, SIZE_MAX);
        pair(fds);
        send_all(fds[0], lengths[i], 4);
        assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_E_TOO_LARGE);
        assert_null(buf.data);
        close(fds[0]);
        close(fds[1]);
    }
    int fds[2];
    CMAW_BUF_AUTO(small, 16);
    pair(fds);
    send_all(fds[0], "\0\0\0\x11", 4);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &small), CMAW_E_TOO_LARGE);
    close(fds[0]);
    close(fds[1]);
    const struct cmaw_slice parts[] = {cmaw_slice_of("", 1), cmaw_slice_of("", SIZE_MAX)};
    assert_int_equal(cmaw_frame_write(0, 0, parts, 2), CMAW_E_TOO_LARGE);
}

static void truncated_frames_are_malformed(void **)
{
    static const struct {
        const char *bytes;
        size_t size;
    } cut[] = {{"\0\0\0", 3}, {"\0\0\0\5abcd", 8}, {"\0\0\0\1", 4}};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        int fds[2];
        CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
        pair(fds);
        send_all(fds[0], cut[i].bytes, cut[i].size);
        close(fds[0]);
        assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(60000), &buf), CMAW_E_MALFORMED);
        assert_int_equal(buf.size, 0);
        close(fds[1]);
    }
}

static void deadline_ends_both_directions(void **)
{
    int fds[2];
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    static uint8_t much[CMAW_FRAME_MAX];
    const struct cmaw_slice part = CMAW_SLICE_ARRAY(much);
    pair(fds);
    const uint64_t start = cmaw_monotonic_ms();
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(30), &buf), CMAW_E_TIMEOUT);
    send_all(fds[0], "\0\0\0\5ab", 6);
    assert_int_equal(cmaw_frame_read(fds[1], cmaw_deadline_in(30), &buf), CMAW_E_TIMEOUT);
    assert_int_equal(cmaw_frame_write(fds[0], cmaw_deadline_in(30), &part, 1), CMAW_E_TIMEOUT);
    assert_true(cmaw_monotonic_ms() - start >= 90 && cmaw_monotonic_ms() - start < 60000);
    close(fds[1]);
    assert_int_equal(cmaw_frame_write(fds[0], cmaw_deadline_in(60000), &part, 1), CMAW_E_CLOSED);
    close(fds[0]);
    assert_true(cmaw_deadline_in(UINT64_MAX) == CMAW_NO_DEADLINE);
}

static const struct cmaw_credentials sample_credentials = {
    .access_key_id = {(const uint8_t *)"AKIA0123456789ABCDEF", 20},
    .secret_access_key = {(const uint8_t *)"secret/+", 8},
};

static struct cmaw_request sample_request(enum cmaw_verb verb)
{
    struct cmaw_request request = {.verb = verb};
    if (verb == CMAW_VERB_PROVISION) {
        request.provision = (struct cmaw_provision_request){
            CMAW_SLICE_LIT("manifest"), 3, sample_credentials, CMAW_SLICE_LIT("nonce")};
    } else if (verb == CMAW_VERB_CONFIGURE) {
        request.configure = (struct cmaw_configure_request){CMAW_SLICE_LIT("manifest"), 3, CMAW_SLICE_LIT("blob"),
            CMAW_SLICE_LIT("cert"), CMAW_SLICE_LIT("doc"), sample_credentials, CMAW_SLICE_EMPTY};
    } else if (verb == CMAW_VERB_ATTEST) {
        request.attest.nonce = CMAW_SLICE_LIT("nonce");
    } else if (verb == CMAW_VERB_STEP) {
        request.step = (struct cmaw_step_request){.plan = CMAW_SLICE_LIT("plan"), .ticket = CMAW_SLICE_LIT("ticket"), .step = 2,
            .attempt = 1, .deadline_ms = 5000, .input_count = 2, .inputs = {CMAW_SLICE_LIT("one"), CMAW_SLICE_EMPTY}};
    }
    return request;
}

static void requests_come_back(void **)
{
    for (uint32_t verb = CMAW_VERB_DESCRIBE; verb <= CMAW_VERB_STATS; verb++) {
        const struct cmaw_request request = sample_request((enum cmaw_verb)verb);
        struct cmaw_request decoded;
        CMAW_BUF_AUTO(once, CMAW_FRAME_MAX);
        CMAW_BUF_AUTO(again, CMAW_FRAME_MAX);
        cmaw_request_encode(&request, &once);
        assert_int_equal(cmaw_buf_err(&once), CMAW_OK);
        assert_int_equal(cmaw_request_decode(cmaw_buf_slice(&once), &decoded), CMAW_OK);
        assert_int_equal(decoded.verb, verb);
        cmaw_request_encode(&decoded, &again);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&once), cmaw_buf_slice(&again)));
        /* cut by one, and longer by one */
        assert_int_not_equal(cmaw_request_decode(cmaw_slice_of(once.data, once.size - 1), &decoded), CMAW_OK);
        cmaw_buf_put_u8(&once, 0);
        assert_int_not_equal(cmaw_request_decode(cmaw_buf_slice(&once), &decoded), CMAW_OK);
    }
}

static void refuse(struct cmaw_buf *buf)
{
    struct cmaw_request *decoded = malloc(sizeof *decoded);
    assert_non_null(decoded);
    assert_int_equal(cmaw_buf_err(buf), CMAW_OK);
    assert_int_not_equal(cmaw_request_decode(cmaw_buf_slice(buf), decoded), CMAW_OK);
    free(decoded);
    cmaw_buf_reset(buf);
}

static void hostile_requests_are_refused(void **)
{
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    refuse(&buf); /* no field */
    cmaw_pb_put_element(&buf, 1, CMAW_SLICE_EMPTY);
    cmaw_pb_put_element(&buf, 6, CMAW_SLICE_EMPTY);
    refuse(&buf); /* two fields */
    cmaw_pb_put_element(&buf, 7, CMAW_SLICE_EMPTY);
    refuse(&buf); /* an unknown one */
    cmaw_pb_put_element(&buf, 1, CMAW_SLICE_LIT("x"));
    refuse(&buf); /* a body where there is none */
    cmaw_pb_put_element(&buf, 2, CMAW_SLICE_EMPTY);
    refuse(&buf); /* no credentials */

    static char long_text[4200];
    memset(long_text, 'a', sizeof long_text);
    struct cmaw_request request = sample_request(CMAW_VERB_PROVISION);
    request.provision.nonce = cmaw_slice_of(long_text, 513);
    cmaw_request_encode(&request, &buf);
    refuse(&buf);
    request = sample_request(CMAW_VERB_PROVISION);
    request.provision.credentials.access_key_id = CMAW_SLICE_LIT("0123456789abcde");
    cmaw_request_encode(&request, &buf);
    refuse(&buf);
    request.provision.credentials.access_key_id = CMAW_SLICE_LIT("0123456789abcdef\n");
    cmaw_request_encode(&request, &buf);
    refuse(&buf);
    request = sample_request(CMAW_VERB_CONFIGURE);
    request.configure.credentials.session_token = cmaw_slice_of(long_text, 4097);
    cmaw_request_encode(&request, &buf);
    refuse(&buf);
    request.configure.credentials = sample_credentials;
    request.configure.credentials.secret_access_key = CMAW_SLICE_EMPTY;
    cmaw_request_encode(&request, &buf);
    refuse(&buf);
    request = (struct cmaw_request){.verb = CMAW_VERB_ATTEST, .attest.nonce = cmaw_slice_of(long_text, 513)};
    cmaw_request_encode(&request, &buf);
    refuse(&buf);

    const size_t mark = cmaw_pb_open(&buf);
    for (size_t i = 0; i < CMAW_EDGES_MAX + 1; i++) {
        cmaw_pb_put_element(&buf, 4, CMAW_SLICE_EMPTY);
    }
    cmaw_pb_close(&buf, CMAW_VERB_STEP, mark);
    refuse(&buf); /* 257 inputs */
}

static struct cmaw_response sample_response(enum cmaw_verb verb)
{
    static const uint8_t pcr[CMAW_PCR_SIZE] = {1};
    static const uint8_t mh[CMAW_HASH_SIZE] = {2};
    struct cmaw_response response = {.code = CMAW_CODE_OK, .verb = verb};
    if (verb == CMAW_VERB_DESCRIBE) {
        response.describe = (struct cmaw_describe_response){CMAW_SLICE_LIT("0.1.0"), CMAW_ENCLAVE_READY, CMAW_SLICE_ARRAY(pcr),
            CMAW_SLICE_ARRAY(pcr), CMAW_SLICE_ARRAY(pcr), CMAW_SLICE_EMPTY, CMAW_SLICE_ARRAY(pcr), CMAW_SLICE_ARRAY(mh), 1, 5, 1};
    } else if (verb == CMAW_VERB_PROVISION) {
        response.provision =
            (struct cmaw_provision_response){CMAW_SLICE_LIT("blob"), CMAW_SLICE_LIT("cert"), CMAW_SLICE_LIT("doc")};
    } else if (verb == CMAW_VERB_CONFIGURE || verb == CMAW_VERB_ATTEST) {
        response.configure.ak_doc = CMAW_SLICE_LIT("doc");
    } else if (verb == CMAW_VERB_STEP) {
        response.step = (struct cmaw_step_response){
            .state_count = 1, .states = {CMAW_SLICE_LIT("state")}, .receipt = CMAW_SLICE_LIT("receipt")};
    } else if (verb == CMAW_VERB_STATS) {
        response.stats = (struct cmaw_stats_response){.code_count = 2, .codes = {{1, 10}, {5, 2}}, .connections = 4};
    }
    return response;
}

static void responses_come_back(void **)
{
    for (uint32_t verb = CMAW_VERB_DESCRIBE; verb <= CMAW_VERB_STATS; verb++) {
        const struct cmaw_response response = sample_response((enum cmaw_verb)verb);
        struct cmaw_response decoded;
        CMAW_BUF_AUTO(once, CMAW_FRAME_MAX);
        CMAW_BUF_AUTO(again, CMAW_FRAME_MAX);
        cmaw_response_encode(&response, &once);
        assert_int_equal(cmaw_response_decode(cmaw_buf_slice(&once), &decoded), CMAW_OK);
        assert_int_equal(decoded.verb, verb);
        cmaw_response_encode(&decoded, &again);
        assert_true(cmaw_slice_eq(cmaw_buf_slice(&once), cmaw_buf_slice(&again)));
    }
    struct cmaw_response decoded;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    struct cmaw_response kms = cmaw_response_of_code(CMAW_CODE_KMS_UNAVAILABLE);
    kms.has_kms_error = true;
    static const uint8_t pcr[CMAW_PCR_SIZE] = {9};
    kms.kms_error = (struct cmaw_kms_error){.type = CMAW_SLICE_LIT("AccessDeniedException"), .http_status = 400, .recipient_sent = 1,
                                            .pcrs = {[4] = CMAW_SLICE_ARRAY(pcr)}};
    cmaw_response_encode(&kms, &buf);
    assert_int_equal(cmaw_response_decode(cmaw_buf_slice(&buf), &decoded), CMAW_OK);
    assert_true(decoded.has_kms_error && decoded.kms_error.http_status == 400 && (uint32_t)decoded.verb == 0);
    assert_true(decoded.kms_error.pcrs[0].size == 0 && cmaw_slice_eq(decoded.kms_error.pcrs[4], CMAW_SLICE_ARRAY(pcr)));
}

static void refuse_response(const struct cmaw_response *response)
{
    struct cmaw_response decoded;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    cmaw_response_encode(response, &buf);
    assert_int_not_equal(cmaw_response_decode(cmaw_buf_slice(&buf), &decoded), CMAW_OK);
}

static void hostile_responses_are_refused(void **)
{
    struct cmaw_response response = sample_response(CMAW_VERB_STEP);
    const enum cmaw_code with_body[] = {CMAW_CODE_DENIED, CMAW_CODE_TOO_LARGE, CMAW_CODE_INTERNAL, (enum cmaw_code)12, (enum cmaw_code)0};
    for (size_t i = 0; i < sizeof with_body / sizeof with_body[0]; i++) {
        response.code = with_body[i];
        refuse_response(&response);
    }
    response = sample_response(CMAW_VERB_ATTEST);
    response.code = CMAW_CODE_AGENT_FAILED; /* only a step has a body then */
    refuse_response(&response);
    response = sample_response(CMAW_VERB_DESCRIBE);
    response.describe.pcr0 = CMAW_SLICE_LIT("short");
    refuse_response(&response);
    response = sample_response(CMAW_VERB_DESCRIBE);
    response.describe.state = 4;
    refuse_response(&response);
    response = sample_response(CMAW_VERB_DESCRIBE);
    response.describe.version = CMAW_SLICE_LIT("esc \x1b[2J");
    refuse_response(&response);
    response = cmaw_response_of_code(CMAW_CODE_KMS_UNAVAILABLE);
    response.has_kms_error = true;
    response.kms_error.message = CMAW_SLICE_LIT("line\nbreak");
    refuse_response(&response);
    response.kms_error = (struct cmaw_kms_error){.pcrs = {CMAW_SLICE_LIT("short")}};
    refuse_response(&response);
}

struct server {
    int fd;
    struct cmaw_response response;
};
static void *serve_once(void *arg)
{
    struct server *server = arg;
    struct cmaw_request request;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    if (cmaw_rpc_receive(server->fd, cmaw_deadline_in(60000), &buf, &request) != CMAW_OK ||
        cmaw_rpc_respond(server->fd, cmaw_deadline_in(60000), &server->response) != CMAW_OK) {
        return arg;
    }
    return NULL;
}

static enum cmaw_err call(enum cmaw_verb verb, struct cmaw_response response, struct cmaw_response *ret_response)
{
    int fds[2];
    pthread_t thread;
    void *failed;
    CMAW_BUF_AUTO(buf, CMAW_FRAME_MAX);
    pair(fds);
    struct server server = {fds[1], response};
    const struct cmaw_request request = sample_request(verb);
    assert_int_equal(pthread_create(&thread, NULL, serve_once, &server), 0);
    const enum cmaw_err err = cmaw_rpc_call(fds[0], &request, cmaw_deadline_in(60000), &buf, ret_response);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    close(fds[0]);
    close(fds[1]);
    return err;
}

static void calls_get_their_own_answer(void **)
{
    struct cmaw_response response;
    assert_int_equal(call(CMAW_VERB_STEP, sample_response(CMAW_VERB_STEP), &response), CMAW_OK);
    assert_int_equal(response.step.state_count, 1);
    assert_int_equal(call(CMAW_VERB_STEP, cmaw_response_of_code(CMAW_CODE_DENIED), &response), CMAW_OK);
    assert_int_equal(response.code, CMAW_CODE_DENIED);
    assert_int_equal(call(CMAW_VERB_STEP, sample_response(CMAW_VERB_ATTEST), &response), CMAW_E_PEER);
    assert_int_equal(call(CMAW_VERB_STEP, cmaw_response_of_code(CMAW_CODE_OK), &response), CMAW_E_PEER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_of_parts_arrives),
        cmocka_unit_test(largest_frame_arrives),
        cmocka_unit_test(length_is_bounded_before_memory),
        cmocka_unit_test(truncated_frames_are_malformed),
        cmocka_unit_test(deadline_ends_both_directions),
        cmocka_unit_test(requests_come_back),
        cmocka_unit_test(hostile_requests_are_refused),
        cmocka_unit_test(responses_come_back),
        cmocka_unit_test(hostile_responses_are_refused),
        cmocka_unit_test(calls_get_their_own_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
