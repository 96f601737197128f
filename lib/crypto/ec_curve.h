/* Inside lib/crypto only: what is fixed about the two curves, whichever library computes on them. */
#ifndef CMAW_CRYPTO_EC_CURVE_H
#define CMAW_CRYPTO_EC_CURVE_H

#include "lib/crypto/ecdsa.h"

enum { CMAW_EC_SCALAR_MAX = 48, CMAW_EC_POINT_MAX = 97 }; /* bytes; an uncompressed point begins with 04 */

/* Bytes of a scalar and of an uncompressed point. */
size_t cmaw_ec_scalar_size(enum cmaw_ec_curve curve);
size_t cmaw_ec_point_size(enum cmaw_ec_curve curve);
/* All of a SubjectPublicKeyInfo that comes before the point. */
struct cmaw_slice cmaw_ec_spki_prefix(enum cmaw_ec_curve curve);
/* The uncompressed point in a SubjectPublicKeyInfo of this curve, with its 04; whether it is on the curve is not looked at. AUTH. */
enum cmaw_err cmaw_ec_point_of_spki(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_slice *ret_point);

#endif
