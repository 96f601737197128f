#include "dev/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/trail.h"
#include "lib/base/log.h"

#define KMS_PREFIX "TrentService."

/* Both spellings of CloudTrail's target are in use: boto3 sends the long one, the JavaScript SDK the short one. */
static const struct api {
    const char *prefix;
    const char *name; /* in the scope of a signature */
    const char *event_source;
} apis[] = {
    {KMS_PREFIX, "kms", "kms.amazonaws.com"},
    {"com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.", "cloudtrail", "cloudtrail.amazonaws.com"},
    {"CloudTrail_20131101.", "cloudtrail", "cloudtrail.amazonaws.com"},
};

static const struct api *find_api(const char *target)
{
    for (size_t i = 0; target != NULL && i < sizeof apis / sizeof apis[0]; i++) {
        if (strncmp(target, apis[i].prefix, strlen(apis[i].prefix)) == 0) {
            return &apis[i];
        }
    }
    return NULL;
}

static const struct cmaw_kms_operation *const kms_operations[] = {
    cmaw_kms_crypto_operations, cmaw_kms_create_operations, cmaw_kms_key_operations,  cmaw_kms_policy_operations, cmaw_kms_pair_operations,
    cmaw_kms_sign_operations,   cmaw_kms_alias_operations, cmaw_kms_tag_operations,   cmaw_kms_grant_operations,
    cmaw_kms_unsupported_operations,
};

static const struct cmaw_kms_operation *find_in(const struct cmaw_kms_operation *list, const char *name)
{
    for (; list->name != NULL; list++) {
        if (strcmp(list->name, name) == 0) {
            return list;
        }
    }
    return NULL;
}

static const struct cmaw_kms_operation *find_operation(const struct api *api, const char *name)
{
    const struct cmaw_kms_operation *found = NULL;
    if (strcmp(api->name, "cloudtrail") == 0) {
        return find_in(cmaw_trail_operations, name);
    }
    for (size_t i = 0; found == NULL && i < sizeof kms_operations / sizeof kms_operations[0]; i++) {
        found = find_in(kms_operations[i], name);
    }
    return found;
}

static void call_free(struct cmaw_kms_call *call)
{
    json_decref(call->request);
    json_decref(call->response);
    cmaw_buf_free(&call->blob);
    cmaw_buf_free(&call->plaintext);
    cmaw_buf_free(&call->private_der);
    cmaw_buf_free(&call->public_der);
    cmaw_buf_free(&call->recipient.bytes);
    cmaw_rsa_key_release(&call->recipient.key);
}

struct credentials {
    char secret[129];
    char token[1025];
    char arn[CMAW_ARN_MAX];
};

static enum cmaw_err load_credentials(struct cmaw_service *service, const char *access_key, struct credentials *ret)
{
    struct sqlite3 *db = NULL;
    CMAW_TRY(cmaw_store_begin(service->store, &db));
    struct sqlite3_stmt *rows = NULL;
    enum cmaw_err err = cmaw_sql_query(db, &rows, "SELECT secret, token, arn FROM access_key WHERE id = ?", "t", access_key);
    err = err == CMAW_OK ? cmaw_sql_next(rows) : err;
    err = err == CMAW_OK ? cmaw_sql_copy(rows, 0, ret->secret, sizeof ret->secret) : err;
    err = err == CMAW_OK ? cmaw_sql_copy(rows, 1, ret->token, sizeof ret->token) : err;
    err = err == CMAW_OK ? cmaw_sql_copy(rows, 2, ret->arn, sizeof ret->arn) : err;
    cmaw_sql_end(&rows);
    CMAW_IGNORE(cmaw_store_end(service->store, false)); /* nothing was written */
    return err;
}

static enum cmaw_err authenticate(struct cmaw_service *service, const struct cmaw_http_request *request,
                                  const struct api *api, struct cmaw_sigv4 *auth, struct cmaw_principal *ret_who,
                                  struct cmaw_fault *fault)
{
    struct credentials credentials;
    CMAW_TRY(cmaw_sigv4_parse(request, auth, fault));
    const enum cmaw_err err = load_credentials(service, auth->access_key, &credentials);
    CMAW_REQUIRE(err != CMAW_E_NOT_FOUND, cmaw_fault_set(fault, CMAW_FAULT_UNRECOGNIZED_CLIENT));
    CMAW_TRY(err);
    CMAW_TRY(cmaw_sigv4_verify(request, auth, credentials.secret, credentials.token, service->kms.region, api->name,
                               cmaw_kms_now_ms(&service->kms) / 1000, fault));
    return cmaw_principal_parse(credentials.arn, ret_who);
}

static enum cmaw_err parse_body(struct cmaw_slice body, struct cmaw_kms_call *call)
{
    json_error_t error;
    call->request = body.size == 0 ? json_object()
                                   : json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(call->request)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the body is not a JSON object");
    }
    return CMAW_OK;
}

/* What can be refused without the store. */
static enum cmaw_err check(struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation)
{
    CMAW_TRY(operation->check(call));
    return operation->recipient ? cmaw_kms_recipient_check(call) : CMAW_OK;
}

/* The effect of a call and its event are written together or not at all. A fault is no failure: it has an event too. */
static enum cmaw_err run(struct cmaw_service *service, struct cmaw_kms_call *call,
                         const struct cmaw_kms_operation *operation, const struct cmaw_trail_source *source)
{
    CMAW_TRY(cmaw_store_begin(service->store, &call->db));
    enum cmaw_err err = call->fault.type == CMAW_FAULT_NONE ? operation->run(call) : CMAW_OK;
    if (err == CMAW_OK || call->fault.type != CMAW_FAULT_NONE) {
        err = cmaw_trail_record(call, operation, source);
    }
    const enum cmaw_err ended = cmaw_store_end(service->store, err == CMAW_OK);
    return err == CMAW_OK ? ended : err;
}

static enum cmaw_err dispatch(struct cmaw_service *service, const struct cmaw_http_request *request,
                              struct cmaw_trail_source *source, struct cmaw_principal *who, struct cmaw_sigv4 *auth,
                              struct cmaw_kms_call *call)
{
    const char *target = cmaw_http_header(request, "x-amz-target");
    const struct api *api = find_api(target);
    CMAW_REQUIRE(api != NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNKNOWN_OPERATION));
    CMAW_TRY(authenticate(service, request, api, auth, who, &call->fault));
    const struct cmaw_kms_operation *operation = find_operation(api, target + strlen(api->prefix));
    CMAW_REQUIRE(operation != NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNKNOWN_OPERATION));
    call->operation = operation->name;
    source->event_source = api->event_source;
    source->access_key = auth->access_key;
    source->session_ms = call->now_ms;
    CMAW_TRY(parse_body(request->body, call));
    const enum cmaw_err err = check(call, operation);
    CMAW_REQUIRE(err == CMAW_OK || call->fault.type != CMAW_FAULT_NONE, err);
    return run(service, call, operation, source);
}

static void put_answer(const struct cmaw_kms_call *call, struct cmaw_answer *answer)
{
    json_t *fault = call->fault.type == CMAW_FAULT_NONE ? NULL
                    : json_pack("{s:s, s:s}", "__type", cmaw_fault_name(call->fault.type), "message", call->fault.message);
    char *text = json_dumps(fault == NULL ? call->response : fault, JSON_COMPACT | JSON_REAL_PRECISION(13));
    /* operations without output answer an empty body */
    if (fault != NULL || json_object_size(call->response) > 0) {
        cmaw_buf_put_cstr(&answer->body, text == NULL ? "{}" : text);
    }
    free(text);
    json_decref(fault);
    answer->status = cmaw_fault_status(call->fault.type);
    answer->error_type = call->fault.type == CMAW_FAULT_NONE ? NULL : cmaw_fault_name(call->fault.type);
}

void cmaw_service_handle(struct cmaw_service *service, const struct cmaw_http_request *request,
                         const struct cmaw_peer *peer, struct cmaw_answer *ret_answer)
{
    struct cmaw_principal who = {0};
    struct cmaw_sigv4 auth = {0};
    const char *host = cmaw_http_header(request, "host");
    struct cmaw_trail_source source = {.peer = peer, .user_agent = cmaw_http_header(request, "user-agent"),
                                       .host = host == NULL ? "" : host};
    struct cmaw_kms_call call = {.kms = &service->kms, .who = &who, .address = peer->address, .now_ms = cmaw_kms_now_ms(&service->kms),
                                 .response = json_object(), .operation = "",
                                 .private_der = CMAW_BUF(CMAW_PAIR_PRIVATE_MAX),
                                 .public_der = CMAW_BUF(CMAW_PAIR_PUBLIC_MAX)};
    enum cmaw_err err = cmaw_uuid_new(source.request_id);
    err = err == CMAW_OK ? dispatch(service, request, &source, &who, &auth, &call) : err;
    if (err != CMAW_OK && call.fault.type == CMAW_FAULT_NONE) {
        cmaw_log(CMAW_LOG_ERROR, "kms.failed", "op=%s err=\"%s\"", call.operation, cmaw_err_text(err));
        CMAW_IGNORE(cmaw_fault_set(&call.fault, CMAW_FAULT_INTERNAL)); /* this is the answer */
    }
    cmaw_log(CMAW_LOG_INFO, "kms.call", "op=%s result=%s request=%s", call.operation,
             call.fault.type == CMAW_FAULT_NONE ? "ok" : cmaw_fault_name(call.fault.type), source.request_id);
    memcpy(ret_answer->request_id, source.request_id, sizeof source.request_id);
    put_answer(&call, ret_answer);
    call_free(&call);
}
