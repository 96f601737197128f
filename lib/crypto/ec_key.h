/* Inside lib/crypto only. */
#ifndef CMAW_CRYPTO_EC_KEY_H
#define CMAW_CRYPTO_EC_KEY_H

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/openssl.h"

enum { CMAW_EC_SCALAR_MAX = 48, CMAW_EC_POINT_MAX = 97 }; /* bytes; an uncompressed point begins with 04 */

struct cmaw_ec_key {
    enum cmaw_ec_curve curve;
    EVP_PKEY *pkey;
    /* made ready once; an operation works on a copy, so threads can share the key */
    EVP_PKEY_CTX *verifier;
    EVP_PKEY_CTX *signer; /* NULL: public only */
    uint8_t point[CMAW_EC_POINT_MAX];
};

/* Bytes of a scalar and of an uncompressed point. */
size_t cmaw_ec_scalar_size(enum cmaw_ec_curve curve);
size_t cmaw_ec_point_size(enum cmaw_ec_curve curve);
/* Takes the reference of pkey, in success and failure. AUTH if it is no key of the curve. */
enum cmaw_err cmaw_ec_wrap(enum cmaw_ec_curve curve, EVP_PKEY *pkey, bool has_private, struct cmaw_ec_key **ret_key);

#endif
