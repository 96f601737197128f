#include "dev/setup.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/access_key.h"
#include "dev/clock.h"
#include "dev/pki.h"
#include "dev/policy.h"
#include "dev/sql.h"
#include "lib/crypto/pem.h"
#include "sys/file.h"

#define DEFAULT_REGION "eu-central-1"
#define DEFAULT_ACCOUNT "111122223333"

/* Identity policies that a database starts with. What a key's own policy does not delegate to the account, none of these
 * can give. */
static const struct {
    const char *role; /* NULL: everyone */
    const char *policy;
} standard[] = {
    {NULL, "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Audit\",\"Effect\":\"Allow\","
           "\"Action\":\"cloudtrail:LookupEvents\",\"Resource\":\"*\"}]}"},
    {"kms-admin", "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"KeyAdministration\",\"Effect\":\"Allow\",\"Action\":["
                  "\"kms:CreateKey\",\"kms:Describe*\",\"kms:Get*\",\"kms:List*\",\"kms:PutKeyPolicy\",\"kms:EnableKey\","
                  "\"kms:DisableKey\",\"kms:ScheduleKeyDeletion\",\"kms:CancelKeyDeletion\",\"kms:*Alias\","
                  "\"kms:TagResource\",\"kms:UntagResource\",\"kms:UpdateKeyDescription\"],\"Resource\":\"*\"}]}"},
    {"enclave-parent", "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Entropy\",\"Effect\":\"Allow\","
                       "\"Action\":\"kms:GenerateRandom\",\"Resource\":\"*\"}]}"},
};

static bool region_valid(const char *text)
{
    const size_t size = strlen(text);
    return size >= 1 && size < 32 && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

/* given NULL: what is stored, else the default. */
static enum cmaw_err settle(struct sqlite3 *db, const char *name, const char *given, const char *otherwise,
                            struct cmaw_diag *diag)
{
    char stored[64];
    const enum cmaw_err err = cmaw_store_setting(db, name, stored, sizeof stored);
    if (err == CMAW_E_NOT_FOUND) {
        return cmaw_store_set_setting(db, name, given == NULL ? otherwise : given);
    }
    CMAW_TRY(err);
    if (given != NULL && strcmp(given, stored) != 0) {
        return cmaw_diag_set(diag, CMAW_E_EXISTS, "the %s is %s already", name, stored);
    }
    return CMAW_OK;
}

static enum cmaw_err put_standard_policies(struct sqlite3 *db)
{
    char account[CMAW_ACCOUNT_SIZE + 1], arn[CMAW_ARN_MAX];
    CMAW_TRY(cmaw_store_setting(db, "account", account, sizeof account));
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++) {
        (void)snprintf(arn, sizeof arn, standard[i].role == NULL ? "*" : "arn:aws:iam::%s:role/%s", account, standard[i].role);
        CMAW_TRY(cmaw_sql_run(db, "INSERT OR IGNORE INTO identity_policy VALUES (?, ?)", "tt", arn, standard[i].policy));
    }
    return CMAW_OK;
}

static enum cmaw_err put_public_files(struct sqlite3 *db, const char *dir, struct cmaw_diag *diag)
{
    char path[CMAW_PATH_MAX];
    CMAW_CERTIFICATE_AUTO(root);
    CMAW_CERTIFICATE_AUTO(ca);
    CMAW_BUF_AUTO(pem, 4096);
    const int64_t now_s = cmaw_wall_clock_ms() / 1000;
    CMAW_TRY(cmaw_pki_attestation_root(db, now_s, &root));
    CMAW_TRY(cmaw_pki_tls_ca(db, now_s, &ca));
    cmaw_pem_put(&pem, "CERTIFICATE", cmaw_buf_slice(&ca.der));
    CMAW_TRY(cmaw_buf_err(&pem));
    CMAW_TRY(cmaw_path(path, "%s/attestation-root.der", dir));
    CMAW_TRY(cmaw_file_write(path, cmaw_buf_slice(&root.der), 0644, diag));
    CMAW_TRY(cmaw_path(path, "%s/tls-ca.pem", dir));
    return cmaw_file_write(path, cmaw_buf_slice(&pem), 0644, diag);
}

static enum cmaw_err fill(struct sqlite3 *db, const char *dir, const char *region, const char *account,
                          struct cmaw_diag *diag)
{
    CMAW_TRY(settle(db, "region", region, DEFAULT_REGION, diag));
    CMAW_TRY(settle(db, "account", account, DEFAULT_ACCOUNT, diag));
    CMAW_TRY(put_standard_policies(db));
    return put_public_files(db, dir, diag);
}

enum cmaw_err cmaw_setup_init(const char *dir, const char *region, const char *account, struct cmaw_diag *diag)
{
    struct sqlite3 *db = NULL;
    struct cmaw_store *store = NULL;
    if ((region != NULL && !region_valid(region)) || (account != NULL && !cmaw_account_valid(account))) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "a region is like eu-central-1, an account has twelve digits");
    }
    CMAW_TRY(cmaw_dir_make(dir, diag));
    CMAW_TRY(cmaw_store_open(dir, true, &store, diag));
    enum cmaw_err err = cmaw_store_begin(store, &db);
    if (err == CMAW_OK) {
        err = fill(db, dir, region, account, diag);
        const enum cmaw_err ended = cmaw_store_end(store, err == CMAW_OK);
        err = err == CMAW_OK ? ended : err;
    }
    cmaw_store_close(&store);
    return err;
}

static enum cmaw_err print_key(const char *arn, const struct cmaw_access_key *key)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "AccessKeyId", key->id, "SecretAccessKey", key->secret, "Arn", arn);
    if (key->token[0] != '\0') {
        (void)json_object_set_new(object, "SessionToken", json_string(key->token));
    }
    const int failed = json_dumpf(object, stdout, 0);
    json_decref(object);
    return failed == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? CMAW_OK : CMAW_E_IO;
}

static enum cmaw_err check_policy(const char *policy, enum cmaw_policy_kind kind, struct cmaw_diag *diag)
{
    char reason[256];
    json_t *parsed = NULL;
    if (policy == NULL) {
        return CMAW_OK;
    }
    const enum cmaw_err err = cmaw_policy_parse(policy, kind, &parsed, reason);
    json_decref(parsed);
    return err == CMAW_OK ? CMAW_OK
                          : cmaw_diag_set(diag, err, "not %s policy: %s", kind == CMAW_POLICY_TRUST ? "a trust" : "an identity", reason);
}

static enum cmaw_err parse_principal(const char *arn, struct cmaw_principal *ret_who, struct cmaw_diag *diag)
{
    if (cmaw_principal_parse(arn, ret_who) != CMAW_OK) {
        cmaw_diag_hint(diag, "for example arn:aws:iam::" DEFAULT_ACCOUNT ":role/enclave-parent");
        return cmaw_diag_set(diag, CMAW_E_USAGE, "not the ARN of a role, user or root: %s", arn);
    }
    return CMAW_OK;
}

static enum cmaw_err put_identity_policy(struct sqlite3 *db, const char *arn, const char *policy)
{
    return policy == NULL ? CMAW_OK : cmaw_sql_run(db, "INSERT OR REPLACE INTO identity_policy VALUES (?, ?)", "tt", arn, policy);
}

struct change {
    const char *arn, *policy, *trust;
    const struct cmaw_access_key *key; /* NULL: none to add */
    const struct cmaw_session *session;
};

static enum cmaw_err put_change(struct sqlite3 *db, const struct change *change)
{
    CMAW_TRY(put_identity_policy(db, change->arn, change->policy));
    if (change->trust != NULL) {
        CMAW_TRY(cmaw_sql_run(db, "INSERT OR REPLACE INTO role VALUES (?, ?)", "tt", change->arn, change->trust));
    }
    return change->key == NULL ? CMAW_OK : cmaw_access_key_insert(db, change->key, change->arn, change->session);
}

static enum cmaw_err apply(const char *dir, const struct change *change, struct cmaw_diag *diag)
{
    struct sqlite3 *db = NULL;
    struct cmaw_store *store = NULL;
    CMAW_TRY(cmaw_store_open(dir, false, &store, diag));
    enum cmaw_err err = cmaw_store_begin(store, &db);
    if (err == CMAW_OK) {
        err = put_change(db, change);
        const enum cmaw_err ended = cmaw_store_end(store, err == CMAW_OK);
        err = err == CMAW_OK ? ended : err;
    }
    cmaw_store_close(&store);
    return err;
}

enum cmaw_err cmaw_setup_access_key(const char *dir, const char *arn, const char *policy, bool temporary, int64_t lifetime_s,
                                    struct cmaw_diag *diag)
{
    struct cmaw_principal who;
    struct cmaw_access_key key;
    CMAW_TRY(parse_principal(arn, &who, diag));
    CMAW_TRY(check_policy(policy, CMAW_POLICY_IDENTITY, diag));
    CMAW_TRY(cmaw_access_key_new(temporary || lifetime_s >= 0, &key));
    const struct cmaw_session session = {.name = "", .policy = "", .expires_ms = cmaw_wall_clock_ms() + lifetime_s * 1000};
    const struct change change = {.arn = who.arn, .policy = policy, .key = &key, .session = lifetime_s < 0 ? NULL : &session};
    enum cmaw_err err = apply(dir, &change, diag);
    err = err == CMAW_OK ? print_key(who.arn, &key) : err;
    cmaw_wipe(&key, sizeof key);
    return err;
}

enum cmaw_err cmaw_setup_role(const char *dir, const char *arn, const char *trust, const char *policy, struct cmaw_diag *diag)
{
    struct cmaw_principal who;
    CMAW_TRY(parse_principal(arn, &who, diag));
    CMAW_REQUIRE(trust == NULL || who.session[0] != '\0', cmaw_diag_set(diag, CMAW_E_USAGE, "only a role has a trust policy: %s", arn));
    CMAW_TRY(check_policy(trust, CMAW_POLICY_TRUST, diag));
    CMAW_TRY(check_policy(policy, CMAW_POLICY_IDENTITY, diag));
    const struct change change = {.arn = who.arn, .policy = policy, .trust = trust};
    return apply(dir, &change, diag);
}
