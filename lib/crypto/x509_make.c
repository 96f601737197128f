#include "lib/crypto/x509_make.h"

#include <openssl/x509v3.h>
#include <stdio.h>

#include "lib/crypto/ec_key.h"
#include "lib/crypto/random.h"

static void release_x509(X509 **cert)
{
    X509_free(*cert);
}
#define X509_AUTO(name) [[gnu::cleanup(release_x509)]] X509 *name

static bool add_name(X509_NAME *name, const char *field, const char *text)
{
    return text == NULL ||
           X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_subject(X509 *cert, const struct cmaw_x509_spec *spec)
{
    X509_NAME *name = X509_get_subject_name(cert);
    return add_name(name, "C", spec->country) && add_name(name, "O", spec->organization) &&
           add_name(name, "OU", spec->organizational_unit) && add_name(name, "CN", spec->common_name);
}

static bool set_serial(X509 *cert)
{
    uint8_t bytes[16];
    if (cmaw_random(bytes, sizeof bytes) != CMAW_OK) {
        return false;
    }
    bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive, and always 16 bytes */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    const bool ok = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool set_times(X509 *cert, const struct cmaw_x509_spec *spec)
{
    return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)spec->not_before_s) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)spec->not_after_s) != NULL;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    const bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_constraints(X509 *cert, X509 *issuer, const struct cmaw_x509_spec *spec)
{
    char constraints[64];
    if (spec->ca && spec->path_length >= 0) {
        (void)snprintf(constraints, sizeof constraints, "critical,CA:TRUE,pathlen:%d", spec->path_length);
    } else {
        (void)snprintf(constraints, sizeof constraints, "critical,CA:%s", spec->ca ? "TRUE" : "FALSE");
    }
    const char *usage = spec->ca ? "critical,keyCertSign,cRLSign" : "digitalSignature";
    return add_extension(cert, issuer, NID_basic_constraints, constraints) &&
           add_extension(cert, issuer, NID_key_usage, spec->key_usage != NULL ? spec->key_usage : usage);
}

static bool add_crl_url(X509 *cert, X509 *issuer, const struct cmaw_x509_spec *spec)
{
    char point[256];
    if (spec->crl_url == NULL) {
        return true;
    }
    const int size = snprintf(point, sizeof point, "URI:%s", spec->crl_url);
    return size > 0 && (size_t)size < sizeof point && add_extension(cert, issuer, NID_crl_distribution_points, point);
}

static bool add_alternative_names(X509 *cert, X509 *issuer, const struct cmaw_x509_spec *spec)
{
    CMAW_BUF_AUTO(names, 4096);
    for (const char *const *name = spec->dns_names; name != NULL && *name != NULL; name++) {
        cmaw_buf_printf(&names, "%sDNS:%s", names.size > 0 ? "," : "", *name);
    }
    if (spec->ipv4 != NULL) {
        cmaw_buf_printf(&names, "%sIP:%d.%d.%d.%d", names.size > 0 ? "," : "", spec->ipv4[0], spec->ipv4[1], spec->ipv4[2],
                        spec->ipv4[3]);
    }
    if (names.size == 0) {
        return cmaw_buf_err(&names) == CMAW_OK;
    }
    cmaw_buf_put_u8(&names, 0);
    return cmaw_buf_err(&names) == CMAW_OK &&
           add_extension(cert, issuer, NID_subject_alt_name, (const char *)names.data) &&
           add_extension(cert, issuer, NID_ext_key_usage, "serverAuth");
}

static bool add_key_ids(X509 *cert, X509 *issuer, const struct cmaw_x509_spec *spec)
{
    if (!spec->key_ids) {
        return true;
    }
    const bool issuer_has_one = issuer != cert && X509_get0_subject_key_id(issuer) != NULL;
    return add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
           (!issuer_has_one || add_extension(cert, issuer, NID_authority_key_identifier, "keyid"));
}

static bool fill(X509 *cert, X509 *issuer, const struct cmaw_x509_spec *spec, const struct cmaw_ec_key *subject_key)
{
    return X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) && set_subject(cert, spec) &&
           X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1 && set_times(cert, spec) &&
           X509_set_pubkey(cert, subject_key->pkey) == 1 && add_constraints(cert, issuer, spec) &&
           add_alternative_names(cert, issuer, spec) && add_key_ids(cert, issuer, spec) &&
           add_crl_url(cert, issuer, spec);
}

enum cmaw_err cmaw_x509_make(const struct cmaw_x509_spec *spec, const struct cmaw_ec_key *subject_key,
                             struct cmaw_slice issuer, const struct cmaw_ec_key *issuer_key, struct cmaw_buf *out)
{
    CMAW_REQUIRE(issuer_key->signer != NULL, CMAW_E_BUG);
    X509_AUTO(cert) = X509_new();
    X509_AUTO(issuer_cert) = NULL;
    CMAW_REQUIRE(cert != NULL, CMAW_E_NO_MEMORY);
    if (issuer.size > 0) {
        const uint8_t *next = issuer.data;
        issuer_cert = d2i_X509(NULL, &next, (long)issuer.size);
        CMAW_REQUIRE(issuer_cert != NULL, CMAW_E_MALFORMED);
    }
    const EVP_MD *hash = issuer_key->curve == CMAW_EC_P256 ? EVP_sha256() : EVP_sha384();
    if (!fill(cert, issuer_cert != NULL ? issuer_cert : cert, spec, subject_key) ||
        X509_sign(cert, issuer_key->pkey, hash) <= 0) {
        cmaw_openssl_forget_errors();
        return CMAW_E_BUG;
    }
    uint8_t *der = NULL;
    const int size = i2d_X509(cert, &der);
    CMAW_REQUIRE(size > 0, CMAW_E_NO_MEMORY);
    cmaw_buf_put(out, cmaw_slice_of(der, (size_t)size));
    OPENSSL_free(der);
    return cmaw_buf_err(out);
}
