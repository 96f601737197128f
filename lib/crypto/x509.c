#include "lib/crypto/x509.h"

#include <string.h>

#include "lib/crypto/cert.h"

enum cmaw_err cmaw_x509_validity(struct cmaw_slice der, int64_t *ret_not_before_s, int64_t *ret_not_after_s)
{
    struct cmaw_cert cert;
    CMAW_REQUIRE(cmaw_cert_parse(der, &cert) == CMAW_OK, CMAW_E_MALFORMED);
    *ret_not_before_s = cert.not_before_s;
    *ret_not_after_s = cert.not_after_s;
    return CMAW_OK;
}

static bool is_cached(const struct cmaw_x509_cache *cache, const uint8_t *digest)
{
    for (size_t i = 0; i < cache->count; i++) {
        if (cmaw_slice_eq(CMAW_SLICE_ARRAY(cache->digests[i]), cmaw_slice_of(digest, CMAW_SHA256_SIZE))) {
            return true;
        }
    }
    return false;
}

/* The key and the signed part are whole DER elements, so their ends are in what is hashed. */
static enum cmaw_err check_signature(const struct cmaw_cert *issuer, const struct cmaw_cert *cert, struct cmaw_x509_cache *cache)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    const struct cmaw_slice parts[] = {issuer->spki, cert->signed_part, cert->signature};
    if (cache != NULL) {
        cmaw_sha256_parts(parts, 3, digest);
        if (is_cached(cache, digest)) {
            return CMAW_OK;
        }
    }
    CMAW_EC_KEY_AUTO(key);
    CMAW_TRY(cmaw_ec_from_spki(CMAW_EC_P384, issuer->spki, &key));
    CMAW_TRY(cmaw_es384_verify_der(key, &cert->signed_part, 1, cert->signature));
    if (cache != NULL && cert->is_ca && cache->count < CMAW_X509_CACHE_MAX) {
        memcpy(cache->digests[cache->count++], digest, sizeof digest);
    }
    return CMAW_OK;
}

/* issuer has cas_below certificates of authorities between itself and the leaf. */
static enum cmaw_err check_issued(const struct cmaw_cert *issuer, size_t cas_below, const struct cmaw_cert *cert,
                                  struct cmaw_x509_cache *cache)
{
    CMAW_REQUIRE(issuer->is_ca && issuer->may_sign_certificates, CMAW_E_AUTH);
    CMAW_REQUIRE(issuer->path_length < 0 || cas_below <= (size_t)issuer->path_length, CMAW_E_AUTH);
    CMAW_REQUIRE(cmaw_slice_eq(issuer->subject, cert->issuer), CMAW_E_AUTH);
    /* else the root could stand in the chain twice */
    CMAW_REQUIRE(!cmaw_slice_eq(cert->subject, cert->issuer), CMAW_E_AUTH);
    return check_signature(issuer, cert, cache);
}

static enum cmaw_err check_leaf(const struct cmaw_cert *leaf)
{
    CMAW_REQUIRE(!leaf->is_ca && leaf->path_length < 0 && leaf->may_sign_data, CMAW_E_AUTH);
    return CMAW_OK;
}

enum cmaw_err cmaw_x509_verify_chain(const struct cmaw_slice *chain, size_t count, int64_t time_s, struct cmaw_x509_cache *cache,
                                     struct cmaw_ec_key **ret_leaf_key)
{
    CMAW_REQUIRE(count >= 2 && count <= CMAW_X509_CHAIN_MAX, CMAW_E_AUTH);
    struct cmaw_cert certs[CMAW_X509_CHAIN_MAX];
    for (size_t i = 0; i < count; i++) {
        CMAW_TRY(cmaw_cert_parse(chain[i], &certs[i]));
    }
    for (size_t i = 0; i + 1 < count; i++) {
        CMAW_TRY(check_issued(&certs[i], count - 2 - i, &certs[i + 1], cache));
    }
    CMAW_TRY(check_leaf(&certs[count - 1]));
    for (size_t i = 0; i < count; i++) {
        CMAW_REQUIRE(certs[i].not_before_s <= time_s && time_s <= certs[i].not_after_s, CMAW_E_EXPIRED);
    }
    return cmaw_ec_from_spki(CMAW_EC_P384, certs[count - 1].spki, ret_leaf_key);
}
