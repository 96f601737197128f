#include "dev/trail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/trail_shape.h"
#include "lib/base/text.h"
#include "lib/crypto/random.h"

static bool denied(const struct cmaw_kms_call *call)
{
    return call->fault.type == CMAW_FAULT_ACCESS_DENIED;
}

/* What events show of answers; of all others nothing. */
static const struct shown_answer {
    const char *operation;
    const char *members; /* of the response; NULL: the ARN of the key, though the response has none */
} shown_answers[] = {
    {"CreateKey", "KeyMetadata"},
    {"ScheduleKeyDeletion", "KeyId KeyState DeletionDate PendingWindowInDays"},
    {"CancelKeyDeletion", "KeyId"},
    {"CreateGrant", "GrantId"},
    {"EnableKey", NULL},         {"DisableKey", NULL},         {"UpdateKeyDescription", NULL},
    {"EnableKeyRotation", NULL}, {"DisableKeyRotation", NULL}, {"CreateAlias", NULL},
    {"UpdateAlias", NULL},       {"DeleteAlias", NULL},        {"TagResource", NULL},
    {"UntagResource", NULL},     {"RevokeGrant", NULL},        {"RetireGrant", NULL},
};

static json_t *request_parameters(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation)
{
    return operation->logged == NULL || denied(call) ? json_null() : cmaw_trail_members(call->request, operation->logged);
}

static json_t *response_elements(const struct cmaw_kms_call *call)
{
    for (size_t i = 0; call->fault.type == CMAW_FAULT_NONE && i < sizeof shown_answers / sizeof shown_answers[0]; i++) {
        if (strcmp(shown_answers[i].operation, call->operation) == 0) {
            return shown_answers[i].members == NULL ? json_pack("{s:s}", "keyId", call->key_arn)
                                                    : cmaw_trail_members(call->response, shown_answers[i].members);
        }
    }
    return json_null();
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

/* Ids of key material as the answer gives them; an Encrypt's answer has none, but its event has. */
static json_t *additional_data(const struct cmaw_kms_call *call)
{
    static const uint8_t none[CMAW_KMS_MATERIAL_SIZE];
    char hex[2 * CMAW_KMS_MATERIAL_SIZE + 1];
    json_t *data = cmaw_trail_members(call->response, "KeyMaterialId SourceKeyMaterialId DestinationKeyMaterialId");
    if (!cmaw_slice_eq(CMAW_SLICE_ARRAY(call->material_id), CMAW_SLICE_ARRAY(none))
        && cmaw_hex_to_cstr(CMAW_SLICE_ARRAY(call->material_id), hex, sizeof hex) == CMAW_OK) {
        (void)json_object_set_new(data, "keyMaterialId", json_string(hex));
    }
    if (call->recipient.present) {
        /* "recipient" stands for a signed document (facts/KMS.md section 4.1): no auditor may take another for one */
        const char *name = call->recipient.is_unsigned ? "unsignedRecipient" : "recipient";
        (void)json_object_set_new(data, name, recipient(&call->recipient.doc));
    }
    return data;
}

static void put_outcome(const struct cmaw_kms_call *call, json_t *event)
{
    if (call->fault.type != CMAW_FAULT_NONE) {
        (void)json_object_set_new(event, "errorCode",
                                  json_string(denied(call) ? "AccessDenied" : cmaw_fault_name(call->fault.type)));
        (void)json_object_set_new(event, "errorMessage", json_string(call->fault.message));
    }
    json_t *data = denied(call) ? NULL : additional_data(call);
    if (json_object_size(data) > 0) {
        (void)json_object_set(event, "additionalEventData", data);
    }
    json_decref(data);
}

static void put_resource(const struct cmaw_kms_call *call, json_t *list, const char *arn)
{
    if (arn[0] != '\0') {
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "accountId", call->kms->account, "type",
                                                    cmaw_trail_resource_type(arn), "ARN", arn));
    }
}

/* A ReEncrypt's source comes before its destination, an alias before its key. */
static json_t *resources(const struct cmaw_kms_call *call)
{
    json_t *list = json_array();
    put_resource(call, list, call->other_arn);
    put_resource(call, list, call->key_arn);
    return list;
}

/* What a client says of itself is shown if JSON can hold it. */
static const char *shown(const char *text)
{
    return text != NULL && cmaw_utf8_valid(cmaw_slice_of_cstr(text)) ? text : "";
}

static json_t *build(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                     const struct cmaw_trail_source *source, const char *event_id)
{
    char time[CMAW_ISO_SIZE];
    cmaw_trail_time(call->now_ms, time);
    json_t *event = json_pack("{s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:s}", "eventVersion", "1.11", "userIdentity",
                              cmaw_trail_identity(call->who, source->access_key, source->session_ms), "eventTime", time,
                              "eventSource", source->event_source, "eventName", call->operation, "awsRegion",
                              call->kms->region, "sourceIPAddress", source->peer->address, "userAgent",
                              shown(source->user_agent));
    if (event == NULL) {
        return NULL;
    }
    put_outcome(call, event);
    json_t *rest = json_pack("{s:o, s:o, s:s, s:s, s:b, s:o, s:s, s:b, s:s, s:s, s:{s:s, s:s, s:s}}", "requestParameters",
                             request_parameters(call, operation), "responseElements", response_elements(call),
                             "requestID", source->request_id, "eventID", event_id, "readOnly", operation->read_only,
                             "resources", resources(call), "eventType", "AwsApiCall", "managementEvent", 1,
                             "recipientAccountId", call->kms->account, "eventCategory", "Management", "tlsDetails",
                             "tlsVersion", source->peer->tls_version, "cipherSuite", source->peer->tls_cipher,
                             "clientProvidedHostHeader", shown(source->host));
    if (rest == NULL || json_object_update(event, rest) != 0) {
        json_decref(event);
        event = NULL;
    }
    json_decref(rest);
    return event;
}

/* Evenly from the settings' range, to the millisecond. */
static enum cmaw_err delivery(const struct cmaw_kms_call *call, int64_t *ret_ms)
{
    const struct cmaw_trail_settings *settings = &call->kms->trail;
    uint64_t random = 0;
    CMAW_TRY(cmaw_random((uint8_t *)&random, sizeof random));
    const uint64_t span = (uint64_t)(settings->delay_max_ms - settings->delay_min_ms) + 1;
    *ret_ms = call->now_ms + settings->delay_min_ms + (int64_t)(random % span);
    return CMAW_OK;
}

static enum cmaw_err insert(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                            const struct cmaw_trail_source *source, const char *event_id, const char *body)
{
    int64_t visible_ms = 0;
    CMAW_TRY(delivery(call, &visible_ms));
    return cmaw_sql_run(call->db, "INSERT INTO event (id, time_ms, visible_ms, name, source, username, access_key, read_only,"
                                  " resource, other, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "tiitttttttt",
                        event_id, call->now_ms, visible_ms, call->operation, source->event_source,
                        cmaw_trail_user_name(call->who), source->access_key, operation->read_only ? "true" : "false",
                        call->key_arn, call->other_arn, body);
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
