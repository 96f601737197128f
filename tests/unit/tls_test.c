/* The client against a server of another make. */
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/pem.h"
#include "lib/crypto/tls.h"
#include "lib/crypto/x509_make.h"

enum { BEGIN = 1700000000, END = 1800000000, NOW = 1750000000, BIG = 3 << 20 };

static struct cmaw_buf ca_pem = CMAW_BUF(8192);
static struct cmaw_buf other_ca_pem = CMAW_BUF(8192);
static struct cmaw_buf server_pem = CMAW_BUF(8192);
static struct cmaw_buf server_key_pem = CMAW_BUF(8192);

static void issue(struct cmaw_buf *root_pem, bool with_server)
{
    static const char *const names[] = {"kms.cmaw.test", "*.wild.test", NULL};
    CMAW_EC_KEY_AUTO(ca_key);
    CMAW_EC_KEY_AUTO(server_key);
    CMAW_BUF_AUTO(ca, 4096);
    CMAW_BUF_AUTO(server, 4096);
    CMAW_BUF_AUTO(private_der, 4096);
    const struct cmaw_x509_spec ca_spec = {
        .common_name = "ca", .not_before_s = BEGIN, .not_after_s = END, .ca = true, .path_length = 0, .key_ids = true};
    const struct cmaw_x509_spec server_spec = {.common_name = "server", .not_before_s = BEGIN, .not_after_s = END,
                                               .path_length = -1, .dns_names = names, .key_ids = true};
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &ca_key), CMAW_OK);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &server_key), CMAW_OK);
    assert_int_equal(cmaw_x509_make(&ca_spec, ca_key, CMAW_SLICE_EMPTY, ca_key, &ca), CMAW_OK);
    cmaw_pem_put(root_pem, "CERTIFICATE", cmaw_buf_slice(&ca));
    if (with_server) {
        assert_int_equal(cmaw_x509_make(&server_spec, server_key, cmaw_buf_slice(&ca), ca_key, &server), CMAW_OK);
        assert_int_equal(cmaw_ec_put_private_der(server_key, &private_der), CMAW_OK);
        cmaw_pem_put(&server_pem, "CERTIFICATE", cmaw_buf_slice(&server));
        cmaw_pem_put(&server_key_pem, "PRIVATE KEY", cmaw_buf_slice(&private_der));
    }
}

static int make_certificates(void **state)
{
    (void)state;
    issue(&ca_pem, true);
    issue(&other_ca_pem, false);
    return 0;
}

static int free_certificates(void **state)
{
    (void)state;
    cmaw_buf_free(&ca_pem);
    cmaw_buf_free(&other_ca_pem);
    cmaw_buf_free(&server_pem);
    cmaw_buf_free(&server_key_pem);
    return 0;
}

/* What the server does after the handshake. */
enum deed { ECHO_AND_CLOSE, CUT_OFF, SEND_BIG, SWALLOW_BIG };

struct server {
    int fd;
    const char *priority;
    enum deed deed;
    pthread_t thread;
};

static void serve(gnutls_session_t session, enum deed deed)
{
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

static void *server_main(void *argument)
{
    const struct server *server = argument;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    const gnutls_datum_t cert = {server_pem.data, (unsigned)server_pem.size};
    const gnutls_datum_t key = {server_key_pem.data, (unsigned)server_key_pem.size};
    (void)gnutls_certificate_allocate_credentials(&credentials);
    (void)gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
    (void)gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    (void)gnutls_priority_set_direct(session, server->priority, NULL);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, server->fd);
    int rc;
    do {
        rc = gnutls_handshake(session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc == 0) {
        serve(session, server->deed);
    } else {
        (void)gnutls_alert_send_appropriate(session, rc);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    (void)close(server->fd);
    return NULL;
}

/* Returns the client's end. */
static int server_start(struct server *server, const char *priority, enum deed deed)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    *server = (struct server){.fd = ends[1], .priority = priority, .deed = deed};
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
    return ends[0];
}

static void server_join(const struct server *server, int fd)
{
    (void)close(fd);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
}

static uint64_t deadline(uint64_t from_now_ms)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + from_now_ms;
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
        err = cmaw_tls_read(tls, block, sizeof block, deadline(5000), &size);
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
    client_of(&ca_pem, &client);
    const int fd = server_start(&server, priority, ECHO_AND_CLOSE);
    CMAW_TLS_AUTO(tls);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", NOW, deadline(5000), &tls), CMAW_OK);
    assert_int_equal(cmaw_tls_write(tls, CMAW_SLICE_LIT("hello"), deadline(5000)), CMAW_OK);
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

static enum cmaw_err connect_to(const struct cmaw_buf *roots, const char *priority, const char *host, int64_t time_s)
{
    struct server server;
    struct cmaw_tls_client *client;
    client_of(roots, &client);
    const int fd = server_start(&server, priority, CUT_OFF);
    CMAW_TLS_AUTO(tls);
    const enum cmaw_err err = cmaw_tls_connect(client, fd, host, time_s, deadline(5000), &tls);
    assert_int_equal(tls == NULL, err != CMAW_OK);
    cmaw_tls_release(&tls);
    server_join(&server, fd);
    cmaw_tls_client_free(client);
    return err;
}

static void servers_are_authenticated(void **state)
{
    (void)state;
    static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.2"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(connect_to(&ca_pem, priorities[i], "kms.cmaw.test", NOW), CMAW_OK);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "a.wild.test", NOW), CMAW_OK);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "a.b.wild.test", NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "other.cmaw.test", NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "server", NOW), CMAW_E_AUTH); /* the CN is no host name */
        assert_int_equal(connect_to(&other_ca_pem, priorities[i], "kms.cmaw.test", NOW), CMAW_E_AUTH);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "kms.cmaw.test", BEGIN - 1), CMAW_E_AUTH);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "kms.cmaw.test", END + 1), CMAW_E_AUTH);
        assert_int_equal(connect_to(&ca_pem, priorities[i], "", NOW), CMAW_E_BUG);
    }
}

static void old_versions_are_refused(void **state)
{
    (void)state;
    assert_int_equal(connect_to(&ca_pem, "LEGACY:-VERS-ALL:+VERS-TLS1.1", "kms.cmaw.test", NOW), CMAW_E_PEER);
}

static void a_cut_stream_is_told_from_an_end(void **state)
{
    (void)state;
    struct server server;
    struct cmaw_tls_client *client;
    CMAW_BUF_AUTO(answer, 100);
    enum cmaw_err err;
    client_of(&ca_pem, &client);
    const int fd = server_start(&server, "NORMAL", CUT_OFF);
    CMAW_TLS_AUTO(tls);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", NOW, deadline(5000), &tls), CMAW_OK);
    read_all(tls, &answer, &err);
    assert_int_equal(err, CMAW_E_CLOSED);
    assert_true(cmaw_slice_eq_cstr(cmaw_buf_slice(&answer), "half"));
    assert_int_not_equal(cmaw_tls_write(tls, CMAW_SLICE_LIT("to nobody"), deadline(5000)), CMAW_OK); /* no SIGPIPE */
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
    client_of(&ca_pem, &client);
    int fd = server_start(&server, "NORMAL", SEND_BIG);
    CMAW_TLS_AUTO(reading);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", NOW, deadline(5000), &reading), CMAW_OK);
    read_all(reading, &received, &err);
    assert_int_equal(err, CMAW_OK);
    assert_int_equal(received.size, BIG);
    server_join(&server, fd);

    CMAW_BUF_AUTO(answer, 100);
    fd = server_start(&server, "NORMAL", SWALLOW_BIG);
    CMAW_TLS_AUTO(writing);
    assert_int_equal(cmaw_tls_connect(client, fd, "kms.cmaw.test", NOW, deadline(5000), &writing), CMAW_OK);
    assert_int_equal(cmaw_tls_write(writing, cmaw_buf_slice(&received), deadline(5000)), CMAW_OK);
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
    client_of(&ca_pem, &client);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const uint64_t before = deadline(0);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", NOW, deadline(50), &tls), CMAW_E_TIMEOUT);
    assert_in_range(deadline(0) - before, 50, 4000);
    (void)close(ends[0]);
    (void)close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    assert_int_equal(write(ends[1], "HTTP/1.1 400 Bad Request\r\n\r\n", 28), 28);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", NOW, deadline(5000), &tls), CMAW_E_PEER);
    (void)close(ends[0]);
    (void)close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    (void)close(ends[1]);
    assert_int_equal(cmaw_tls_connect(client, ends[0], "kms.cmaw.test", NOW, deadline(5000), &tls), CMAW_E_CLOSED);
    (void)close(ends[0]);
    assert_null(tls);
    cmaw_tls_client_free(client);
}

static void roots_must_be_certificates(void **state)
{
    (void)state;
    struct cmaw_tls_client *client = NULL;
    CMAW_BUF_AUTO(two, 8192);
    cmaw_buf_put(&two, cmaw_buf_slice(&ca_pem));
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
