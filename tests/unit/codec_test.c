#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/codec/access.h"
#include "client/codec/clock.h"
#include "client/codec/request.h"
#include "client/codec/server.h"
#include "client/codec/token.h"
#include "sys/file.h"

#define TOKEN "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define UI "http://127.0.0.1:8233"

static struct cmaw_codec_access access_of(const char *token, const char *origin)
{
    struct cmaw_codec_access access = {.token = cmaw_slice_of_cstr(token)};
    struct cmaw_diag diag = {0};
    assert_int_equal(cmaw_codec_access_add(&access, origin, &diag), CMAW_OK);
    return access;
}

static void test_calls_are_admitted_by_token_and_origin(void **state)
{
    (void)state;
    static const char json[] = "application/json";
    static const struct {
        struct cmaw_codec_call call;
        enum cmaw_codec_status status;
        enum cmaw_codec_verb verb;
    } cases[] = {
        {{"POST", "/" TOKEN "/decode", UI, NULL, json}, CMAW_CODEC_OK, CMAW_CODEC_DECODE},
        {{"POST", "/" TOKEN "//decode", NULL, NULL, json}, CMAW_CODEC_OK, CMAW_CODEC_DECODE},
        {{"POST", "/" TOKEN "/default/decode", NULL, NULL, json}, CMAW_CODEC_OK, CMAW_CODEC_DECODE},
        {{"POST", "/" TOKEN "/encode", NULL, NULL, "application/json; charset=utf-8"}, CMAW_CODEC_OK, CMAW_CODEC_ENCODE},
        {{"POST", "/decode", NULL, "Bearer " TOKEN, json}, CMAW_CODEC_OK, CMAW_CODEC_DECODE},
        {{"POST", "/decode", UI, "bearer " TOKEN, json}, CMAW_CODEC_OK, CMAW_CODEC_DECODE},
        {{"POST", "/decode", NULL, NULL, json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/decode", NULL, "Bearer ", json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/decode", NULL, "Bearer " TOKEN "0", json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/decode", NULL, "Basic " TOKEN, json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/0" TOKEN "/decode", NULL, NULL, json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/default/" TOKEN "/decode", NULL, NULL, json}, CMAW_CODEC_UNAUTHORIZED, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", "http://evil.example", NULL, json}, CMAW_CODEC_FORBIDDEN, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", UI ".evil.example", NULL, json}, CMAW_CODEC_FORBIDDEN, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", "null", NULL, json}, CMAW_CODEC_FORBIDDEN, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", "", NULL, json}, CMAW_CODEC_FORBIDDEN, CMAW_CODEC_NONE},
        {{"OPTIONS", "/" TOKEN "/decode", UI, NULL, NULL}, CMAW_CODEC_PREFLIGHT, CMAW_CODEC_NONE},
        {{"OPTIONS", "/decode", "http://evil.example", NULL, NULL}, CMAW_CODEC_FORBIDDEN, CMAW_CODEC_NONE},
        {{"OPTIONS", "/decode", NULL, NULL, NULL}, CMAW_CODEC_METHOD, CMAW_CODEC_NONE},
        {{"GET", "/" TOKEN "/decode", NULL, NULL, NULL}, CMAW_CODEC_METHOD, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", UI, NULL, "text/plain"}, CMAW_CODEC_MEDIA_TYPE, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", UI, NULL, "application/jsonp"}, CMAW_CODEC_MEDIA_TYPE, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode", UI, NULL, NULL}, CMAW_CODEC_MEDIA_TYPE, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN, NULL, NULL, json}, CMAW_CODEC_NOT_FOUND, CMAW_CODEC_NONE},
        {{"POST", "/" TOKEN "/decode/", NULL, NULL, json}, CMAW_CODEC_NOT_FOUND, CMAW_CODEC_NONE},
        {{"POST", "", NULL, NULL, json}, CMAW_CODEC_NOT_FOUND, CMAW_CODEC_NONE},
    };
    const struct cmaw_codec_access access = access_of(TOKEN, UI "/");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum cmaw_codec_verb verb = CMAW_CODEC_NONE;
        const enum cmaw_codec_status status = cmaw_codec_admit(&access, &cases[i].call, &verb);
        if (status != cases[i].status || verb != cases[i].verb) {
            fail_msg("case %zu: status %d, verb %d", i, (int)status, (int)verb);
        }
    }
}

static void test_without_a_token_the_origin_still_counts(void **state)
{
    (void)state;
    const struct cmaw_codec_access access = access_of("", UI);
    const struct cmaw_codec_call own = {"POST", "/decode", UI, NULL, "application/json"};
    const struct cmaw_codec_call other = {"POST", "/decode", "http://localhost:8233", NULL, "application/json"};
    enum cmaw_codec_verb verb = CMAW_CODEC_NONE;
    assert_int_equal(cmaw_codec_admit(&access, &own, &verb), CMAW_CODEC_OK);
    assert_int_equal(cmaw_codec_admit(&access, &other, &verb), CMAW_CODEC_FORBIDDEN);
}

static void test_without_tls_the_host_is_this_machine(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool good;
    } cases[] = {
        {NULL, true}, {"127.0.0.1:8234", true}, {"127.0.0.1", true}, {"127.3.2.1:1", true}, {"localhost:8234", true}, {"LocalHost", true}, {"[::1]:8234", true},
        {"[::1]", true}, {"", false}, {"evil.example:8234", false}, {"localhost.evil.example:8234", false}, {"127.0.0.1.evil.example", false},
        {"localhost@evil.example", false}, {"127.0.0.1:8234.evil.example", false}, {"128.0.0.1:8234", false}, {"127.1:8234", false}, {"[::1", false},
        {"[::1].evil.example", false}, {"[::2]:8234", false}, {"[]:8234", false}, {"localhostx", false}, {"evil.exa:8234", false}};
    struct cmaw_codec_access access = access_of(TOKEN, UI);
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        const struct cmaw_codec_call call = {"POST", "/" TOKEN "/decode", UI, NULL, "application/json", cases[i / 2].host};
        enum cmaw_codec_verb verb = CMAW_CODEC_NONE;
        access.plain = i % 2 == 0;
        if (cmaw_codec_admit(&access, &call, &verb) != (cases[i / 2].good || !access.plain ? CMAW_CODEC_OK : CMAW_CODEC_FORBIDDEN)) {
            fail_msg("Host: %s", cases[i / 2].host);
        }
    }
}

static void test_a_token_of_somebody_else_is_not_used(void **state)
{
    (void)state;
    char folder[] = "/tmp/cmaw-codec-XXXXXX", path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    CMAW_SECRET_AUTO(made);
    CMAW_SECRET_AUTO(again);
    assert_non_null(mkdtemp(folder));
    assert_int_equal(cmaw_path(path, "%s/token", folder), CMAW_OK);
    assert_int_equal(cmaw_codec_token_file(path, &made, &diag), CMAW_OK);
    assert_int_equal(cmaw_codec_token_file(path, &again, &diag), CMAW_OK);
    assert_true(cmaw_ct_eq(cmaw_secret_slice(&made), cmaw_secret_slice(&again)));
    if (chown(path, 65534, (gid_t)-1) == 0) { /* root's word only */
        CMAW_SECRET_AUTO(theirs);
        assert_int_equal(cmaw_codec_token_file(path, &theirs, &diag), CMAW_E_DENIED);
        assert_non_null(strstr(diag.text, "somebody else"));
    }
    assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static void test_an_origin_is_scheme_host_and_port(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "*", "null", "127.0.0.1:8233", "ftp://host", "http://", "http:///", "http://host/path", "http://host//", "http://a@b",
                                        "http://host?x", "http://host#x", "http://ho st"};
    struct cmaw_codec_access access = {0};
    struct cmaw_diag diag = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (cmaw_codec_access_add(&access, wrong[i], &diag) != CMAW_E_USAGE) {
            fail_msg("%s was taken", wrong[i]);
        }
    }
    for (size_t i = 0; i < CMAW_CODEC_ORIGINS_MAX; i++) {
        assert_int_equal(cmaw_codec_access_add(&access, "https://ui.example", &diag), CMAW_OK);
    }
    assert_int_equal(cmaw_codec_access_add(&access, "https://ui.example", &diag), CMAW_E_TOO_LARGE);
}

static void test_what_is_loopback(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum cmaw_err err;
        bool loopback;
    } cases[] = {{"127.0.0.1", CMAW_OK, true}, {"127.3.2.1", CMAW_OK, true}, {"::1", CMAW_OK, true}, {"0.0.0.0", CMAW_OK, false},
                 {"::", CMAW_OK, false}, {"10.0.0.1", CMAW_OK, false}, {"::ffff:127.0.0.1", CMAW_OK, false}, {"localhost", CMAW_E_USAGE, false},
                 {"127.1", CMAW_E_USAGE, false}, {"", CMAW_E_USAGE, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool loopback = false;
        struct cmaw_diag diag = {0};
        assert_int_equal(cmaw_codec_is_loopback(cases[i].address, &loopback, &diag), cases[i].err);
        assert_int_equal(loopback, cases[i].loopback);
    }
}

static void test_a_request_is_read(void **state)
{
    (void)state;
    static const char body[] = "{\"payloads\":[{\"metadata\":{\"encoding\":\"YmluYXJ5L3Byb3RvYnVm\",\"messageType\":\"Y21hdy52MS5QbGFu\",\"else\":\"%\"},"
                               "\"data\":\"AAEC\"},{\"metadata\":{\"encryption-key-id\":\"c3N0\"}},{}]}";
    CMAW_CODEC_REQUEST_AUTO(request);
    assert_int_equal(cmaw_codec_request_parse(CMAW_SLICE_LIT(body), &request), CMAW_OK);
    assert_int_equal(request.count, 3);
    assert_true(cmaw_temporal_payload_is(&request.payloads[0].view, CMAW_TEMPORAL_PLAN));
    assert_true(cmaw_slice_eq(request.payloads[0].view.data, CMAW_SLICE_LIT("\x00\x01\x02")));
    assert_true(cmaw_slice_eq_cstr(request.payloads[1].view.key_id, "sst"));
    assert_int_equal(request.payloads[2].view.data.size, 0);
}

static void test_malformed_requests_are_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "", "[]", "{}", "null", "{\"payloads\":{}}", "{\"payloads\":[1]}", "{\"payloads\":[[]]}", "{\"payloads\":[]}x", "{\"payloads\":[],\"payloads\":[]}",
        "{\"payloads\":[{\"data\":1}]}", "{\"payloads\":[{\"data\":\"A\"}]}", "{\"payloads\":[{\"data\":\"A===\"}]}", "{\"payloads\":[{\"data\":\"AA-_\"}]}",
        "{\"payloads\":[{\"metadata\":[]}]}", "{\"payloads\":[{\"metadata\":{\"encoding\":{}}}]}", "{\"payloads\":[{\"metadata\":{\"encoding\":\"*\"}}]}",
        "{\"payloads\":[{\"metadata\":{\"messageType\":null}}]}"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct cmaw_codec_request request = {0};
        if (cmaw_codec_request_parse(cmaw_slice_of_cstr(bodies[i]), &request) != CMAW_E_MALFORMED) {
            fail_msg("%s was taken", bodies[i]);
        }
        assert_null(request.root);
    }
}

/* `count` times item, with commas, between head and tail. */
static void put_list(struct cmaw_buf *text, const char *head, const char *item, size_t count, const char *tail)
{
    cmaw_buf_put_cstr(text, head);
    for (size_t i = 0; i < count; i++) {
        cmaw_buf_put_cstr(text, i == 0 ? "" : ",");
        cmaw_buf_put_cstr(text, item);
    }
    cmaw_buf_put_cstr(text, tail);
    assert_int_equal(cmaw_buf_err(text), CMAW_OK);
}

static enum cmaw_err parse_list(const char *head, const char *item, size_t count, const char *tail)
{
    CMAW_BUF_AUTO(text, 16 * 1024 * 1024);
    CMAW_CODEC_REQUEST_AUTO(request);
    put_list(&text, head, item, count, tail);
    return cmaw_codec_request_parse(cmaw_buf_slice(&text), &request);
}

static void test_requests_have_limits(void **state)
{
    (void)state;
    static const char head[] = "{\"payloads\":[";
    assert_int_equal(parse_list(head, "{}", CMAW_CODEC_PAYLOADS_MAX, "]}"), CMAW_OK);
    assert_int_equal(parse_list(head, "{}", CMAW_CODEC_PAYLOADS_MAX + 1, "]}"), CMAW_E_TOO_LARGE);
    /* what is small as text and large as values, in a place that nobody looks at */
    assert_int_equal(parse_list("{\"payloads\":[],\"x\":[", "{}", 30000, "]}"), CMAW_OK);
    assert_int_equal(parse_list("{\"payloads\":[],\"x\":[", "{}", 40000, "]}"), CMAW_E_TOO_LARGE);
    assert_int_equal(parse_list("{\"payloads\":[],\"x\":\"", "0", CMAW_CODEC_BODY_MAX / 2, "\"}"), CMAW_E_TOO_LARGE);
    static const char metadata[] = "{\"payloads\":[{\"metadata\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\",\"e\":\"\",\"f\":\"\",\"g\":\"\",\"h\":\"\",\"i\":\"\","
                                   "\"j\":\"\",\"k\":\"\",\"l\":\"\",\"m\":\"\",\"n\":\"\",\"o\":\"\",\"p\":\"\"%s}}]}";
    static const struct { const char *more; enum cmaw_err err; } cases[] = {{"", CMAW_OK}, {",\"q\":\"\"", CMAW_E_TOO_LARGE}};
    for (size_t i = 0; i < 2; i++) {
        CMAW_BUF_AUTO(text, 1024);
        CMAW_CODEC_REQUEST_AUTO(request);
        const char *mark = strstr(metadata, "%s");
        cmaw_buf_put(&text, cmaw_slice_of(metadata, (size_t)(mark - metadata)));
        cmaw_buf_put_cstr(&text, cases[i].more);
        cmaw_buf_put_cstr(&text, mark + 2);
        assert_int_equal(cmaw_codec_request_parse(cmaw_buf_slice(&text), &request), cases[i].err);
    }
}

static void test_a_shown_payload_keeps_decimal_fractions(void **state)
{
    (void)state;
    CMAW_JSON_AUTO(value);
    CMAW_JSON_AUTO(payload);
    value = json_loads("{\"sum\":12.34}", 0, NULL);
    assert_int_equal(cmaw_codec_payload_of(value, &payload), CMAW_OK);
    assert_string_equal(json_string_value(json_object_get(payload, "data")), "eyJzdW0iOjEyLjM0fQ=="); /* {"sum":12.34} */
    assert_string_equal(json_string_value(json_object_get(json_object_get(payload, "metadata"), "encoding")), "anNvbi9wbGFpbg==");
}

static void test_a_connection_has_a_deadline(void **state)
{
    (void)state;
    struct cmaw_codec_clock clock;
    int old[2], young[2], closed[2];
    char c;
    cmaw_codec_clock_init(&clock);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, old), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, young), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, closed), 0);
    cmaw_codec_clock_opened(&clock, old[0], 1000);
    cmaw_codec_clock_opened(&clock, closed[0], 1000);
    cmaw_codec_clock_opened(&clock, young[0], 1001);
    cmaw_codec_clock_closed(&clock, closed[0]);
    cmaw_codec_clock_tick(&clock, 1000 + CMAW_CODEC_DEADLINE_MS);
    assert_int_equal(read(old[1], &c, 1), -1); /* not yet */
    cmaw_codec_clock_tick(&clock, 1001 + CMAW_CODEC_DEADLINE_MS);
    assert_int_equal(read(old[1], &c, 1), 0);
    assert_int_equal(read(young[1], &c, 1), -1);
    assert_int_equal(read(closed[1], &c, 1), -1);
    for (int i = 0; i < 2; i++) {
        (void)close(old[i]);
        (void)close(young[i]);
        (void)close(closed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_are_admitted_by_token_and_origin),
        cmocka_unit_test(test_without_a_token_the_origin_still_counts),
        cmocka_unit_test(test_without_tls_the_host_is_this_machine),
        cmocka_unit_test(test_a_token_of_somebody_else_is_not_used),
        cmocka_unit_test(test_an_origin_is_scheme_host_and_port),
        cmocka_unit_test(test_what_is_loopback),
        cmocka_unit_test(test_a_request_is_read),
        cmocka_unit_test(test_malformed_requests_are_refused),
        cmocka_unit_test(test_requests_have_limits),
        cmocka_unit_test(test_a_shown_payload_keeps_decimal_fractions),
        cmocka_unit_test(test_a_connection_has_a_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
