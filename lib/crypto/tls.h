/* TLS client over a stream socket that is connected already. TLS 1.2 and later, the given roots only, the host name is
 * checked against the certificate's alternative names (never its common name) and sent (SNI). Times are given: nothing here asks the wall clock.
 * Deadlines are absolute, in milliseconds of CLOCK_MONOTONIC; TIMEOUT when they pass. */
#ifndef CMAW_CRYPTO_TLS_H
#define CMAW_CRYPTO_TLS_H

#include "lib/base/bytes.h"

struct cmaw_tls_client; /* roots and settings, made once */
struct cmaw_tls;        /* one connection */

/* roots_pem: one or more PEM certificates, at most 256 KiB in all; MALFORMED if one cannot be read or none is there. */
enum cmaw_err cmaw_tls_client_new(struct cmaw_slice roots_pem, struct cmaw_tls_client **ret_client);
void cmaw_tls_client_free(struct cmaw_tls_client *client);

/* Handshake. fd stays the caller's, blocking or not, and must live until cmaw_tls_free. time_s: seconds since 1970,
 * for the validity of certificates. AUTH if the peer's certificate does not stand for host, PEER if the handshake fails
 * otherwise, CLOSED, TIMEOUT, IO. */
enum cmaw_err cmaw_tls_connect(struct cmaw_tls_client *client, int fd, const char *host, int64_t time_s,
                               uint64_t deadline_ms, struct cmaw_tls **ret_tls);
/* Sends close-notify if it can at once, and frees. NULL-safe. */
void cmaw_tls_free(struct cmaw_tls *tls);
/* Writes all bytes. */
enum cmaw_err cmaw_tls_write(struct cmaw_tls *tls, struct cmaw_slice bytes, uint64_t deadline_ms);
/* Reads 1..capacity bytes, 0 at the end that the peer announced (close-notify). CLOSED if the stream ends without it: the
 * data may be cut. */
enum cmaw_err cmaw_tls_read(struct cmaw_tls *tls, uint8_t *dst, size_t capacity, uint64_t deadline_ms, size_t *ret_size);
/* Before a connection that was idle is used again, without waiting: OK if it is open and the peer has said nothing since. PEER if it has
 * (what it said is lost, and nothing that follows can be told apart), CLOSED. */
enum cmaw_err cmaw_tls_quiet(struct cmaw_tls *tls);

#define CMAW_TLS_AUTO(name) [[gnu::cleanup(cmaw_tls_release)]] struct cmaw_tls *name = NULL
static inline void cmaw_tls_release(struct cmaw_tls **tls)
{
    cmaw_tls_free(*tls);
    *tls = NULL;
}

#endif
