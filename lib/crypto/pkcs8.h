/* Inside lib/crypto only: private keys as PKCS#8 in DER, of any algorithm. */
#ifndef CMAW_CRYPTO_PKCS8_H
#define CMAW_CRYPTO_PKCS8_H

#include "lib/crypto/openssl.h"

/* NULL if der is no private key, or more than one. The key is the caller's. */
EVP_PKEY *cmaw_pkcs8_read(struct cmaw_slice der);
/* Appends it; the key must have its private part. */
enum cmaw_err cmaw_pkcs8_put(const EVP_PKEY *pkey, struct cmaw_buf *buf);

#endif
