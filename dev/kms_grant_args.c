/* The arguments of the operations on grants. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "dev/grant.h"
#include "dev/kms_grants.h"

enum { PRINCIPAL_MAX = 256, NAME_MAX_SIZE = 256, PAIRS_MAX = 8, PAIR_VALUE_MAX = 384 };

enum cmaw_err cmaw_kms_grant_invalid(struct cmaw_kms_call *call, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cmaw_fault_say(&call->fault, CMAW_FAULT_VALIDATION, "%s", text);
}

enum cmaw_err cmaw_kms_grant_check_principal(struct cmaw_kms_call *call, const char *name, bool required)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@:/-";
    const char *arn = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, name, 1, PRINCIPAL_MAX, required, &arn));
    if (arn != NULL && strspn(arn, allowed) != strlen(arn)) {
        return cmaw_kms_grant_invalid(call, "1 validation error detected: Value '%.256s' at '%c%s' failed to satisfy constraint: Member must "
                             "satisfy regular expression pattern: ^[\\w+=,.@:/-]+$", arn, tolower(name[0]), name + 1);
    }
    if (arn != NULL && !cmaw_principal_arn_valid(arn)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_INVALID_ARN, "The principal %.256s is not valid.", arn);
    }
    return CMAW_OK;
}

static bool operation_known(const char *operation)
{
    for (size_t i = 0; cmaw_grant_operations[i] != NULL; i++) {
        if (strcmp(cmaw_grant_operations[i], operation) == 0) {
            return true;
        }
    }
    return false;
}

static enum cmaw_err check_operations(struct cmaw_kms_call *call)
{
    json_t *list = json_object_get(call->request, "Operations");
    if (!json_is_array(list)) {
        return cmaw_kms_grant_invalid(call, "1 validation error detected: Value null at 'operations' failed to satisfy constraint: Member must "
                             "not be null");
    }
    CMAW_REQUIRE(json_array_size(list) > 0, cmaw_kms_grant_invalid(call, "A grant must have at least one operation."));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL || !operation_known(text)) {
            return cmaw_kms_grant_invalid(call, "1 validation error detected: Value '[%.64s]' at 'operations' failed to satisfy constraint: "
                                 "Member must satisfy constraint: [Member must satisfy enum value set: [%s, %s, …]]",
                           text == NULL ? "" : text, cmaw_grant_operations[0], cmaw_grant_operations[1]);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_pairs(struct cmaw_kms_call *call, const char *type, json_t *pairs)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (strcmp(type, "EncryptionContextEquals") != 0 && strcmp(type, "EncryptionContextSubset") != 0) {
        return cmaw_kms_grant_invalid(call, "The grant constraint %.64s is not supported.", type);
    }
    CMAW_REQUIRE(json_is_object(pairs), cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION,
                                                       "the member %s has another type", type));
    CMAW_REQUIRE(json_object_size(pairs) <= PAIRS_MAX,
                 cmaw_kms_grant_invalid(call, "A grant constraint can have at most %d encryption context pairs.", PAIRS_MAX));
    json_object_foreach(pairs, name, value) {
        CMAW_REQUIRE(json_is_string(value) && json_string_length(value) <= PAIR_VALUE_MAX
                     && strlen(name) <= PAIR_VALUE_MAX,
                     cmaw_kms_grant_invalid(call, "A name or value in a grant constraint is longer than %d characters.", PAIR_VALUE_MAX));
    }
    return CMAW_OK;
}

static enum cmaw_err check_constraints(struct cmaw_kms_call *call)
{
    const char *type = NULL;
    json_t *pairs = NULL, *constraints = json_object_get(call->request, "Constraints");
    CMAW_REQUIRE(constraints == NULL || json_is_null(constraints) || json_is_object(constraints),
                 cmaw_fault_say(&call->fault, CMAW_FAULT_SERIALIZATION, "the member Constraints has another type"));
    json_object_foreach(constraints, type, pairs) {
        if (!json_is_null(pairs)) {
            CMAW_TRY(check_pairs(call, type, pairs));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_name(struct cmaw_kms_call *call)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:/_-";
    const char *name = NULL;
    CMAW_TRY(cmaw_kms_arg_text(call, "Name", 1, NAME_MAX_SIZE, false, &name));
    if (name != NULL && strspn(name, allowed) != strlen(name)) {
        return cmaw_kms_grant_invalid(call, "1 validation error detected: Value '%.256s' at 'name' failed to satisfy constraint: Member must "
                             "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$", name);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_grant_check(struct cmaw_kms_call *call)
{
    static const char *const of_services[] = {"GranteeServicePrincipal", "RetiringServicePrincipal"};
    bool dry = false;
    for (size_t i = 0; i < sizeof of_services / sizeof of_services[0]; i++) {
        CMAW_REQUIRE(json_is_null(json_object_get(call->request, of_services[i])) || json_object_get(call->request, of_services[i]) == NULL,
                     cmaw_fault_set(&call->fault, CMAW_FAULT_UNSUPPORTED));
    }
    CMAW_TRY(cmaw_kms_arg_key(call, "KeyId", true, &call->key_id));
    CMAW_TRY(cmaw_kms_grant_check_principal(call, "GranteePrincipal", true));
    CMAW_TRY(cmaw_kms_grant_check_principal(call, "RetiringPrincipal", false));
    CMAW_TRY(check_operations(call));
    CMAW_TRY(check_constraints(call));
    CMAW_TRY(check_name(call));
    return cmaw_kms_arg_flag(call, "DryRun", &dry);
}
