/* Certificates of the simulation: an attestation authority with the platform's chain (facts/NITRO.md section 1.3) and one
 * for the HTTPS endpoint. All live in the database with their private keys, and are made anew when they run out. */
#ifndef CMAW_DEV_PKI_H
#define CMAW_DEV_PKI_H

#include "lib/crypto/ecdsa.h"

struct sqlite3;

enum { CMAW_CERTIFICATE_MAX = 1024, CMAW_ATTESTER_BUNDLE = 4 }; /* bytes of DER; root, regional, zonal, instance */

struct cmaw_certificate {
    struct cmaw_buf der;
    struct cmaw_buf key_der; /* PKCS#8 of its private key: parsing one costs a millisecond, and most are not needed */
    enum cmaw_ec_curve curve;
};
void cmaw_certificate_free(struct cmaw_certificate *certificate);
enum cmaw_err cmaw_certificate_key(const struct cmaw_certificate *certificate, struct cmaw_ec_key **ret_key);
#define CMAW_CERTIFICATE_EMPTY \
    ((struct cmaw_certificate){CMAW_BUF(CMAW_CERTIFICATE_MAX), CMAW_BUF(CMAW_CERTIFICATE_MAX), CMAW_EC_P384})
#define CMAW_CERTIFICATE_AUTO(name) \
    [[gnu::cleanup(cmaw_certificate_free)]] struct cmaw_certificate name = CMAW_CERTIFICATE_EMPTY

/* What signs the documents of one enclave. */
struct cmaw_attester {
    struct cmaw_certificate bundle[CMAW_ATTESTER_BUNDLE]; /* [0] is the root */
    struct cmaw_certificate leaf;
};
void cmaw_attester_init(struct cmaw_attester *attester);
void cmaw_attester_free(struct cmaw_attester *attester);

/* All of these run inside cmaw_store_begin; ret must be empty. */

/* The root of attestation, made if there is none. */
enum cmaw_err cmaw_pki_attestation_root(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret);
/* The chain for an enclave: a leaf serves for 100 minutes, and what issues it always outlives it. token tells enclaves apart. */
enum cmaw_err cmaw_pki_attester(struct sqlite3 *db, const char *module_id, const char *token, int64_t now_s,
                                struct cmaw_attester *ret);
/* The authority of the HTTPS endpoint, made if there is none, and its server certificate. */
enum cmaw_err cmaw_pki_tls_ca(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret);
enum cmaw_err cmaw_pki_tls_server(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret);

#endif
