#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "dev/sql.h"
#include "dev/trail.h"
#include "lib/base/text.h"

enum { PAGE_MAX = 50, VALUE_MAX = 2000, TOKEN_MAX = 128 };

/* Attributes of LookupEvents and what they are in the table of events. */
static const struct attribute {
    const char *name;
    const char *column;
} attributes[] = {
    {"EventId", "id"},           {"EventName", "name"},
    {"ReadOnly", "read_only"},   {"Username", "username"},
    {"ResourceName", "resource"}, {"EventSource", "source"},
    {"AccessKeyId", "access_key"},
    {"ResourceType", "CASE resource WHEN '' THEN '' ELSE 'AWS::KMS::Key' END"},
};

struct lookup {
    const char *column; /* "''" for no attribute */
    const char *value;
    int64_t from_ms;
    int64_t to_ms;
    int64_t page;
    int64_t before; /* sequence number that the page starts under */
};

static enum cmaw_err read_attribute(struct cmaw_kms_call *call, struct lookup *lookup)
{
    json_t *list = json_object_get(call->request, "LookupAttributes");
    json_t *first = json_array_get(list, 0);
    lookup->column = "''";
    lookup->value = "";
    if (list == NULL || json_is_null(list) || (json_is_array(list) && first == NULL)) {
        return CMAW_OK;
    }
    const char *name = json_string_value(json_object_get(first, "AttributeKey"));
    const char *value = json_string_value(json_object_get(first, "AttributeValue"));
    for (size_t i = 0; name != NULL && value != NULL && i < sizeof attributes / sizeof attributes[0]; i++) {
        if (strcmp(attributes[i].name, name) == 0 && json_array_size(list) == 1 && strlen(value) <= VALUE_MAX) {
            lookup->column = attributes[i].column;
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

/* A token continues the very request that it was given for. */
static void fingerprint(const struct lookup *lookup, char ret_hex[static 17])
{
    uint8_t digest[CMAW_SHA256_SIZE];
    char text[64];
    (void)snprintf(text, sizeof text, "%lld %lld ", (long long)lookup->from_ms, (long long)lookup->to_ms);
    const struct cmaw_slice parts[] = {cmaw_slice_of_cstr(text), cmaw_slice_of_cstr(lookup->column),
                                       CMAW_SLICE_LIT(" "), cmaw_slice_of_cstr(lookup->value)};
    cmaw_sha256_parts(parts, 4, digest);
    CMAW_IGNORE(cmaw_hex_to_cstr(cmaw_slice_of(digest, 8), ret_hex, 17)); /* it fits */
}

static enum cmaw_err read_token(struct cmaw_kms_call *call, struct lookup *lookup)
{
    char expected[17] = "";
    const char *token = json_string_value(json_object_get(call->request, "NextToken"));
    uint64_t before = 0;
    lookup->before = INT64_MAX;
    if (token == NULL) {
        return CMAW_OK;
    }
    fingerprint(lookup, expected);
    if (strncmp(token, expected, 16) != 0 || token[16] != '.' || strlen(token) > TOKEN_MAX
        || cmaw_parse_u64(token + 17, INT64_MAX, &before) != CMAW_OK) {
        return cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_NEXT_TOKEN);
    }
    lookup->before = (int64_t)before;
    return CMAW_OK;
}

static enum cmaw_err read_request(struct cmaw_kms_call *call, struct lookup *ret_lookup)
{
    struct lookup lookup = {.page = PAGE_MAX};
    json_t *page = json_object_get(call->request, "MaxResults");
    CMAW_TRY(read_attribute(call, &lookup));
    CMAW_TRY(read_time(call, "StartTime", 0, &lookup.from_ms));
    CMAW_TRY(read_time(call, "EndTime", INT64_MAX / 2, &lookup.to_ms));
    CMAW_REQUIRE(lookup.from_ms <= lookup.to_ms, cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_TIME_RANGE));
    if (page != NULL && !json_is_null(page)) {
        lookup.page = json_integer_value(page);
        CMAW_REQUIRE(lookup.page >= 1 && lookup.page <= PAGE_MAX,
                     cmaw_fault_set(&call->fault, CMAW_FAULT_INVALID_MAX_RESULTS));
    }
    CMAW_TRY(read_token(call, &lookup));
    *ret_lookup = lookup;
    return CMAW_OK;
}

static json_t *event_of(struct sqlite3_stmt *rows)
{
    const char *resource = cmaw_sql_text(rows, 7);
    json_t *resources = resource[0] == '\0' ? json_array()
                                            : json_pack("[{s:s, s:s}]", "ResourceType", "AWS::KMS::Key", "ResourceName", resource);
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:o, s:s}", "EventId", cmaw_sql_text(rows, 1), "EventName",
                     cmaw_sql_text(rows, 3), "ReadOnly", cmaw_sql_text(rows, 6), "AccessKeyId", cmaw_sql_text(rows, 8),
                     "EventTime", (double)(cmaw_sql_i64(rows, 2) / 1000), "EventSource", cmaw_sql_text(rows, 4),
                     "Username", cmaw_sql_text(rows, 5), "Resources", resources, "CloudTrailEvent",
                     cmaw_sql_text(rows, 9));
}

static enum cmaw_err put_token(struct cmaw_kms_call *call, const struct lookup *lookup, int64_t last)
{
    char token[64], hex[17] = "";
    fingerprint(lookup, hex);
    (void)snprintf(token, sizeof token, "%s.%lld", hex, (long long)last);
    return json_object_set_new(call->response, "NextToken", json_string(token)) == 0 ? CMAW_OK : CMAW_E_NO_MEMORY;
}

static enum cmaw_err put_page(struct cmaw_kms_call *call, const struct lookup *lookup, struct sqlite3_stmt *rows)
{
    json_t *events = json_array();
    int64_t last = 0;
    enum cmaw_err err = CMAW_OK;
    CMAW_REQUIRE(json_object_set_new(call->response, "Events", events) == 0, CMAW_E_NO_MEMORY);
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        if ((int64_t)json_array_size(events) == lookup->page) {
            return put_token(call, lookup, last);
        }
        last = cmaw_sql_i64(rows, 0);
        CMAW_REQUIRE(json_array_append_new(events, event_of(rows)) == 0, CMAW_E_NO_MEMORY);
    }
    return err == CMAW_E_NOT_FOUND ? CMAW_OK : err;
}

static enum cmaw_err check_lookup(struct cmaw_kms_call *call)
{
    struct lookup lookup;
    return read_request(call, &lookup);
}

static enum cmaw_err lookup_events(struct cmaw_kms_call *call)
{
    struct lookup lookup;
    char sql[512];
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(read_request(call, &lookup));
    CMAW_TRY(cmaw_kms_authorise(call, "cloudtrail:LookupEvents", NULL, NULL));
    (void)snprintf(sql, sizeof sql, "SELECT seq, id, time_ms, name, source, username, read_only, resource, access_key, body"
                                    " FROM event WHERE seq < ? AND time_ms >= ? AND time_ms <= ? AND %s = ?"
                                    " ORDER BY seq DESC LIMIT ?", lookup.column);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, sql, "iiiti", lookup.before, lookup.from_ms, lookup.to_ms, lookup.value,
                            lookup.page + 1));
    return put_page(call, &lookup, rows);
}

const struct cmaw_kms_operation cmaw_trail_operations[] = {
    {"LookupEvents", check_lookup, lookup_events, false, true, "LookupAttributes StartTime EndTime MaxResults"},
    {NULL},
};
