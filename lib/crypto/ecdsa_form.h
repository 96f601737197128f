/* Inside lib/crypto only: forms and ranges of ECDSA signatures. r ‖ s is two big-endian scalars of the curve's size. */
#ifndef CMAW_CRYPTO_ECDSA_FORM_H
#define CMAW_CRYPTO_ECDSA_FORM_H

#include "lib/crypto/ec_curve.h"

enum { CMAW_ECDSA_RAW_MAX = 2 * CMAW_EC_SCALAR_MAX, CMAW_ECDSA_DER_MAX = 2 * (2 + 1 + CMAW_EC_SCALAR_MAX) + 2 };

/* 1 <= r, s < n. */
bool cmaw_ecdsa_in_range(enum cmaw_ec_curve curve, const uint8_t *raw);
/* s <= n/2, for P-256. */
bool cmaw_ecdsa_is_low(const uint8_t raw[CMAW_ES256_SIZE]);
/* Replaces s by n - s if it is over n/2. */
void cmaw_ecdsa_make_low(uint8_t raw[CMAW_ES256_SIZE]);
/* Returns the size. */
size_t cmaw_ecdsa_to_der(enum cmaw_ec_curve curve, const uint8_t *raw, uint8_t ret_der[CMAW_ECDSA_DER_MAX]);
/* AUTH for anything but the one DER encoding of two scalars that fit. */
enum cmaw_err cmaw_ecdsa_from_der(enum cmaw_ec_curve curve, struct cmaw_slice der, uint8_t ret_raw[CMAW_ECDSA_RAW_MAX]);

#endif
