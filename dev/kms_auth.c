#include <stdio.h>
#include <string.h>

#include "dev/authz.h"
#include "dev/grant.h"
#include "dev/kms.h"
#include "dev/sql.h"

static void json_release(json_t **value)
{
    json_decref(*value);
}
#define JSON_AUTO(name) [[gnu::cleanup(json_release)]] json_t *name = NULL

/* What was checked when it was stored is a policy still. */
static enum cmaw_err parse_stored(const char *text, enum cmaw_policy_kind kind, json_t **ret_policy)
{
    char reason[256];
    return cmaw_policy_parse(text, kind, ret_policy, reason);
}

/* All identity policies of the caller, and those for everyone ("*"). */
static enum cmaw_err load_identity(struct cmaw_kms_call *call, json_t *policies)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT policy FROM identity_policy WHERE arn IN (?, '*')", "t", call->who->arn));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        json_t *policy = NULL;
        CMAW_TRY(parse_stored(cmaw_sql_text(rows, 0), CMAW_POLICY_IDENTITY, &policy));
        CMAW_REQUIRE(json_array_append_new(policies, policy) == 0, CMAW_E_NO_MEMORY);
    }
    return err == CMAW_E_NOT_FOUND ? CMAW_OK : err;
}

static enum cmaw_err judge(struct cmaw_kms_call *call, const struct cmaw_kms_subject *subject,
                           const struct cmaw_policy_request *request, enum cmaw_authz_verdict *ret_verdict)
{
    JSON_AUTO(identity);
    JSON_AUTO(resource);
    JSON_AUTO(session);
    identity = json_array();
    CMAW_TRY(load_identity(call, identity));
    if (subject->policy != NULL) {
        CMAW_TRY(parse_stored(subject->policy, subject->kind, &resource));
    }
    if (call->session_policy != NULL && call->session_policy[0] != '\0') {
        CMAW_TRY(parse_stored(call->session_policy, CMAW_POLICY_IDENTITY, &session));
    }
    const struct cmaw_authz authz = {.request = request, .resource = resource, .resource_kind = subject->kind,
                                     .owner = subject->owner, .identity = identity, .session = session,
                                     .granted = subject->granted};
    *ret_verdict = cmaw_authz_decide(&authz);
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_judge(struct cmaw_kms_call *call, const char *action, const struct cmaw_kms_subject *subject,
                             json_t *keys)
{
    char because[160];
    enum cmaw_authz_verdict verdict = CMAW_AUTHZ_NOT_IN_RESOURCE;
    const struct cmaw_policy_request request = {call->who, action, subject->arn, keys};
    CMAW_TRY(judge(call, subject, &request, &verdict));
    if (verdict == CMAW_AUTHZ_ALLOWED || (subject->denials_only && verdict >= CMAW_AUTHZ_NOT_IN_RESOURCE)) {
        return CMAW_OK;
    }
    cmaw_authz_because(verdict, action, because);
    const bool named = strcmp(subject->arn, "*") != 0;
    return cmaw_fault_say(&call->fault, CMAW_FAULT_ACCESS_DENIED, "User: %s is not authorized to perform: %s%s%s %s",
                          call->who->caller, action, named ? " on resource: " : "", named ? subject->arn : "", because);
}

enum cmaw_err cmaw_kms_authorise(struct cmaw_kms_call *call, const char *action, const struct cmaw_kms_key *key,
                                 json_t *context)
{
    JSON_AUTO(keys);
    struct cmaw_kms_subject subject = {.arn = "*"};
    keys = cmaw_kms_conditions(call, key, context);
    CMAW_REQUIRE(keys != NULL, CMAW_E_NO_MEMORY);
    if (key != NULL) {
        subject = (struct cmaw_kms_subject){.arn = key->arn, .policy = key->policy, .kind = CMAW_POLICY_KEY,
                                            .owner = call->kms->account};
        CMAW_TRY(cmaw_kms_granted(call, key, action, context, &subject.granted));
    }
    return cmaw_kms_judge(call, action, &subject, keys);
}

enum cmaw_err cmaw_kms_authorise_arn(struct cmaw_kms_call *call, const char *action, const char *arn)
{
    JSON_AUTO(keys);
    const struct cmaw_kms_subject subject = {.arn = arn};
    keys = cmaw_kms_conditions(call, NULL, NULL);
    CMAW_REQUIRE(keys != NULL, CMAW_E_NO_MEMORY);
    return cmaw_kms_judge(call, action, &subject, keys);
}

bool cmaw_kms_policy_allows(struct cmaw_kms_call *call, const char *policy, const char *action, const char *arn)
{
    JSON_AUTO(keys);
    const struct cmaw_fault before = call->fault;
    const struct cmaw_kms_subject subject = {.arn = arn, .policy = policy, .kind = CMAW_POLICY_KEY,
                                             .owner = call->kms->account};
    keys = cmaw_kms_conditions(call, NULL, NULL);
    const bool allowed = keys != NULL && cmaw_kms_judge(call, action, &subject, keys) == CMAW_OK;
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

enum cmaw_err cmaw_kms_require_kept(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    return strcmp(key->state, "PendingDeletion") != 0 ? CMAW_OK
               : cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_STATE, "%s is pending deletion.", key->arn);
}

enum cmaw_err cmaw_kms_require_enabled(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    CMAW_TRY(cmaw_kms_require_kept(call, key));
    if (strcmp(key->state, "Enabled") != 0) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_DISABLED, "%s is disabled.", key->arn);
    }
    return CMAW_OK;
}
