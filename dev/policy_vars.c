#include "dev/policy_vars.h"

#include <string.h>
#include <strings.h>

#include "dev/arn.h"

/* In lower case, as keys have them. */
static const char *const always_there[] = {
    "aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:userid", "aws:sourceip", "aws:securetransport",
    "aws:requestedregion", "aws:currenttime", "aws:epochtime", "kms:calleraccount",
};

enum { NAME_MAX_SIZE = 64 };

/* The name of a variable that text starts with, as always_there has it or the one character that it stands for; *ret_size is
 * its size in text. NULL if it is none of these. */
static const char *variable(const char *text, size_t *ret_size)
{
    static const char *const characters[] = {"*", "?", "$"};
    const char *end = strchr(text, '}');
    if (end == NULL || end - text - 2 >= NAME_MAX_SIZE) {
        return NULL;
    }
    const char *name = text + 2;
    const size_t size = (size_t)(end - name);
    *ret_size = size + 3;
    for (size_t i = 0; i < sizeof characters / sizeof characters[0]; i++) {
        if (size == 1 && *name == characters[i][0]) {
            return characters[i];
        }
    }
    for (size_t i = 0; i < sizeof always_there / sizeof always_there[0]; i++) {
        if (strlen(always_there[i]) == size && strncasecmp(always_there[i], name, size) == 0) {
            return always_there[i];
        }
    }
    return NULL;
}

bool cmaw_policy_vars_valid(const char *text)
{
    size_t size = 0;
    for (const char *at = text; (at = strstr(at, "${")) != NULL; at += size) {
        if (variable(at, &size) == NULL) {
            return false;
        }
    }
    return true;
}

static const char *value_of(const char *name, json_t *keys)
{
    json_t *values = json_object_get(keys, name);
    return name[1] == '\0' ? name : json_array_size(values) == 1 ? json_string_value(json_array_get(values, 0)) : NULL;
}

bool cmaw_policy_vars_expand(const char *text, json_t *keys, bool pattern, char *ret_text, size_t capacity)
{
    size_t used = 0, size = 0;
    while (*text != '\0') {
        const bool is_variable = keys != NULL && strncmp(text, "${", 2) == 0;
        const char *name = is_variable ? variable(text, &size) : NULL;
        const char *value = name == NULL ? NULL : value_of(name, keys);
        if (is_variable && value == NULL) {
            return false;
        }
        const size_t count = is_variable ? strlen(value) : 1;
        if (used + 2 * count + 1 > capacity) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            const char c = is_variable ? value[i] : *text;
            if (is_variable && pattern && (c == '*' || c == '?')) {
                ret_text[used++] = CMAW_WILDCARD_LITERAL;
            }
            ret_text[used++] = c;
        }
        text += is_variable ? size : 1;
    }
    if (used >= capacity) {
        return false;
    }
    ret_text[used] = '\0';
    return true;
}
