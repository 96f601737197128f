#include "lib/crypto/pair.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/crypto/pkcs8.h"

static EVP_PKEY *generate(enum cmaw_pair_kind kind)
{
    switch (kind) {
    case CMAW_PAIR_P256:
        return EVP_EC_gen("prime256v1");
    case CMAW_PAIR_P384:
        return EVP_EC_gen("secp384r1");
    case CMAW_PAIR_P521:
        return EVP_EC_gen("secp521r1");
    case CMAW_PAIR_SECP256K1:
        return EVP_EC_gen("secp256k1");
    case CMAW_PAIR_RSA_2048:
        return EVP_RSA_gen(2048);
    case CMAW_PAIR_RSA_3072:
        return EVP_RSA_gen(3072);
    case CMAW_PAIR_RSA_4096:
        return EVP_RSA_gen(4096);
    }
    return NULL;
}

enum cmaw_err cmaw_pair_generate(enum cmaw_pair_kind kind, struct cmaw_buf *private_der, struct cmaw_buf *public_der)
{
    CMAW_PKEY_AUTO(pkey) = generate(kind);
    uint8_t *spki = NULL;
    CMAW_REQUIRE(pkey != NULL, CMAW_E_NO_MEMORY);
    const int size = i2d_PUBKEY(pkey, &spki);
    CMAW_REQUIRE(size > 0, CMAW_E_NO_MEMORY);
    cmaw_buf_put(public_der, cmaw_slice_of(spki, (size_t)size));
    OPENSSL_free(spki);
    CMAW_TRY(cmaw_buf_err(public_der));
    return cmaw_pkcs8_put(pkey, private_der);
}

static const EVP_MD *digest_of(enum cmaw_hash_alg hash)
{
    return hash == CMAW_SHA256 ? EVP_sha256() : hash == CMAW_SHA384 ? EVP_sha384() : EVP_sha512();
}

/* For a context on which signing or verifying has begun. */
static bool set_scheme(EVP_PKEY_CTX *ctx, enum cmaw_pair_scheme scheme, enum cmaw_hash_alg hash)
{
    if (EVP_PKEY_CTX_set_signature_md(ctx, digest_of(hash)) != 1) {
        return false;
    }
    switch (scheme) {
    case CMAW_PAIR_ECDSA:
        return true;
    case CMAW_PAIR_PKCS1:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
    case CMAW_PAIR_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest_of(hash)) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
    }
    return false;
}

static bool fits(const EVP_PKEY *pkey, enum cmaw_pair_scheme scheme)
{
    return pkey != NULL && EVP_PKEY_is_a(pkey, scheme == CMAW_PAIR_ECDSA ? "EC" : "RSA") == 1;
}

enum cmaw_err cmaw_pair_sign(enum cmaw_pair_scheme scheme, enum cmaw_hash_alg hash, struct cmaw_slice private_der,
                             struct cmaw_slice digest, struct cmaw_buf *signature)
{
    CMAW_PKEY_AUTO(pkey) = cmaw_pkcs8_read(private_der);
    CMAW_REQUIRE(fits(pkey, scheme) && digest.size == cmaw_hash_size(hash), CMAW_E_BUG);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    CMAW_REQUIRE(ctx != NULL && EVP_PKEY_sign_init(ctx) == 1 && set_scheme(ctx, scheme, hash), CMAW_E_NO_MEMORY);
    uint8_t bytes[CMAW_PAIR_SIGNATURE_MAX];
    size_t size = sizeof bytes;
    CMAW_REQUIRE(EVP_PKEY_sign(ctx, bytes, &size, digest.data, digest.size) == 1 && size <= sizeof bytes, CMAW_E_BUG);
    cmaw_buf_put(signature, cmaw_slice_of(bytes, size));
    return cmaw_buf_err(signature);
}

enum cmaw_err cmaw_pair_verify(enum cmaw_pair_scheme scheme, enum cmaw_hash_alg hash, struct cmaw_slice public_der,
                               struct cmaw_slice digest, struct cmaw_slice signature)
{
    const uint8_t *next = public_der.data;
    CMAW_PKEY_AUTO(pkey) = d2i_PUBKEY(NULL, &next, (long)public_der.size);
    CMAW_REQUIRE(fits(pkey, scheme) && digest.size == cmaw_hash_size(hash), CMAW_E_BUG);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    CMAW_REQUIRE(ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 && set_scheme(ctx, scheme, hash), CMAW_E_NO_MEMORY);
    const int verdict = EVP_PKEY_verify(ctx, signature.data, signature.size, digest.data, digest.size);
    cmaw_openssl_forget_errors();
    return verdict == 1 ? CMAW_OK : CMAW_E_AUTH;
}
