/* The HTTP listener of our daemons, with requests that no scraper sends, and the text that it gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "sys/health.h"
#include "sys/metrics.h"

#define OK(expr) assert_int_equal((expr), CMAW_OK)

static char serving[512];
static atomic_bool ready = true;
static atomic_uint scrapes;
static struct cmaw_health *health;
static struct sockaddr_in address;
static const struct cmaw_metric counter = {"cmaw_test_total", CMAW_METRIC_COUNTER, "A count."};

static void keep(const char *line, size_t size)
{
    assert_true(size < sizeof serving);
    memcpy(serving, line, size);
    serving[size] = '\0';
}

static bool is_ready(void *context, struct cmaw_buf *reason)
{
    (void)context;
    cmaw_buf_put_cstr(reason, ready ? "" : "one: lost\n");
    return ready;
}

static void put_metrics(void *context, struct cmaw_buf *text)
{
    (void)context;
    cmaw_metric_head(text, &counter);
    cmaw_metric_u64(text, &counter, CMAW_METRIC_LABELS({"a", "x\"y\\z\nw"}), atomic_fetch_add(&scrapes, 1) + 1);
}

static const struct cmaw_health_source source = {is_ready, put_metrics, NULL};

static int begin(void **state)
{
    (void)state;
    struct cmaw_diag diag = {0};
    unsigned port = 0;
    cmaw_log_to(keep);
    OK(cmaw_health_start("0", &source, true, &health, &diag));
    assert_int_equal(sscanf(strstr(serving, "http.serving"), "http.serving address=127.0.0.1:%u", &port), 1);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return 0;
}

static int end(void **state)
{
    (void)state;
    cmaw_health_stop(&health);
    cmaw_health_stop(&health);
    cmaw_log_to(NULL);
    return 0;
}

static int connected(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Sends, says that no more comes, and reads until the end. */
static void ask(const char *request, size_t size, char *ret_answer, size_t capacity)
{
    const int fd = connected();
    size_t used = 0;
    for (ssize_t sent; size > 0; request += sent, size -= (size_t)sent) {
        sent = send(fd, request, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            break; /* it was refused before all of it was there */
        }
    }
    (void)shutdown(fd, SHUT_WR);
    for (ssize_t got; (got = recv(fd, ret_answer + used, capacity - 1 - used, 0)) > 0;) {
        used += (size_t)got;
    }
    ret_answer[used] = '\0';
    close(fd);
}

static void expect(const char *request, const char *status, const char *body)
{
    char answer[8192];
    ask(request, strlen(request), answer, sizeof answer);
    assert_int_equal(strncmp(answer, "HTTP/1.1 ", 9), 0);
    assert_int_equal(strncmp(answer + 9, status, 3), 0);
    assert_non_null(strstr(answer, body));
}

static void test_pages(void **state)
{
    (void)state;
    expect("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "\r\n\r\nok\n");
    expect("GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "\r\n\r\nready\n");
    ready = false;
    expect("GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "503", "\r\n\r\none: lost\n");
    expect("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "ok\n");
    ready = true;
    expect("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "text/plain; version=0.0.4; charset=utf-8\r\n");
    expect("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200",
           "# HELP cmaw_test_total A count.\n# TYPE cmaw_test_total counter\ncmaw_test_total{a=\"x\\\"y\\\\z\\nw\"} ");
    expect("HEAD /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "Content-Length: ");
    expect("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "404", "there is /healthz");
    expect("GET /metrics/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "404", "");
}

static void test_what_is_refused(void **state)
{
    (void)state;
    const unsigned before = scrapes;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        char request[128];
        (void)snprintf(request, sizeof request, "%s /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", methods[i]);
        expect(request, "405", "Allow: GET, HEAD\r\n");
    }
    expect("GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc", "413", "no body");
    expect("GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999\r\n\r\n", "413", "no body");
    expect("GET /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "413", "no body");
    assert_int_equal(scrapes, before);
}

/* Whatever comes: a refusal or a closed connection, and it serves on. */
static void test_malformed_requests(void **state)
{
    (void)state;
    static char line[64 * 1024], headers[64 * 1024], answer[8192];
    memset(line, 'a', sizeof line);
    memcpy(line, "GET /", 5);
    memset(headers, 'b', sizeof headers);
    memcpy(headers, "GET /metrics HTTP/1.1\r\nHost: h\r\nX: ", 35);
    const struct {
        const char *bytes;
        size_t size;
    } requests[] = {{"\r\n\r\n", 4}, {"GET\r\n\r\n", 7}, {"GET /metrics HTTP/9.9\r\n\r\n", 26}, {"\0\0\0\0", 4}, {"\x16\x03\x01\x02\x00\x01", 6},
                    {"GET /metrics HTTP/1.1\r\nHost h\r\n\r\n", 34}, {"GET /metrics HTTP/1.1\r\n\r\n", 25}, {"GET /%", 6}, {"", 0},
                    {"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 45}, {line, sizeof line}, {headers, sizeof headers}};
    const unsigned before = scrapes;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ask(requests[i].bytes, requests[i].size, answer, sizeof answer);
        assert_true(answer[0] == '\0' || strncmp(answer, "HTTP/1.", 7) == 0);
        assert_null(strstr(answer, "cmaw_test_total"));
        expect("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "ok\n");
    }
    assert_int_equal(scrapes, before);
}

/* More connections than there are places: idle ones are closed to make room, and places that are given up can be had again. */
static void test_connections_are_bounded(void **state)
{
    (void)state;
    enum { MANY = 64 };
    struct pollfd open[MANY];
    for (size_t i = 0; i < MANY; i++) {
        open[i] = (struct pollfd){.fd = connected(), .events = POLLIN};
    }
    unsigned closed = 0;
    while (closed < MANY / 2) { /* one that is closed becomes readable */
        assert_true(poll(open, MANY, 60000) > 0);
        for (size_t i = 0; i < MANY; i++) {
            if (open[i].fd >= 0 && open[i].revents != 0) {
                close(open[i].fd);
                open[i].fd = -1;
                closed++;
            }
        }
    }
    for (size_t i = 0; i < MANY; i++) {
        if (open[i].fd >= 0) {
            close(open[i].fd);
        }
    }
    char answer[4096];
    do { /* until the daemon has seen that they are gone */
        static const char request[] = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        ask(request, sizeof request - 1, answer, sizeof answer);
    } while (answer[0] == '\0');
    assert_non_null(strstr(answer, "ok\n"));
}

/* Connections that never end their request and never fall silent. */
static void test_the_slow_make_room(void **state)
{
    (void)state;
    enum { MANY = 48, ROUNDS = 60 };
    static const char start[] = "GET /metrics HTTP/1.1\r\nX: ", request[] = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    int slow[MANY];
    char answer[4096] = "";
    for (size_t i = 0; i < MANY; i++) {
        slow[i] = connected();
        (void)send(slow[i], start, sizeof start - 1, MSG_NOSIGNAL);
    }
    struct pollfd asked = {.fd = connected(), .events = POLLIN};
    assert_int_equal(send(asked.fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    for (unsigned round = 0; poll(&asked, 1, 1000) == 0; round++) {
        assert_true(round < ROUNDS);
        for (size_t i = 0; i < MANY; i++) {
            (void)send(slow[i], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
    }
    assert_true(recv(asked.fd, answer, sizeof answer - 1, 0) > 0);
    assert_non_null(strstr(answer, "200 OK"));
    close(asked.fd);
    for (size_t i = 0; i < MANY; i++) {
        close(slow[i]);
    }
}

static void *scrape(void *argument)
{
    (void)argument;
    for (int i = 0; i < 25; i++) {
        expect("GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "200", "cmaw_test_total");
    }
    return NULL;
}

static void test_scrapes_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    const unsigned before = scrapes;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, scrape, NULL), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(scrapes, before + 100);
}

static void test_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":", "x", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "host:80", "::1:80", "[::1]", "[::1:80", "1.2.3:x", "[]:80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cmaw_diag diag = {0};
        struct cmaw_health *none = NULL;
        assert_int_equal(cmaw_health_start(bad[i], &source, true, &none, &diag), CMAW_E_USAGE);
        assert_null(none);
        assert_non_null(strstr(diag.hint, "--http"));
    }
    char taken[32];
    struct cmaw_diag diag = {0};
    struct cmaw_health *none = NULL;
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(cmaw_health_start(taken, &source, true, &none, &diag), CMAW_E_UNAVAILABLE);
    assert_null(none);
}

/* Without a thread of its own it is served by whoever watches its descriptor. */
static void test_in_a_loop_of_another(void **state)
{
    (void)state;
    struct cmaw_health *looped = NULL;
    struct cmaw_diag diag = {0};
    unsigned port = 0;
    char answer[4096];
    OK(cmaw_health_start("127.0.0.1:0", &source, false, &looped, &diag));
    assert_int_equal(sscanf(strstr(serving, "http.serving"), "http.serving address=127.0.0.1:%u", &port), 1);
    const struct sockaddr_in first = address;
    address.sin_port = htons((uint16_t)port);
    const int fd = connected();
    address = first;
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
    struct pollfd fds[2] = {{.fd = cmaw_health_fd(looped), .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    while (fds[1].revents == 0) {
        assert_true(poll(fds, 2, cmaw_health_wait(looped, 30000)) >= 0);
        cmaw_health_run(looped);
    }
    const ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    assert_true(got > 0);
    answer[got] = '\0';
    assert_int_equal(strncmp(answer, "HTTP/1.1 200", 12), 0);
    close(fd);
    cmaw_health_stop(&looped);
}

static void test_histogram(void **state)
{
    (void)state;
    static const struct cmaw_metric metric = {"cmaw_t_seconds", CMAW_METRIC_HISTOGRAM, "Times."};
    struct cmaw_histogram histogram = {0};
    CMAW_BUF_AUTO(text, 8192);
    static const uint64_t ms[] = {0, 5, 6, 600000, 600001};
    for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
        cmaw_histogram_add(&histogram, ms[i]);
    }
    cmaw_metric_histogram(&text, &metric, CMAW_METRIC_LABELS({"role", "r"}), &histogram);
    cmaw_metric_double(&text, &metric, NULL, 0, (double)-INFINITY);
    cmaw_buf_put_u8(&text, 0);
    OK(cmaw_buf_err(&text));
    static const char *const lines[] = {"cmaw_t_seconds_bucket{role=\"r\",le=\"0.005\"} 2\n", "cmaw_t_seconds_bucket{role=\"r\",le=\"0.01\"} 3\n",
                                        "cmaw_t_seconds_bucket{role=\"r\",le=\"300\"} 3\n", "cmaw_t_seconds_bucket{role=\"r\",le=\"600\"} 4\n",
                                        "cmaw_t_seconds_bucket{role=\"r\",le=\"+Inf\"} 5\n", "cmaw_t_seconds_sum{role=\"r\"} 1200.012\n",
                                        "cmaw_t_seconds_count{role=\"r\"} 5\n", "cmaw_t_seconds -Inf\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_non_null(strstr((const char *)text.data, lines[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),         cmocka_unit_test(test_what_is_refused),     cmocka_unit_test(test_malformed_requests),
        cmocka_unit_test(test_connections_are_bounded), cmocka_unit_test(test_the_slow_make_room), cmocka_unit_test(test_scrapes_at_once), cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_in_a_loop_of_another), cmocka_unit_test(test_histogram),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
