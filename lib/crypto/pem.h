/* Text armour of DER (RFC 7468). */
#ifndef CMAW_CRYPTO_PEM_H
#define CMAW_CRYPTO_PEM_H

#include "lib/base/bytes.h"

/* Appends the armoured form with lines of 64 characters; label is "CERTIFICATE" or "PRIVATE KEY" (PKCS#8). */
void cmaw_pem_put(struct cmaw_buf *buf, const char *label, struct cmaw_slice der);

#endif
