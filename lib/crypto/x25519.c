#include "lib/crypto/x25519.h"

#include <openssl/core_names.h>
#include <string.h>

#include "lib/crypto/openssl.h"
#include "lib/crypto/random.h"

/* The import wants both halves, and would compute a missing public one at the price of the exchange itself; the exchange
 * reads the private half only. */
static EVP_PKEY *import_private(const struct cmaw_secret *private_key)
{
    static uint8_t unused_public[CMAW_X25519_SIZE] = {9};
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_name(NULL, "X25519", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, unused_public, sizeof unused_public),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, private_key->bytes, private_key->size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *key = NULL;
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) != 1) {
        return NULL;
    }
    return key;
}

enum cmaw_err cmaw_x25519(const struct cmaw_secret *private_key, const uint8_t public_key[CMAW_X25519_SIZE],
                          struct cmaw_secret *ret_shared)
{
    CMAW_REQUIRE(private_key->size == CMAW_X25519_SIZE, CMAW_E_BUG);
    CMAW_SECRET_AUTO(shared);
    CMAW_TRY(cmaw_secret_new(CMAW_X25519_SIZE, &shared));
    CMAW_PKEY_AUTO(own) = import_private(private_key);
    CMAW_PKEY_AUTO(peer) = EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, public_key, CMAW_X25519_SIZE);
    CMAW_REQUIRE(own != NULL && peer != NULL, CMAW_E_NO_MEMORY);
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
    CMAW_REQUIRE(ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) == 1,
                 CMAW_E_NO_MEMORY);
    size_t size = shared.size;
    /* fails for an all-zero result, and we look again */
    if (EVP_PKEY_derive(ctx, shared.bytes, &size) != 1) {
        return cmaw_openssl_refusal();
    }
    CMAW_REQUIRE(size == CMAW_X25519_SIZE && !cmaw_slice_is_zero(cmaw_secret_slice(&shared)), CMAW_E_AUTH);
    *ret_shared = cmaw_secret_take(&shared);
    return CMAW_OK;
}

enum cmaw_err cmaw_x25519_public(const struct cmaw_secret *private_key, uint8_t ret_public[CMAW_X25519_SIZE])
{
    static const uint8_t base_point[CMAW_X25519_SIZE] = {9};
    CMAW_SECRET_AUTO(point);
    CMAW_TRY(cmaw_x25519(private_key, base_point, &point));
    memcpy(ret_public, point.bytes, CMAW_X25519_SIZE);
    return CMAW_OK;
}

enum cmaw_err cmaw_x25519_generate(struct cmaw_secret *ret_private, uint8_t ret_public[CMAW_X25519_SIZE])
{
    CMAW_SECRET_AUTO(private_key);
    CMAW_TRY(cmaw_random_secret(CMAW_X25519_SIZE, &private_key));
    CMAW_TRY(cmaw_x25519_public(&private_key, ret_public));
    *ret_private = cmaw_secret_take(&private_key);
    return CMAW_OK;
}
