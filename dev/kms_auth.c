#include "dev/kms.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "dev/policy.h"
#include "dev/sql.h"
#include "lib/base/text.h"

static void json_release(json_t **value)
{
    json_decref(*value);
}
#define JSON_AUTO(name) [[gnu::cleanup(json_release)]] json_t *name = NULL

/* Appends a value to a condition key; names are kept in lower case. */
static void add_key(json_t *keys, const char *name, const char *value)
{
    char lower[512];
    size_t size = 0;
    for (; name[size] != '\0' && size < sizeof lower - 1; size++) {
        lower[size] = (char)tolower((unsigned char)name[size]);
    }
    lower[size] = '\0';
    json_t *values = json_object_get(keys, lower);
    if (values == NULL) {
        values = json_array();
        (void)json_object_set_new(keys, lower, values);
    }
    (void)json_array_append_new(values, json_string(value));
}

static void add_recipient_keys(const struct cmaw_kms_recipient *recipient, json_t *keys)
{
    char name[64], hex[2 * CMAW_PCR_SIZE + 1];
    for (uint32_t i = 0; recipient->present && i < CMAW_PCR_COUNT; i++) {
        const struct cmaw_slice pcr = cmaw_doc_pcr(&recipient->doc, i);
        if (pcr.size == 0 || cmaw_hex_to_cstr(pcr, hex, sizeof hex) != CMAW_OK) {
            continue;
        }
        (void)snprintf(name, sizeof name, "kms:recipientattestation:pcr%u", i);
        add_key(keys, name, hex);
        if (i == 0) {
            add_key(keys, "kms:recipientattestation:imagesha384", hex);
        }
    }
}

static void add_context_keys(json_t *context, json_t *keys)
{
    const char *name = NULL;
    json_t *value = NULL;
    char full[512];
    json_object_foreach(context, name, value) {
        /* no policy can name a key that is longer */
        if (snprintf(full, sizeof full, "kms:encryptioncontext:%s", name) < (int)sizeof full) {
            add_key(keys, full, json_string_value(value));
        }
        add_key(keys, "kms:encryptioncontextkeys", name);
    }
}

static json_t *condition_keys(const struct cmaw_kms_call *call, bool has_key, json_t *context)
{
    json_t *keys = json_object();
    add_key(keys, "aws:principalarn", call->who->arn);
    add_key(keys, "aws:principalaccount", call->who->account);
    add_key(keys, "aws:securetransport", "true");
    add_key(keys, "aws:requestedregion", call->kms->region);
    add_key(keys, "kms:calleraccount", call->who->account);
    if (has_key) {
        add_key(keys, "kms:keyspec", "SYMMETRIC_DEFAULT");
        add_key(keys, "kms:keyusage", "ENCRYPT_DECRYPT");
        add_key(keys, "kms:keyorigin", "AWS_KMS");
        add_key(keys, "kms:multiregion", "false");
    }
    add_recipient_keys(&call->recipient, keys);
    add_context_keys(context, keys);
    return keys;
}

/* All identity policies of the caller, and those for everyone ("*"). Root needs none. */
static enum cmaw_err identity_verdict(struct sqlite3 *db, const struct cmaw_policy_request *request,
                                      struct cmaw_policy_verdict *ret_verdict)
{
    struct cmaw_policy_verdict all = {.allow = strcmp(request->who->type, "Root") == 0};
    char reason[256];
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(db, &rows, "SELECT policy FROM identity_policy WHERE arn IN (?, '*')", "t", request->who->arn));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        JSON_AUTO(policy);
        CMAW_TRY(cmaw_policy_parse(cmaw_sql_text(rows, 0), CMAW_POLICY_IDENTITY, &policy, reason));
        const struct cmaw_policy_verdict one = cmaw_policy_eval(policy, CMAW_POLICY_IDENTITY, request);
        all.allow |= one.allow;
        all.deny |= one.deny;
    }
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    *ret_verdict = all;
    return CMAW_OK;
}

static enum cmaw_err refuse(struct cmaw_kms_call *call, const struct cmaw_policy_request *request, const char *because)
{
    const bool on_key = strcmp(request->resource, "*") != 0;
    return cmaw_fault_say(&call->fault, CMAW_FAULT_ACCESS_DENIED, "User: %s is not authorized to perform: %s%s%s %s",
                          call->who->caller, request->action, on_key ? " on resource: " : "",
                          on_key ? request->resource : "", because);
}

static enum cmaw_err refuse_action(struct cmaw_kms_call *call, const struct cmaw_policy_request *request,
                                   const char *kind)
{
    char because[128];
    (void)snprintf(because, sizeof because, "because no %s policy allows the %s action", kind, request->action);
    return refuse(call, request, because);
}

/* facts/KMS.md section 3.1. An explicit Deny anywhere wins. */
static enum cmaw_err decide(struct cmaw_kms_call *call, const struct cmaw_policy_request *request, json_t *key_policy)
{
    struct cmaw_policy_verdict identity, resource = {0};
    CMAW_TRY(identity_verdict(call->db, request, &identity));
    if (key_policy != NULL) {
        resource = cmaw_policy_eval(key_policy, CMAW_POLICY_KEY, request);
    }
    if (resource.deny) {
        return refuse(call, request, "with an explicit deny in a resource-based policy");
    }
    if (identity.deny) {
        return refuse(call, request, "with an explicit deny in an identity-based policy");
    }
    if (key_policy == NULL) {
        return identity.allow ? CMAW_OK : refuse_action(call, request, "identity-based");
    }
    const bool own_account = strcmp(call->who->account, call->kms->account) == 0;
    if (resource.allow && own_account) {
        return CMAW_OK;
    }
    if (!resource.allow && !resource.allow_account) {
        return refuse_action(call, request, "resource-based");
    }
    return identity.allow ? CMAW_OK : refuse_action(call, request, "identity-based");
}

static enum cmaw_err authorise(struct cmaw_kms_call *call, const char *action, const char *arn, const char *policy_text,
                               json_t *context)
{
    char reason[256];
    JSON_AUTO(policy);
    JSON_AUTO(keys);
    keys = condition_keys(call, policy_text != NULL, context);
    if (policy_text != NULL) {
        CMAW_TRY(cmaw_policy_parse(policy_text, CMAW_POLICY_KEY, &policy, reason));
    }
    const struct cmaw_policy_request request = {call->who, action, arn, keys};
    return decide(call, &request, policy);
}

enum cmaw_err cmaw_kms_authorise(struct cmaw_kms_call *call, const char *action, const struct cmaw_kms_key *key,
                                 json_t *context)
{
    return key == NULL ? authorise(call, action, "*", NULL, context)
                       : authorise(call, action, key->arn, key->policy, context);
}

bool cmaw_kms_policy_allows(struct cmaw_kms_call *call, const char *policy, const char *action, const char *arn)
{
    const struct cmaw_fault before = call->fault;
    const bool allowed = authorise(call, action, arn, policy, NULL) == CMAW_OK;
    call->fault = before;
    return allowed;
}

enum cmaw_err cmaw_kms_open_key(struct cmaw_kms_call *call, struct cmaw_kms_key *ret_key)
{
    char action[64];
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_key_load(call, call->key_id, &key));
    (void)snprintf(call->key_arn, sizeof call->key_arn, "%s", key.arn);
    (void)snprintf(action, sizeof action, "kms:%s", call->operation);
    CMAW_TRY(cmaw_kms_authorise(call, action, &key, call->context));
    *ret_key = key;
    key = (struct cmaw_kms_key){0};
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_require_enabled(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    if (strcmp(key->state, "PendingDeletion") == 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_STATE, "%s is pending deletion.", key->arn);
    }
    if (strcmp(key->state, "Enabled") != 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_DISABLED, "%s is disabled.", key->arn);
    }
    return CMAW_OK;
}
