#include "dev/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dev/access_key.h"
#include "dev/query.h"
#include "dev/sts.h"
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
/* STS has no target: its requests are forms. */
static const struct api sts_api = {"", "sts", "sts.amazonaws.com"};

static bool is_form(const struct cmaw_http_request *request)
{
    static const char form[] = "application/x-www-form-urlencoded";
    const char *type = cmaw_http_header(request, "content-type");
    return cmaw_http_header(request, "x-amz-target") == NULL && type != NULL && strncasecmp(type, form, sizeof form - 1) == 0;
}

static const struct api *find_api(const struct cmaw_http_request *request)
{
    const char *target = cmaw_http_header(request, "x-amz-target");
    if (is_form(request)) {
        return &sts_api;
    }
    for (size_t i = 0; target != NULL && i < sizeof apis / sizeof apis[0]; i++) {
        if (strncmp(target, apis[i].prefix, strlen(apis[i].prefix)) == 0) {
            return &apis[i];
        }
    }
    return NULL;
}

static const struct cmaw_kms_operation *const kms_operations[] = {
    cmaw_kms_crypto_operations, cmaw_kms_create_operations, cmaw_kms_key_operations, cmaw_kms_policy_operations,
    cmaw_kms_pair_operations,   cmaw_kms_sign_operations,   cmaw_kms_alias_operations, cmaw_kms_tag_operations,
    cmaw_kms_grant_operations,  cmaw_kms_unsupported_operations,
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
    if (api == &sts_api) {
        return find_in(cmaw_sts_operations, name);
    }
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

static enum cmaw_err parse_body(const struct api *api, struct cmaw_slice body, struct cmaw_kms_call *call)
{
    json_error_t error;
    if (api == &sts_api) {
        const enum cmaw_err err = cmaw_query_parse(body, &call->request);
        return err == CMAW_OK ? err : cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the body is not a form");
    }
    call->request = body.size == 0 ? json_object()
                                   : json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(call->request)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the body is not a JSON object");
    }
    return CMAW_OK;
}

/* --fail-first: for tests of who calls from an enclave. */
static enum cmaw_err fail_on_request(struct cmaw_kms_call *call)
{
    struct cmaw_kms *kms = call->kms;
    int left = atomic_load(&kms->fail_left);
    while (call->recipient.present && left > 0) {
        if (atomic_compare_exchange_weak(&kms->fail_left, &left, left - 1)) {
            return cmaw_fault_set(&call->fault, kms->fail_type);
        }
    }
    return CMAW_OK;
}

/* What can be refused without the store. */
static enum cmaw_err check(struct cmaw_kms_call *call, const struct api *api, const struct cmaw_kms_operation *operation)
{
    if (strcmp(api->name, "kms") == 0) {
        CMAW_TRY(cmaw_kms_check_shapes(call));
    }
    CMAW_TRY(operation->check(call));
    CMAW_TRY(operation->recipient ? cmaw_kms_recipient_check(call) : CMAW_OK);
    return fail_on_request(call);
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

/* The operation's name: behind the prefix of the target, or a field of the form. */
static const char *operation_name(const struct api *api, const struct cmaw_http_request *request,
                                  const struct cmaw_kms_call *call)
{
    const char *action = json_string_value(json_object_get(call->request, "Action"));
    return api != &sts_api ? cmaw_http_header(request, "x-amz-target") + strlen(api->prefix) : action == NULL ? "" : action;
}

static enum cmaw_err dispatch(struct cmaw_service *service, const struct cmaw_http_request *request,
                              struct cmaw_trail_source *source, struct cmaw_caller *caller, struct cmaw_sigv4 *auth,
                              struct cmaw_kms_call *call)
{
    const struct api *api = find_api(request);
    CMAW_REQUIRE(api != NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNKNOWN_OPERATION));
    CMAW_TRY(cmaw_caller_authenticate(service->store, request, service->kms.region, api->name, call->now_ms, auth, caller,
                                      &call->fault));
    const enum cmaw_err parsed = parse_body(api, request->body, call);
    const struct cmaw_kms_operation *operation = find_operation(api, operation_name(api, request, call));
    CMAW_REQUIRE(operation != NULL, cmaw_fault_set(&call->fault, CMAW_FAULT_UNKNOWN_OPERATION));
    CMAW_TRY(parsed);
    call->operation = operation->name;
    call->session_policy = caller->session_policy;
    source->event_source = api->event_source;
    source->access_key = auth->access_key;
    source->session_ms = call->now_ms;
    const enum cmaw_err err = check(call, api, operation);
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
    struct cmaw_caller caller = {0};
    struct cmaw_sigv4 auth = {0};
    const char *host = cmaw_http_header(request, "host");
    struct cmaw_trail_source source = {.peer = peer, .user_agent = cmaw_http_header(request, "user-agent"),
                                       .host = host == NULL ? "" : host};
    struct cmaw_kms_call call = {.kms = &service->kms, .who = &caller.who, .address = peer->address,
                                 .now_ms = cmaw_kms_now_ms(&service->kms), .response = json_object(), .operation = "",
                                 .private_der = CMAW_BUF(CMAW_PAIR_PRIVATE_MAX),
                                 .public_der = CMAW_BUF(CMAW_PAIR_PUBLIC_MAX)};
    enum cmaw_err err = cmaw_uuid_new(source.request_id);
    err = err == CMAW_OK ? dispatch(service, request, &source, &caller, &auth, &call) : err;
    if (err != CMAW_OK && call.fault.type == CMAW_FAULT_NONE) {
        cmaw_log(CMAW_LOG_ERROR, "kms.failed", "op=%s err=\"%s\"", call.operation, cmaw_err_text(err));
        CMAW_IGNORE(cmaw_fault_set(&call.fault, CMAW_FAULT_INTERNAL)); /* this is the answer */
    }
    cmaw_log(CMAW_LOG_INFO, "kms.call", "op=%s result=%s request=%s", call.operation,
             call.fault.type == CMAW_FAULT_NONE ? "ok" : cmaw_fault_name(call.fault.type), source.request_id);
    ret_answer->now_ms = call.now_ms;
    memcpy(ret_answer->request_id, source.request_id, sizeof source.request_id);
    if (is_form(request)) {
        ret_answer->xml = true;
        ret_answer->status = cmaw_sts_put_answer(&call, source.request_id, &ret_answer->body);
    } else {
        put_answer(&call, ret_answer);
    }
    call_free(&call);
}
