#include "client/kms/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

/* Where a fault is: "policy.json: statement 3 (Use)". */
struct place {
    const struct cmaw_lint_document *document;
    const struct cmaw_lint_statement *statement;
    struct cmaw_diag *diag;
};

[[gnu::format(printf, 2, 3)]] static enum cmaw_err fault(const struct place *place, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    const struct cmaw_lint_statement *statement = place->statement;
    return cmaw_diag_set(place->diag, CMAW_E_MALFORMED, "%s: statement %zu%s%.64s%s: %s", place->document->name, statement->index,
                         statement->sid[0] == '\0' ? "" : " (", statement->sid, statement->sid[0] == '\0' ? "" : ")", what);
}

static size_t count_of(const json_t *value)
{
    return json_is_array(value) ? json_array_size(value) : 1;
}

static const json_t *at(const json_t *value, size_t i)
{
    return json_is_array(value) ? json_array_get(value, i) : value;
}

/* Conditions may have booleans and numbers where texts are meant. How a number is written is not known: it is kept as something that, like a
 * policy variable, is not compared here. */
static const char *text_of(const json_t *value, bool loose)
{
    if (loose && json_is_boolean(value)) {
        return json_is_true(value) ? "true" : "false";
    }
    return loose && json_is_number(value) ? "${number}" : json_string_value(value);
}

static enum cmaw_err add_list(const struct place *place, const char *what, const json_t *value, bool loose, struct cmaw_lint_list *list)
{
    const size_t count = count_of(value);
    if (count == 0) {
        return fault(place, "%s is empty", what);
    }
    const char **items = calloc(list->count + count, sizeof *items);
    CMAW_REQUIRE(items != NULL, CMAW_E_NO_MEMORY);
    for (size_t i = 0; i < list->count; i++) {
        items[i] = list->items[i];
    }
    free(list->items);
    list->items = items;
    for (size_t i = 0; i < count; i++) {
        const char *text = text_of(at(value, i), loose);
        if (text == NULL) {
            return fault(place, "%s is not a text or a list of texts", what);
        }
        list->items[list->count++] = text;
    }
    return CMAW_OK;
}

/* An ARN, the number of an account, or the unique id that is left of a principal that was deleted. */
static bool is_principal(const char *text)
{
    const size_t size = strlen(text);
    return (strncmp(text, "arn:", 4) == 0 && size > 20)
           || (size == 12 && strspn(text, "0123456789") == size)
           || (size >= 16 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == size);
}

static enum cmaw_err check_aws_principals(const struct place *place, struct cmaw_lint_statement *statement)
{
    size_t kept = 0;
    for (size_t i = 0; i < statement->aws.count; i++) {
        const char *text = statement->aws.items[i];
        if (strcmp(text, "*") == 0) {
            statement->any_principal = true;
            continue;
        }
        if (strpbrk(text, "*?") != NULL) {
            return fault(place, "principal %.100s: a wildcard in a principal stands alone, or KMS refuses it", text);
        }
        if (!is_principal(text)) {
            return fault(place, "principal %.100s is no ARN and no account", text);
        }
        statement->aws.items[kept++] = text;
    }
    statement->aws.count = kept;
    return CMAW_OK;
}

static enum cmaw_err take_principal(const struct place *place, const json_t *value, bool except, struct cmaw_lint_statement *statement)
{
    static const char *const kinds[] = {"Service", "Federated", "CanonicalUser"};
    const char *kind = NULL;
    json_t *names = NULL;
    statement->except_principals = except;
    if (json_is_string(value) && strcmp(json_string_value(value), "*") == 0) {
        statement->any_principal = true;
        return CMAW_OK;
    }
    if (!json_is_object(value) || json_object_size(value) == 0) {
        return fault(place, "a principal is \"*\" or like {\"AWS\": ARN}");
    }
    json_object_foreach((json_t *)value, kind, names) {
        const bool other = strcmp(kind, kinds[0]) == 0 || strcmp(kind, kinds[1]) == 0 || strcmp(kind, kinds[2]) == 0;
        if (strcmp(kind, "AWS") != 0 && !other) {
            return fault(place, "principals of kind %.40s are not known", kind);
        }
        CMAW_TRY(add_list(place, "a principal", names, false, other ? &statement->others : &statement->aws));
    }
    return check_aws_principals(place, statement);
}

static enum cmaw_err take_test(const struct place *place, const char *name, const char *key, const json_t *values,
                               struct cmaw_lint_statement *statement)
{
    struct cmaw_lint_test *test = &statement->tests[statement->test_count++];
    *test = (struct cmaw_lint_test){.name = name, .key = key};
    if (cmaw_lint_operator_parse(name, &test->op) != CMAW_OK) {
        return fault(place, "there is no operator %.60s", name);
    }
    return add_list(place, key, values, true, &test->values);
}

static enum cmaw_err take_condition(const struct place *place, const json_t *block, struct cmaw_lint_statement *statement)
{
    const char *name = NULL, *key = NULL;
    json_t *tests = NULL, *values = NULL;
    size_t count = 0;
    if (!json_is_object(block)) {
        return fault(place, "Condition is not an object");
    }
    json_object_foreach((json_t *)block, name, tests) {
        if (!json_is_object(tests)) {
            return fault(place, "%.60s has no object of condition keys", name);
        }
        count += json_object_size(tests);
    }
    statement->tests = calloc(count + 1, sizeof *statement->tests);
    CMAW_REQUIRE(statement->tests != NULL, CMAW_E_NO_MEMORY);
    json_object_foreach((json_t *)block, name, tests) {
        json_object_foreach(tests, key, values) {
            CMAW_TRY(take_test(place, name, key, values, statement));
        }
    }
    return CMAW_OK;
}

static enum cmaw_err take_effect(const struct place *place, const json_t *value, struct cmaw_lint_statement *statement)
{
    const char *effect = json_is_string(value) ? json_string_value(value) : "";
    statement->deny = strcmp(effect, "Deny") == 0;
    return statement->deny || strcmp(effect, "Allow") == 0 ? CMAW_OK : fault(place, "Effect is neither Allow nor Deny");
}

/* One element of a statement, by its name. */
static enum cmaw_err take_element(const struct place *place, const char *name, const json_t *value, struct cmaw_lint_statement *statement)
{
    const bool except = strncmp(name, "Not", 3) == 0;
    const char *base = except ? name + 3 : name;
    if (strcmp(base, "Principal") == 0) {
        return take_principal(place, value, except, statement);
    }
    if (strcmp(base, "Action") == 0) {
        statement->except_actions = except;
        return add_list(place, name, value, false, &statement->actions);
    }
    if (strcmp(base, "Resource") == 0) {
        statement->except_resources = except;
        return add_list(place, name, value, false, &statement->resources);
    }
    if (strcmp(name, "Condition") == 0) {
        return take_condition(place, value, statement);
    }
    if (strcmp(name, "Effect") == 0 || strcmp(name, "Sid") == 0) {
        return CMAW_OK; /* taken first */
    }
    return fault(place, "there is no element %.60s", name);
}

static enum cmaw_err refuse_pairs(const struct place *place, const json_t *json)
{
    static const char *const pairs[][2] = {{"Principal", "NotPrincipal"}, {"Action", "NotAction"}, {"Resource", "NotResource"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (json_object_get(json, pairs[i][0]) != NULL && json_object_get(json, pairs[i][1]) != NULL) {
            return fault(place, "%s and %s exclude each other", pairs[i][0], pairs[i][1]);
        }
    }
    return CMAW_OK;
}

static enum cmaw_err take_statement(const struct place *place, const json_t *json, struct cmaw_lint_statement *statement)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(json)) {
        return fault(place, "it is not an object");
    }
    const json_t *sid = json_object_get(json, "Sid");
    if (sid != NULL && !json_is_string(sid)) {
        return fault(place, "Sid is not a text");
    }
    statement->sid = sid == NULL ? "" : json_string_value(sid);
    CMAW_TRY(take_effect(place, json_object_get(json, "Effect"), statement));
    CMAW_TRY(refuse_pairs(place, json));
    json_object_foreach((json_t *)json, name, value) {
        CMAW_TRY(take_element(place, name, value, statement));
    }
    const bool has = json_object_get(json, "Principal") != NULL || json_object_get(json, "NotPrincipal") != NULL;
    if (has != (place->document->kind == CMAW_LINT_KEY_POLICY)) {
        return fault(place, has ? "the policy of an identity has no Principal" : "the policy of a key says of every statement for which Principal");
    }
    return CMAW_OK;
}

static enum cmaw_err check_frame(const struct cmaw_lint_document *document, struct cmaw_diag *diag)
{
    const char *name = NULL;
    json_t *value = NULL;
    if (!json_is_object(document->json)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: a policy is an object", document->name);
    }
    json_object_foreach(document->json, name, value) {
        if (strcmp(name, "Version") != 0 && strcmp(name, "Id") != 0 && strcmp(name, "Statement") != 0) {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: a policy has no element %.60s", document->name, name);
        }
    }
    const json_t *version = json_object_get(document->json, "Version"); /* absent: 2008-10-17 */
    const char *text = version == NULL ? "2008-10-17" : json_is_string(version) ? json_string_value(version) : "";
    if (strcmp(text, "2012-10-17") != 0 && strcmp(text, "2008-10-17") != 0) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: Version is not 2012-10-17", document->name);
    }
    return CMAW_OK;
}

static enum cmaw_err take_statements(struct cmaw_lint_document *document, struct cmaw_diag *diag)
{
    CMAW_TRY(check_frame(document, diag));
    const json_t *list = json_object_get(document->json, "Statement");
    const size_t count = list == NULL ? 0 : count_of(list);
    if (count == 0) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: there is no statement", document->name);
    }
    document->statements = calloc(count, sizeof *document->statements);
    CMAW_REQUIRE(document->statements != NULL, CMAW_E_NO_MEMORY);
    for (; document->count < count; document->count++) {
        struct cmaw_lint_statement *statement = &document->statements[document->count];
        const struct place place = {document, statement, diag};
        *statement = (struct cmaw_lint_statement){.index = document->count, .sid = ""};
        const enum cmaw_err err = take_statement(&place, at(list, document->count), statement);
        if (err != CMAW_OK) {
            document->count++; /* it is freed with the others */
            return err;
        }
    }
    return CMAW_OK;
}

/* A policy is as hostile as whoever wrote it, and its texts stand between the lines that say what was found. */
static bool is_tame(const json_t *value)
{
    const char *name = NULL;
    json_t *inner = NULL;
    size_t index = 0;
    json_object_foreach((json_t *)value, name, inner) {
        if (!cmaw_text_is_tame(cmaw_slice_of_cstr(name)) || !is_tame(inner)) {
            return false;
        }
    }
    json_array_foreach(value, index, inner) {
        if (!is_tame(inner)) {
            return false;
        }
    }
    return !json_is_string(value) || cmaw_text_is_tame(cmaw_slice_of(json_string_value(value), json_string_length(value)));
}

enum cmaw_err cmaw_lint_document_parse(const char *name, struct cmaw_slice text, enum cmaw_lint_kind kind,
                                       struct cmaw_lint_document *ret_document, struct cmaw_diag *diag)
{
    CMAW_LINT_DOCUMENT_AUTO(document);
    document.name = name;
    document.kind = kind;
    if (text.size > CMAW_LINT_POLICY_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "%s: a policy has at most %d bytes", name, CMAW_LINT_POLICY_MAX);
    }
    CMAW_TRY(cmaw_json_parse(name, text, &document.json, diag));
    if (!is_tame(document.json)) {
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s: a text in it has a control character", name);
    }
    CMAW_TRY(take_statements(&document, diag));
    *ret_document = document;
    document = (struct cmaw_lint_document){0};
    return CMAW_OK;
}

void cmaw_lint_document_free(struct cmaw_lint_document *document)
{
    for (size_t i = 0; i < document->count; i++) {
        struct cmaw_lint_statement *statement = &document->statements[i];
        for (size_t j = 0; j < statement->test_count; j++) {
            free(statement->tests[j].values.items);
        }
        free(statement->tests);
        free(statement->aws.items);
        free(statement->others.items);
        free(statement->actions.items);
        free(statement->resources.items);
    }
    free(document->statements);
    json_decref(document->json);
    *document = (struct cmaw_lint_document){0};
}
