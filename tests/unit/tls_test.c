/* The client against a server of another make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/tls.h"
#include "tests/unit/tls_peer.h"

enum { BIG = 3 << 20 };

static struct tls_identity own, other, nameless;

static int make_certificates(void **state)
{
    (void)state;
    static const char *const names[] = {"kms.cmaw.test", "*.wild.test", NULL};
    tls_identity_make(names, &own);
    tls_identity_make(names, &other);
    tls_identity_make(NULL, &nameless);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    tls_identity_free(&own);
    tls_identity_free(&other);
    tls_identity_free(&nameless);
    return 0;
}

/* What the server does after the handshake. */
enum deed { ECHO_AND_CLOSE, CUT_OFF, SEND_BIG, SWALLOW_BIG };

static void serve(gnutls_session_t session, void *context)
{
    const enum deed deed = *(const enum deed *)context;
    char block[8192] = {0};
    switch (deed) {
    case ECHO_AND_CLOSE: {
        const ssize_t size = gnutls_record_recv(session, block, sizeof block);
        if (size > 0) {
            (void)gnutls_record_send(session, block, (size_t)size);
        }
        (void)gnutls_bye(session, GNUTLS_SHUT_WR);
        break;
    }
    case CUT_OFF: (void)gnutls_record_send(session, "half", 4); break;
    case SEND_BIG:
        for (size_t sent = 0; sent < BIG; sent += sizeof block) {
            (void)gnutls_record_send(session, block, sizeof block);
        }
        (void)gnutls_bye(session, GNUTLS_SHUT_WR);
        break;
    case SWALLOW_BIG:
        for (size_t got = 0; got < BIG;) {
            const ssize_t size = gnutls_record_recv(session, block, sizeof block);
            if (size <= 0) {
                return;
            }
            got += (size_t)size;
        }
        (void)gnutls_record_send(session, "all", 3);
        (void)gnutls_bye(session, GNUTLS_SHUT_WR);
        break;
    }
}

struct server {
    struct tls_peer peer;
    enum deed deed;
};

/* Returns the client's end. */
static int server_start(struct server *server, const struct tls_identity *identity, const char *priority, enum deed deed)
{
    server->deed = deed;
    server->peer = (struct tls_peer){.identity = identity, .priority = priority, .serve = serve, .context = &server->deed};
    return tls_peer_start(&server->peer);
}

static void server_join(const struct server *server, int fd)
{
    (void)close(fd);
    tls_peer_join(&server->peer);
}

static void client_of(const struct cmaw_buf *roots, struct cmaw_tls_client **ret_client)
{
    assert_int_equal(cmaw_tls_client_new(cmaw_buf_slice(roots), ret_client), CMAW_OK);
}

static void read_all(struct cmaw_tls *tls, struct cmaw_buf *out, enum cmaw_err *ret_err)
{
    uint8_t block[4096];
    size_t size = 1;
    enum cmaw_err err = CMAW_OK;
    while (err == CMAW_OK && size > 0) {
        err = cmaw_tls_read(tls, block, sizeof block, tls_deadline(60000), &size);
        if (err == CMAW_OK) {
            cmaw_buf_put(out, cmaw_slice_of(block, size));
        }
    }
    *ret_err = err;
}

static void exchanges_and_ends(const char *priority)
{
    struct server server;
    struct cmaw_tls_client *client;
    CMAW_BUF_AUTO(answer, 100);
    enum cmaw_err err;
    client_of(&own.ca, &client);
    const int fd = server_start(&server, &own, priority, ECHO_AND_CLOSE);
    CMAW_TLS_AUTO(tls);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &tls), CMAW_OK);
    assert_int_equal(cmaw_tls_write(tls, CMAW_SLICE_LIT("hello"), tls_deadline(60000)), CMAW_OK);
    read_all(tls, &answer, &err);
    assert_int_equal(err, CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "hello"));
    server_join(&server, fd);
    cmaw_tls_client_free(client);
}

static void tls_1_3_and_1_2_work(void **state)
{
    (void)state;
    exchanges_and_ends("NORMAL:-VERS-ALL:+VERS-TLS1.3");
    exchanges_and_ends("NORMAL:-VERS-ALL:+VERS-TLS1.2");
}

static enum cmaw_err connect_as(const struct tls_identity *identity, const struct cmaw_buf *roots, const char *priority, const char *host,
                                int64_t time_s)
{
    struct server server;
    struct cmaw_tls_client *client;
    client_of(roots, &client);
    const int fd = server_start(&server, identity, priority, CUT_OFF);
    CMAW_TLS_AUTO(tls);
    const enum cmaw_err err = cmaw_tls_connect(client, fd, host, time_s, tls_deadline(60000), &tls);
    assert_int_equal(tls == NULL, err != CMAW_OK);
    cmaw_tls_release(&tls);
    server_join(&server, fd);
    cmaw_tls_client_free(client);
    return err;
}

static enum cmaw_err connect_to(const struct cmaw_buf *roots, const char *priority, const char *host, int64_t time_s)
{
    return connect_as(&own, roots, priority, host, time_s);
}

static void servers_are_authenticated(void **state)
{
    (void)state;
    static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(connect_to(&own.ca, priorities[i], "kms.cmaw.test", TLS_NOW), CMAW_OK);
        assert_int_equal(connect_to(&own.ca, priorities[i], "a.wild.test", TLS_NOW), CMAW_OK);
        assert_int_equal(connect_to(&own.ca, priorities[i], "a.b.wild.test", TLS_NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&own.ca, priorities[i], "other.cmaw.test", TLS_NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&own.ca, priorities[i], "server", TLS_NOW), CMAW_E_AUTH); /* the CN is no host name */
        assert_int_equal(connect_to(&other.ca, priorities[i], "kms.cmaw.test", TLS_NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&own.ca, priorities[i], "kms.cmaw.test", TLS_BEGIN - 1), CMAW_E_AUTH);
        assert_int_equal(connect_to(&own.ca, priorities[i], "kms.cmaw.test", TLS_END + 1), CMAW_E_AUTH);
        assert_int_equal(connect_to(&own.ca, priorities[i], "", TLS_NOW), CMAW_E_BUG);
        /* nor where it is all there is */
        assert_int_equal(connect_as(&nameless, &nameless.ca, priorities[i], "kms.cmaw.test", TLS_NOW), CMAW_E_AUTH);
    }
}

static void old_versions_are_refused(void **state)
{
    (void)state;
    assert_int_equal(connect_to(&own.ca, "LEGACY:-VERS-ALL:+VERS-TLS1.1", "kms.cmaw.test", TLS_NOW), CMAW_E_PEER);
}

static void a_cut_stream_is_told_from_an_end(void **state)
{
    (void)state;
    struct server server;
    struct cmaw_tls_client *client;
    CMAW_BUF_AUTO(answer, 100);
    enum cmaw_err err;
    client_of(&own.ca, &client);
    const int fd = server_start(&server, &own, "NORMAL", CUT_OFF);
    CMAW_TLS_AUTO(tls);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &tls), CMAW_OK);
    read_all(tls, &answer, &err);
    assert_int_equal(err, CMAW_E_CLOSED);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "half"));
    assert_int_not_equal(cmaw_tls_write(tls, CMAW_SLICE_LIT("to nobody"), tls_deadline(60000)), CMAW_OK); /* no SIGPIPE */
    server_join(&server, fd);
    cmaw_tls_client_free(client);
}

static void much_data_passes_both_ways(void **state)
{
    (void)state;
    struct server server;
    struct cmaw_tls_client *client;
    CMAW_BUF_AUTO(received, BIG);
    enum cmaw_err err;
    client_of(&own.ca, &client);
    int fd = server_start(&server, &own, "NORMAL", SEND_BIG);
    CMAW_TLS_AUTO(reading);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &reading), CMAW_OK);
    read_all(reading, &received, &err);
    assert_int_equal(err, CMAW_OK);
    assert_int_equal(received.size, BIG);
    server_join(&server, fd);

    CMAW_BUF_AUTO(answer, 100);
    fd = server_start(&server, &own, "NORMAL", SWALLOW_BIG);
    CMAW_TLS_AUTO(writing);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &writing), CMAW_OK);
    assert_int_equal(cmaw_tls_write(writing, cmaw_buf_slice(&received), tls_deadline(60000)), CMAW_OK);
    read_all(writing, &answer, &err);
    assert_int_equal(err, CMAW_OK);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "all"));
    server_join(&server, fd);
    cmaw_tls_client_free(client);
}

/* Peers that are no TLS servers. */
static void peers_cannot_hold_or_fool_the_client(void **state)
{
    (void)state;
    int ends[2];
    struct cmaw_tls_client *client;
    CMAW_TLS_AUTO(tls);
    client_of(&own.ca, &client);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const uint64_t before = tls_deadline(0);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", TLS_NOW, tls_deadline(50), &tls), CMAW_E_TIMEOUT);
    assert_in_range(tls_deadline(0) - before, 50, 60000);
    (void)close(ends[0]);
    (void)close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &tls), CMAW_E_PEER);
    (void)close(ends[0]);
    (void)close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    (void)close(ends[1]);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", TLS_NOW, tls_deadline(60000), &tls), CMAW_E_CLOSED);
    (void)close(ends[0]);
    assert_null(tls);
    cmaw_tls_client_free(client);
}

static void roots_must_be_certificates(void **state)
{
    (void)state;
    struct cmaw_tls_client *client = NULL;
    CMAW_BUF_AUTO(two, 8192);
    cmaw_buf_put(&two, cmaw_buf_slice(&own.ca));
    cmaw_buf_put_cstr(&two, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    static const char *const bad[] = {"", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                                      ("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,"
                                       "00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END CERTIFICATE-----\n")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(cmaw_tls_client_new(cmaw_slice_of_cstr(bad[i]), &client), CMAW_E_MALFORMED);
    }
    assert_int_equal(cmaw_tls_client_new(cmaw_buf_slice(&two), &client), CMAW_E_MALFORMED);
    assert_null(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_1_3_and_1_2_work),
        cmocka_unit_test(servers_are_authenticated),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(a_cut_stream_is_told_from_an_end),
        cmocka_unit_test(much_data_passes_both_ways),
        cmocka_unit_test(peers_cannot_hold_or_fool_the_client),
        cmocka_unit_test(roots_must_be_certificates),
    };
    return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
