#include "dev/trail.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dev/sql.h"
#include "lib/base/text.h"

enum { PRINCIPAL_ID_SIZE = 21, ISO_SIZE = 24 };

static void iso_time(int64_t ms, char ret_text[static ISO_SIZE])
{
    const time_t seconds = ms / 1000;
    struct tm parts;
    (void)strftime(ret_text, ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
}

/* IAM's ids are stable for a principal: here they come from its ARN. */
static void principal_id(const char *prefix, const char *arn, char ret_id[static PRINCIPAL_ID_SIZE + 1])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char hex[2 * sizeof digest + 1] = "";
    cmaw_sha256(cmaw_slice_of_cstr(arn), digest);
    CMAW_IGNORE(cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(digest), hex, sizeof hex)); /* it fits */
    (void)snprintf(ret_id, PRINCIPAL_ID_SIZE + 1, "%s%.17s", prefix, hex);
    for (char *at = ret_id; *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
}

static json_t *session_context(const struct cmaw_principal *who, const char *id, const char *time)
{
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s}, s:{s:s, s:s}}", "sessionIssuer", "type", "Role", "principalId", id,
                     "arn", who->arn, "accountId", who->account, "userName", who->name, "attributes", "creationDate",
                     time, "mfaAuthenticated", "false");
}

static json_t *user_identity(const struct cmaw_principal *who, const char *access_key, const char *time)
{
    char id[PRINCIPAL_ID_SIZE + 1], session[CMAW_ARN_MAX];
    const bool role = strcmp(who->type, "AssumedRole") == 0;
    principal_id(role ? "AROA" : "AIDA", who->arn, id);
    (void)snprintf(session, sizeof session, "%s:%s", id, strrchr(who->caller, '/') == NULL ? "" : strrchr(who->caller, '/') + 1);
    json_t *identity = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", who->type, "principalId",
                                 role ? session : strcmp(who->type, "Root") == 0 ? who->account : id, "arn", who->caller,
                                 "accountId", who->account, "accessKeyId", access_key);
    if (role) {
        (void)json_object_set_new(identity, "sessionContext", session_context(who, id, time));
    } else if (strcmp(who->type, "IAMUser") == 0) {
        (void)json_object_set_new(identity, "userName", json_string(who->name));
    }
    return identity;
}

/* The members of the request that the operation lists, with names in lower camel case. */
static json_t *request_parameters(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation)
{
    if (operation->logged == NULL || call->fault.type == CMAW_FAULT_ACCESS_DENIED) {
        return json_null();
    }
    json_t *parameters = json_object();
    char names[256], camel[64], *rest = NULL;
    (void)snprintf(names, sizeof names, "%s", operation->logged);
    for (const char *name = strtok_r(names, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        json_t *value = json_object_get(call->request, name);
        if (value != NULL && !json_is_null(value)) {
            (void)snprintf(camel, sizeof camel, "%s", name);
            camel[0] = (char)tolower((unsigned char)camel[0]);
            (void)json_object_set(parameters, camel, value);
        }
    }
    return parameters;
}

/* CreateKey and ScheduleKeyDeletion show their answers; no other does (facts/KMS.md section 4.1). */
static json_t *response_elements(const struct cmaw_kms_call *call)
{
    const bool shown = strcmp(call->operation, "CreateKey") == 0 || strcmp(call->operation, "ScheduleKeyDeletion") == 0;
    if (!shown || call->fault.type != CMAW_FAULT_NONE) {
        return json_null();
    }
    json_t *elements = json_object(), *value = NULL;
    const char *name = NULL;
    char camel[64];
    json_object_foreach(call->response, name, value) {
        (void)snprintf(camel, sizeof camel, "%s", name);
        camel[0] = (char)tolower((unsigned char)camel[0]);
        (void)json_object_set(elements, camel, value);
    }
    return elements;
}

static void put_base64(json_t *object, const char *name, struct cmaw_slice bytes)
{
    CMAW_BUF_AUTO(text, 256);
    cmaw_buf_put_base64(&text, bytes);
    if (cmaw_buf_err(&text) == CMAW_OK) {
        (void)json_object_set_new(object, name, json_stringn((const char *)text.data, text.size));
    }
}

static json_t *recipient(const struct cmaw_doc *doc)
{
    static const uint32_t shown[] = {1, 2, 3, 4, 8};
    char name[48];
    json_t *object = json_object();
    (void)json_object_set_new(object, "attestationDocumentModuleId",
                              json_stringn((const char *)doc->module_id.data, doc->module_id.size));
    put_base64(object, "attestationDocumentEnclaveImageDigest", cmaw_doc_pcr(doc, 0));
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        (void)snprintf(name, sizeof name, "attestationDocumentEnclavePCR%u", shown[i]);
        put_base64(object, name, cmaw_doc_pcr(doc, shown[i]));
    }
    return object;
}

static void put_outcome(const struct cmaw_kms_call *call, json_t *event)
{
    const bool denied = call->fault.type == CMAW_FAULT_ACCESS_DENIED;
    if (call->fault.type != CMAW_FAULT_NONE) {
        (void)json_object_set_new(event, "errorCode",
                                  json_string(denied ? "AccessDenied" : cmaw_fault_name(call->fault.type)));
        (void)json_object_set_new(event, "errorMessage", json_string(call->fault.message));
    }
    if (call->recipient.present && !denied) {
        (void)json_object_set_new(event, "additionalEventData", json_pack("{s:o}", "recipient", recipient(&call->recipient.doc)));
    }
}

static json_t *resources(const struct cmaw_kms_call *call)
{
    if (call->key_arn[0] == '\0') {
        return json_array();
    }
    return json_pack("[{s:s, s:s, s:s}]", "accountId", call->kms->account, "type", "AWS::KMS::Key", "ARN", call->key_arn);
}

/* What a client says of itself is shown if JSON can hold it. */
static const char *shown(const char *text)
{
    return text != NULL && cmaw_utf8_valid(cmaw_slice_of_cstr(text)) ? text : "";
}

static json_t *build(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                     const struct cmaw_trail_source *source, const char *event_id)
{
    char time[ISO_SIZE];
    iso_time(call->now_ms, time);
    json_t *event = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "eventVersion", "1.11", "userIdentity",
                              user_identity(call->who, source->access_key, time), "eventTime", time, "eventSource",
                              source->event_source, "eventName", call->operation, "awsRegion", call->kms->region,
                              "sourceIPAddress", source->address, "userAgent", shown(source->user_agent));
    if (event == NULL) {
        return NULL;
    }
    put_outcome(call, event);
    json_t *rest = json_pack("{s:o, s:o, s:s, s:s, s:b, s:o, s:s, s:b, s:s, s:s, s:{s:s}}", "requestParameters",
                             request_parameters(call, operation), "responseElements", response_elements(call),
                             "requestID", source->request_id, "eventID", event_id, "readOnly", operation->read_only,
                             "resources", resources(call), "eventType", "AwsApiCall", "managementEvent", 1,
                             "recipientAccountId", call->kms->account, "eventCategory", "Management", "tlsDetails",
                             "clientProvidedHostHeader", shown(source->host));
    if (rest == NULL || json_object_update(event, rest) != 0) {
        json_decref(event);
        event = NULL;
    }
    json_decref(rest);
    return event;
}

static enum cmaw_err insert(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                            const struct cmaw_trail_source *source, const char *event_id, const char *body)
{
    const char *slash = strrchr(call->who->caller, '/');
    return cmaw_sql_run(call->db, "INSERT INTO event (id, time_ms, name, source, username, access_key, read_only, resource, body)"
                                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", "tittttttt", event_id, call->now_ms,
                        call->operation, source->event_source, slash == NULL ? "root" : slash + 1, source->access_key,
                        operation->read_only ? "true" : "false", call->key_arn, body);
}

enum cmaw_err cmaw_trail_record(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                                const struct cmaw_trail_source *source)
{
    char event_id[CMAW_UUID_SIZE + 1];
    CMAW_TRY(cmaw_uuid_new(event_id));
    json_t *event = build(call, operation, source, event_id);
    char *body = event == NULL ? NULL : json_dumps(event, JSON_COMPACT);
    const enum cmaw_err err = body == NULL ? CMAW_E_NO_MEMORY : insert(call, operation, source, event_id, body);
    free(body);
    json_decref(event);
    return err;
}
