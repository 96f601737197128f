/* Inside lib/crypto only. */
#ifndef CMAW_CRYPTO_EC_KEY_H
#define CMAW_CRYPTO_EC_KEY_H

#include "lib/crypto/ec_curve.h"
#include "lib/crypto/openssl.h"

struct cmaw_ec_key {
    enum cmaw_ec_curve curve;
    EVP_PKEY *pkey;
    /* made ready once; an operation works on a copy, so threads can share the key */
    EVP_PKEY_CTX *verifier;
    EVP_PKEY_CTX *signer; /* NULL: public only */
    uint8_t point[CMAW_EC_POINT_MAX];
};

/* Takes the reference of pkey, in success and failure. AUTH if it is no key of the curve. */
enum cmaw_err cmaw_ec_wrap(enum cmaw_ec_curve curve, EVP_PKEY *pkey, bool has_private, struct cmaw_ec_key **ret_key);

#endif
