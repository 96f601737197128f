#include "dev/kms.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

enum { CONTEXT_SIZE_MAX = 8192 };

/* KMS words its complaints with the member's name in lower camel case. */
static const char *camel(const char *name, char buffer[static 64])
{
    (void)snprintf(buffer, 64, "%s", name);
    buffer[0] = (char)tolower((unsigned char)buffer[0]);
    return buffer;
}

enum cmaw_err cmaw_kms_invalid(struct cmaw_kms_call *call, const char *at, const char *value, const char *constraint)
{
    char buffer[64];
    const char *quote = value == NULL ? "" : "'";
    return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                          "1 validation error detected: Value %s%.512s%s%sat '%s' failed to satisfy constraint: Member must %s",
                          quote, value == NULL ? "" : value, quote, value == NULL ? "" : " ", camel(at, buffer), constraint);
}

enum cmaw_err cmaw_kms_absent(struct cmaw_kms_call *call, const char *at)
{
    char buffer[64];
    return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION,
                          "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null",
                          camel(at, buffer));
}

/* *ret_value is NULL if the member is absent or null. */
static enum cmaw_err member(struct cmaw_kms_call *call, const char *name, bool required, json_t **ret_value)
{
    json_t *value = json_object_get(call->request, name);
    if (value == NULL || json_is_null(value)) {
        *ret_value = NULL;
        return required ? cmaw_kms_absent(call, name) : CMAW_OK;
    }
    *ret_value = value;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_wrong_type(struct cmaw_kms_call *call, const char *at)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the member %s has another type", at);
}

enum cmaw_err cmaw_kms_check_size(struct cmaw_kms_call *call, const char *at, const char *value, size_t size, size_t min,
                                  size_t max)
{
    char constraint[80];
    if (size > max) {
        (void)snprintf(constraint, sizeof constraint, "have length less than or equal to %zu", max);
        return cmaw_kms_invalid(call, at, value, constraint);
    }
    if (size < min) {
        (void)snprintf(constraint, sizeof constraint, "have length greater than or equal to %zu", min);
        return cmaw_kms_invalid(call, at, value, constraint);
    }
    return CMAW_OK;
}

size_t cmaw_kms_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

enum cmaw_err cmaw_kms_arg_text(struct cmaw_kms_call *call, const char *name, size_t min, size_t max, bool required,
                                const char **ret_text)
{
    json_t *value = NULL;
    CMAW_TRY(member(call, name, required, &value));
    if (value == NULL) {
        *ret_text = NULL;
        return CMAW_OK;
    }
    CMAW_REQUIRE(json_is_string(value), cmaw_kms_wrong_type(call, name));
    CMAW_TRY(cmaw_kms_check_size(call, name, json_string_value(value), cmaw_kms_characters(json_string_value(value)), min, max));
    *ret_text = json_string_value(value);
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_arg_number(struct cmaw_kms_call *call, const char *name, int64_t min, int64_t max,
                                  bool required, int64_t *ret_number)
{
    json_t *value = NULL;
    char shown[32], constraint[80];
    CMAW_TRY(member(call, name, required, &value));
    if (value == NULL) {
        return CMAW_OK; /* the caller's default stays */
    }
    CMAW_REQUIRE(json_is_integer(value), cmaw_kms_wrong_type(call, name));
    const int64_t number = json_integer_value(value);
    (void)snprintf(shown, sizeof shown, "%lld", (long long)number);
    if (number < min || number > max) {
        (void)snprintf(constraint, sizeof constraint, "have value %s than or equal to %lld",
                       number < min ? "greater" : "less", (long long)(number < min ? min : max));
        return cmaw_kms_invalid(call, name, shown, constraint);
    }
    *ret_number = number;
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_arg_flag(struct cmaw_kms_call *call, const char *name, bool *ret_flag)
{
    json_t *value = NULL;
    CMAW_TRY(member(call, name, false, &value));
    CMAW_REQUIRE(value == NULL || json_is_boolean(value), cmaw_kms_wrong_type(call, name));
    *ret_flag = value != NULL && json_is_true(value);
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_arg_bytes(struct cmaw_kms_call *call, const char *name, size_t max, bool required,
                                 struct cmaw_buf *bytes)
{
    json_t *value = NULL;
    CMAW_TRY(member(call, name, required, &value));
    if (value == NULL) {
        return CMAW_OK;
    }
    CMAW_REQUIRE(json_is_string(value), cmaw_kms_wrong_type(call, name));
    const struct cmaw_slice text = cmaw_slice_of(json_string_value(value), json_string_length(value));
    *bytes = CMAW_BUF(text.size);
    if (cmaw_base64_decode(text, bytes) != CMAW_OK) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the member %s is not base64", name);
    }
    /* what was sent may be a plaintext: no message repeats it */
    return cmaw_kms_check_size(call, name, NULL, bytes->size, 1, max);
}

enum cmaw_err cmaw_kms_arg_choice(struct cmaw_kms_call *call, const char *name, const char *const *choices,
                                  const char **ret_choice)
{
    const char *text = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, name, 0, SIZE_MAX, false, &text));
    if (text == NULL) {
        *ret_choice = choices[0];
        return CMAW_OK;
    }
    return cmaw_kms_check_choice(call, name, text, choices, ret_choice);
}

enum cmaw_err cmaw_kms_check_choice(struct cmaw_kms_call *call, const char *at, const char *text, const char *const *choices,
                                    const char **ret_choice)
{
    CMAW_BUF_AUTO(constraint, 512);
    cmaw_buf_put_cstr(&constraint, "satisfy enum value set: [");
    for (size_t i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *ret_choice = choices[i];
            return CMAW_OK;
        }
        cmaw_buf_printf(&constraint, "%s%s", i == 0 ? "" : ", ", choices[i]);
    }
    cmaw_buf_put(&constraint, cmaw_slice_of("]", 2));
    CMAW_TRY(cmaw_buf_err(&constraint));
    return cmaw_kms_invalid(call, at, text, (const char *)constraint.data);
}

enum cmaw_err cmaw_kms_arg_key(struct cmaw_kms_call *call, const char *name, bool required, const char **ret_key_id)
{
    return cmaw_kms_arg_text(call, name, 1, 2048, required, ret_key_id);
}

enum cmaw_err cmaw_kms_check_key(struct cmaw_kms_call *call)
{
    return cmaw_kms_arg_key(call, "KeyId", true, &call->key_id);
}

enum cmaw_err cmaw_kms_check_alias(struct cmaw_kms_call *call)
{
    call->naming = CMAW_KMS_NAMED_BY_ALIAS;
    return cmaw_kms_check_key(call);
}

enum cmaw_err cmaw_kms_arg_context(struct cmaw_kms_call *call, const char *name, json_t **ret_context)
{
    json_t *value = NULL, *entry = NULL;
    const char *key = NULL;
    size_t size = 0;
    CMAW_TRY(member(call, name, false, &value));
    CMAW_REQUIRE(value == NULL || json_is_object(value), cmaw_kms_wrong_type(call, name));
    json_object_foreach(value, key, entry) {
        CMAW_REQUIRE(json_is_string(entry), cmaw_kms_wrong_type(call, name));
        size += strlen(key) + json_string_length(entry) + 8;
    }
    CMAW_REQUIRE(size <= CONTEXT_SIZE_MAX,
                 cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "the encryption context is larger than %d bytes", CONTEXT_SIZE_MAX));
    *ret_context = value;
    return CMAW_OK;
}
