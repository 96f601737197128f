#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dev/kms.h"
#include "dev/sql.h"

enum { TAGS_PER_KEY = 50, NAME_MAX_SIZE = 128, VALUE_MAX_SIZE = 256 };

static json_t *member(const struct cmaw_kms_call *call, const char *name)
{
    json_t *list = json_object_get(call->request, name);
    return json_is_null(list) ? NULL : list;
}

static enum cmaw_err check_text(struct cmaw_kms_call *call, const char *at, json_t *value, size_t min, size_t max)
{
    CMAW_REQUIRE(value != NULL && !json_is_null(value), cmaw_kms_absent(call, at));
    CMAW_REQUIRE(json_is_string(value), cmaw_kms_wrong_type(call, at));
    const char *text = json_string_value(value);
    return cmaw_kms_check_size(call, at, text, cmaw_kms_characters(text), min, max);
}

/* A list of which there must be one, if required. */
static enum cmaw_err check_list(struct cmaw_kms_call *call, const char *name, bool required)
{
    json_t *list = member(call, name);
    CMAW_REQUIRE(list != NULL || !required, cmaw_kms_absent(call, name));
    CMAW_REQUIRE(list == NULL || json_is_array(list), cmaw_kms_wrong_type(call, name));
    return CMAW_OK;
}

static enum cmaw_err check_tag(struct cmaw_kms_call *call, size_t number, json_t *tag)
{
    char at[48];
    CMAW_REQUIRE(json_is_object(tag), cmaw_kms_wrong_type(call, "Tags"));
    (void)snprintf(at, sizeof at, "tags.%zu.member.tagKey", number);
    CMAW_TRY(check_text(call, at, json_object_get(tag, "TagKey"), 1, NAME_MAX_SIZE));
    (void)snprintf(at, sizeof at, "tags.%zu.member.tagValue", number);
    return check_text(call, at, json_object_get(tag, "TagValue"), 0, VALUE_MAX_SIZE);
}

static const char *name_of(json_t *tags, size_t i)
{
    return json_string_value(json_object_get(json_array_get(tags, i), "TagKey"));
}

static bool has_duplicates(json_t *tags)
{
    for (size_t i = 0; i < json_array_size(tags); i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(name_of(tags, i), name_of(tags, j)) == 0) {
                return true;
            }
        }
    }
    return false;
}

static enum cmaw_err refuse(struct cmaw_kms_call *call, const char *text)
{
    return cmaw_fault_say(&call->fault, CMAW_FAULT_TAG, "%s", text);
}

enum cmaw_err cmaw_kms_check_tags(struct cmaw_kms_call *call, bool required)
{
    json_t *tags = member(call, "Tags");
    CMAW_TRY(check_list(call, "Tags", required));
    CMAW_REQUIRE(json_array_size(tags) <= TAGS_PER_KEY, refuse(call, "Too many tags"));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        CMAW_TRY(check_tag(call, i + 1, json_array_get(tags, i)));
    }
    CMAW_REQUIRE(!has_duplicates(tags), refuse(call, "Duplicate tag keys"));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        CMAW_REQUIRE(strncasecmp(name_of(tags, i), "aws:", 4) != 0, refuse(call, "Tags beginning with aws: are reserved"));
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_kms_put_tags(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    json_t *tags = member(call, "Tags");
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *value = json_string_value(json_object_get(json_array_get(tags, i), "TagValue"));
        CMAW_TRY(cmaw_sql_run(call->db, "INSERT OR REPLACE INTO kms_tag (key_id, name, value) VALUES (?, ?, ?)", "ttt", key->id,
                              name_of(tags, i), value));
    }
    return CMAW_OK;
}

/* A tag of a name that the key has already takes no room. */
static enum cmaw_err require_room(struct cmaw_kms_call *call, const struct cmaw_kms_key *key)
{
    json_t *tags = member(call, "Tags");
    size_t kept = 0;
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT name FROM kms_tag WHERE key_id = ?", "t", key->id));
    enum cmaw_err err = CMAW_OK;
    while ((err = cmaw_sql_next(rows)) == CMAW_OK) {
        bool replaced = false;
        for (size_t i = 0; i < json_array_size(tags); i++) {
            replaced |= strcmp(name_of(tags, i), cmaw_sql_text(rows, 0)) == 0;
        }
        kept += !replaced;
    }
    CMAW_REQUIRE(err == CMAW_E_NOT_FOUND, err);
    return kept + json_array_size(tags) <= TAGS_PER_KEY ? CMAW_OK : refuse(call, "Too many tags");
}

static enum cmaw_err check_tag_resource(struct cmaw_kms_call *call)
{
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_check_tags(call, true);
}

static enum cmaw_err tag_resource(struct cmaw_kms_call *call)
{
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    CMAW_TRY(require_room(call, &key));
    return cmaw_kms_put_tags(call, &key);
}

static enum cmaw_err check_untag_resource(struct cmaw_kms_call *call)
{
    char at[48];
    CMAW_TRY(cmaw_kms_check_key(call));
    CMAW_TRY(check_list(call, "TagKeys", true));
    json_t *names = member(call, "TagKeys");
    for (size_t i = 0; i < json_array_size(names); i++) {
        (void)snprintf(at, sizeof at, "tagKeys.%zu.member", i + 1);
        CMAW_TRY(check_text(call, at, json_array_get(names, i), 1, NAME_MAX_SIZE));
    }
    return CMAW_OK;
}

static enum cmaw_err untag_resource(struct cmaw_kms_call *call)
{
    json_t *names = member(call, "TagKeys");
    CMAW_KMS_KEY_AUTO(key);
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_kms_require_kept(call, &key));
    for (size_t i = 0; i < json_array_size(names); i++) {
        CMAW_TRY(cmaw_sql_run(call->db, "DELETE FROM kms_tag WHERE key_id = ? AND name = ?", "tt", key.id,
                              json_string_value(json_array_get(names, i))));
    }
    return CMAW_OK;
}

static enum cmaw_err check_list_tags(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_TRY(cmaw_kms_check_key(call));
    return cmaw_kms_arg_page(call, TAGS_PER_KEY, TAGS_PER_KEY, &page);
}

static json_t *list_item(struct cmaw_kms_call *call, struct sqlite3_stmt *rows)
{
    (void)call;
    return json_pack("{s:s, s:s}", "TagKey", cmaw_sql_text(rows, 0), "TagValue", cmaw_sql_text(rows, 1));
}

static enum cmaw_err list_tags(struct cmaw_kms_call *call)
{
    struct cmaw_kms_page page;
    CMAW_KMS_KEY_AUTO(key);
    CMAW_SQL_AUTO(rows);
    CMAW_TRY(cmaw_kms_arg_page(call, TAGS_PER_KEY, TAGS_PER_KEY, &page));
    CMAW_TRY(cmaw_kms_open_key(call, &key));
    CMAW_TRY(cmaw_sql_query(call->db, &rows, "SELECT name, value FROM kms_tag WHERE key_id = ? AND name > ? ORDER BY name LIMIT ?",
                            "tti", key.id, page.marker, page.limit + 1));
    return cmaw_kms_answer_page(call, "Tags", &page, rows, list_item);
}

const struct cmaw_kms_operation cmaw_kms_tag_operations[] = {
    {"TagResource", check_tag_resource, tag_resource, false, false, "KeyId Tags"},
    {"UntagResource", check_untag_resource, untag_resource, false, false, "KeyId TagKeys"},
    {"ListResourceTags", check_list_tags, list_tags, false, true, "KeyId Limit Marker"},
    {NULL},
};
