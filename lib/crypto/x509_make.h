/* Issues certificates: for development authorities and tests only. */
#ifndef CMAW_CRYPTO_X509_MAKE_H
#define CMAW_CRYPTO_X509_MAKE_H

#include "lib/crypto/ecdsa.h"

struct cmaw_x509_spec {
    const char *common_name;
    const char *organization;        /* NULL: left out */
    const char *organizational_unit; /* NULL: left out */
    const char *country;             /* two letters; NULL: left out */
    int64_t not_before_s;            /* seconds since 1970 */
    int64_t not_after_s;
    bool ca;
    int path_length; /* of a CA; negative: none */
    /* keyUsage in OpenSSL's words. NULL: a CA has keyCertSign and cRLSign, critical; another has digitalSignature, not
     * critical, as the platform's leaf. */
    const char *key_usage;
    const char *crl_url; /* cRLDistributionPoints; NULL: none */
    const char *const *dns_names; /* subjectAltName, ends with NULL; NULL: none. Adds extendedKeyUsage serverAuth */
    const uint8_t *ipv4;          /* one more subjectAltName, 4 bytes; NULL: none */
    bool key_ids;                 /* subjectKeyIdentifier, and authorityKeyIdentifier if the issuer has one */
};

/* Appends a DER certificate of subject_key under a random 16-byte serial number, signed by issuer_key with the hash of its
 * curve. issuer is the issuer's DER certificate; empty: self-signed, and issuer_key must be subject_key.
 * subject_key may be public only. */
enum cmaw_err cmaw_x509_make(const struct cmaw_x509_spec *spec, const struct cmaw_ec_key *subject_key,
                             struct cmaw_slice issuer, const struct cmaw_ec_key *issuer_key, struct cmaw_buf *out);

#endif
