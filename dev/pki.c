#include "dev/pki.h"

#include <stdio.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/store.h"
#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/random.h"
#include "lib/crypto/x509_make.h"

enum { HOUR = 3600, DAY = 24 * HOUR, KEY_DER_MAX = 1024, COMMON_NAME_MAX = 65, REGION_MAX = 32 };

/* One kind of certificate: how long it lasts, and how much must be left for it to be used. */
struct kind {
    enum cmaw_ec_curve curve;
    int64_t lifetime_s;
    int64_t back_dated_s;
    int64_t least_left_s;
    bool ca;
    int path_length;
    bool key_ids;
    const char *const *dns_names;
};

static const char *const tls_names[] = {"kms.cmaw.test", "cloudtrail.cmaw.test", "localhost", NULL};
static const uint8_t loopback[4] = {127, 0, 0, 1};
/* back-dated by a day, so that a simulation whose clock runs late has a root already */
static const struct kind root_kind = {CMAW_EC_P384, 10957LL * DAY, DAY, 0, true, -1, true, NULL};
static const struct kind regional_kind = {CMAW_EC_P384, 20 * DAY + HOUR, 0, 7 * DAY, true, 2, true, NULL};
static const struct kind zonal_kind = {CMAW_EC_P384, 6 * DAY, 0, 2 * DAY, true, 1, true, NULL};
static const struct kind instance_kind = {CMAW_EC_P384, DAY, 0, 6 * HOUR, true, 0, true, NULL};
static const struct kind leaf_kind = {CMAW_EC_P384, 3 * HOUR + 3, 3, 80 * 60, false, -1, false, NULL};
static const struct kind tls_ca_kind = {CMAW_EC_P256, 3650LL * DAY, DAY, 0, true, 0, true, NULL};
static const struct kind tls_kind = {CMAW_EC_P256, 365LL * DAY, DAY, 60LL * DAY, false, -1, true, tls_names};

void cmaw_certificate_free(struct cmaw_certificate *certificate)
{
    cmaw_buf_free(&certificate->der);
    cmaw_ec_key_release(&certificate->key);
}

void cmaw_attester_init(struct cmaw_attester *attester)
{
    const struct cmaw_certificate empty = {CMAW_BUF(CMAW_CERTIFICATE_MAX), NULL};
    for (size_t i = 0; i < CMAW_ATTESTER_BUNDLE; i++) {
        attester->bundle[i] = empty;
    }
    attester->leaf = empty;
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
    CMAW_TRY(cmaw_buf_err(&ret->der));
    return cmaw_ec_from_private_der(kind->curve, cmaw_sql_blob(rows, 1), &ret->key);
}

static enum cmaw_err save(struct sqlite3 *db, const char *name, const struct cmaw_x509_spec *spec,
                          const struct cmaw_certificate *issuer, const struct cmaw_certificate *certificate)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    CMAW_BUF_AUTO(key, KEY_DER_MAX);
    issuer_digest(issuer, digest);
    CMAW_TRY(cmaw_ec_put_private_der(certificate->key, &key));
    return cmaw_sql_run(db, "INSERT OR REPLACE INTO certificate VALUES (?, ?, ?, ?, ?, ?)", "tbbbii", name,
                        cmaw_buf_slice(&certificate->der), cmaw_buf_slice(&key), CMAW_SLICE_ARRAY(digest),
                        spec->not_before_s, spec->not_after_s);
}

/* The certificate called name, from the database if it still serves. issuer NULL: self-signed. */
static enum cmaw_err obtain(struct sqlite3 *db, const char *name, const struct kind *kind, const char *common_name,
                            int64_t now_s, const struct cmaw_certificate *issuer, struct cmaw_certificate *ret)
{
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
        .dns_names = kind->dns_names,
        .ipv4 = kind->dns_names == NULL ? NULL : loopback,
        .key_ids = kind->key_ids,
    };
    CMAW_TRY(cmaw_ec_generate(kind->curve, &ret->key));
    CMAW_TRY(cmaw_x509_make(&spec, ret->key, issuer == NULL ? CMAW_SLICE_EMPTY : cmaw_buf_slice(&issuer->der),
                            issuer == NULL ? ret->key : issuer->key, &ret->der));
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
