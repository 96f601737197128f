#include "dev/pki.h"

#include <stdio.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/store.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/crypto/x509_make.h"

enum { HOUR = 3600, DAY = 24 * HOUR, COMMON_NAME_MAX = 65, REGION_MAX = 32 };

/* One kind of certificate: how long it lasts, how much must be left for it to be used, and what is in it. */
struct kind {
    enum cmaw_ec_curve curve;
    int64_t lifetime_s;
    int64_t back_dated_s;
    int64_t least_left_s;
    bool ca;
    int path_length;
    bool key_ids;
    const char *key_usage; /* NULL: lib/crypto's */
    const char *crl_url;
    const char *const *dns_names;
};

static const char *const tls_names[] = {"kms.cmaw.test", "cloudtrail.cmaw.test", "localhost", NULL};
static const uint8_t loopback[4] = {127, 0, 0, 1};
static const char authority_usage[] = "critical,digitalSignature,keyCertSign,cRLSign";

static const struct kind root_kind = {
    /* back-dated by a day, so that a simulation whose clock runs late has a root already */
    .curve = CMAW_EC_P384, .lifetime_s = 10957LL * DAY, .back_dated_s = DAY, .ca = true, .path_length = -1,
    .key_ids = true, .key_usage = authority_usage};
static const struct kind regional_kind = {
    .curve = CMAW_EC_P384, .lifetime_s = 20 * DAY + HOUR, .least_left_s = 7 * DAY, .ca = true, .path_length = 2,
    .key_ids = true, .key_usage = authority_usage, .crl_url = "http://crl.cmaw.test/nitro-enclaves/regional.crl"};
static const struct kind zonal_kind = {
    .curve = CMAW_EC_P384, .lifetime_s = 6 * DAY, .least_left_s = 2 * DAY, .ca = true, .path_length = 1, .key_ids = true,
    .key_usage = authority_usage, .crl_url = "http://crl.cmaw.test/nitro-enclaves/zonal.crl"};
static const struct kind instance_kind = {
    .curve = CMAW_EC_P384, .lifetime_s = DAY, .least_left_s = 6 * HOUR, .ca = true, .path_length = 0, .key_ids = true,
    .key_usage = "critical,keyCertSign"};
static const struct kind leaf_kind = {
    .curve = CMAW_EC_P384, .lifetime_s = 3 * HOUR + 3, .back_dated_s = 3, .least_left_s = 80 * 60, .path_length = -1};
static const struct kind tls_ca_kind = {
    .curve = CMAW_EC_P256, .lifetime_s = 3650LL * DAY, .back_dated_s = DAY, .ca = true, .path_length = 0, .key_ids = true};
static const struct kind tls_kind = {
    .curve = CMAW_EC_P256, .lifetime_s = 365LL * DAY, .back_dated_s = DAY, .least_left_s = 60LL * DAY, .path_length = -1,
    .key_ids = true, .dns_names = tls_names};

void cmaw_certificate_free(struct cmaw_certificate *certificate)
{
    cmaw_buf_free(&certificate->der);
    cmaw_buf_free(&certificate->key_der);
}

enum cmaw_err cmaw_certificate_key(const struct cmaw_certificate *certificate, struct cmaw_ec_key **ret_key)
{
    return cmaw_ec_from_private_der(certificate->curve, cmaw_buf_slice(&certificate->key_der), ret_key);
}

void cmaw_attester_init(struct cmaw_attester *attester)
{
    for (size_t i = 0; i < CMAW_ATTESTER_BUNDLE; i++) {
        attester->bundle[i] = CMAW_CERTIFICATE_EMPTY;
    }
    attester->leaf = CMAW_CERTIFICATE_EMPTY;
}

void cmaw_attester_free(struct cmaw_attester *attester)
{
    for (size_t i = 0; i < CMAW_ATTESTER_BUNDLE; i++) {
        cmaw_certificate_free(&attester->bundle[i]);
    }
    cmaw_certificate_free(&attester->leaf);
}

static void issuer_digest(const struct cmaw_certificate *issuer, uint8_t ret_digest[CMAW_SHA256_SIZE])
{
    cmaw_sha256(issuer == NULL ? CMAW_SLICE_EMPTY : cmaw_buf_slice(&issuer->der), ret_digest);
}

/* NOT_FOUND if there is none by this issuer that serves now. */
static enum cmaw_err load(struct sqlite3 *db, const char *name, const struct kind *kind, int64_t now_s,
                          const struct cmaw_certificate *issuer, struct cmaw_certificate *ret)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    CMAW_SQL_AUTO(rows);
    issuer_digest(issuer, digest);
    CMAW_TRY(cmaw_sql_query(db, &rows, "SELECT cert, key FROM certificate WHERE name = ? AND issuer = ?"
                                       " AND not_before <= ? AND not_after >= ?", "tbii",
                            name, CMAW_SLICE_ARRAY(digest), now_s, now_s + kind->least_left_s));
    CMAW_TRY(cmaw_sql_next(rows));
    cmaw_buf_put(&ret->der, cmaw_sql_blob(rows, 0));
    cmaw_buf_put(&ret->key_der, cmaw_sql_blob(rows, 1));
    CMAW_TRY(cmaw_buf_err(&ret->der));
    return cmaw_buf_err(&ret->key_der);
}

static enum cmaw_err save(struct sqlite3 *db, const char *name, const struct cmaw_x509_spec *spec,
                          const struct cmaw_certificate *issuer, const struct cmaw_certificate *certificate)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    issuer_digest(issuer, digest);
    return cmaw_sql_run(db, "INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?, ?, ?)", "tbbbii", name,
                        cmaw_buf_slice(&certificate->der), cmaw_buf_slice(&certificate->key_der), CMAW_SLICE_ARRAY(digest),
                        spec->not_before_s, spec->not_after_s);
}

static enum cmaw_err issue(const struct kind *kind, const struct cmaw_x509_spec *spec,
                           const struct cmaw_certificate *issuer, struct cmaw_certificate *ret)
{
    CMAW_EC_KEY_AUTO(key);
    CMAW_EC_KEY_AUTO(issuer_key);
    CMAW_TRY(cmaw_ec_generate(kind->curve, &key));
    CMAW_TRY(cmaw_ec_put_private_der(key, &ret->key_der));
    if (issuer == NULL) {
        return cmaw_x509_make(spec, key, CMAW_SLICE_EMPTY, key, &ret->der);
    }
    CMAW_TRY(cmaw_certificate_key(issuer, &issuer_key));
    return cmaw_x509_make(spec, key, cmaw_buf_slice(&issuer->der), issuer_key, &ret->der);
}

/* The certificate called name, from the database if it still serves. issuer NULL: self-signed. */
static enum cmaw_err obtain(struct sqlite3 *db, const char *name, const struct kind *kind, const char *common_name,
                            int64_t now_s, const struct cmaw_certificate *issuer, struct cmaw_certificate *ret)
{
    ret->curve = kind->curve;
    const enum cmaw_err err = load(db, name, kind, now_s, issuer, ret);
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    const struct cmaw_x509_spec spec = {
        .common_name = common_name,
        .organization = "cmaw-dev",
        .organizational_unit = "simulation",
        .country = "ZZ",
        .not_before_s = now_s - kind->back_dated_s,
        .not_after_s = now_s - kind->back_dated_s + kind->lifetime_s,
        .ca = kind->ca,
        .path_length = kind->path_length,
        .key_usage = kind->key_usage,
        .crl_url = kind->crl_url,
        .dns_names = kind->dns_names,
        .ipv4 = kind->dns_names == NULL ? NULL : loopback,
        .key_ids = kind->key_ids,
    };
    CMAW_TRY(issue(kind, &spec, issuer, ret));
    return save(db, name, &spec, issuer, ret);
}

enum cmaw_err cmaw_pki_attestation_root(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret)
{
    return obtain(db, "attestation-root", &root_kind, "cmaw-dev simulated nitro-enclaves", now_s, NULL, ret);
}

enum cmaw_err cmaw_pki_tls_ca(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret)
{
    return obtain(db, "tls-ca", &tls_ca_kind, "cmaw-dev simulated AWS endpoints", now_s, NULL, ret);
}

enum cmaw_err cmaw_pki_tls_server(struct sqlite3 *db, int64_t now_s, struct cmaw_certificate *ret)
{
    CMAW_CERTIFICATE_AUTO(ca);
    CMAW_TRY(cmaw_pki_tls_ca(db, now_s, &ca));
    return obtain(db, "tls", &tls_kind, "kms.cmaw.test", now_s, &ca, ret);
}

/* Each new regional and zonal authority has a name of its own, as the platform's do. */
static enum cmaw_err random_name(const char *format, const char *region, char ret_name[static COMMON_NAME_MAX])
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    CMAW_TRY(cmaw_random(random, sizeof random));
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(random), hex, sizeof hex));
    (void)snprintf(ret_name, COMMON_NAME_MAX, "%s%s%.14s.sim.nitro-enclaves", hex, format, region);
    return CMAW_OK;
}

enum cmaw_err cmaw_pki_attester(struct sqlite3 *db, const char *module_id, const char *token, int64_t now_s,
                                struct cmaw_attester *ret)
{
    char region[REGION_MAX], common_name[COMMON_NAME_MAX], name[128];
    struct cmaw_certificate *bundle = ret->bundle;
    const char *enclave = strstr(module_id, "-enc");
    const int instance_size = enclave == NULL ? 0 : (int)(enclave - module_id);
    CMAW_TRY(cmaw_store_setting(db, "region", region, sizeof region));
    CMAW_TRY(cmaw_pki_attestation_root(db, now_s, &bundle[0]));
    CMAW_TRY(random_name(".", region, common_name));
    CMAW_TRY(obtain(db, "regional", &regional_kind, common_name, now_s, &bundle[0], &bundle[1]));
    CMAW_TRY(random_name(".zonal.", region, common_name));
    CMAW_TRY(obtain(db, "zonal", &zonal_kind, common_name, now_s, &bundle[1], &bundle[2]));
    (void)snprintf(name, sizeof name, "instance:%.*s", instance_size, module_id);
    (void)snprintf(common_name, sizeof common_name, "%.*s.%.14s.sim.nitro-enclaves",
                   instance_size < 30 ? instance_size : 30, module_id, region);
    CMAW_TRY(obtain(db, name, &instance_kind, common_name, now_s, &bundle[2], &bundle[3]));
    (void)snprintf(name, sizeof name, "leaf:%s", token);
    (void)snprintf(common_name, sizeof common_name, "%.44s.%.14s.sim", module_id, region);
    return obtain(db, name, &leaf_kind, common_name, now_s, &bundle[3], &ret->leaf);
}
