#include "agents/intake/intake.h"

#include <jansson.h>
#include <stdlib.h>

#include "agents/intake/facts.h"
#include "agents/json.h"

enum { QUOTE_MAX = 400 };

static const char *const role_names[] = {"item", "total", "other"};

static json_t *quote(const struct cmaw_letter *letter, struct cmaw_span span)
{
    CMAW_BUF_AUTO(text, QUOTE_MAX + 4);
    cmaw_letter_quote(letter, span, QUOTE_MAX, &text);
    return json_stringn((const char *)text.data, text.size);
}

static json_t *text_or_null(const struct cmaw_fact_text *fact)
{
    return fact->confidence == 0 ? json_null() : json_string(fact->text);
}

static json_t *date_or_null(const struct cmaw_fact_date *fact)
{
    char text[CMAW_DATE_TEXT];
    if (fact->confidence == 0) {
        return json_null();
    }
    cmaw_date_to_text(fact->date, text);
    return json_string(text);
}

static json_t *amounts_json(const struct cmaw_letter *letter, const struct cmaw_fact_amounts *amounts)
{
    json_t *found = json_array();
    for (size_t i = 0; i < amounts->count; i++) {
        const struct cmaw_fact_amount *amount = &amounts->found[i];
        json_array_append_new(found, json_pack("{s:I, s:s, s:s, s:o}", "minor", (json_int_t)amount->minor, "currency", amount->currency,
                                               "role", role_names[amount->role], "quote", quote(letter, amount->span)));
    }
    json_t *claimed = json_null();
    if (amounts->claimed_by != NULL) {
        claimed = json_pack("{s:I, s:s, s:s}", "minor", (json_int_t)amounts->claimed, "currency", amounts->currency, "by", amounts->claimed_by);
    }
    return json_pack("{s:o, s:o}", "claimed", claimed, "found", found);
}

static json_t *injuries_json(const struct cmaw_letter *letter, const struct cmaw_fact_spans *injuries)
{
    json_t *list = injuries->confidence == 0 ? json_null() : json_array();
    for (size_t i = 0; i < injuries->count; i++) {
        json_array_append_new(list, quote(letter, injuries->found[i].span));
    }
    return list;
}

static json_t *parties_json(const struct cmaw_fact_spans *parties)
{
    json_t *list = parties->confidence == 0 ? json_null() : json_array();
    for (size_t i = 0; i < parties->count; i++) {
        const char *name = parties->found[i].name[0] == '\0' ? NULL : parties->found[i].name;
        json_array_append_new(list, json_pack("{s:s, s:s?}", "role", parties->found[i].tag, "name", name));
    }
    return list;
}

static json_t *circumstances_json(const struct cmaw_letter *letter, const struct cmaw_fact_spans *circumstances)
{
    json_t *list = json_array();
    for (size_t i = 0; i < circumstances->count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "tag", circumstances->found[i].tag, "sure", circumstances->found[i].sure,
                                                    "quote", quote(letter, circumstances->found[i].span)));
    }
    return list;
}

/* The fields that a claims department expects, in the order of the form, each with its confidence. */
static void put_confidence(const struct cmaw_facts *facts, json_t *claim)
{
    const struct {
        const char *field;
        int confidence;
    } fields[] = {
        {"claimant", facts->claimant.confidence},
        {"policy_number", facts->policy_number.confidence},
        {"date_of_notice", facts->date_of_notice.confidence},
        {"date_of_loss", facts->date_of_loss.confidence},
        {"kind", facts->kind_confidence},
        {"amounts", facts->amounts.confidence},
        {"injuries", facts->injuries.confidence},
        {"third_parties", facts->third_parties.confidence},
        {"payee_iban", facts->payee_iban.confidence},
    };
    json_t *missing = json_array();
    json_t *confidence = json_object();
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        json_object_set_new(confidence, fields[i].field, json_integer(fields[i].confidence));
        if (fields[i].confidence == 0) {
            json_array_append_new(missing, json_string(fields[i].field));
        }
    }
    json_object_set_new(claim, "missing", missing);
    json_object_set_new(claim, "confidence", confidence);
}

static json_t *claim_json(const struct cmaw_letter *letter, const struct cmaw_facts *facts)
{
    json_t *claim = json_object();
    json_object_set_new(claim, "schema", json_string("claim/1"));
    json_object_set_new(claim, "claimant", text_or_null(&facts->claimant));
    json_object_set_new(claim, "policy_number", text_or_null(&facts->policy_number));
    json_object_set_new(claim, "date_of_notice", date_or_null(&facts->date_of_notice));
    json_object_set_new(claim, "date_of_loss", date_or_null(&facts->date_of_loss));
    json_object_set_new(claim, "kind", facts->kind == NULL ? json_null() : json_string(facts->kind));
    json_object_set_new(claim, "amounts", amounts_json(letter, &facts->amounts));
    json_object_set_new(claim, "injuries", injuries_json(letter, &facts->injuries));
    json_object_set_new(claim, "third_parties", parties_json(&facts->third_parties));
    json_object_set_new(claim, "circumstances", circumstances_json(letter, &facts->circumstances));
    json_object_set_new(claim, "payee_iban", text_or_null(&facts->payee_iban));
    put_confidence(facts, claim);
    json_object_set_new(claim, "letter", json_pack("{s:I, s:b}", "bytes", (json_int_t)letter->size, "cut", letter->cut));
    json_object_set_new(claim, "trail", json_pack("[{s:s, s:s}]", "agent", "intake", "version", CMAW_VERSION));
    return claim;
}

static enum cmaw_err read_letter(struct cmaw_slice bytes, struct cmaw_letter *letter, struct cmaw_buf *claim)
{
    CMAW_TRY(cmaw_letter_parse(bytes, letter));
    struct cmaw_facts facts = {.kind = NULL};
    cmaw_facts_read_claimant(letter, &facts);
    cmaw_facts_read_numbers(letter, &facts);
    cmaw_facts_read_dates(letter, &facts);
    cmaw_facts_read_kind(letter, &facts);
    cmaw_facts_read_amounts(letter, &facts);
    cmaw_facts_read_people(letter, &facts);
    cmaw_facts_read_circumstances(letter, &facts);
    return cmaw_put_json(claim_json(letter, &facts), claim);
}

enum cmaw_err cmaw_intake(struct cmaw_slice bytes, struct cmaw_buf *claim)
{
    struct cmaw_letter *letter = calloc(1, sizeof *letter);
    CMAW_REQUIRE(letter != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = read_letter(bytes, letter, claim);
    cmaw_letter_free(letter);
    free(letter);
    return err;
}
