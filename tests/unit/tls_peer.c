#include "tests/unit/tls_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/pem.h"
#include "lib/crypto/x509_make.h"

enum { PEM_MAX = 8192, DER_MAX = 4096 };

void tls_identity_make(const char *const *names, struct tls_identity *ret_identity)
{
    CMAW_EC_KEY_AUTO(ca_key);
    CMAW_EC_KEY_AUTO(server_key);
    CMAW_BUF_AUTO(ca, DER_MAX);
    CMAW_BUF_AUTO(server, DER_MAX);
    CMAW_BUF_AUTO(private_der, DER_MAX);
    const struct cmaw_x509_spec ca_spec = {
        .common_name = "ca", .not_before_s = TLS_BEGIN, .not_after_s = TLS_END, .ca = true, .path_length = 0, .key_ids = true};
    const struct cmaw_x509_spec server_spec = {.common_name = names == NULL ? "kms.cmaw.test" : "server", .not_before_s = TLS_BEGIN,
                                               .not_after_s = TLS_END, .path_length = -1, .dns_names = names, .key_ids = true};
    *ret_identity = (struct tls_identity){CMAW_BUF(PEM_MAX), CMAW_BUF(PEM_MAX), CMAW_BUF(PEM_MAX)};
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &ca_key), CMAW_OK);
    assert_int_equal(cmaw_ec_generate(CMAW_EC_P256, &server_key), CMAW_OK);
    assert_int_equal(cmaw_x509_make(&ca_spec, ca_key, CMAW_SLICE_EMPTY, ca_key, &ca), CMAW_OK);
    assert_int_equal(cmaw_x509_make(&server_spec, server_key, cmaw_buf_slice(&ca), ca_key, &server), CMAW_OK);
    assert_int_equal(cmaw_ec_put_private_der(server_key, &private_der), CMAW_OK);
    cmaw_pem_put(&ret_identity->ca, "CERTIFICATE", cmaw_buf_slice(&ca));
    cmaw_pem_put(&ret_identity->cert, "CERTIFICATE", cmaw_buf_slice(&server));
    cmaw_pem_put(&ret_identity->key, "PRIVATE KEY", cmaw_buf_slice(&private_der));
}

void tls_identity_free(struct tls_identity *identity)
{
    cmaw_buf_free(&identity->ca);
    cmaw_buf_free(&identity->cert);
    cmaw_buf_free(&identity->key);
}

static void *peer_main(void *argument)
{
    const struct tls_peer *peer = argument;
    gnutls_certificate_credentials_t credentials;
    gnutls_session_t session;
    const gnutls_datum_t cert = {peer->identity->cert.data, (unsigned)peer->identity->cert.size};
    const gnutls_datum_t key = {peer->identity->key.data, (unsigned)peer->identity->key.size};
    (void)gnutls_certificate_allocate_credentials(&credentials);
    (void)gnutls_certificate_set_x509_key_mem(credentials, &cert, &key, GNUTLS_X509_FMT_PEM);
    (void)gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
    (void)gnutls_priority_set_direct(session, peer->priority, NULL);
    (void)gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, peer->fd);
    int rc;
    do {
        rc = gnutls_handshake(session);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc == 0) {
        peer->serve(session, peer->context);
    } else {
        (void)gnutls_alert_send_appropriate(session, rc);
    }
    gnutls_deinit(session);
    gnutls_certificate_free_credentials(credentials);
    (void)close(peer->fd);
    return NULL;
}

void tls_peer_serve(struct tls_peer *peer, int fd)
{
    peer->fd = fd;
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_main, peer), 0);
}

int tls_peer_start(struct tls_peer *peer)
{
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    tls_peer_serve(peer, ends[1]);
    return ends[0];
}

void tls_peer_join(const struct tls_peer *peer)
{
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
}

uint64_t tls_deadline(uint64_t from_now_ms)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + from_now_ms;
}
