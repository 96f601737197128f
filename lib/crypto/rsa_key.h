/* Inside lib/crypto only. */
#ifndef CMAW_CRYPTO_RSA_KEY_H
#define CMAW_CRYPTO_RSA_KEY_H

#include "lib/crypto/hash.h"
#include "lib/crypto/rsa.h"

struct evp_pkey_st;

struct cmaw_rsa_key {
    struct evp_pkey_st *pkey;
    uint8_t spki[CMAW_RSA_SPKI_SIZE];
};

#endif
