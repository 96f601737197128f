/* Key pairs of the kinds that AWS KMS makes for its callers, in and out as DER: PKCS#8 and SubjectPublicKeyInfo. What the
 * protocol itself signs with is in ecdsa.h; this is for the emulator, which has to speak every kind. */
#ifndef CMAW_CRYPTO_PAIR_H
#define CMAW_CRYPTO_PAIR_H

#include "lib/crypto/hash.h"

enum cmaw_pair_kind {
    CMAW_PAIR_P256,
    CMAW_PAIR_P384,
    CMAW_PAIR_P521,
    CMAW_PAIR_SECP256K1,
    CMAW_PAIR_RSA_2048,
    CMAW_PAIR_RSA_3072,
    CMAW_PAIR_RSA_4096,
};

enum cmaw_pair_scheme {
    CMAW_PAIR_ECDSA, /* signatures in DER */
    CMAW_PAIR_PKCS1, /* RSASSA-PKCS1-v1_5 */
    CMAW_PAIR_PSS,   /* RSASSA-PSS: MGF1 with the same hash, salt as long as the digest */
};

enum { CMAW_PAIR_PRIVATE_MAX = 3072, CMAW_PAIR_PUBLIC_MAX = 640, CMAW_PAIR_SIGNATURE_MAX = 512 }; /* bytes */

/* Appends a new pair. RSA-4096 may take seconds. */
enum cmaw_err cmaw_pair_generate(enum cmaw_pair_kind kind, struct cmaw_buf *private_der, struct cmaw_buf *public_der);
/* Appends the signature of a digest, which must be as long as hash makes it. BUG if the key is none of the scheme. */
enum cmaw_err cmaw_pair_sign(enum cmaw_pair_scheme scheme, enum cmaw_hash_alg hash, struct cmaw_slice private_der,
                             struct cmaw_slice digest, struct cmaw_buf *signature);
/* AUTH unless it is such a signature by this key. Hostile signature; public_der is our own. */
enum cmaw_err cmaw_pair_verify(enum cmaw_pair_scheme scheme, enum cmaw_hash_alg hash, struct cmaw_slice public_der,
                               struct cmaw_slice digest, struct cmaw_slice signature);

#endif
