#include <setjmp.h>
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
#include <pthread.h>

#include "sys/addr.h"
#include "sys/file.h"

enum { SHORT_MS = 200, LONG_MS = 30000 };

struct peer {
    char folder[64], path[96];
    int listener;
    const char *answer;
    bool closes; /* after the answer; else it stays silent */
    char request[64];
};

/* Takes one host's connection, as vhost-device-vsock does. */
static void *serve(void *peer_pointer)
{
    struct peer *peer = peer_pointer;
    char byte;
    const int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t used = 0; used + 1 < sizeof peer->request && read(fd, peer->request + used, 1) == 1 && peer->request[used] != '\n'; used++) {
    }
    [[maybe_unused]] const ssize_t sent = send(fd, peer->answer, strlen(peer->answer), MSG_NOSIGNAL);
    if (!peer->closes) {
        [[maybe_unused]] const ssize_t end = read(fd, &byte, 1); /* until the host gives up */
    }
    (void)close(fd);
    return NULL;
}

static enum cmaw_err ask(struct peer *peer, uint32_t timeout_ms, int *ret_fd)
{
    struct cmaw_addr addr = {.port = 5000};
    pthread_t thread;
    (void)snprintf(peer->folder, sizeof peer->folder, "/tmp/cmaw-addr-test-XXXXXX");
    assert_non_null(mkdtemp(peer->folder));
    (void)snprintf(peer->path, sizeof peer->path, "%s/enclave", peer->folder);
    (void)snprintf(addr.path, sizeof addr.path, "%s", peer->path);
    assert_int_equal(cmaw_unix_listen(peer->path, &peer->listener), CMAW_OK);
    assert_int_equal(pthread_create(&thread, NULL, serve, peer), 0);
    const enum cmaw_err err = cmaw_addr_connect(&addr, timeout_ms, ret_fd);
    if (err == CMAW_OK) {
        assert_int_equal(shutdown(*ret_fd, SHUT_WR), 0);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    cmaw_fd_close(&peer->listener);
    assert_int_equal(unlink(peer->path) | rmdir(peer->folder), 0);
    return err;
}

static void answers_of_the_other_side(void **state)
{
    (void)state;
    static const struct { const char *answer; bool closes; enum cmaw_err err; } cases[] = {
        {"OK 5000\n", false, CMAW_OK},
        {"OK 1073741824\n", false, CMAW_OK}, /* of other programs: the host's port */
        {"OK\n", true, CMAW_OK},
        {"ERR 5000\n", false, CMAW_E_UNAVAILABLE},
        {"", true, CMAW_E_UNAVAILABLE},
        {"OK 50", true, CMAW_E_UNAVAILABLE},
        {"", false, CMAW_E_TIMEOUT},
        {"OK 50", false, CMAW_E_TIMEOUT},
        {"OK 5000 and no newline in more bytes than an answer may have, which ends it", false, CMAW_E_PEER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer peer = {.answer = cases[i].answer, .closes = cases[i].closes, .listener = -1};
        CMAW_FD_AUTO(fd);
        assert_int_equal(ask(&peer, cases[i].err == CMAW_E_TIMEOUT ? SHORT_MS : LONG_MS, &fd), cases[i].err);
        assert_string_equal(peer.request, "CONNECT 5000\n");
    }
}

static void what_follows_the_answer_is_the_callers(void **state)
{
    (void)state;
    struct peer peer = {.answer = "OK 5000\nhello", .closes = true, .listener = -1};
    CMAW_FD_AUTO(fd);
    char text[16] = "";
    assert_int_equal(ask(&peer, LONG_MS, &fd), CMAW_OK);
    assert_int_equal(read(fd, text, sizeof text - 1), 5);
    assert_string_equal(text, "hello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_of_the_other_side),
        cmocka_unit_test(what_follows_the_answer_is_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
