/* CreateGrant, ListGrants, ListRetirableGrants, RetireGrant, RevokeGrant (KMS API Reference). */
#include "dev/kms_grants.h"

#include <stdio.h>
#include <string.h>

#include "dev/grant.h"
#include "dev/sql.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

enum { LIST_MAX = 100, LIST_DEFAULT = 50, GRANT_ID_MAX = 128 };

/* In the order of cmaw_grant_operations, each once. */
static json_t *ordered_operations(json_t *request)
{
    json_t *list = json_array();
    for (size_t i = 0; cmaw_grant_operations[i] != NULL; i++) {
        if (cmaw_grant_lists(request, cmaw_grant_operations[i])) {
            (void)json_array_append_new(list, json_string(cmaw_grant_operations[i]));
        }
    }
    return list;
}

/* Without the constraints that are empty. */
static json_t *given_constraints(json_t *request)
{
    const char *type = NULL;
    json_t *pairs = NULL, *given = json_object();
    json_object_foreach(json_object_get(request, "Constraints"), type, pairs) {
        if (json_object_size(pairs) > 0) {
            (void)json_object_set(given, type, pairs);
        }
    }
    return given;
}

static void copy_text(json_t *body, json_t *request, const char *name)
{
    json_t *value = json_object_get(request, name);
    if (json_is_string(value)) {
        (void)json_object_set(body, name, value);
    }
}

static json_t *make_body(const struct cmaw_kms_call *call, const struct cmaw_kms_key *key, const char *id)
{
    char account[CMAW_ARN_MAX];
    (void)snprintf(account, sizeof account, "arn:aws:iam::%s:root", call->who->account);
    json_t *body = json_pack("{s:s, s:s, s:o, s:s, s:o}", "KeyId", key->arn, "GrantId", id, "CreationDate",
                             cmaw_kms_seconds(call->now_ms), "IssuingAccount", account, "Operations",
                             ordered_operations(call->request));
    json_t *constraints = given_constraints(call->request);
    copy_text(body, call->request, "Name");
    copy_text(body, call->request, "GranteePrincipal");
    copy_text(body, call->request, "RetiringPrincipal");
    if (json_object_size(constraints) > 0) {
        (void)json_object_set(body, "Constraints", constraints);
    }
    json_decref(constraints);
    return body;
}

/* Operations that the key can never do are refused. */
static enum cmaw_err require_fitting(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    static const char *const never[] = {"GenerateMac", "VerifyMac", "DeriveSharedSecret", NULL};
    static const char *const signing[] = {"Sign", "Verify", "GetPublicKey", NULL};
    static const char *const encrypting[] = {"Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext",
                                             "ReEncryptFrom", "ReEncryptTo", "GenerateDataKeyPair",
                                             "GenerateDataKeyPairWithoutPlaintext", NULL};
    const char *const *const unfit[] = {never, key->spec == NULL ? signing : encrypting};
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        for (const char *const *name = unfit[i]; *name != NULL; name++) {
            CMAW_REQUIRE(!cmaw_grant_lists(call->request, *name),
                         cmaw_kms_grant_invalid(call, "The operation %s is not valid for a grant on the key %s.", *name, key->arn));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err refuse_dry_run(struct cmaw_kms_call *call)
{
    bool dry = false;
    CMAW_TRY(cmaw_kms_arg_flag(call, "DryRun", &dry));
    return dry ? cmaw_fault_set(&call->fault, CMAW_FAULT_DRY_RUN) : CMAW_OK;
}

/* The same request with a name makes one grant only, however often it is sent. */
static enum cmaw_err store(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, char id[static CMAW_GRANT_ID_SIZE + 1])
{
    uint8_t random[CMAW_GRANT_ID_SIZE / 2];
    CMAW_TRY(cmaw_random(random, sizeof random));
    CMAW_TRY(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(random), id, CMAW_GRANT_ID_SIZE + 1));
    json_t *body = make_body(call, key, id);
    enum cmaw_err err = json_object_get(body, "Name") == NULL ? CMAW_E_NOT_FOUND
                                                              : cmaw_kms_grant_find_same(call, key, body, id);
    if (err == CMAW_E_NOT_FOUND) {
        err = cmaw_kms_grant_insert(call, key, id, body);
    }
    json_decref(body);
    return err;
}

static enum cmaw_err create_grant(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    char id[CMAW_GRANT_ID_SIZE + 1], token[CMAW_GRANT_TOKEN_SIZE + 1];
    json_t *constraints = json_object_get(call->request, "Constraints");
    json_t *exact = json_object_get(constraints, "EncryptionContextEquals");
    /* a policy's kms:EncryptionContext is about the context that the grant asks for */
    call->context = json_object_size(exact) > 0 ? exact : json_object_get(constraints, "EncryptionContextSubset");
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_enabled(call, &key));
    CMAW_TRY(require_fitting(call, &key));
    CMAW_TRY(refuse_dry_run(call));
    CMAW_TRY(store(call, &key, id));
    CMAW_TRY(cmaw_kms_grant_new_token(call, id, token));
    CMAW_TRY(cmaw_kms_answer(call, "GrantToken", json_string(token)));
    return cmaw_kms_answer(call, "GrantId", json_string(id));
}

static enum cmaw_err check_page(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    return cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page);
}

static enum cmaw_err check_list(struct cmaw_kms_call *call)
{
    const char *id = NULL;
    CMAW_TRY(cmaw_kms_arg_key(call, "KeyId", true, &call->key_id));
    CMAW_TRY(cmaw_kms_arg_text(call, "GrantId", 1, GRANT_ID_MAX, false, &id));
    CMAW_TRY(cmaw_kms_grant_check_principal(call, "GranteePrincipal", false));
    return check_page(call);
}

static json_t *grant_item(struct cmaw_kms_call *call, struct sqlite3_stmt *rows)
{
    (void)call;
    return json_loads(cmaw_sql_text(rows, 1), 0, NULL);
}

static enum cmaw_err list_grants(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_SQL_AUTO(rows);
    struct cmaw_kms_page page;
    const char *id = json_string_value(json_object_get(call->request, "GrantId"));
    const char *grantee = json_string_value(json_object_get(call->request, "GranteePrincipal"));
    CMAW_TRY(cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_sql_query(call->db, &rows,
                            "SELECT id, body FROM kms_grant WHERE key_id = ? AND id > ? AND (? IS NULL OR id = ?)"
                            " AND (? IS NULL OR grantee = ?) ORDER BY id LIMIT ?", "tttttti", key.id, page.marker, id, id,
                            grantee, grantee, page.limit + 1));
    return cmaw_kms_answer_page(call, "Grants", &page, rows, grant_item);
}

static enum cmaw_err check_retirable(struct cmaw_kms_call *call)
{
    CMAW_TRY(cmaw_kms_grant_check_principal(call, "RetiringPrincipal", true));
    return check_page(call);
}

/* Grants of keys that are gone are gone with them. */
static enum cmaw_err list_retirable(struct cmaw_kms_call *call)
{
    CMAW_SQL_AUTO(rows);
    struct cmaw_kms_page page;
    CMAW_TRY(cmaw_kms_arg_page(call, LIST_MAX, LIST_DEFAULT, &page));
    CMAW_TRY(cmaw_kms_authorise(call, "kms:ListRetirableGrants", NULL, NULL));
    CMAW_TRY(cmaw_sql_query(call->db, &rows,
                            "SELECT g.id, g.body FROM kms_grant g JOIN kms_key k ON k.id = g.key_id WHERE g.retiring = ?"
                            " AND g.id > ? AND (k.deletion_ms = 0 OR k.deletion_ms > ?) ORDER BY g.id LIMIT ?", "ttii",
                            json_string_value(json_object_get(call->request, "RetiringPrincipal")), page.marker,
                            call->now_ms, page.limit + 1));
    return cmaw_kms_answer_page(call, "Grants", &page, rows, grant_item);
}

static enum cmaw_err no_such_grant(struct cmaw_kms_call *call, const char *id)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_NOT_FOUND, "Grant ID %.128s not found", id);
}

/* An id that no grant can have is told from one that no grant has. */
static enum cmaw_err check_grant_id(struct cmaw_kms_call *call, const char **ret_id)
{
    const char *id = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "GrantId", 1, GRANT_ID_MAX, true, &id));
    if (strlen(id) != CMAW_GRANT_ID_SIZE || strspn(id, "0123456789abcdef") != CMAW_GRANT_ID_SIZE) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_GRANT_ID, "Grant ID %.128s is not valid.", id);
    }
    *ret_id = id;
    return CMAW_OK;
}

static enum cmaw_err check_revoke(struct cmaw_kms_call *call)
{
    const char *id = NULL;
    CMAW_TRY(cmaw_kms_arg_key(call, "KeyId", true, &call->key_id));
    return check_grant_id(call, &id);
}

static enum cmaw_err revoke_grant(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    json_t *grant = NULL;
    const char *id = json_string_value(json_object_get(call->request, "GrantId"));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    const enum cmaw_err err = cmaw_kms_grant_load(call, key.id, id, &grant);
    json_decref(grant);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, no_such_grant(call, id));
    CMAW_TRY(err);
    CMAW_TRY(refuse_dry_run(call));
    return cmaw_kms_grant_delete(call, id);
}

/* A token, or a key and the id of one of its grants. */
static enum cmaw_err check_retire(struct cmaw_kms_call *call)
{
    const char *token = NULL, *id = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "GrantToken", 1, CMAW_GRANT_TOKEN_MAX, false, &token));
    CMAW_TRY(cmaw_kms_arg_key(call, "KeyId", false, &call->key_id));
    if (token != NULL) {
        return CMAW_OK;
    }
    CMAW_REQUIRE(call->key_id != NULL, cmaw_kms_grant_invalid(call, "Either a grant token, or a key and a grant ID must be given."));
    return check_grant_id(call, &id);
}

static enum cmaw_err find_to_retire(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key,
                                    char ret_id[static CMAW_GRANT_ID_SIZE + 1])
{
    char key_id[CMAW_UUID_SIZE + 1];
    const char *token = json_string_value(json_object_get(call->request, "GrantToken"));
    if (token == NULL) {
        (void)snprintf(ret_id, CMAW_GRANT_ID_SIZE + 1, "%s", json_string_value(json_object_get(call->request, "GrantId")));
        return cmaw_kms_key_load(call, call->key_id, ret_key);
    }
    const enum cmaw_err err = cmaw_kms_grant_by_token(call, token, ret_id, key_id);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_GRANT_TOKEN));
    CMAW_TRY(err);
    return cmaw_kms_key_load(call, key_id, ret_key);
}

/* The grant says who may retire it; a policy can only deny that, and a key's policy not even that (KMS Developer Guide,
 * Retiring and revoking grants). A retiring principal that is an account delegates to its identity policies. */
static enum cmaw_err authorise_retire(struct cmaw_kms_call *call, const struct cmaw_kms_key *key, json_t *grant)
{
    const char *retiring = json_string_value(json_object_get(grant, "RetiringPrincipal"));
    const char *grantee = json_string_value(json_object_get(grant, "GranteePrincipal"));
    const char *issuer = json_string_value(json_object_get(grant, "IssuingAccount"));
    enum cmaw_scope scope = retiring == NULL ? CMAW_SCOPE_NONE : cmaw_principal_scope(retiring, call->who);
    if (scope < CMAW_SCOPE_CALLER && cmaw_grant_lists(grant, "RetireGrant")) {
        const enum cmaw_scope other = cmaw_principal_scope(grantee, call->who);
        scope = other > scope ? other : scope;
    }
    if (strcmp(call->who->arn, issuer) == 0) {
        scope = CMAW_SCOPE_CALLER;
    }
    CMAW_REQUIRE(scope != CMAW_SCOPE_NONE,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_ACCESS_DENIED,
                                "User: %s is not authorized to perform: kms:RetireGrant on resource: %s because the grant does "
                                "not allow the kms:RetireGrant action", call->who->caller, key->arn));
    json_t *keys = cmaw_kms_conditions(call, key, NULL);
    const struct cmaw_kms_subject subject = {.arn = key->arn, .owner = call->kms->account,
                                             .denials_only = scope != CMAW_SCOPE_ACCOUNT};
    const enum cmaw_err err = cmaw_kms_judge(call, "kms:RetireGrant", &subject, keys);
    json_decref(keys);
    return err;
}

static enum cmaw_err retire_grant(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    char id[CMAW_GRANT_ID_SIZE + 1];
    json_t *grant = NULL;
    CMAW_TRY(find_to_retire(call, &key, id));
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", key.arn);
    enum cmaw_err err = cmaw_kms_grant_load(call, key.id, id, &grant);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, no_such_grant(call, id));
    CMAW_TRY(err);
    err = authorise_retire(call, &key, grant);
    json_decref(grant);
    CMAW_TRY(err);
    CMAW_TRY(refuse_dry_run(call));
    return cmaw_kms_grant_delete(call, id);
}

const struct cmaw_kms_operation cmaw_kms_grant_operations[] = {
    {"CreateGrant", cmaw_kms_grant_check, create_grant, false, false,
     "KeyId GranteePrincipal RetiringPrincipal Operations Constraints Name"},
    {"ListGrants", check_list, list_grants, false, true, "KeyId GrantId GranteePrincipal"},
    {"ListRetirableGrants", check_retirable, list_retirable, false, true, "RetiringPrincipal"},
    {"RetireGrant", check_retire, retire_grant, false, false, "KeyId GrantId"},
    {"RevokeGrant", check_revoke, revoke_grant, false, false, "KeyId GrantId"},
    {NULL},
};
