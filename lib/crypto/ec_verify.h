/* Inside lib/crypto only: the one operation behind every verification, which each cryptographic library gives in its own way. */
#ifndef CMAW_CRYPTO_EC_VERIFY_H
#define CMAW_CRYPTO_EC_VERIFY_H

#include "lib/crypto/ecdsa.h"

/* raw is r ‖ s, both of the curve's size and in 1..n-1. AUTH if it is no signature over the digest; BUG if the key is of the other curve. */
enum cmaw_err cmaw_ec_verify_digest(const struct cmaw_ec_key *key, enum cmaw_ec_curve curve, struct cmaw_slice digest,
                                    const uint8_t *raw);

#endif
