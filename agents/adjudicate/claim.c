#include "agents/adjudicate/claim.h"

#include <string.h>

/* The reader latches the name of the first field that is wrong. */
struct fields {
    const json_t *json;
    const char *wrong;
};

static const json_t *field(struct fields *fields, const char *name)
{
    const json_t *value = json_object_get(fields->json, name);
    if (value == NULL && fields->wrong == NULL) {
        fields->wrong = name;
    }
    return value;
}

static void require(struct fields *fields, const char *name, bool holds)
{
    if (!holds && fields->wrong == NULL) {
        fields->wrong = name;
    }
}

static const char *text_or_null(struct fields *fields, const char *name)
{
    const json_t *value = field(fields, name);
    require(fields, name, json_is_null(value) || json_is_string(value));
    return json_string_value(value);
}

static struct cmaw_date date_or_none(struct fields *fields, const char *name)
{
    struct cmaw_date date = {0};
    const char *text = text_or_null(fields, name);
    require(fields, name, text == NULL || cmaw_date_of_text(text, &date) == CMAW_OK);
    return date;
}

static const json_t *list_or_null(struct fields *fields, const char *name)
{
    const json_t *value = field(fields, name);
    require(fields, name, json_is_null(value) || json_is_array(value));
    return json_is_array(value) ? value : NULL;
}

static const json_t *list(struct fields *fields, const char *name)
{
    const json_t *value = field(fields, name);
    require(fields, name, json_is_array(value));
    return value;
}

static void read_claimed(struct fields *fields, struct cmaw_claim *claim)
{
    static const int64_t most = INT64_MAX / 1000; /* so that a percentage of it can be taken */
    const json_t *claimed = json_object_get(field(fields, "amounts"), "claimed");
    if (json_is_null(claimed)) {
        return;
    }
    const json_t *minor = json_object_get(claimed, "minor");
    const json_t *currency = json_object_get(claimed, "currency");
    require(fields, "amounts", json_is_integer(minor) && json_integer_value(minor) >= 0 && json_integer_value(minor) <= most);
    require(fields, "amounts", json_is_string(currency) && json_string_length(currency) == 3);
    claim->claimed = json_integer_value(minor);
    claim->currency = json_string_value(currency);
}

static void read_circumstances(struct fields *fields, struct cmaw_claim *claim)
{
    claim->circumstances = list(fields, "circumstances");
    for (size_t i = 0; i < json_array_size(claim->circumstances); i++) {
        const json_t *circumstance = json_array_get(claim->circumstances, i);
        require(fields, "circumstances", json_is_string(json_object_get(circumstance, "tag")) && json_is_boolean(json_object_get(circumstance, "sure")));
    }
}

enum cmaw_err cmaw_claim_read(const json_t *json, struct cmaw_claim *ret_claim, const char **ret_field)
{
    struct fields fields = {.json = json};
    const char *schema = text_or_null(&fields, "schema");
    require(&fields, "schema", schema != NULL && strcmp(schema, "claim/1") == 0);
    struct cmaw_claim claim = {
        .claimant = text_or_null(&fields, "claimant"),
        .policy_number = text_or_null(&fields, "policy_number"),
        .kind = text_or_null(&fields, "kind"),
        .payee_iban = text_or_null(&fields, "payee_iban"),
        .date_of_loss = date_or_none(&fields, "date_of_loss"),
        .date_of_notice = date_or_none(&fields, "date_of_notice"),
        .injuries = list_or_null(&fields, "injuries"),
        .third_parties = list_or_null(&fields, "third_parties"),
        .trail = list(&fields, "trail"),
        .confidence = field(&fields, "confidence"),
        .cut = json_is_true(json_object_get(field(&fields, "letter"), "cut")),
    };
    require(&fields, "confidence", json_is_object(claim.confidence));
    read_claimed(&fields, &claim);
    read_circumstances(&fields, &claim);
    if (fields.wrong != NULL) {
        *ret_field = fields.wrong;
        return CMAW_E_MALFORMED;
    }
    *ret_claim = claim;
    return CMAW_OK;
}

int64_t cmaw_claim_confidence(const struct cmaw_claim *claim, const char *name)
{
    return json_integer_value(json_object_get(claim->confidence, name));
}
