#include "dev/policy_cond.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dev/arn.h"

static bool equal(const char *expected, const char *actual)
{
    return strcmp(expected, actual) == 0;
}

static bool equal_fold(const char *expected, const char *actual)
{
    return strcasecmp(expected, actual) == 0;
}

static bool like(const char *expected, const char *actual)
{
    return cmaw_wildcard_match(expected, actual, false);
}

static const struct comparison {
    const char *name;
    bool (*matches)(const char *expected, const char *actual);
    bool negated;
} comparisons[] = {
    {"StringEquals", equal, false},
    {"StringNotEquals", equal, true},
    {"StringEqualsIgnoreCase", equal_fold, false},
    {"StringNotEqualsIgnoreCase", equal_fold, true},
    {"StringLike", like, false},
    {"StringNotLike", like, true},
    {"ArnEquals", like, false},
    {"ArnNotEquals", like, true},
    {"ArnLike", like, false},
    {"ArnNotLike", like, true},
    {"Bool", equal_fold, false},
};

enum quantifier { QUANTIFIER_NONE, QUANTIFIER_ANY, QUANTIFIER_ALL };

struct operation {
    bool null_test;
    bool if_exists;
    enum quantifier quantifier;
    const struct comparison *comparison;
};

static const char *skip_prefix(const char *text, const char *prefix)
{
    const size_t size = strlen(prefix);
    return strncasecmp(text, prefix, size) == 0 ? text + size : NULL;
}

/* "ForAnyValue:StringLikeIfExists" */
static bool parse_operator(const char *text, struct operation *ret_operation)
{
    struct operation operation = {0};
    const char *name = text, *rest = NULL;
    if ((rest = skip_prefix(text, "ForAnyValue:")) != NULL) {
        operation.quantifier = QUANTIFIER_ANY;
        name = rest;
    } else if ((rest = skip_prefix(text, "ForAllValues:")) != NULL) {
        operation.quantifier = QUANTIFIER_ALL;
        name = rest;
    }
    if (strcasecmp(name, "Null") == 0 && operation.quantifier == QUANTIFIER_NONE) {
        operation.null_test = true;
        *ret_operation = operation;
        return true;
    }
    for (size_t i = 0; i < sizeof comparisons / sizeof comparisons[0]; i++) {
        const char *tail = skip_prefix(name, comparisons[i].name);
        if (tail != NULL && (*tail == '\0' || strcasecmp(tail, "IfExists") == 0)) {
            operation.if_exists = *tail != '\0';
            operation.comparison = &comparisons[i];
            *ret_operation = operation;
            return true;
        }
    }
    return false;
}

static size_t value_count(json_t *values)
{
    return json_is_array(values) ? json_array_size(values) : 1;
}

/* Booleans may be written without quotes. NULL if the element is neither. */
static const char *value_at(json_t *values, size_t i)
{
    json_t *value = json_is_array(values) ? json_array_get(values, i) : values;
    if (json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    return json_string_value(value);
}

static bool any_expected(const struct comparison *comparison, json_t *expected, const char *actual)
{
    for (size_t i = 0; i < value_count(expected); i++) {
        if (comparison->matches(value_at(expected, i), actual)) {
            return true;
        }
    }
    return false;
}

/* negated operators hold for a value that equals none of those expected */
static bool value_holds(const struct operation *operation, json_t *expected, const char *actual)
{
    return any_expected(operation->comparison, expected, actual) != operation->comparison->negated;
}

static bool present_holds(const struct operation *operation, json_t *expected, json_t *actual)
{
    /* without a quantifier a key with several values holds if one does, a negated one if none is equal */
    const bool all = operation->quantifier == QUANTIFIER_ALL
                     || (operation->quantifier == QUANTIFIER_NONE && operation->comparison->negated);
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(actual, i, value) {
        if (value_holds(operation, expected, json_string_value(value)) != all) {
            return !all;
        }
    }
    return all;
}

static bool missing_holds(const struct operation *operation)
{
    if (operation->if_exists || operation->quantifier == QUANTIFIER_ALL) {
        return true;
    }
    return operation->quantifier == QUANTIFIER_NONE && operation->comparison->negated;
}

static json_t *lookup(json_t *keys, const char *name)
{
    char lower[512];
    size_t i = 0;
    for (; name[i] != '\0' && i < sizeof lower - 1; i++) {
        lower[i] = (char)tolower((unsigned char)name[i]);
    }
    lower[i] = '\0';
    return name[i] == '\0' ? json_object_get(keys, lower) : NULL;
}

static bool key_holds(const struct operation *operation, json_t *expected, json_t *actual)
{
    const bool missing = json_array_size(actual) == 0;
    if (operation->null_test) {
        return strcasecmp(value_at(expected, 0), missing ? "true" : "false") == 0;
    }
    return missing ? missing_holds(operation) : present_holds(operation, expected, actual);
}

bool cmaw_policy_cond_holds(json_t *block, json_t *keys)
{
    const char *operator_name = NULL, *key = NULL;
    json_t *tests = NULL, *expected = NULL;
    json_object_foreach(block, operator_name, tests) {
        struct operation operation;
        if (!parse_operator(operator_name, &operation)) {
            return false;
        }
        json_object_foreach(tests, key, expected) {
            if (!key_holds(&operation, expected, lookup(keys, key))) {
                return false;
            }
        }
    }
    return true;
}

static bool values_valid(json_t *values, const char **ret_reason)
{
    if (value_count(values) == 0) {
        *ret_reason = "a condition key has no value";
        return false;
    }
    for (size_t i = 0; i < value_count(values); i++) {
        const char *value = value_at(values, i);
        if (value == NULL) {
            *ret_reason = "a condition value is not a string";
            return false;
        }
        if (strstr(value, "${") != NULL) {
            *ret_reason = "policy variables are not supported by this emulator";
            return false;
        }
    }
    return true;
}

bool cmaw_policy_cond_valid(json_t *block, const char **ret_reason)
{
    const char *operator_name = NULL, *key = NULL;
    json_t *tests = NULL, *expected = NULL;
    if (!json_is_object(block)) {
        *ret_reason = "a Condition is not an object";
        return false;
    }
    json_object_foreach(block, operator_name, tests) {
        struct operation operation;
        if (!parse_operator(operator_name, &operation) || !json_is_object(tests)) {
            *ret_reason = "a condition operator is not known";
            return false;
        }
        json_object_foreach(tests, key, expected) {
            if (!values_valid(expected, ret_reason)) {
                return false;
            }
        }
    }
    return true;
}
