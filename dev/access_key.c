#include "dev/access_key.h"

#include <stdio.h>
#include <string.h>

#include "dev/sql.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

enum { SECRET_SIZE = 30, TOKEN_SIZE = CMAW_SESSION_TOKEN_SIZE / 2, DAY_MS = 24 * 3600 * 1000 };

enum cmaw_err cmaw_access_key_new(bool temporary, struct cmaw_access_key *ret_key)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct cmaw_access_key key = {0};
    uint8_t random[16 + SECRET_SIZE + TOKEN_SIZE];
    CMAW_BUF_AUTO(secret, sizeof key.secret);
    CMAW_TRY(cmaw_random(random, sizeof random));
    (void)snprintf(key.id, sizeof key.id, temporary ? "ASIA" : "AKIA");
    for (size_t i = 0; i < 16; i++) {
        key.id[4 + i] = letters[random[i] % 32];
    }
    cmaw_buf_put_base64(&secret, cmaw_slice_of(random + 16, SECRET_SIZE));
    CMAW_TRY(cmaw_buf_err(&secret));
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_buf_slice(&secret), key.secret, sizeof key.secret));
    if (temporary) {
        CMAW_TRY(cmaw_hex_to_cstr(cmaw_slice_of(random + 16 + SECRET_SIZE, TOKEN_SIZE), key.token, sizeof key.token));
    }
    cmaw_wipe(random, sizeof random);
    *ret_key = key;
    return CMAW_OK;
}

enum cmaw_err cmaw_access_key_insert(struct sqlite3 *db, const struct cmaw_access_key *key, const char *arn,
                                     const struct cmaw_session *session)
{
    CMAW_TRY(cmaw_sql_run(db, "INSERT INTO access_key VALUES (?, ?, ?, ?)", "tttt", key->id, key->secret, key->token, arn));
    return session == NULL ? CMAW_OK
                           : cmaw_sql_run(db, "INSERT INTO session VALUES (?, ?, ?, ?)", "ttti", key->id, session->name,
                                          session->policy, session->expires_ms);
}

enum cmaw_err cmaw_access_key_expire(struct sqlite3 *db, int64_t now_ms)
{
    CMAW_TRY(cmaw_sql_run(db, "DELETE FROM access_key WHERE id IN (SELECT access_key FROM session WHERE expires_ms > 0"
                              " AND expires_ms < ?)", "i", now_ms - DAY_MS));
    return cmaw_sql_run(db, "DELETE FROM session WHERE expires_ms > 0 AND expires_ms < ?", "i", now_ms - DAY_MS);
}

struct credentials {
    char secret[129];
    char token[1025];
    char arn[CMAW_ARN_MAX];
    char session_name[CMAW_SESSION_NAME_MAX + 1];
    char session_policy[CMAW_SESSION_POLICY_MAX + 1];
    int64_t expires_ms;
};

static enum cmaw_err read_row(struct sqlite3_stmt *rows, struct credentials *ret)
{
    CMAW_TRY(cmaw_sql_next(rows));
    CMAW_TRY(cmaw_sql_copy(rows, 0, ret->secret, sizeof ret->secret));
    CMAW_TRY(cmaw_sql_copy(rows, 1, ret->token, sizeof ret->token));
    CMAW_TRY(cmaw_sql_copy(rows, 2, ret->arn, sizeof ret->arn));
    CMAW_TRY(cmaw_sql_copy(rows, 3, ret->session_name, sizeof ret->session_name));
    CMAW_TRY(cmaw_sql_copy(rows, 4, ret->session_policy, sizeof ret->session_policy));
    ret->expires_ms = cmaw_sql_i64(rows, 5);
    return CMAW_OK;
}

static enum cmaw_err load(struct cmaw_store *store, const char *access_key, struct credentials *ret)
{
    struct sqlite3 *db = NULL;
    struct sqlite3_stmt *rows = NULL;
    CMAW_TRY(cmaw_store_begin(store, &db));
    enum cmaw_err err = cmaw_sql_query(db, &rows, "SELECT a.secret, a.token, a.arn, s.name, s.policy, s.expires_ms FROM access_key a"
                                                  " LEFT JOIN session s ON s.access_key = a.id WHERE a.id = ?", "t", access_key);
    err = err == CMAW_OK ? read_row(rows, ret) : err;
    cmaw_sql_end(&rows);
    CMAW_IGNORE(cmaw_store_end(store, false)); /* nothing was written */
    return err;
}

static enum cmaw_err identify(const struct credentials *credentials, struct cmaw_caller *ret_caller)
{
    CMAW_TRY(cmaw_principal_parse(credentials->arn, &ret_caller->who));
    if (credentials->session_name[0] != '\0') {
        CMAW_TRY(cmaw_principal_set_session(&ret_caller->who, credentials->session_name));
    }
    memcpy(ret_caller->session_policy, credentials->session_policy, sizeof ret_caller->session_policy);
    return CMAW_OK;
}

enum cmaw_err cmaw_caller_authenticate(struct cmaw_store *store, const struct cmaw_http_request *request, const char *region,
                                       const char *service, int64_t now_ms, struct cmaw_sigv4 *ret_auth,
                                       struct cmaw_caller *ret_caller, struct cmaw_fault *fault)
{
    struct credentials credentials;
    CMAW_TRY(cmaw_sigv4_parse(request, ret_auth, fault));
    enum cmaw_err err = load(store, ret_auth->access_key, &credentials);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, cmaw_fault_set(fault, CMAW_FAULT_UNRECOGNIZED_CLIENT));
    CMAW_TRY(err);
    err = cmaw_sigv4_verify(request, ret_auth, credentials.secret, credentials.token, region, service, now_ms / 1000, fault);
    if (err == CMAW_OK && credentials.expires_ms != 0 && credentials.expires_ms <= now_ms) {
        err = cmaw_fault_set(fault, CMAW_FAULT_EXPIRED_TOKEN);
    }
    err = err == CMAW_OK ? identify(&credentials, ret_caller) : err;
    cmaw_wipe(&credentials, sizeof credentials);
    return err;
}
