/* A TLS server of another make than the client's, in a thread of the test, behind a socket pair. Its certificates are valid from TLS_BEGIN
 * to TLS_END (seconds since 1970). */
#ifndef CMAW_TESTS_TLS_PEER_H
#define CMAW_TESTS_TLS_PEER_H

#include <gnutls/gnutls.h>
#include <pthread.h>

#include "lib/base/bytes.h"

enum { TLS_BEGIN = 1700000000, TLS_END = 1800000000, TLS_NOW = 1750000000 };

/* A server's certificate with its key, and the authority that issued it; PEM. */
struct tls_identity {
    struct cmaw_buf ca, cert, key;
};
/* names: alternative names, ending in NULL; NULL: none, so that there is only the common name "kms.cmaw.test". */
void tls_identity_make(const char *const *names, struct tls_identity *ret_identity);
void tls_identity_free(struct tls_identity *identity);

struct tls_peer {
    const struct tls_identity *identity;
    const char *priority; /* of GnuTLS */
    void (*serve)(gnutls_session_t session, void *context); /* after the handshake; then the connection is closed without close-notify */
    void *context;
    int fd;
    pthread_t thread;
};
/* Starts the server; returns the client's end. What is above fd must be set. */
int tls_peer_start(struct tls_peer *peer);
/* The same on the server's end of a connection, which the thread closes. */
void tls_peer_serve(struct tls_peer *peer, int fd);
void tls_peer_join(const struct tls_peer *peer);

/* Milliseconds of CLOCK_MONOTONIC, from now. */
uint64_t tls_deadline(uint64_t from_now_ms);

#endif
