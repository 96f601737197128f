#include "agents/adjudicate/policies.h"

#include <string.h>

#include "agents/currency.h"

enum { DAYS_MAX = 36500 };
static const int64_t money_max = 1000000000000000; /* minor units */

static const json_t *member(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static bool is_text(const json_t *object, const char *key)
{
    return json_is_string(member(object, key)) && json_string_length(member(object, key)) > 0;
}

static bool in_range(const json_t *object, const char *key, int64_t min, int64_t max)
{
    const json_t *value = member(object, key);
    return json_is_integer(value) && json_integer_value(value) >= min && json_integer_value(value) <= max;
}

static bool date_of(const json_t *object, const char *key, struct cmaw_date *ret_date)
{
    return is_text(object, key) && cmaw_date_of_text(json_string_value(member(object, key)), ret_date) == CMAW_OK;
}

static const char *cover_problem(const json_t *cover)
{
    if (!json_is_object(cover) || json_object_size(cover) != 7 || !is_text(cover, "kind")) {
        return "a cover needs kind, limit, deductible, share_percent, waiting_days, notice_days and exclusions, nothing else";
    }
    if (!in_range(cover, "limit", 1, money_max) || !in_range(cover, "deductible", 0, money_max)) {
        return "limit and deductible are minor units, the limit at least 1";
    }
    if (!in_range(cover, "share_percent", 1, 100) || !in_range(cover, "waiting_days", 0, DAYS_MAX) ||
        !in_range(cover, "notice_days", 1, DAYS_MAX)) {
        return "share_percent is 1 to 100, waiting_days 0 or more, notice_days 1 or more";
    }
    const json_t *exclusions = member(cover, "exclusions");
    for (size_t i = 0; i < json_array_size(exclusions); i++) {
        if (!json_is_string(json_array_get(exclusions, i))) {
            return "exclusions are words";
        }
    }
    return json_is_array(exclusions) ? NULL : "exclusions is a list";
}

static const char *policy_problem(const json_t *policy)
{
    struct cmaw_date from;
    struct cmaw_date to;
    if (!json_is_object(policy) || json_object_size(policy) != 7 || !is_text(policy, "number") || !is_text(policy, "holder") ||
        !is_text(policy, "product")) {
        return "a policy needs number, product, holder, currency, from, to and covers, nothing else";
    }
    if (!is_text(policy, "currency") || cmaw_currency_digits(json_string_value(member(policy, "currency"))) < 0) {
        return "a policy's currency is not known";
    }
    if (!date_of(policy, "from", &from) || !date_of(policy, "to", &to) || cmaw_date_days(from) > cmaw_date_days(to)) {
        return "from and to are dates, in order";
    }
    const json_t *covers = member(policy, "covers");
    const char *problem = json_array_size(covers) == 0 ? "a policy covers nothing" : NULL;
    for (size_t i = 0; problem == NULL && i < json_array_size(covers); i++) {
        problem = cover_problem(json_array_get(covers, i));
    }
    return problem;
}

static const char *table_problem(json_t *table)
{
    const char *currency;
    json_t *limit;
    if (!json_is_object(table) || json_object_size(table) != 3 || !in_range(table, "version", 1, 1) ||
        !json_is_object(member(table, "authority"))) {
        return "a table needs version 1, authority and policies, nothing else";
    }
    json_object_foreach(json_object_get(table, "authority"), currency, limit) {
        if (cmaw_currency_digits(currency) < 0 || !json_is_integer(limit) || json_integer_value(limit) < 0) {
            return "authority gives minor units for currency codes";
        }
    }
    const json_t *policies = member(table, "policies");
    const char *problem = json_is_array(policies) ? NULL : "policies is a list";
    for (size_t i = 0; problem == NULL && i < json_array_size(policies); i++) {
        problem = policy_problem(json_array_get(policies, i));
    }
    return problem;
}

enum cmaw_err cmaw_policies_parse(struct cmaw_slice text, json_t **ret_table, const char **ret_problem)
{
    json_t *table = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    const char *problem = table == NULL ? "it is not JSON" : table_problem(table);
    if (problem != NULL) {
        json_decref(table);
        *ret_problem = problem;
        return CMAW_E_MALFORMED;
    }
    *ret_table = table;
    return CMAW_OK;
}

enum cmaw_err cmaw_policies_find(const json_t *table, const char *number, struct cmaw_policy *ret_policy)
{
    const json_t *policies = member(table, "policies");
    for (size_t i = 0; i < json_array_size(policies); i++) {
        const json_t *policy = json_array_get(policies, i);
        if (strcmp(json_string_value(member(policy, "number")), number) != 0) {
            continue;
        }
        struct cmaw_policy found = {
            .number = json_string_value(member(policy, "number")),
            .holder = json_string_value(member(policy, "holder")),
            .currency = json_string_value(member(policy, "currency")),
            .covers = member(policy, "covers"),
        };
        CMAW_REQUIRE(date_of(policy, "from", &found.from) && date_of(policy, "to", &found.to), CMAW_E_BUG);
        *ret_policy = found;
        return CMAW_OK;
    }
    return CMAW_E_NOT_FOUND;
}

static int64_t integer(const json_t *object, const char *key)
{
    return json_integer_value(member(object, key));
}

enum cmaw_err cmaw_policy_cover(const struct cmaw_policy *policy, const char *kind, struct cmaw_cover *ret_cover)
{
    for (size_t i = 0; i < json_array_size(policy->covers); i++) {
        const json_t *cover = json_array_get(policy->covers, i);
        if (strcmp(json_string_value(member(cover, "kind")), kind) == 0) {
            *ret_cover = (struct cmaw_cover){
                .limit = integer(cover, "limit"),
                .deductible = integer(cover, "deductible"),
                .share_percent = integer(cover, "share_percent"),
                .waiting_days = integer(cover, "waiting_days"),
                .notice_days = integer(cover, "notice_days"),
                .exclusions = member(cover, "exclusions"),
            };
            return CMAW_OK;
        }
    }
    return CMAW_E_NOT_FOUND;
}

int64_t cmaw_policies_authority(const json_t *table, const char *currency)
{
    return json_integer_value(json_object_get(member(table, "authority"), currency));
}
