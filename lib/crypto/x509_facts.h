/* What a certificate of any kind says of itself, for those who show one or sign by it. Neither its signature nor who issued it is
 * looked at: lib/crypto/x509.h verifies. */
#ifndef CMAW_CRYPTO_X509_FACTS_H
#define CMAW_CRYPTO_X509_FACTS_H

#include "lib/crypto/ecdsa.h"

enum { CMAW_X509_NAME_PARTS_MAX = 16, CMAW_X509_SIGNATURE_MAX = 1024 };

/* Texts are UTF-8; what a terminal might obey in a value is '?'. */
struct cmaw_x509_facts {
    struct {
        char name[64]; /* in OpenSSL's long words: "commonName" */
        char value[256];
    } issuer[CMAW_X509_NAME_PARTS_MAX];
    size_t issuer_count;
    char algorithm[64];                 /* of the signature: "ecdsa-with-SHA384" */
    char not_before[32], not_after[32]; /* "Nov 26 00:00:00 2026 GMT" */
    int64_t not_before_s, not_after_s;  /* seconds since 1970 */
    uint8_t signature[CMAW_X509_SIGNATURE_MAX];
    size_t signature_size;
};

/* MALFORMED if der is not one certificate and nothing behind it; TOO_LARGE where it does not fit. Hostile input. */
enum cmaw_err cmaw_x509_facts_read(struct cmaw_slice der, struct cmaw_x509_facts *ret_facts);
/* The certificate's key. MALFORMED as above; UNSUPPORTED for a key that is not of the curve. Hostile input. */
enum cmaw_err cmaw_x509_key(struct cmaw_slice der, enum cmaw_ec_curve curve, struct cmaw_ec_key **ret_key);

#endif
