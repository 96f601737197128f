/* Public keys and their signatures by Nettle and GMP. Nothing secret is handled here. */
#include <gmp.h>
#include <nettle/dsa.h>
#include <nettle/ecc-curve.h>
#include <nettle/ecdsa.h>
#include <stdlib.h>

#include "lib/crypto/ec_curve.h"
#include "lib/crypto/ec_verify.h"

struct cmaw_ec_key {
    enum cmaw_ec_curve curve;
    struct ecc_point point;
};

static void import(mpz_t number, const uint8_t *bytes, size_t size)
{
    mpz_import(number, size, 1, 1, 1, 0, bytes);
}

void cmaw_ec_key_free(struct cmaw_ec_key *key)
{
    if (key != NULL) {
        ecc_point_clear(&key->point);
        free(key);
    }
}

/* Refuses a point that is not on the curve, and coordinates that are not below the prime. */
static bool set_point(struct cmaw_ec_key *key, struct cmaw_slice point)
{
    const size_t size = cmaw_ec_scalar_size(key->curve);
    mpz_t x;
    mpz_t y;
    mpz_inits(x, y, NULL);
    import(x, point.data + 1, size);
    import(y, point.data + 1 + size, size);
    const bool ok = ecc_point_set(&key->point, x, y) == 1;
    mpz_clears(x, y, NULL);
    return ok;
}

enum cmaw_err cmaw_ec_from_spki(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_ec_key **ret_key)
{
    struct cmaw_slice point;
    CMAW_TRY(cmaw_ec_point_of_spki(curve, spki, &point));
    CMAW_EC_KEY_AUTO(key);
    key = calloc(1, sizeof *key);
    CMAW_REQUIRE(key != NULL, CMAW_E_NO_MEMORY);
    key->curve = curve;
    ecc_point_init(&key->point, curve == CMAW_EC_P256 ? nettle_get_secp_256r1() : nettle_get_secp_384r1());
    CMAW_REQUIRE(set_point(key, point), CMAW_E_AUTH);
    *ret_key = key;
    key = NULL;
    return CMAW_OK;
}

enum cmaw_err cmaw_ec_verify_digest(const struct cmaw_ec_key *key, enum cmaw_ec_curve curve, struct cmaw_slice digest,
                                    const uint8_t *raw)
{
    CMAW_REQUIRE(key->curve == curve, CMAW_E_BUG);
    const size_t size = cmaw_ec_scalar_size(curve);
    struct dsa_signature signature;
    dsa_signature_init(&signature);
    import(signature.r, raw, size);
    import(signature.s, raw + size, size);
    const bool ok = ecdsa_verify(&key->point, digest.size, digest.data, &signature) == 1;
    dsa_signature_clear(&signature);
    return ok ? CMAW_OK : CMAW_E_AUTH;
}
