#include "lib/crypto/ec_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/pkcs8.h"

static const char *const openssl_names[] = {[CMAW_EC_P256] = "prime256v1", [CMAW_EC_P384] = "secp384r1"};

void cmaw_ec_key_free(struct cmaw_ec_key *key)
{
    if (key != NULL) {
        EVP_PKEY_CTX_free(key->verifier);
        EVP_PKEY_CTX_free(key->signer);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

/* X and Y and not the encoded point: that comes in whatever form the key was read in. */
static bool read_coordinate(const EVP_PKEY *pkey, const char *name, size_t size, uint8_t *dst)
{
    BIGNUM *value = NULL;
    const bool ok = EVP_PKEY_get_bn_param(pkey, name, &value) == 1 && BN_bn2binpad(value, dst, (int)size) == (int)size;
    BN_free(value);
    return ok;
}

static bool is_on_curve(const EVP_PKEY *pkey, enum cmaw_ec_curve curve)
{
    char name[32];
    return EVP_PKEY_is_a(pkey, "EC") == 1 && EVP_PKEY_get_group_name(pkey, name, sizeof name, NULL) == 1 &&
           cmaw_slice_eq_cstr(cmaw_slice_of_cstr(name), openssl_names[curve]);
}

static bool prepare(struct cmaw_ec_key *key, bool has_private)
{
    const size_t size = cmaw_ec_scalar_size(key->curve);
    key->point[0] = 4;
    key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (!read_coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, size, key->point + 1) ||
        !read_coordinate(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size, key->point + 1 + size) || key->verifier == NULL ||
        EVP_PKEY_verify_init(key->verifier) != 1) {
        return false;
    }
    if (!has_private) {
        return true;
    }
    key->signer = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    return key->signer != NULL && EVP_PKEY_sign_init(key->signer) == 1;
}

/* Of a key that is known to be of the curve: NO_MEMORY is all that can go wrong. Takes the reference. */
static enum cmaw_err make(enum cmaw_ec_curve curve, EVP_PKEY *pkey, bool has_private, struct cmaw_ec_key **ret_key)
{
    struct cmaw_ec_key *key = calloc(1, sizeof *key);
    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return CMAW_E_NO_MEMORY;
    }
    key->curve = curve;
    key->pkey = pkey;
    if (!prepare(key, has_private)) {
        cmaw_openssl_forget_errors();
        cmaw_ec_key_free(key);
        return CMAW_E_NO_MEMORY;
    }
    *ret_key = key;
    return CMAW_OK;
}

enum cmaw_err cmaw_ec_wrap(enum cmaw_ec_curve curve, EVP_PKEY *pkey, bool has_private, struct cmaw_ec_key **ret_key)
{
    if (!is_on_curve(pkey, curve)) {
        cmaw_openssl_forget_errors();
        EVP_PKEY_free(pkey);
        return CMAW_E_AUTH;
    }
    return make(curve, pkey, has_private, ret_key);
}

enum cmaw_err cmaw_ec_generate(enum cmaw_ec_curve curve, struct cmaw_ec_key **ret_key)
{
    EVP_PKEY *pkey = EVP_EC_gen(openssl_names[curve]);
    CMAW_REQUIRE(pkey != NULL, CMAW_E_NO_MEMORY);
    return make(curve, pkey, true, ret_key);
}

/* NULL, and OpenSSL's errors say why, for a point that is not on the curve. */
static EVP_PKEY *import_point(enum cmaw_ec_curve curve, struct cmaw_slice point)
{
    CMAW_PKEY_CTX_AUTO(ctx) = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    char name[16]; /* parameters are not const */
    (void)snprintf(name, sizeof name, "%s", openssl_names[curve]);
    uint8_t bytes[CMAW_EC_POINT_MAX];
    memcpy(bytes, point.data, point.size);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, bytes, point.size),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY *pkey = NULL;
    const bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) == 1;
    return ok ? pkey : NULL;
}

enum cmaw_err cmaw_ec_from_spki(enum cmaw_ec_curve curve, struct cmaw_slice spki, struct cmaw_ec_key **ret_key)
{
    struct cmaw_slice point;
    CMAW_TRY(cmaw_ec_point_of_spki(curve, spki, &point));
    EVP_PKEY *pkey = import_point(curve, point);
    return pkey != NULL ? make(curve, pkey, false, ret_key) : cmaw_openssl_refusal();
}

void cmaw_ec_put_spki(const struct cmaw_ec_key *key, struct cmaw_buf *buf)
{
    cmaw_buf_put(buf, cmaw_ec_spki_prefix(key->curve));
    cmaw_buf_put(buf, cmaw_slice_of(key->point, cmaw_ec_point_size(key->curve)));
}

enum cmaw_err cmaw_ec_from_private_der(enum cmaw_ec_curve curve, struct cmaw_slice der, struct cmaw_ec_key **ret_key)
{
    EVP_PKEY *pkey = cmaw_pkcs8_read(der);
    CMAW_REQUIRE(pkey != NULL, CMAW_E_MALFORMED);
    const enum cmaw_err err = cmaw_ec_wrap(curve, pkey, true, ret_key);
    return err == CMAW_E_AUTH ? CMAW_E_MALFORMED : err;
}

enum cmaw_err cmaw_ec_from_private_pem(enum cmaw_ec_curve curve, struct cmaw_slice pem, struct cmaw_ec_key **ret_key)
{
    EVP_PKEY *pkey = cmaw_private_pem_read(pem);
    CMAW_REQUIRE(pkey != NULL, CMAW_E_MALFORMED);
    const enum cmaw_err err = cmaw_ec_wrap(curve, pkey, true, ret_key);
    return err == CMAW_E_AUTH ? CMAW_E_MALFORMED : err;
}

enum cmaw_err cmaw_ec_put_private_der(const struct cmaw_ec_key *key, struct cmaw_buf *buf)
{
    CMAW_REQUIRE(key->signer != NULL, CMAW_E_BUG);
    return cmaw_pkcs8_put(key->pkey, buf);
}
