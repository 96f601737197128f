/* What makes a signature one that we accept, before any arithmetic. */
#include "lib/crypto/ec_verify.h"
#include "lib/crypto/ecdsa_form.h"
#include "lib/crypto/hash.h"

static enum cmaw_err verify(const struct cmaw_ec_key *key, enum cmaw_ec_curve curve, struct cmaw_slice digest, const uint8_t *raw)
{
    CMAW_REQUIRE(cmaw_ecdsa_in_range(curve, raw), CMAW_E_AUTH);
    return cmaw_ec_verify_digest(key, curve, digest, raw);
}

enum cmaw_err cmaw_es256_verify(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                struct cmaw_slice signature)
{
    CMAW_REQUIRE(signature.size == CMAW_ES256_SIZE && cmaw_ecdsa_is_low(signature.data), CMAW_E_AUTH);
    uint8_t digest[CMAW_SHA256_SIZE];
    cmaw_sha256_parts(parts, count, digest);
    return verify(key, CMAW_EC_P256, CMAW_SLICE_ARRAY(digest), signature.data);
}

enum cmaw_err cmaw_es384_verify(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                struct cmaw_slice signature)
{
    CMAW_REQUIRE(signature.size == CMAW_ES384_SIZE, CMAW_E_AUTH);
    uint8_t digest[CMAW_SHA384_SIZE];
    cmaw_sha384_parts(parts, count, digest);
    return verify(key, CMAW_EC_P384, CMAW_SLICE_ARRAY(digest), signature.data);
}

enum cmaw_err cmaw_es384_verify_der(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                                    struct cmaw_slice signature)
{
    uint8_t raw[CMAW_ECDSA_RAW_MAX];
    CMAW_TRY(cmaw_ecdsa_from_der(CMAW_EC_P384, signature, raw));
    return cmaw_es384_verify(key, parts, count, cmaw_slice_of(raw, CMAW_ES384_SIZE));
}
