/* The members of KMS's requests as its service model has them: a name means the same in every operation. The service looks at
 * all of them, types first, before it looks at what they say together. */
#include <stdio.h>
#include <string.h>

#include "dev/kms.h"

enum kind {
    TEXT,    /* min to max characters */
    BYTES,   /* in base64; the operation that takes them checks the size */
    NUMBER,  /* min to max */
    FLAG,
    TEXTS,   /* min to max elements, each of 1 to item_max characters, or of choices */
    OBJECTS,
    MAP,     /* of texts */
    OBJECT,
    CONSTRAINTS, /* of a grant: an object of maps, and a text */
};

static const char *const dry_run_modifiers[] = {"IGNORE_CIPHERTEXT", NULL};
static const char *const resource_owners[] = {"SELF", "OTHER_ACCOUNTS_VIA_RAM", NULL};

enum { ANY = 1 << 20 }; /* what the size of a request limits */

static const struct shape {
    const char *name;
    enum kind kind;
    int min, max, item_max;
    const char *const *choices;
} shapes[] = {
    {"AliasName", TEXT, 1, 256},
    {"BypassPolicyLockoutSafetyCheck", FLAG},
    {"CiphertextBlob", BYTES},
    {"Constraints", CONSTRAINTS},
    {"CustomKeyStoreId", TEXT, 1, 64},
    {"CustomerMasterKeySpec", TEXT, 0, ANY},
    {"Description", TEXT, 0, 8192},
    {"DestinationEncryptionAlgorithm", TEXT, 0, ANY},
    {"DestinationEncryptionContext", MAP},
    {"DestinationKeyId", TEXT, 1, 2048},
    {"DryRun", FLAG},
    {"DryRunModifiers", TEXTS, 0, ANY, ANY, dry_run_modifiers},
    {"EncryptionAlgorithm", TEXT, 0, ANY},
    {"EncryptionContext", MAP},
    {"GrantId", TEXT, 1, 128},
    {"GrantToken", TEXT, 1, 8192},
    {"GrantTokens", TEXTS, 0, 10, 8192},
    {"GranteePrincipal", TEXT, 1, 256},
    {"GranteeServicePrincipal", TEXT, 1, 128},
    {"KeyId", TEXT, 1, 2048},
    {"KeyPairSpec", TEXT, 0, ANY},
    {"KeySpec", TEXT, 0, ANY},
    {"KeyUsage", TEXT, 0, ANY},
    {"Limit", NUMBER, 1, 1000},
    {"Marker", TEXT, 1, 1024},
    {"Message", BYTES},
    {"MessageType", TEXT, 0, ANY},
    {"MultiRegion", FLAG},
    {"Name", TEXT, 1, 256},
    {"NumberOfBytes", NUMBER, 1, 1024},
    {"Operations", TEXTS, 0, ANY, ANY},
    {"Origin", TEXT, 0, ANY},
    {"PendingWindowInDays", NUMBER, 1, 365},
    {"Plaintext", BYTES},
    {"Policy", TEXT, 1, 131072},
    {"PolicyName", TEXT, 1, 128},
    {"Recipient", OBJECT},
    {"ResourceOwners", TEXTS, 1, 2, ANY, resource_owners},
    {"RetiringPrincipal", TEXT, 1, 256},
    {"RetiringServicePrincipal", TEXT, 1, 128},
    {"Signature", BYTES},
    {"SigningAlgorithm", TEXT, 0, ANY},
    {"SourceEncryptionAlgorithm", TEXT, 0, ANY},
    {"SourceEncryptionContext", MAP},
    {"SourceKeyId", TEXT, 1, 2048},
    {"TagKeys", TEXTS, 0, ANY, 128},
    {"Tags", OBJECTS},
    {"TargetKeyId", TEXT, 1, 2048},
    {"XksKeyId", TEXT, 1, 128},
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static bool all_are(json_t *list, json_type type)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (json_typeof(json_array_get(list, i)) != type) {
            return false;
        }
    }
    return json_is_array(list);
}

static bool is_map(json_t *value)
{
    const char *name = NULL;
    json_t *entry = NULL;
    json_object_foreach(value, name, entry) {
        if (!json_is_string(entry)) {
            return false;
        }
    }
    return json_is_object(value);
}

static bool is_constraints(json_t *value)
{
    json_t *source = json_object_get(value, "SourceArn");
    static const char *const maps[] = {"EncryptionContextEquals", "EncryptionContextSubset"};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        json_t *map = json_object_get(value, maps[i]);
        if (map != NULL && !json_is_null(map) && !is_map(map)) {
            return false;
        }
    }
    return json_is_object(value) && (source == NULL || json_is_null(source) || json_is_string(source));
}

static bool has_type(const struct shape *shape, json_t *value)
{
    switch (shape->kind) {
    case TEXT:
    case BYTES:
        return json_is_string(value);
    case NUMBER:
        return json_is_integer(value);
    case FLAG:
        return json_is_boolean(value);
    case TEXTS:
        return all_are(value, JSON_STRING);
    case OBJECTS:
        return all_are(value, JSON_OBJECT);
    case MAP:
        return is_map(value);
    case OBJECT:
        return json_is_object(value);
    case CONSTRAINTS:
        return is_constraints(value);
    }
    return false;
}

static enum cmaw_err check_items(struct cmaw_kms_call *call, const struct shape *shape, json_t *list)
{
    char at[64];
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i)), *found = NULL;
        (void)snprintf(at, sizeof at, "%s.%zu.member", shape->name, i + 1);
        CMAW_TRY(cmaw_kms_check_size(call, at, text, cmaw_kms_characters(text), 1, (size_t)shape->item_max));
        if (shape->choices != NULL) {
            CMAW_TRY(cmaw_kms_check_choice(call, at, text, shape->choices, &found));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err check_limits(struct cmaw_kms_call *call, const struct shape *shape, json_t *value)
{
    int64_t number = 0;
    const char *text = NULL;
    switch (shape->kind) {
    case TEXT:
        return cmaw_kms_arg_text(call, shape->name, (size_t)shape->min, (size_t)shape->max, true, &text);
    case NUMBER:
        return cmaw_kms_arg_number(call, shape->name, shape->min, shape->max, true, &number);
    case TEXTS:
        CMAW_TRY(cmaw_kms_check_size(call, shape->name, NULL, json_array_size(value), (size_t)shape->min, (size_t)shape->max));
        return check_items(call, shape, value);
    default:
        return CMAW_OK;
    }
}

/* NULL if it is absent or null. */
static json_t *present(const struct cmaw_kms_call *call, const struct shape *shape)
{
    json_t *value = json_object_get(call->request, shape->name);
    return json_is_null(value) ? NULL : value;
}

enum cmaw_err cmaw_kms_check_shapes(struct cmaw_kms_call *call)
{
    for (size_t i = 0; i < SHAPES; i++) {
        json_t *value = present(call, &shapes[i]);
        CMAW_REQUIRE(value == NULL || has_type(&shapes[i], value), cmaw_kms_wrong_type(call, shapes[i].name));
    }
    for (size_t i = 0; i < SHAPES; i++) {
        json_t *value = present(call, &shapes[i]);
        if (value != NULL) {
            CMAW_TRY(check_limits(call, &shapes[i], value));
        }
    }
    return CMAW_OK;
}
