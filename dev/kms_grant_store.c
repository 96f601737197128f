#include "dev/kms_grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/grant.h"
#include "dev/sql.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

static enum cmaw_err parse_body(struct sqlite3_stmt *rows, int column, json_t **ret_body)
{
    json_t *body = json_loads(cmaw_sql_text(rows, column), 0, NULL);
    CMAW_REQUIRE(body != NULL, CMAW_E_MALFORMED);
    *ret_body = body;
    return CMAW_OK;
}

static enum cmaw_err require_room(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT count(*) FROM kms_grant WHERE key_id = ?", "t", key->id));
    CMAW_TRY(cmaw_sql_next(rows));
    if (cmaw_sql_i64(rows, 0) >= CMAW_GRANT_PER_KEY_MAX) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_LIMIT_EXCEEDED, "%s has %d grants already", key->arn,
                              CMAW_GRANT_PER_KEY_MAX);
    }
    return CMAW_OK;
}

static const char *text_of(json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(body, name));
    return text == NULL ? "" : text;
}

enum cmaw_err cmaw_kms_grant_insert(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *id, json_t *body)
{
    CMAW_TRY(require_room(call, key));
    char *text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(13));
    CMAW_REQUIRE(text != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = cmaw_sql_run(call->db, "INSERT INTO kms_grant VALUES (?, ?, ?, ?, ?, ?, ?)", "tttttit", id,
                                           key->id, text_of(body, "Name"), text_of(body, "GranteePrincipal"),
                                           text_of(body, "RetiringPrincipal"), call->now_ms, text);
    free(text);
    return err;
}

static bool says_the_same(json_t *stored, json_t *body)
{
    static const char *const members[] = {"Name", "GranteePrincipal", "RetiringPrincipal", "IssuingAccount", "Operations",
                                          "Constraints"};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *a = json_object_get(stored, members[i]), *b = json_object_get(body, members[i]);
        if (a != b && !json_equal(a, b)) {
            return false;
        }
    }
    return true;
}

enum cmaw_err cmaw_kms_grant_find_same(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *body,
                                       char ret_id[static CMAW_GRANT_ID_SIZE + 1])
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT id, body FROM kms_grant WHERE key_id = ? AND grantee = ? AND name = ?",
                            "ttt", key->id, text_of(body, "GranteePrincipal"), text_of(body, "Name")));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        json_t *stored = NULL;
        CMAW_TRY(parse_body(rows, 1, &stored));
        const bool found = says_the_same(stored, body);
        json_decref(stored);
        if (found) {
            return cmaw_sql_copy(rows, 0, ret_id, CMAW_GRANT_ID_SIZE + 1);
        }
    }
    return err;
}

enum cmaw_err cmaw_kms_grant_new_token(struct cmaw_kms_call *call, const char *id,
                                       char ret_token[static CMAW_GRANT_TOKEN_SIZE + 1])
{
    uint8_t random[CMAW_GRANT_TOKEN_SIZE / 4 * 3];
    CMAW_BUF_AUTO(text, CMAW_GRANT_TOKEN_SIZE);
    CMAW_TRY(cmaw_random(random, sizeof random));
    cmaw_buf_put_base64(&text, CMAW_SLICE_ARRAY(random));
    CMAW_TRY(cmaw_buf_err(&text));
    CMAW_TRY(cmaw_slice_to_cstr(cmaw_buf_slice(&text), ret_token, CMAW_GRANT_TOKEN_SIZE + 1));
    return cmaw_sql_run(call->db, "INSERT INTO grant_token VALUES (?, ?)", "tt", ret_token, id);
}

enum cmaw_err cmaw_kms_grant_load(struct cmaw_kms_call *call, const char *key_id, const char *id, json_t **ret_body)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT body FROM kms_grant WHERE key_id = ? AND id = ?", "tt", key_id, id));
    CMAW_TRY(cmaw_sql_next(rows));
    return parse_body(rows, 0, ret_body);
}

enum cmaw_err cmaw_kms_grant_by_token(struct cmaw_kms_call *call, const char *token,
                                      char ret_id[static CMAW_GRANT_ID_SIZE + 1],
                                      char ret_key_id[static CMAW_UUID_SIZE + 1])
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT g.id, g.key_id FROM grant_token t JOIN kms_grant g ON g.id = t.grant_id"
                                             " WHERE t.token = ?", "t", token));
    CMAW_TRY(cmaw_sql_next(rows));
    CMAW_TRY(cmaw_sql_copy(rows, 0, ret_id, CMAW_GRANT_ID_SIZE + 1));
    return cmaw_sql_copy(rows, 1, ret_key_id, CMAW_UUID_SIZE + 1);
}

enum cmaw_err cmaw_kms_grant_delete(struct cmaw_kms_call *call, const char *id)
{
    CMAW_TRY(cmaw_sql_run(call->db, "DELETE FROM grant_token WHERE grant_id = ?", "t", id));
    return cmaw_sql_run(call->db, "DELETE FROM kms_grant WHERE id = ?", "t", id);
}

static enum cmaw_err bad_token(struct cmaw_kms_call *call)
{
    return cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_GRANT_TOKEN);
}

/* The grants that the request's tokens stand for, as the members of *ids. */
static enum cmaw_err read_tokens(struct cmaw_kms_call *call, json_t *ids)
{
    json_t *tokens = json_object_get(call->request, "GrantTokens");
    if (tokens == NULL || json_is_null(tokens)) {
        return CMAW_OK;
    }
    if (!json_is_array(tokens)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the member GrantTokens has another type");
    }
    if (json_array_size(tokens) > CMAW_GRANT_TOKENS_MAX) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "1 validation error detected: Value at 'grantTokens' failed "
                              "to satisfy constraint: Member must have length less than or equal to %d", CMAW_GRANT_TOKENS_MAX);
    }
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        char id[CMAW_GRANT_ID_SIZE + 1], key_id[CMAW_UUID_SIZE + 1];
        const char *token = json_string_value(json_array_get(tokens, i));
        CMAW_REQUIRE(token != NULL && strlen(token) <= CMAW_GRANT_TOKEN_MAX, bad_token(call));
        const enum cmaw_err err = cmaw_kms_grant_by_token(call, token, id, key_id);
        CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, bad_token(call));
        CMAW_TRY(err);
        CMAW_REQUIRE(json_object_set_new(ids, id, json_true()) == 0, CMAW_E_NO_MEMORY);
    }
    return CMAW_OK;
}

static enum cmaw_scope scope_of(const struct cmaw_kms_call *call, json_t *grant, const char *action, json_t *context)
{
    const char *operation = strchr(action, ':') + 1;
    const bool allowed = strcmp(operation, "CreateGrant") == 0 ? cmaw_grant_covers(grant, call->request)
                                                               : cmaw_grant_allows(grant, operation, context);
    return allowed ? cmaw_principal_scope(text_of(grant, "GranteePrincipal"), call->who) : CMAW_SCOPE_NONE;
}

static enum cmaw_err search(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *action, json_t *context,
                            json_t *tokens, enum cmaw_scope *ret_scope)
{
    char root[CMAW_ARN_MAX];
    enum cmaw_scope scope = CMAW_SCOPE_NONE;
    CMAW_SQL_AUTO(rows);
    (void)snprintf(root, sizeof root, "arn:aws:iam::%s:root", call->who->account);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT id, created_ms, body FROM kms_grant WHERE key_id = ? AND grantee IN (?, ?, ?)",
                            "tttt", key->id, call->who->arn, call->who->caller, root));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        json_t *grant = NULL;
        if (call->now_ms < cmaw_sql_i64(rows, 1) + call->kms->grant_delay_ms
            && json_object_get(tokens, cmaw_sql_text(rows, 0)) == NULL) {
            continue; /* not yet known, unless by its token */
        }
        CMAW_TRY(parse_body(rows, 2, &grant));
        const enum cmaw_scope one = scope_of(call, grant, action, context);
        json_decref(grant);
        scope = one > scope ? one : scope;
    }
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    *ret_scope = scope;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_granted(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *action,
                               json_t *context, enum cmaw_scope *ret_scope)
{
    json_t *tokens = json_object();
    enum cmaw_err err = read_tokens(call, tokens);
    err = err == CMAW_OK ? search(call, key, action, context, tokens, ret_scope) : err;
    json_decref(tokens);
    return err;
}
