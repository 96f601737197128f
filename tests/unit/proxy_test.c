#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "sys/addr.h"
#include "sys/daemon.h"
#include "sys/proc.h"

enum { WAIT_MS = 60000, TEXT_MAX = 1 << 20 };

/* The proxy, a target on loopback, and where the enclave's connections arrive. */
struct rig {
    char dir[64], socket[128], log[128], forward[300], target[64];
    uint16_t port;
    int listener; /* of the target */
    struct cmaw_proc proxy;
};

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof addr;
    (void)signal(SIGPIPE, SIG_IGN);
    rig->proxy = CMAW_PROC_NONE;
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cmaw-proxy-test-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(rig->listener, (const struct sockaddr *)&addr, sizeof addr), 0);
    assert_int_equal(listen(rig->listener, 200), 0);
    assert_int_equal(getsockname(rig->listener, (struct sockaddr *)&addr, &size), 0);
    rig->port = ntohs(addr.sin_port);
    (void)snprintf(rig->target, sizeof rig->target, "localhost:%u", rig->port);
    (void)snprintf(rig->forward, sizeof rig->forward, "uds:%s/enclave.sock:8000=%s", rig->dir, rig->target);
    (void)snprintf(rig->socket, sizeof rig->socket, "%s/enclave.sock_8000", rig->dir);
    (void)snprintf(rig->log, sizeof rig->log, "%s/log", rig->dir);
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    cmaw_proc_kill(&rig->proxy);
    cmaw_fd_close(&rig->listener);
    (void)unlink(rig->log);
    (void)unlink(rig->socket);
    assert_int_equal(rmdir(rig->dir), 0);
    free(rig);
    return 0;
}

static void start(struct rig *rig, const char *const *extra, int *ret_ready)
{
    const char *argv[32] = {"cmaw-proxy", "--forward", rig->forward, "--ready-fd", "3"};
    char path[CMAW_PATH_MAX];
    struct cmaw_diag diag = {0};
    int ready[2];
    for (size_t i = 5; extra != NULL && *extra != NULL; extra++) {
        argv[i++] = *extra;
    }
    if (cmaw_proc_find("cmaw-proxy", path, &diag) != CMAW_OK) {
        fail_msg("%s", diag.text);
    }
    CMAW_FD_AUTO(log);
    log = open(rig->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    const struct cmaw_proc_spec spec = {.path = path, .argv = argv, .in = -1, .out = log, .err = log, .fds = {ready[1]}, .fd_count = 1,
                                        .die_with_parent = true};
    assert_int_equal(cmaw_proc_start(&spec, &rig->proxy, &diag), CMAW_OK);
    assert_int_equal(close(ready[1]), 0);
    *ret_ready = ready[0];
}

static void start_ready(struct rig *rig, const char *one, const char *two)
{
    CMAW_FD_AUTO(ready);
    const char *const extra[] = {"--allow", rig->target, one, two, NULL};
    start(rig, extra, &ready);
    assert_int_equal(cmaw_proc_await_ready(ready, WAIT_MS), CMAW_OK);
}

static int enclave_connects(const struct rig *rig)
{
    int fd = -1;
    assert_int_equal(cmaw_unix_connect(rig->socket, WAIT_MS, &fd), CMAW_OK);
    return fd;
}

/* The log once the proxy has ended as it should. */
static void stop(struct rig *rig, struct cmaw_buf *log)
{
    struct cmaw_diag diag = {0};
    int status = -1;
    assert_int_equal(kill(rig->proxy.pid, SIGTERM), 0);
    assert_int_equal(cmaw_proc_wait(&rig->proxy, WAIT_MS, &status), CMAW_OK);
    assert_int_equal(status, 0);
    assert_int_equal(access(rig->socket, F_OK), -1);
    assert_int_equal(cmaw_file_read(rig->log, log, &diag), CMAW_OK);
}

static bool has(const struct cmaw_buf *text, const char *part)
{
    return text->size > 0 && memmem(text->data, text->size, part, strlen(part)) != NULL;
}

static bool readable_within(int fd, int timeout_ms)
{
    struct pollfd event = {.fd = fd, .events = POLLIN};
    return poll(&event, 1, timeout_ms) == 1;
}

static void expect_end(int fd)
{
    char byte;
    assert_true(readable_within(fd, WAIT_MS));
    assert_true(read(fd, &byte, 1) <= 0);
}

struct big {
    int fd;
    size_t size;
    uint8_t salt;
};

static uint8_t byte_at(size_t at, uint8_t salt)
{
    return (uint8_t)((at * 2654435761u >> 13) + salt);
}

static void send_big(const struct big *big)
{
    uint8_t block[10000];
    for (size_t at = 0; at < big->size;) {
        const size_t part = big->size - at < sizeof block ? big->size - at : sizeof block;
        for (size_t i = 0; i < part; i++) {
            block[i] = byte_at(at + i, big->salt);
        }
        assert_int_equal(cmaw_fd_write(big->fd, cmaw_slice_of(block, part)), CMAW_OK);
        at += part;
    }
    assert_int_equal(shutdown(big->fd, SHUT_WR), 0);
}

static void receive_big(const struct big *big)
{
    uint8_t block[10000];
    size_t at = 0, wrong = 0;
    for (ssize_t got; (got = read(big->fd, block, sizeof block)) > 0; at += (size_t)got) {
        for (size_t i = 0; i < (size_t)got; i++) {
            wrong += block[i] != byte_at(at + i, big->salt);
        }
    }
    assert_int_equal(at, big->size);
    assert_int_equal(wrong, 0);
}

static void *send_in_thread(void *big)
{
    send_big(big);
    return NULL;
}

static void both_directions_at_once_and_half_close(void **state)
{
    struct rig *rig = *state;
    start_ready(rig, NULL, NULL);
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    enclave = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(target >= 0);
    struct big out = {enclave, 5000001, 1}, in = {target, 3000003, 7};
    pthread_t senders[2];
    assert_int_equal(pthread_create(&senders[0], NULL, send_in_thread, &out), 0);
    assert_int_equal(pthread_create(&senders[1], NULL, send_in_thread, &in), 0);
    /* one side is read to its end while the other still waits in full buffers */
    receive_big(&(struct big){target, out.size, out.salt});
    receive_big(&(struct big){enclave, in.size, in.salt});
    assert_int_equal(pthread_join(senders[0], NULL) | pthread_join(senders[1], NULL), 0);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    assert_true(has(&log, "active=0 accepted=1 refused=0 connected=1 unreachable=0 timed_out=0 finished=1 failed=0 bytes_out=5000001 bytes_in=3000003"));
}

static void an_answer_may_follow_a_half_close(void **state)
{
    struct rig *rig = *state;
    char text[16] = "";
    start_ready(rig, NULL, NULL);
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    enclave = enclave_connects(rig);
    assert_int_equal(write(enclave, "question", 8), 8);
    assert_int_equal(shutdown(enclave, SHUT_WR), 0);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(recv(target, text, sizeof text, MSG_WAITALL), 8); /* returns at the end */
    assert_int_equal(write(target, "answer", 6), 6);
    assert_int_equal(close(target), 0);
    target = -1;
    assert_int_equal(recv(enclave, text, sizeof text, MSG_WAITALL), 6);
    assert_int_equal(memcmp(text, "answer", 6), 0);
}

static void many_at_once(void **state)
{
    struct rig *rig = *state;
    enum { MANY = 100 };
    int enclaves[MANY], targets[MANY];
    start_ready(rig, NULL, NULL);
    for (int i = 0; i < MANY; i++) {
        enclaves[i] = enclave_connects(rig);
        assert_int_equal(write(enclaves[i], &i, sizeof i), sizeof i);
    }
    for (int i = 0; i < MANY; i++) {
        int number = 0;
        targets[i] = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
        assert_int_equal(recv(targets[i], &number, sizeof number, MSG_WAITALL), sizeof number);
        number += 1000;
        assert_int_equal(write(targets[i], &number, sizeof number), sizeof number);
    }
    for (int i = 0; i < MANY; i++) {
        int number = 0;
        assert_int_equal(recv(enclaves[i], &number, sizeof number, MSG_WAITALL), sizeof number);
        assert_int_equal(number, i + 1000);
        cmaw_fd_close(&enclaves[i]);
        cmaw_fd_close(&targets[i]);
    }
}

static void await_free_place(const struct rig *rig)
{
    for (bool served = false; !served;) {
        CMAW_FD_AUTO(enclave);
        enclave = enclave_connects(rig);
        served = readable_within(rig->listener, 100);
    }
}

static void connections_over_the_limit_are_closed(void **state)
{
    struct rig *rig = *state;
    start_ready(rig, "--max-connections", "2");
    CMAW_FD_AUTO(one);
    CMAW_FD_AUTO(two);
    CMAW_FD_AUTO(three);
    CMAW_FD_AUTO(target_one);
    CMAW_FD_AUTO(target_two);
    one = enclave_connects(rig);
    target_one = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    two = enclave_connects(rig);
    target_two = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    three = enclave_connects(rig);
    expect_end(three);
    cmaw_fd_close(&one);
    cmaw_fd_close(&target_one);
    await_free_place(rig); /* once the proxy has seen both ends of the first */
    char byte = 0;
    assert_int_equal(write(two, "x", 1), 1);
    assert_int_equal(read(target_two, &byte, 1), 1);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    assert_false(has(&log, "refused=0"));
}

static void targets_that_fail_end_the_connection_only(void **state)
{
    struct rig *rig = *state;
    start_ready(rig, NULL, NULL);
    CMAW_FD_AUTO(reset);
    CMAW_FD_AUTO(target);
    reset = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    const struct linger now = {1, 0};
    char byte = 0;
    assert_int_equal(write(reset, "x", 1), 1);
    assert_int_equal(read(target, &byte, 1), 1);
    assert_int_equal(setsockopt(target, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    assert_int_equal(close(target), 0); /* RST */
    target = -1;
    expect_end(reset);
    cmaw_fd_close(&rig->listener);
    CMAW_FD_AUTO(refused);
    refused = enclave_connects(rig);
    expect_end(refused);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    assert_true(has(&log, "accepted=2 refused=0 connected=1 unreachable=1 timed_out=0 finished=0 failed=1"));
}

/* As TLS clients do: the target's farewell comes when nobody is there, or is not read. */
static void an_enclave_with_its_answer_may_leave(struct rig *rig, bool farewell_first)
{
    char text[16] = "";
    start_ready(rig, "--max-connections", "1");
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    enclave = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(write(enclave, "question", 8), 8);
    assert_int_equal(recv(target, text, 8, MSG_WAITALL), 8);
    assert_int_equal(write(target, "answer", 6), 6);
    if (farewell_first) {
        assert_int_equal(write(target, "farewell", 8), 8);
        cmaw_fd_close(&target);
        assert_int_equal(recv(enclave, text, 14, MSG_WAITALL | MSG_PEEK), 14);
    }
    assert_int_equal(recv(enclave, text, 6, MSG_WAITALL), 6);
    cmaw_fd_close(&enclave);
    if (!farewell_first) {
        assert_int_equal(recv(target, text, 1, 0), 0);
        assert_int_equal(write(target, "farewell", 8), 8);
    }
    await_free_place(rig);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    assert_true(has(&log, "timed_out=0 finished=1 failed=0"));
}

static void a_farewell_to_nobody_is_no_failure(void **state)
{
    an_enclave_with_its_answer_may_leave(*state, false);
}

static void a_farewell_that_is_not_read_is_no_failure(void **state)
{
    an_enclave_with_its_answer_may_leave(*state, true);
}

static void a_target_that_never_accepts_is_given_up(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(listen(rig->listener, 0), 0);
    start_ready(rig, "--connect-timeout", "1");
    enum { MANY = 4 };
    struct pollfd fds[MANY];
    for (int i = 0; i < MANY; i++) { /* the kernel completes one or two, any of them; the others wait for their SYN's answer */
        fds[i] = (struct pollfd){.fd = enclave_connects(rig), .events = POLLIN};
    }
    assert_true(poll(fds, MANY, WAIT_MS) > 0);
    for (int i = 0; i < MANY; i++) {
        cmaw_fd_close(&fds[i].fd);
    }
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    assert_false(has(&log, "timed_out=0"));
}

static void silence_ends_a_connection(void **state)
{
    struct rig *rig = *state;
    start_ready(rig, "--idle-timeout", "1");
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    const uint64_t started = cmaw_clock_ms();
    enclave = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    expect_end(enclave);
    expect_end(target);
    assert_true(cmaw_clock_ms() - started >= 900);
}

static void a_peer_that_does_not_read_holds_little(void **state)
{
    struct rig *rig = *state;
    static const uint8_t block[65536];
    start_ready(rig, NULL, NULL);
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    CMAW_FD_AUTO(other);
    CMAW_FD_AUTO(other_target);
    enclave = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    size_t taken = 0;
    struct pollfd event = {.fd = enclave, .events = POLLOUT};
    while (poll(&event, 1, 500) == 1) { /* until nobody takes any more */
        const ssize_t sent = send(enclave, block, sizeof block, MSG_DONTWAIT);
        assert_true(sent > 0 || errno == EAGAIN);
        taken += sent > 0 ? (size_t)sent : 0;
        assert_true(taken < 64 << 20); /* what the kernel buffers for TCP and for the socket, and our 32 KiB */
    }
    other = enclave_connects(rig); /* and others are served */
    other_target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    char byte = 0;
    assert_int_equal(write(other, "y", 1), 1);
    assert_int_equal(read(other_target, &byte, 1), 1);
    CMAW_BUF_AUTO(status, TEXT_MAX);
    struct cmaw_diag diag = {0};
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", rig->proxy.pid);
    assert_int_equal(cmaw_file_read(path, &status, &diag), CMAW_OK);
    cmaw_buf_put_u8(&status, 0);
    unsigned long user = 0, system = 0;
    const char *fields = strrchr((const char *)status.data, ')');
    assert_int_equal(sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    assert_true(user + system < 50); /* ticks of 10 ms: a busy loop would have burnt the half second of waiting */
}

static void counters_come_on_request(void **state)
{
    struct rig *rig = *state;
    start_ready(rig, NULL, NULL);
    CMAW_FD_AUTO(enclave);
    CMAW_FD_AUTO(target);
    enclave = enclave_connects(rig);
    target = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_int_equal(write(enclave, "12345", 5), 5);
    char text[5];
    assert_int_equal(recv(target, text, 5, MSG_WAITALL), 5);
    assert_int_equal(kill(rig->proxy.pid, SIGUSR1), 0);
    CMAW_BUF_AUTO(log, TEXT_MAX);
    stop(rig, &log);
    static const char line[] = "active=1 accepted=1 refused=0 connected=1 unreachable=0 timed_out=0 finished=0 failed=0 bytes_out=5 bytes_in=0";
    const char *first = memmem(log.data, log.size, line, sizeof line - 1);
    assert_non_null(first);
    const size_t rest = log.size - (size_t)(first + 1 - (const char *)log.data);
    assert_non_null(memmem(first + 1, rest, line, sizeof line - 1)); /* on request, and at the end */
    assert_false(has(&log, "12345")); /* nothing of what passed through */
}

static int run_to_end(struct rig *rig, const char *const *extra, struct cmaw_buf *log)
{
    CMAW_FD_AUTO(ready);
    struct cmaw_diag diag = {0};
    int status = -1;
    start(rig, extra, &ready);
    assert_int_equal(cmaw_proc_await_ready(ready, WAIT_MS), CMAW_E_CLOSED);
    assert_int_equal(cmaw_proc_wait(&rig->proxy, WAIT_MS, &status), CMAW_OK);
    cmaw_buf_reset(log);
    assert_int_equal(cmaw_file_read(rig->log, log, &diag), CMAW_OK);
    return status;
}

static void only_allowed_targets_are_forwarded_to(void **state)
{
    struct rig *rig = *state;
    CMAW_BUF_AUTO(log, TEXT_MAX);
    char other_port[64];
    (void)snprintf(other_port, sizeof other_port, "localhost:%u", rig->port + 1);
    const char *const wrong_port[] = {"--allow", other_port, NULL};
    assert_int_equal(run_to_end(rig, wrong_port, &log), 1);
    assert_true(has(&log, "cmaw-proxy: localhost:") && has(&log, " is not an allowed target\nhint: add --allow"));
    (void)snprintf(other_port, sizeof other_port, "ocalhost:%u", rig->port);
    assert_int_equal(run_to_end(rig, wrong_port, &log), 1);
    (void)snprintf(other_port, sizeof other_port, "localhost.:%u", rig->port);
    assert_int_equal(run_to_end(rig, wrong_port, &log), 1);
    assert_int_equal(run_to_end(rig, NULL, &log), 1);
    static const char *const bad[][3] = {{"--allow", "localhost"}, {"--allow", "localhost:0"}, {"--allow", "localhost:65536"}, {"--allow", ":80"},
                                         {"--allow", "a b:80"}, {"--forward", "uds:/x:1"}, {"--forward", "x=localhost:1"}, {"--bogus"},
                                         {"--max-connections", "0"}, {"--idle-timeout", "-1"}, {"--allow", "[::1:80"}, {"extra"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(run_to_end(rig, bad[i], &log), 2);
        assert_true(has(&log, "hint: "));
    }
}

int main(void)
{
#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)
    const struct CMUnitTest tests[] = {
        RIG_TEST(both_directions_at_once_and_half_close),
        RIG_TEST(an_answer_may_follow_a_half_close),
        RIG_TEST(many_at_once),
        RIG_TEST(connections_over_the_limit_are_closed),
        RIG_TEST(targets_that_fail_end_the_connection_only),
        RIG_TEST(a_farewell_to_nobody_is_no_failure),
        RIG_TEST(a_farewell_that_is_not_read_is_no_failure),
        RIG_TEST(a_target_that_never_accepts_is_given_up),
        RIG_TEST(silence_ends_a_connection),
        RIG_TEST(a_peer_that_does_not_read_holds_little),
        RIG_TEST(counters_come_on_request),
        RIG_TEST(only_allowed_targets_are_forwarded_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
