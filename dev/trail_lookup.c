#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/trail.h"
#include "dev/trail_shape.h"
#include "lib/base/text.h"

enum { PAGE_MAX = 50, VALUE_MAX = 2000, TOKEN_MAX = 160, TAG_SIZE = 8 };
static const int64_t KEPT_MS = 90LL * 24 * 3600 * 1000; /* older events are not found */

/* Attributes of LookupEvents and which events have the value, as SQL. */
static const struct attribute {
    const char *name;
    const char *where;
} attributes[] = {
    {"EventId", "id = ?"},
    {"EventName", "name = ?"},
    {"ReadOnly", "read_only = ?"},
    {"Username", "username = ?"},
    {"EventSource", "source = ?"},
    {"AccessKeyId", "access_key = ?"},
    {"ResourceName", "? IN (resource, other)"},
    {"ResourceType", "? IN (CASE resource WHEN '' THEN '' ELSE 'AWS::KMS::Key' END,"
                     " CASE WHEN other LIKE '%:alias/%' THEN 'AWS::KMS::Alias' ELSE '' END)"},
};

/* Newest first; events of the same time in the order in which they were written. */
struct position {
    int64_t time_ms;
    int64_t seq;
};

struct lookup {
    const char *where; /* of the attribute; "? = ''" for none */
    const char *value;
    int64_t from_ms;
    int64_t to_ms;
    int64_t page;
    bool insights; /* of which there are none */
    /* of the first page: what came after it is not in later ones, so that no page shifts */
    int64_t delivered_ms;
    int64_t newest;
    struct position after; /* the page starts behind this */
};

static enum cmaw_err read_attribute(struct cmaw_kms_call *call, struct lookup *lookup)
{
    json_t *list = json_object_get(call->request, "LookupAttributes");
    json_t *first = json_array_get(list, 0);
    lookup->where = "? = ''";
    lookup->value = "";
    if (list == NULL || json_is_null(list) || (json_is_array(list) && first == NULL)) {
        return CMAW_OK;
    }
    const char *name = json_string_value(json_object_get(first, "AttributeKey"));
    const char *value = json_string_value(json_object_get(first, "AttributeValue"));
    for (size_t i = 0; name != NULL && value != NULL && i < sizeof attributes / sizeof attributes[0]; i++) {
        if (strcmp(attributes[i].name, name) == 0 && json_array_size(list) == 1 && value[0] != '\0' && strlen(value) <= VALUE_MAX) {
            lookup->where = attributes[i].where;
            lookup->value = value;
            return CMAW_OK;
        }
    }
    return cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_LOOKUP_ATTRIBUTES);
}

static enum cmaw_err read_time(struct cmaw_kms_call *call, const char *name, int64_t otherwise, int64_t *ret_ms)
{
    json_t *value = json_object_get(call->request, name);
    const double seconds = json_number_value(value);
    if (value == NULL || json_is_null(value)) {
        *ret_ms = otherwise;
        return CMAW_OK;
    }
    CMAW_REQUIRE(json_is_number(value) && seconds >= 0 && seconds < 1e12,
                 cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_TIME_RANGE));
    *ret_ms = (int64_t)(seconds * 1000);
    return CMAW_OK;
}

static enum cmaw_err read_category(struct cmaw_kms_call *call, struct lookup *lookup)
{
    json_t *category = json_object_get(call->request, "EventCategory");
    if (category == NULL || json_is_null(category)) {
        return CMAW_OK;
    }
    lookup->insights = json_is_string(category) && strcmp(json_string_value(category), "insight") == 0;
    return lookup->insights ? CMAW_OK : cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_EVENT_CATEGORY);
}

/* What a token says in clear, then the start of a hash over that and the request that it continues. */
static void put_token(const struct lookup *lookup, char ret_token[static TOKEN_MAX])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char range[96], place[TOKEN_MAX - 2 * TAG_SIZE - 2], hex[2 * TAG_SIZE + 1] = "";
    (void)snprintf(range, sizeof range, " %lld %lld %lld %d ", (long long)lookup->from_ms, (long long)lookup->to_ms,
                   (long long)lookup->page, lookup->insights);
    (void)snprintf(place, sizeof place, "%lld.%lld.%lld.%lld", (long long)lookup->delivered_ms, (long long)lookup->newest,
                   (long long)lookup->after.time_ms, (long long)lookup->after.seq);
    const struct cmaw_slice parts[] = {cmaw_slice_of_cstr(place), cmaw_slice_of_cstr(range),
                                       cmaw_slice_of_cstr(lookup->where), cmaw_slice_of_cstr(lookup->value)};
    cmaw_sha256_parts(parts, 4, digest);
    CMAW_IGNORE(cmaw_hex_to_cstr(cmaw_slice_of(digest, TAG_SIZE), hex, sizeof hex)); /* it fits */
    (void)snprintf(ret_token, TOKEN_MAX, "%s.%s", place, hex);
}

/* Four numbers with a dot behind each. */
static enum cmaw_err read_place(const char *token, struct lookup *lookup)
{
    int64_t *const numbers[] = {&lookup->delivered_ms, &lookup->newest, &lookup->after.time_ms, &lookup->after.seq};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[24];
        uint64_t number = 0;
        const size_t size = strcspn(token, ".");
        CMAW_REQUIRE(size < sizeof text && token[size] == '.', CMAW_E_MALFORMED);
        (void)snprintf(text, sizeof text, "%.*s", (int)size, token);
        CMAW_TRY(cmaw_parse_u64(text, INT64_MAX, &number));
        *numbers[i] = (int64_t)number;
        token += size + 1;
    }
    return CMAW_OK;
}

static enum cmaw_err read_token(struct cmaw_kms_call *call, struct lookup *lookup)
{
    char expected[TOKEN_MAX];
    json_t *given = json_object_get(call->request, "NextToken");
    const char *token = json_string_value(given);
    lookup->delivered_ms = call->now_ms;
    lookup->newest = INT64_MAX;
    lookup->after = (struct position){INT64_MAX, INT64_MAX};
    if (given == NULL || json_is_null(given)) {
        return CMAW_OK;
    }
    const enum cmaw_err err = token == NULL ? CMAW_E_MALFORMED : read_place(token, lookup);
    put_token(lookup, expected);
    return err == CMAW_OK && strcmp(token, expected) == 0 ? CMAW_OK
                                                          : cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_NEXT_TOKEN);
}

static enum cmaw_err read_page(struct cmaw_kms_call *call, struct lookup *lookup)
{
    json_t *page = json_object_get(call->request, "MaxResults");
    if (page == NULL || json_is_null(page)) {
        lookup->page = PAGE_MAX;
        return CMAW_OK;
    }
    lookup->page = json_is_integer(page) ? json_integer_value(page) : 0;
    return lookup->page >= 1 && lookup->page <= PAGE_MAX ? CMAW_OK
                                                         : cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_MAX_RESULTS);
}

static enum cmaw_err read_request(struct cmaw_kms_call *call, struct lookup *ret_lookup)
{
    struct lookup lookup = {0};
    CMAW_TRY(read_attribute(call, &lookup));
    CMAW_TRY(read_category(call, &lookup));
    CMAW_TRY(read_time(call, "StartTime", 0, &lookup.from_ms));
    CMAW_TRY(read_time(call, "EndTime", INT64_MAX / 2, &lookup.to_ms));
    CMAW_REQUIRE(lookup.from_ms <= lookup.to_ms, cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_TIME_RANGE));
    CMAW_TRY(read_page(call, &lookup));
    CMAW_TRY(read_token(call, &lookup));
    *ret_lookup = lookup;
    return CMAW_OK;
}

static void put_resource(json_t *list, const char *arn)
{
    if (arn[0] != '\0') {
        (void)json_array_append_new(list, json_pack("{s:s, s:s}", "ResourceType", cmaw_trail_resource_type(arn),
                                                    "ResourceName", arn));
    }
}

/* Columns of the query, in this order. */
#define COLUMNS "seq, id, time_ms, name, source, username, read_only, resource, access_key, body, other"

static json_t *event_of(struct sqlite3_stmt *rows)
{
    json_t *resources = json_array();
    put_resource(resources, cmaw_sql_text(rows, 10));
    put_resource(resources, cmaw_sql_text(rows, 7));
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:o, s:s}", "EventId", cmaw_sql_text(rows, 1), "EventName",
                     cmaw_sql_text(rows, 3), "ReadOnly", cmaw_sql_text(rows, 6), "AccessKeyId", cmaw_sql_text(rows, 8),
                     "EventTime", (double)(cmaw_sql_i64(rows, 2) / 1000), "EventSource", cmaw_sql_text(rows, 4),
                     "Username", cmaw_sql_text(rows, 5), "Resources", resources, "CloudTrailEvent",
                     cmaw_sql_text(rows, 9));
}

static enum cmaw_err answer_token(struct cmaw_kms_call *call, const struct lookup *lookup)
{
    char token[TOKEN_MAX];
    put_token(lookup, token);
    return json_object_set_new(call->response, "NextToken", json_string(token)) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err put_page(struct cmaw_kms_call *call, struct lookup *lookup, struct sqlite3_stmt *rows)
{
    json_t *events = json_array();
    enum cmaw_err err = CMAW_OK;
    CMAW_REQUIRE(json_object_set_new(call->response, "Events", events) == 0, CMAW_E_NO_MEMORY);
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        if ((int64_t)json_array_size(events) == lookup->page) {
            return answer_token(call, lookup);
        }
        lookup->after = (struct position){cmaw_sql_i64(rows, 2), cmaw_sql_i64(rows, 0)};
        CMAW_REQUIRE(json_array_append_new(events, event_of(rows)) == 0, CMAW_E_NO_MEMORY);
    }
    return err == CMAW_E_NOT_FOUND ? CMAW_OK : err;
}

static enum cmaw_err check_lookup(struct cmaw_kms_call *call)
{
    struct lookup lookup;
    return read_request(call, &lookup);
}

static enum cmaw_err newest_event(struct sqlite3 *db, int64_t *ret_seq)
{
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(db, &rows, "SELECT coalesce(max(seq), 0) FROM event", ""));
    CMAW_TRY(cmaw_sql_next(rows));
    *ret_seq = cmaw_sql_i64(rows, 0);
    return CMAW_OK;
}

static enum cmaw_err query(struct cmaw_kms_call *call, const struct lookup *lookup, struct sqlite3_stmt **ret_rows)
{
    char sql[1024];
    const int64_t kept_ms = call->now_ms - KEPT_MS;
    (void)snprintf(sql, sizeof sql, "SELECT " COLUMNS " FROM event WHERE (time_ms, seq) < (?, ?) AND time_ms BETWEEN ? AND ?"
                                    " AND seq <= ? AND visible_ms <= ? AND %s ORDER BY time_ms DESC, seq DESC LIMIT ?",
                   lookup->where);
    return cmaw_sql_query(call->db, ret_rows, sql, "iiiiiiti", lookup->after.time_ms, lookup->after.seq,
                          lookup->from_ms < kept_ms ? kept_ms : lookup->from_ms, lookup->to_ms, lookup->newest,
                          lookup->delivered_ms, lookup->value, lookup->insights ? (int64_t)0 : lookup->page + 1);
}

static enum cmaw_err lookup_events(struct cmaw_kms_call *call)
{
    struct lookup lookup;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(read_request(call, &lookup));
    if (!cmaw_rate_take(&call->kms->trail.lookups, call->who->account, call->now_ms)) {
        return cmaw_fault_say(&call->fault, CMAW_FAULT_THROTTLING, "Rate exceeded");
    }
    CMAW_TRY(cmaw_kms_authorise(call, "cloudtrail:LookupEvents", NULL, NULL));
    if (lookup.newest == INT64_MAX) {
        CMAW_TRY(newest_event(call->db, &lookup.newest));
    }
    CMAW_TRY(query(call, &lookup, &rows));
    return put_page(call, &lookup, rows);
}

const struct cmaw_kms_operation cmaw_trail_operations[] = {
    {"LookupEvents", check_lookup, lookup_events, false, true, "LookupAttributes StartTime EndTime EventCategory MaxResults NextToken"},
    {NULL},
};
