#include "lib/crypto/ec_verify.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <string.h>

#include "lib/crypto/ec_key.h"
#include "lib/crypto/ecdsa_form.h"
#include "lib/crypto/hash.h"

/* OpenSSL derives the nonce from the key, the digest and fresh randomness. */
static enum cmaw_err sign(const struct cmaw_ec_key *key, enum cmaw_ec_curve curve, struct cmaw_slice digest,
                          uint8_t ret_raw[CMAW_ECDSA_RAW_MAX])
{
    CMAW_REQUIRE(key->curve == curve && key->signer != NULL, CMAW_E_BUG);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_dup(key->signer);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);
    uint8_t der[CMAW_ECDSA_DER_MAX];
    size_t size = sizeof der;
    /* without the memory to encode what it signed, OpenSSL says 1 and a size of UINT_MAX */
    CMAW_REQUIRE(EVP_PKEY_sign(ctx, der, &size, digest.data, digest.size) == 1 && size <= sizeof der, CMAW_E_NO_MEMORY);
    CMAW_REQUIRE(cmaw_ecdsa_from_der(curve, cmaw_slice_of(der, size), ret_raw) == CMAW_OK, CMAW_E_BUG);
    return CMAW_OK;
}

/* 0: not of this key. Less: for want of memory, or because its signer chose a sum of points that has no coordinates. */
static enum cmaw_err of_verdict(int verdict)
{
    const bool is_at_infinity = ERR_GET_REASON(ERR_peek_error()) == EC_R_POINT_AT_INFINITY;
    cmaw_openssl_forget_errors();
    if (verdict == 1) {
        return CMAW_OK;
    }
    return verdict == 0 || is_at_infinity ? CMAW_E_AUTH : CMAW_E_NO_MEMORY;
}

enum cmaw_err cmaw_ec_verify_digest(const struct cmaw_ec_key *key, enum cmaw_ec_curve curve, struct cmaw_slice digest,
                                    const uint8_t *raw)
{
    CMAW_REQUIRE(key->curve == curve, CMAW_E_BUG);
    uint8_t der[CMAW_ECDSA_DER_MAX];
    const size_t size = cmaw_ecdsa_to_der(curve, raw, der);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_dup(key->verifier);
    CMAW_REQUIRE(ctx != NULL, CMAW_E_NO_MEMORY);
    cmaw_openssl_forget_errors();
    return of_verdict(EVP_PKEY_verify(ctx, der, size, digest.data, digest.size));
}

enum cmaw_err cmaw_es256_sign(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                              uint8_t ret_signature[CMAW_ES256_SIZE])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    uint8_t raw[CMAW_ECDSA_RAW_MAX];
    cmaw_sha256_parts(parts, count, digest);
    CMAW_TRY(sign(key, CMAW_EC_P256, CMAW_SLICE_ARRAY(digest), raw));
    cmaw_ecdsa_make_low(raw);
    memcpy(ret_signature, raw, CMAW_ES256_SIZE);
    return CMAW_OK;
}

enum cmaw_err cmaw_es384_sign(const struct cmaw_ec_key *key, const struct cmaw_slice *parts, size_t count,
                              uint8_t ret_signature[CMAW_ES384_SIZE])
{
    uint8_t digest[CMAW_SHA384_SIZE];
    uint8_t raw[CMAW_ECDSA_RAW_MAX];
    cmaw_sha384_parts(parts, count, digest);
    CMAW_TRY(sign(key, CMAW_EC_P384, CMAW_SLICE_ARRAY(digest), raw));
    memcpy(ret_signature, raw, CMAW_ES384_SIZE);
    return CMAW_OK;
}
