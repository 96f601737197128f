#include "dev/policy_cond.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dev/arn.h"
#include "dev/policy_value.h"
#include "dev/policy_vars.h"

enum quantifier { QUANTIFIER_NONE, QUANTIFIER_ANY, QUANTIFIER_ALL };

struct operation {
    bool null_test;
    bool if_exists;
    enum quantifier quantifier;
    const struct cmaw_policy_comparison *comparison;
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
    operation.null_test = strcasecmp(name, "Null") == 0 && operation.quantifier == QUANTIFIER_NONE;
    operation.comparison = cmaw_policy_comparison_find(name, &operation.if_exists);
    *ret_operation = operation;
    return operation.null_test || operation.comparison != NULL;
}

static size_t value_count(json_t *values)
{
    return json_is_array(values) ? json_array_size(values) : 1;
}

static const char *value_at(json_t *values, size_t i)
{
    return json_string_value(json_is_array(values) ? json_array_get(values, i) : values);
}

/* variables: the keys, or NULL where a policy has none */
static bool any_expected(const struct cmaw_policy_comparison *comparison, json_t *expected, const char *actual,
                         json_t *variables)
{
    char value[CMAW_POLICY_VALUE_MAX];
    for (size_t i = 0; i < value_count(expected); i++) {
        const char *text = value_at(expected, i);
        if (variables != NULL && strstr(text, "${") != NULL) {
            if (!cmaw_policy_vars_expand(text, variables, comparison->pattern, value, sizeof value)) {
                continue; /* it equals nothing */
            }
            text = value;
        }
        if (comparison->matches(text, actual)) {
            return true;
        }
    }
    return false;
}

/* negated operators hold for a value that equals none of those expected */
static bool value_holds(const struct operation *operation, json_t *expected, const char *actual, json_t *variables)
{
    return any_expected(operation->comparison, expected, actual, variables) != operation->comparison->negated;
}

static bool present_holds(const struct operation *operation, json_t *expected, json_t *actual, json_t *variables)
{
    /* without a quantifier a key with several values holds if one does, a negated one if none is equal */
    const bool all = operation->quantifier == QUANTIFIER_ALL
                     || (operation->quantifier == QUANTIFIER_NONE && operation->comparison->negated);
    size_t i = 0;
    json_t *value = NULL;
    json_array_foreach(actual, i, value) {
        /* ForAllValues holds for an empty value as for none */
        const bool empty = operation->quantifier == QUANTIFIER_ALL && json_string_length(value) == 0;
        if (!empty && value_holds(operation, expected, json_string_value(value), variables) != all) {
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

static bool null_holds(json_t *expected, bool missing)
{
    for (size_t i = 0; i < value_count(expected); i++) {
        if (strcasecmp(value_at(expected, i), missing ? "true" : "false") == 0) {
            return true;
        }
    }
    return false;
}

static bool key_holds(const struct operation *operation, json_t *expected, json_t *actual, json_t *variables)
{
    const bool missing = json_array_size(actual) == 0;
    if (operation->null_test) {
        return null_holds(expected, missing);
    }
    return missing ? missing_holds(operation) : present_holds(operation, expected, actual, variables);
}

bool cmaw_policy_cond_holds(json_t *block, json_t *keys, bool variables)
{
    const char *operator_name = NULL, *key = NULL;
    json_t *tests = NULL, *expected = NULL;
    json_object_foreach(block, operator_name, tests) {
        struct operation operation;
        if (!parse_operator(operator_name, &operation)) {
            return false;
        }
        json_object_foreach(tests, key, expected) {
            if (!key_holds(&operation, expected, lookup(keys, key), variables ? keys : NULL)) {
                return false;
            }
        }
    }
    return true;
}

/* The string that stands for a JSON value of a condition; NULL if there is none. */
static json_t *as_string(json_t *value)
{
    char text[32];
    if (json_is_string(value)) {
        return json_incref(value);
    }
    if (json_is_boolean(value)) {
        return json_string(json_is_true(value) ? "true" : "false");
    }
    if (json_is_integer(value)) {
        (void)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        return json_string(text);
    }
    if (json_is_real(value)) {
        (void)snprintf(text, sizeof text, "%.17g", json_real_value(value));
        return json_string(text);
    }
    return NULL;
}

static bool value_valid(const struct operation *operation, const char *name, const char *value, bool variables,
                        char reason[static 256])
{
    const bool has_variable = variables && strstr(value, "${") != NULL;
    if (strlen(value) >= CMAW_POLICY_VALUE_MAX || strchr(value, CMAW_WILDCARD_LITERAL) != NULL) {
        (void)snprintf(reason, 256, "a value of the condition key %.64s is too long or not text", name);
        return false;
    }
    if (has_variable && (operation->null_test || !cmaw_policy_vars_valid(value))) {
        (void)snprintf(reason, 256, "the policy variable in %.128s is not supported by this emulator", value);
        return false;
    }
    const bool fits = operation->null_test ? strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0
                      : operation->comparison->valid == NULL || has_variable || operation->comparison->valid(value);
    if (!fits) {
        (void)snprintf(reason, 256, "%.128s is not a value for %s", value,
                       operation->null_test ? "Null" : operation->comparison->name);
    }
    return fits;
}

static bool values_valid(const struct operation *operation, const char *name, json_t *values, bool variables,
                         char reason[static 256])
{
    if (value_count(values) == 0) {
        (void)snprintf(reason, 256, "the condition key %.64s has no value", name);
        return false;
    }
    for (size_t i = 0; i < value_count(values); i++) {
        if (!value_valid(operation, name, value_at(values, i), variables, reason)) {
            return false;
        }
    }
    return true;
}

/* Makes every value a string, in a new list that takes the place of the old. */
static bool make_strings(json_t *tests, const char *name, json_t *values, char reason[static 256])
{
    json_t *strings = json_array();
    for (size_t i = 0; i < value_count(values); i++) {
        json_t *text = as_string(json_is_array(values) ? json_array_get(values, i) : values);
        if (text == NULL) {
            json_decref(strings);
            (void)snprintf(reason, 256, "a value of the condition key %.64s is not a string", name);
            return false;
        }
        (void)json_array_append_new(strings, text);
    }
    return json_object_set_new(tests, name, strings) == 0;
}

static bool tests_valid(const struct operation *operation, json_t *tests, bool variables, char reason[static 256])
{
    const char *key = NULL;
    json_t *values = NULL;
    void *next = NULL;
    json_object_foreach_safe(tests, next, key, values) {
        if (!make_strings(tests, key, values, reason)
            || !values_valid(operation, key, json_object_get(tests, key), variables, reason)) {
            return false;
        }
    }
    return true;
}

bool cmaw_policy_cond_prepare(json_t *block, bool variables, char ret_reason[static 256])
{
    const char *operator_name = NULL;
    json_t *tests = NULL;
    if (!json_is_object(block)) {
        (void)snprintf(ret_reason, 256, "its Condition is not an object");
        return false;
    }
    json_object_foreach(block, operator_name, tests) {
        struct operation operation;
        if (!parse_operator(operator_name, &operation)) {
            (void)snprintf(ret_reason, 256, "the condition operator %.64s is not known", operator_name);
            return false;
        }
        if (!json_is_object(tests)) {
            (void)snprintf(ret_reason, 256, "the condition operator %.64s has no keys", operator_name);
            return false;
        }
        if (!tests_valid(&operation, tests, variables, ret_reason)) {
            return false;
        }
    }
    return true;
}
