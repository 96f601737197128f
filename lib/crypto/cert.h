/* Inside lib/crypto only: a certificate of the attestation PKI, parsed. */
#ifndef CMAW_CRYPTO_CERT_H
#define CMAW_CRYPTO_CERT_H

#include "lib/base/bytes.h"

enum { CMAW_CERT_SIZE_MAX = 4096 }; /* bytes; the platform's have at most 1,024 */

/* Borrowed from the DER. Names, the key and the signed part are whole elements. */
struct cmaw_cert {
    struct cmaw_slice signed_part;
    struct cmaw_slice signature; /* DER of an ECDSA signature */
    struct cmaw_slice issuer;
    struct cmaw_slice subject;
    struct cmaw_slice spki;
    int64_t not_before_s; /* seconds since 1970 */
    int64_t not_after_s;
    bool is_ca;
    int path_length; /* -1: none given */
    bool may_sign_certificates;
    bool may_sign_data;
};

/* AUTH for anything but a DER certificate v3 signed with ecdsa-with-SHA384, without unknown critical extensions. Nothing is
 * verified. Hostile input. */
enum cmaw_err cmaw_cert_parse(struct cmaw_slice der, struct cmaw_cert *ret_cert);

#endif
