#include "enclave/kms/reply.h"

#include <jansson.h>
#include <string.h>

#include "enclave/kms/json_memory.h"
#include "lib/base/text.h"

enum { BASE64_MAX = 8192, BLOB_MAX = 6144 };

static void json_release(json_t **json)
{
    json_decref(*json);
}
#define JSON_AUTO(name) [[gnu::cleanup(json_release)]] json_t *name = NULL

static json_t *load_object(struct cmaw_slice body)
{
    json_error_t error; /* quotes some bytes of the text where it is none */
    cmaw_json_wipe_on_free();
    json_t *json = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, &error);
    cmaw_wipe(&error, sizeof error);
    if (json != NULL && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* The text of a string member without NUL inside; NULL where there is none. */
static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void copy_printable(char *dst, size_t capacity, struct cmaw_slice text)
{
    size_t size = 0;
    for (; size < text.size && size + 1 < capacity; size++) {
        const uint8_t c = text.data[size];
        dst[size] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    dst[size] = '\0';
}

/* "com.amazonaws.kms#Name:http://…": the name. */
static struct cmaw_slice bare_type(struct cmaw_slice type)
{
    size_t start = 0, end = 0;
    for (; end < type.size && type.data[end] != ':'; end++) {
        if (type.data[end] == '#') {
            start = end + 1;
        }
    }
    return cmaw_slice_sub(type, start, end - start);
}

static const struct kind {
    const char *type;
    enum cmaw_kms_class class;
} kinds[] = {
    {"ThrottlingException", CMAW_KMS_RETRY},
    {"KeyUnavailableException", CMAW_KMS_RETRY},
    {"KMSInternalException", CMAW_KMS_RETRY},
    {"DependencyTimeoutException", CMAW_KMS_RETRY},
    {"InternalFailure", CMAW_KMS_RETRY},
    {"ServiceUnavailable", CMAW_KMS_RETRY},
    {"UnrecognizedClientException", CMAW_KMS_NEW_CREDENTIALS},
    {"ExpiredTokenException", CMAW_KMS_NEW_CREDENTIALS},
    {"RequestExpired", CMAW_KMS_SKEW},
    {"RequestTimeTooSkewed", CMAW_KMS_SKEW},
};

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static enum cmaw_kms_class classify(const struct cmaw_kms_failure *failure)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(failure->type, kinds[i].type) == 0) {
            return kinds[i].class;
        }
    }
    /* the same type says that the secret is wrong, which no time mends */
    if (strcmp(failure->type, "InvalidSignatureException") == 0 &&
        (starts_with(failure->message, "Signature expired") || starts_with(failure->message, "Signature not yet current"))) {
        return CMAW_KMS_SKEW;
    }
    return failure->http_status >= 500 || failure->http_status == 429 ? CMAW_KMS_RETRY : CMAW_KMS_FINAL;
}

enum cmaw_kms_class cmaw_kms_failure_of(const struct cmaw_http_response *response, struct cmaw_kms_failure *ret_failure)
{
    JSON_AUTO(json);
    json = load_object(response->body);
    const char *type = text_of(json, "__type");
    const char *message = text_of(json, "message");
    message = message != NULL ? message : text_of(json, "Message");
    const struct cmaw_slice named = type != NULL ? cmaw_slice_of_cstr(type) : response->error_type;
    copy_printable(ret_failure->type, sizeof ret_failure->type, bare_type(named));
    copy_printable(ret_failure->message, sizeof ret_failure->message, cmaw_slice_of_cstr(message));
    copy_printable(ret_failure->request_id, sizeof ret_failure->request_id, response->request_id);
    ret_failure->http_status = response->status;
    if (ret_failure->type[0] == '\0') {
        copy_printable(ret_failure->type, sizeof ret_failure->type, CMAW_SLICE_LIT("UnknownError"));
    }
    return classify(ret_failure);
}

void cmaw_kms_failure_set(struct cmaw_kms_failure *failure, const char *type, const char *message)
{
    copy_printable(failure->type, sizeof failure->type, cmaw_slice_of_cstr(type));
    copy_printable(failure->message, sizeof failure->message, cmaw_slice_of_cstr(message));
    failure->request_id[0] = '\0';
    failure->http_status = 0;
}

void cmaw_kms_data_reply_free(struct cmaw_kms_data_reply *reply)
{
    cmaw_buf_free(&reply->blob);
    cmaw_buf_free(&reply->envelope);
}

static bool absent_or_empty(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    return member == NULL || json_is_null(member) || (json_is_string(member) && json_string_length(member) == 0);
}

/* Appends what a base64 member says; an absent one appends nothing. */
static enum cmaw_err take_bytes(const json_t *object, const char *name, struct cmaw_buf *buf)
{
    const char *text = text_of(object, name);
    if (text == NULL) {
        return json_object_get(object, name) == NULL ? CMAW_OK : CMAW_E_PEER;
    }
    const size_t size = strlen(text);
    CMAW_REQUIRE(size >= 1 && size <= BASE64_MAX, CMAW_E_PEER);
    return cmaw_base64_decode(cmaw_slice_of(text, size), buf) == CMAW_OK ? CMAW_OK : CMAW_E_PEER;
}

static enum cmaw_err take_data(const json_t *json, struct cmaw_slice key_arn, struct cmaw_kms_data_reply *reply)
{
    CMAW_REQUIRE(absent_or_empty(json, "Plaintext"), CMAW_E_PEER);
    const char *key_id = text_of(json, "KeyId");
    CMAW_REQUIRE(key_id != NULL && cmaw_slice_eq_cstr(key_arn, key_id), CMAW_E_PEER);
    CMAW_TRY(take_bytes(json, "CiphertextBlob", &reply->blob));
    CMAW_TRY(take_bytes(json, "CiphertextForRecipient", &reply->envelope));
    return reply->envelope.size > 0 ? CMAW_OK : CMAW_E_PEER;
}

enum cmaw_err cmaw_kms_parse_data(struct cmaw_slice body, struct cmaw_slice key_arn, struct cmaw_kms_data_reply *ret_reply)
{
    JSON_AUTO(json);
    json = load_object(body);
    CMAW_REQUIRE(json != NULL, CMAW_E_PEER);
    struct cmaw_kms_data_reply reply = {CMAW_BUF(BLOB_MAX), CMAW_BUF(BLOB_MAX)};
    const enum cmaw_err err = take_data(json, key_arn, &reply);
    if (err != CMAW_OK) {
        cmaw_kms_data_reply_free(&reply);
        return err;
    }
    *ret_reply = reply;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_parse_key(struct cmaw_slice body, struct cmaw_slice key_arn)
{
    static const struct { const char *name; const char *value; } wanted[] = {
        {"Origin", "AWS_KMS"}, {"KeySpec", "SYMMETRIC_DEFAULT"}, {"KeyUsage", "ENCRYPT_DECRYPT"},
        {"KeyManager", "CUSTOMER"}, {"KeyState", "Enabled"},
    };
    JSON_AUTO(json);
    json = load_object(body);
    const json_t *metadata = json_object_get(json, "KeyMetadata");
    const char *arn = text_of(metadata, "Arn");
    CMAW_REQUIRE(arn != NULL && cmaw_slice_eq_cstr(key_arn, arn), CMAW_E_PEER);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const char *value = text_of(metadata, wanted[i].name);
        CMAW_REQUIRE(value != NULL && strcmp(value, wanted[i].value) == 0, CMAW_E_DENIED);
    }
    return json_is_false(json_object_get(metadata, "MultiRegion")) ? CMAW_OK : CMAW_E_DENIED;
}
