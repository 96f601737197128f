#include "dev/grant.h"

#include <string.h>

const char *const cmaw_grant_operations[] = {
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "Sign", "Verify",
    "GetPublicKey", "CreateGrant", "RetireGrant", "DescribeKey", "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext", "GenerateMac", "VerifyMac", "DeriveSharedSecret", NULL,
};

static const char *const with_context[] = {
    "Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo",
    "GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext",
};

bool cmaw_grant_lists(json_t *grant, const char *operation)
{
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(json_object_get(grant, "Operations"), i, value) {
        const char *text = json_string_value(value);
        if (text != NULL && strcmp(text, operation) == 0) {
            return true;
        }
    }
    return false;
}

/* Every pair of part is in whole, names and values exactly. */
static bool subset(json_t *part, json_t *whole)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(part, name, value) {
        if (!json_equal(value, json_object_get(whole, name))) {
            return false;
        }
    }
    return true;
}

/* An empty map is no constraint. */
static json_t *constraint(json_t *grant, const char *type)
{
    json_t *pairs = json_object_get(json_object_get(grant, "Constraints"), type);
    return json_object_size(pairs) == 0 ? NULL : pairs;
}

static bool same(json_t *a, json_t *b)
{
    return json_object_size(a) == json_object_size(b) && subset(a, b);
}

static bool constraints_hold(json_t *grant, json_t *context)
{
    json_t *exact = constraint(grant, "EncryptionContextEquals"), *part = constraint(grant, "EncryptionContextSubset");
    return (exact == NULL || same(exact, context)) && (part == NULL || subset(part, context));
}

bool cmaw_grant_allows(json_t *grant, const char *operation, json_t *context)
{
    if (strcmp(operation, "CreateGrant") == 0 || !cmaw_grant_lists(grant, operation)) {
        return false;
    }
    for (size_t i = 0; i < sizeof with_context / sizeof with_context[0]; i++) {
        if (strcmp(with_context[i], operation) == 0) {
            return constraints_hold(grant, context);
        }
    }
    return true;
}

static bool constraints_cover(json_t *grant, json_t *wanted)
{
    json_t *exact = constraint(grant, "EncryptionContextEquals"), *part = constraint(grant, "EncryptionContextSubset");
    json_t *wanted_exact = constraint(wanted, "EncryptionContextEquals"),
           *wanted_part = constraint(wanted, "EncryptionContextSubset");
    if (exact != NULL && (wanted_exact == NULL || !same(exact, wanted_exact))) {
        return false;
    }
    return part == NULL || (wanted_exact != NULL && subset(part, wanted_exact))
           || (wanted_part != NULL && subset(part, wanted_part));
}

bool cmaw_grant_covers(json_t *grant, json_t *wanted)
{
    size_t i = 0;
    json_t *value = NULL;
    if (!cmaw_grant_lists(grant, "CreateGrant")) {
        return false;
    }
    json_array_foreach(json_object_get(wanted, "Operations"), i, value) {
        const char *text = json_string_value(value);
        if (text == NULL || !cmaw_grant_lists(grant, text)) {
            return false;
        }
    }
    return constraints_cover(grant, wanted);
}
