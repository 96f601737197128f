/* Inside lib/crypto only: private keys of any algorithm, as PKCS#8 in DER and as PEM. */
#ifndef CMAW_CRYPTO_PKCS8_H
#define CMAW_CRYPTO_PKCS8_H

#include "lib/crypto/openssl.h"

/* NULL if der is no private key, or more than one. The key is the caller's. */
EVP_PKEY *cmaw_pkcs8_read(struct cmaw_slice der);
/* Appends it; the key must have its private part. */
enum cmaw_err cmaw_pkcs8_put(const EVP_PKEY *pkey, struct cmaw_buf *buf);
/* The first private key in a PEM text, in any of OpenSSL's forms. NULL if there is none, or it wants a passphrase. The key is the caller's. */
EVP_PKEY *cmaw_private_pem_read(struct cmaw_slice pem);

#endif
