/* Inside lib/crypto only: how TLS reads and writes its socket. OpenSSL's own socket BIO raises SIGPIPE, and wants the
 * descriptor to be non-blocking; this one does neither. */
#ifndef CMAW_CRYPTO_TLS_WIRE_H
#define CMAW_CRYPTO_TLS_WIRE_H

#include <openssl/bio.h>

#include "lib/base/bytes.h"

/* NULL if there is no memory. Freed with BIO_meth_free after the last BIO made with it. */
BIO_METHOD *cmaw_tls_wire_method(void);
/* fd stays the caller's. NULL if there is no memory. */
BIO *cmaw_tls_wire_new(BIO_METHOD *method, int fd);
/* Until fd can be written or read, or is closed; TIMEOUT at the deadline (milliseconds of CLOCK_MONOTONIC). */
enum cmaw_err cmaw_tls_wire_wait(int fd, bool for_writing, uint64_t deadline_ms);

#endif
