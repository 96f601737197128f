/* Text armour of DER (RFC 7468). */
#ifndef CMAW_CRYPTO_PEM_H
#define CMAW_CRYPTO_PEM_H

#include "lib/base/bytes.h"

/* Appends the armoured form with lines of 64 characters; label is "CERTIFICATE" or "PRIVATE KEY" (PKCS#8). */
void cmaw_pem_put(struct cmaw_buf *buf, const char *label, struct cmaw_slice der);
/* Appends the DER of a text that is exactly one such block: nothing before it, at most a line feed behind, lines of any length that end in a
 * line feed. MALFORMED for anything else. Hostile input. */
enum cmaw_err cmaw_pem_read(struct cmaw_slice text, const char *label, struct cmaw_buf *der);

#endif
