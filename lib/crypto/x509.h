/* X.509 chains of the attestation PKI, facts/NITRO.md section 1.3: P-384 and ecdsa-with-SHA384 throughout, a linear walk
 * in the order given. */
#ifndef CMAW_CRYPTO_X509_H
#define CMAW_CRYPTO_X509_H

#include "lib/crypto/ecdsa.h"
#include "lib/crypto/hash.h"

enum { CMAW_X509_CHAIN_MAX = 9 }; /* certificates: 8 of a bundle and the leaf */

/* Signatures of authorities' certificates that have verified: the same few stand above every leaf. Zero-initialised; owned by one thread. What
 * is remembered is a digest of the issuer's key, the signed part and the signature, so a hit is what a second verification would say. */
enum { CMAW_X509_CACHE_MAX = 64 };
struct cmaw_x509_cache {
    uint8_t digests[CMAW_X509_CACHE_MAX][CMAW_SHA256_SIZE];
    size_t count; /* once full, no more are taken */
};

/* chain[0] is the root, which the caller has compared with its pin (its own signature is not looked at); every next one
 * is issued by the one before; the last is the leaf. count 2..CMAW_X509_CHAIN_MAX. Checks: one DER certificate v3 each and
 * nothing behind it; issuer and subject names equal byte for byte; no
 * certificate but the root that names itself as issuer; signatures; CA flag, keyCertSign and path length of the
 * issuers; a leaf that is no CA, without path length, with digitalSignature; no unknown critical extension; only then that
 * time_s (seconds since 1970) is within all validities, ends included. AUTH, or EXPIRED for the last check alone.
 * cache may be NULL. ret_leaf_key is the caller's. Hostile input. */
enum cmaw_err cmaw_x509_verify_chain(const struct cmaw_slice *chain, size_t count, int64_t time_s, struct cmaw_x509_cache *cache,
                                     struct cmaw_ec_key **ret_leaf_key);

/* First and last second of validity; MALFORMED if der is no certificate. */
enum cmaw_err cmaw_x509_validity(struct cmaw_slice der, int64_t *ret_not_before_s, int64_t *ret_not_after_s);
/* Appends the subject to an empty buf, for people: "CN=…, OU=…" in the order of the certificate, with everything but printable ASCII escaped.
 * MALFORMED. Hostile input. */
enum cmaw_err cmaw_x509_subject(struct cmaw_slice der, struct cmaw_buf *buf);

#endif
