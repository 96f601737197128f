#include "dev/sts.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dev/access_key.h"
#include "dev/query.h"
#include "dev/sql.h"
#include "lib/base/text.h"

#define NAMESPACE "https://sts.amazonaws.com/doc/2011-06-15/"

enum { ROLE_ARN_MAX = 2048, EXTERNAL_ID_MAX = 1224 };

static enum cmaw_err answer(struct cmaw_kms_call *call, const char *member, json_t *value)
{
    return json_object_set_new(call->response, member, value) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

/* What is not evaluated is refused: a session that ignored it would be another than was asked for. */
static enum cmaw_err check_known(struct cmaw_kms_call *call, const char *const *known)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(call->request, name, value) {
        bool found = false;
        for (size_t i = 0; known[i] != NULL; i++) {
            found |= strcmp(known[i], name) == 0;
        }
        CMAW_REQUIRE(found, cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                                           "The parameter %.64s is not supported by this emulator.", name));
    }
    return CMAW_OK;
}

static enum cmaw_err bad_value(struct cmaw_kms_call *call, const char *value, const char *name, const char *must)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                          "1 validation error detected: Value '%.256s' at '%s' failed to satisfy constraint: Member must %s",
                          value, name, must);
}

static enum cmaw_err duration(struct cmaw_kms_call *call, int64_t *ret_seconds)
{
    char must[64];
    uint64_t seconds = CMAW_STS_CHAINED_MAX_S;
    const uint64_t min = (uint64_t)call->kms->sts_min_duration_s, max = CMAW_STS_MAX_DURATION_S;
    const char *text = json_string_value(json_object_get(call->request, "DurationSeconds"));
    if (text != NULL && cmaw_parse_u64(text, UINT32_MAX, &seconds) != CMAW_OK) {
        return bad_value(call, text, "durationSeconds", "be a number");
    }
    if (seconds < min || seconds > max) {
        (void)snprintf(must, sizeof must, "have value %s than or equal to %u", seconds < min ? "greater" : "less",
                       (unsigned)(seconds < min ? min : max));
        return bad_value(call, text, "durationSeconds", must);
    }
    if (call->who->session[0] != '\0' && seconds > CMAW_STS_CHAINED_MAX_S) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "The requested DurationSeconds exceeds the 1 hour session "
                                                                   "limit for roles assumed by role chaining.");
    }
    *ret_seconds = (int64_t)seconds;
    return CMAW_OK;
}

static enum cmaw_err check_policy(struct cmaw_kms_call *call)
{
    const char *text = NULL;
    char reason[256];
    json_t *policy = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "Policy", 1, CMAW_SESSION_POLICY_MAX, false, &text));
    if (text != NULL && cmaw_policy_parse(text, CMAW_POLICY_IDENTITY, &policy, reason) != CMAW_OK) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_MALFORMED_POLICY, "%s", reason);
    }
    json_decref(policy);
    return CMAW_OK;
}

static enum cmaw_err check_assume(struct cmaw_kms_call *call)
{
    static const char *const known[] = {"Action", "Version", "RoleArn", "RoleSessionName", "DurationSeconds", "Policy",
                                        "ExternalId", NULL};
    const char *arn = NULL, *name = NULL, *external = NULL;
    int64_t seconds = 0;
    struct cmaw_principal role;
    CMAW_TRY(check_known(call, known));
    CMAW_TRY(cmaw_kms_arg_text(call, "RoleArn", 20, ROLE_ARN_MAX, true, &arn));
    CMAW_TRY(cmaw_kms_arg_text(call, "RoleSessionName", 2, CMAW_SESSION_NAME_MAX, true, &name));
    CMAW_TRY(cmaw_kms_arg_text(call, "ExternalId", 2, EXTERNAL_ID_MAX, false, &external));
    if (cmaw_principal_parse(arn, &role) != CMAW_OK || role.session[0] == '\0') {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "%.256s is invalid", arn);
    }
    if (cmaw_principal_set_session(&role, name) != CMAW_OK) {
        return bad_value(call, name, "roleSessionName", "satisfy regular expression pattern: [\\w+=,.@-]*");
    }
    CMAW_TRY(duration(call, &seconds));
    return check_policy(call);
}

static void add_key(json_t *keys, const char *name, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(keys, name, json_pack("[s]", value));
    }
}

/* The role's trust policy says who may; without one there is no such role, which the caller does not learn. */
static enum cmaw_err authorise(struct cmaw_kms_call *call, const struct cmaw_principal *role)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT trust FROM role WHERE arn = ?", "t", role->arn));
    const enum cmaw_err found = cmaw_sql_next(rows);
    CMAW_REQUIRE(found == CMAW_OK || found == CMAW_E_NOT_FOUND, found);
    if (found == CMAW_E_NOT_FOUND) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_ACCESS_DENIED, "User: %s is not authorized to perform: sts:AssumeRole on "
                              "resource: %s because no resource-based policy allows the sts:AssumeRole action",
                              call->who->caller, role->arn);
    }
    json_t *keys = cmaw_kms_global_conditions(call);
    add_key(keys, "sts:externalid", json_string_value(json_object_get(call->request, "ExternalId")));
    add_key(keys, "sts:rolesessionname", json_string_value(json_object_get(call->request, "RoleSessionName")));
    const struct cmaw_kms_subject subject = {.arn = role->arn, .policy = cmaw_sql_text(rows, 0), .kind = CMAW_POLICY_TRUST,
                                             .owner = role->account};
    const enum cmaw_err err = cmaw_kms_judge(call, "sts:AssumeRole", &subject, keys);
    json_decref(keys);
    return err;
}

static json_t *credentials(const struct cmaw_access_key *key, int64_t expires_ms)
{
    char expiration[32];
    struct tm parts;
    const time_t seconds = expires_ms / 1000;
    (void)strftime(expiration, sizeof expiration, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
    return json_pack("{s:s, s:s, s:s, s:s}", "AccessKeyId", key->id, "SecretAccessKey", key->secret, "SessionToken", key->token,
                     "Expiration", expiration);
}

/* "AROA…:name", or the bare id of what is no role. */
static void user_id(const struct cmaw_principal *who, char ret_id[static CMAW_ARN_MAX])
{
    char id[CMAW_PRINCIPAL_ID_MAX + 1];
    cmaw_principal_id(who, id);
    (void)snprintf(ret_id, CMAW_ARN_MAX, "%s%s%s", id, who->session[0] == '\0' ? "" : ":", who->session);
}

static enum cmaw_err assume_role(struct cmaw_kms_call *call)
{
    char id[CMAW_ARN_MAX], packed[24];
    int64_t seconds = 0;
    struct cmaw_principal role;
    struct cmaw_access_key key;
    const char *policy = json_string_value(json_object_get(call->request, "Policy"));
    CMAW_TRY(cmaw_principal_parse(json_string_value(json_object_get(call->request, "RoleArn")), &role));
    CMAW_TRY(cmaw_principal_set_session(&role, json_string_value(json_object_get(call->request, "RoleSessionName"))));
    CMAW_TRY(authorise(call, &role));
    CMAW_TRY(duration(call, &seconds));
    CMAW_TRY(cmaw_access_key_new(true, &key));
    /* to the second, as the answer says it */
    const struct cmaw_session session = {.name = role.session, .policy = policy == NULL ? "" : policy,
                                         .expires_ms = (call->now_ms / 1000 + seconds) * 1000};
    CMAW_TRY(cmaw_access_key_expire(call->db, call->now_ms));
    CMAW_TRY(cmaw_access_key_insert(call->db, &key, role.arn, &session));
    CMAW_TRY(answer(call, "Credentials", credentials(&key, session.expires_ms)));
    cmaw_wipe(&key, sizeof key);
    user_id(&role, id);
    CMAW_TRY(answer(call, "AssumedRoleUser", json_pack("{s:s, s:s}", "AssumedRoleId", id, "Arn", role.caller)));
    (void)snprintf(packed, sizeof packed, "%zu", policy == NULL ? 0 : 1 + strlen(policy) * 99 / CMAW_SESSION_POLICY_MAX);
    return policy == NULL ? CMAW_OK : answer(call, "PackedPolicySize", json_string(packed));
}

static enum cmaw_err check_identity(struct cmaw_kms_call *call)
{
    static const char *const known[] = {"Action", "Version", NULL};
    return check_known(call, known);
}

/* Nobody is refused. */
static enum cmaw_err get_identity(struct cmaw_kms_call *call)
{
    char id[CMAW_ARN_MAX];
    user_id(call->who, id);
    CMAW_TRY(answer(call, "Arn", json_string(call->who->caller)));
    CMAW_TRY(answer(call, "UserId", json_string(id)));
    return answer(call, "Account", json_string(call->who->account));
}

const struct cmaw_kms_operation cmaw_sts_operations[] = {
    {"AssumeRole", check_assume, assume_role, false, true, "RoleArn RoleSessionName DurationSeconds ExternalId Policy"},
    {"GetCallerIdentity", check_identity, get_identity, false, true, NULL},
    {NULL},
};

/* What differs from KMS's names and statuses. */
static const struct {
    enum cmaw_fault_type type;
    const char *code;
    unsigned status;
} codes[] = {
    {CMAW_FAULT_ACCESS_DENIED, "AccessDenied", 403},
    {CMAW_FAULT_VALIDATION, "ValidationError", 400},
    {CMAW_FAULT_SERIALIZATION, "MalformedQueryString", 400},
    {CMAW_FAULT_MALFORMED_POLICY, "MalformedPolicyDocument", 400},
    {CMAW_FAULT_EXPIRED_TOKEN, "ExpiredToken", 403},
    {CMAW_FAULT_UNRECOGNIZED_CLIENT, "InvalidClientTokenId", 403},
    {CMAW_FAULT_INVALID_SIGNATURE, "SignatureDoesNotMatch", 403},
    {CMAW_FAULT_INCOMPLETE_SIGNATURE, "IncompleteSignature", 400},
    {CMAW_FAULT_MISSING_AUTHENTICATION, "MissingAuthenticationToken", 403},
    {CMAW_FAULT_UNKNOWN_OPERATION, "InvalidAction", 400},
    {CMAW_FAULT_INTERNAL, "InternalFailure", 500},
};

static unsigned put_fault(const struct cmaw_kms_call *call, const char *request_id, struct cmaw_buf *body)
{
    const char *code = cmaw_fault_name(call->fault.type);
    unsigned status = cmaw_fault_status(call->fault.type);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].type == call->fault.type) {
            code = codes[i].code;
            status = codes[i].status;
        }
    }
    json_t *error = json_pack("{s:s, s:s, s:s}", "Type", status < 500 ? "Sender" : "Receiver", "Code", code, "Message",
                              call->fault.message);
    cmaw_buf_put_cstr(body, "<ErrorResponse xmlns=\"" NAMESPACE "\">");
    cmaw_query_put_xml(body, "Error", error);
    cmaw_buf_printf(body, "<RequestId>%s</RequestId></ErrorResponse>", request_id);
    json_decref(error);
    return status;
}

unsigned cmaw_sts_put_answer(const struct cmaw_kms_call *call, const char *request_id, struct cmaw_buf *body)
{
    char result[64];
    if (call->fault.type != CMAW_FAULT_NONE) {
        return put_fault(call, request_id, body);
    }
    (void)snprintf(result, sizeof result, "%sResult", call->operation);
    cmaw_buf_printf(body, "<%sResponse xmlns=\"" NAMESPACE "\">", call->operation);
    cmaw_query_put_xml(body, result, call->response);
    cmaw_buf_printf(body, "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>", request_id,
                    call->operation);
    return 200;
}
