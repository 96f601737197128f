/* The signature section of an enclave image (facts/NITRO.md section 3.3), in the form that nitro-cli writes and QEMU wants:
 *     [{"signing_certificate": [bytes of PEM], "signature": [bytes of COSE_Sign1]}]
 * with arrays of integers for bytes, over the payload {"register_index": 0, "register_value": [bytes of PCR0]}. */
#ifndef CMAW_ATTEST_EIF_SIGN_H
#define CMAW_ATTEST_EIF_SIGN_H

#include "lib/attest/eif.h"
#include "lib/crypto/ecdsa.h"

/* Owned; zero or CMAW_EIF_SIGNATURE_AUTO before it is read. */
struct cmaw_eif_signature {
    struct cmaw_buf pem;  /* the certificate as it is in the file: one block */
    struct cmaw_buf der;  /* the same, decoded: what PCR8 measures */
    struct cmaw_buf cose; /* COSE_Sign1 */
};
void cmaw_eif_signature_free(struct cmaw_eif_signature *signature);
#define CMAW_EIF_SIGNATURE_AUTO(name) [[gnu::cleanup(cmaw_eif_signature_free)]] struct cmaw_eif_signature name = {0}

/* Reads the form only: exactly one certificate (any X.509, in PEM), one signature, nothing behind them. MALFORMED, and *field names what was
 * wrong in a constant text. On failure the signature is empty. Hostile input. */
enum cmaw_err cmaw_eif_signature_read(struct cmaw_slice section, struct cmaw_eif_signature *signature, const char **field);

/* Whether the certificate's key signed this PCR0. AUTH: it did not, or another register or value, or with another header;
 * UNSUPPORTED: its key is not P-384, and nothing was checked. *fault says which in a constant text. Dates are the caller's matter. */
enum cmaw_err cmaw_eif_signature_check(const struct cmaw_eif_signature *signature, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE],
                                       const char **fault);

/* Appends the section: key, which is the private P-384 key of the certificate (DER), signs pcr0. Signing twice gives two signatures (the
 * nonces are hedged), so files differ in this section only, which is not measured. TOO_LARGE over CMAW_EIF_SIGNATURE_MAX; AUTH for a key that
 * is not the certificate's; MALFORMED, UNSUPPORTED for a certificate that cannot sign. */
enum cmaw_err cmaw_eif_sign(const struct cmaw_ec_key *key, struct cmaw_slice certificate, const uint8_t pcr0[static CMAW_EIF_PCR_SIZE],
                            struct cmaw_buf *section);

#endif
