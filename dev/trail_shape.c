#include "dev/trail_shape.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"

enum { NAME_MAX_SIZE = 64, DATE_SIZE = 32, DEPTH_MAX = 8 };

void cmaw_trail_time(int64_t ms, char ret_text[static CMAW_ISO_SIZE])
{
    const time_t seconds = ms / 1000;
    struct tm parts;
    (void)strftime(ret_text, CMAW_ISO_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &parts));
}

/* "Aug 10, 2022, 10:38:27 PM" */
static json_t *date(double seconds)
{
    const time_t whole = (time_t)seconds;
    struct tm parts;
    char text[DATE_SIZE] = "";
    (void)strftime(text, sizeof text, "%b %-d, %Y, %-I:%M:%S %p", gmtime_r(&whole, &parts));
    return json_string(text);
}

/* A name that begins with an abbreviation stays as it is. */
static const char *camel(const char *name, char ret_name[static NAME_MAX_SIZE])
{
    (void)snprintf(ret_name, NAME_MAX_SIZE, "%s", name);
    if (!isupper((unsigned char)ret_name[0]) || !isupper((unsigned char)ret_name[1])) {
        ret_name[0] = (char)tolower((unsigned char)ret_name[0]);
    }
    return ret_name;
}

static bool names_a_date(const char *name)
{
    const size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, "Date") == 0;
}

static json_t *copy_all(json_t *from, int depth);

/* Objects in a list are members of the API too: tags. */
static json_t *copy_list(json_t *from, int depth)
{
    size_t index;
    json_t *copy = json_array(), *value = NULL;
    json_array_foreach(from, index, value) {
        (void)json_array_append_new(copy, json_is_object(value) ? copy_all(value, depth) : json_incref(value));
    }
    return copy;
}

/* What callers choose the names of (an encryption context) is no member of the API. */
static json_t *copy_member(const char *name, json_t *value, int depth)
{
    if (json_is_number(value) && names_a_date(name)) {
        return date(json_number_value(value));
    }
    if (strstr(name, "EncryptionContext") != NULL || depth == DEPTH_MAX) {
        return json_incref(value);
    }
    return json_is_object(value) ? copy_all(value, depth + 1)
           : json_is_array(value) ? copy_list(value, depth + 1) : json_incref(value);
}

static json_t *copy_all(json_t *from, int depth)
{
    char lower[NAME_MAX_SIZE];
    const char *name = NULL;
    json_t *copy = json_object(), *value = NULL;
    json_object_foreach(from, name, value) {
        (void)json_object_set_new(copy, camel(name, lower), copy_member(name, value, depth));
    }
    return copy;
}

json_t *cmaw_trail_members(json_t *from, const char *names)
{
    char list[512], lower[NAME_MAX_SIZE], *rest = NULL;
    if (names == NULL) {
        return copy_all(from, 0);
    }
    json_t *copy = json_object();
    (void)snprintf(list, sizeof list, "%s", names);
    for (const char *name = strtok_r(list, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        json_t *value = json_object_get(from, name);
        if (value != NULL && !json_is_null(value)) {
            (void)json_object_set_new(copy, camel(name, lower), copy_member(name, value, 0));
        }
    }
    return copy;
}

const char *cmaw_trail_resource_type(const char *arn)
{
    return strstr(arn, ":alias/") != NULL ? "AWS::KMS::Alias" : "AWS::KMS::Key";
}

const char *cmaw_trail_user_name(const struct cmaw_principal *who)
{
    const char *slash = strrchr(who->caller, '/');
    return slash == NULL ? "root" : slash + 1;
}

static json_t *session_context(const struct cmaw_principal *who, const char *id, int64_t session_ms)
{
    char began[CMAW_ISO_SIZE];
    cmaw_trail_time(session_ms, began);
    return json_pack("{s:{s:s, s:s, s:s, s:s, s:s}, s:{}, s:{s:s, s:s}}", "sessionIssuer", "type", "Role", "principalId",
                     id, "arn", who->arn, "accountId", who->account, "userName", who->name, "webIdFederationData",
                     "attributes", "creationDate", began, "mfaAuthenticated", "false");
}

json_t *cmaw_trail_identity(const struct cmaw_principal *who, const char *access_key, int64_t session_ms)
{
    char id[CMAW_PRINCIPAL_ID_MAX + 1], session[CMAW_ARN_MAX + CMAW_PRINCIPAL_ID_MAX + 1];
    const bool role = strcmp(who->type, "AssumedRole") == 0;
    cmaw_principal_id(who, id);
    (void)snprintf(session, sizeof session, "%s:%s", id, cmaw_trail_user_name(who));
    json_t *identity = json_pack("{s:s, s:s, s:s, s:s, s:s}", "type", who->type, "principalId",
                                 role ? session : id, "arn", who->caller,
                                 "accountId", who->account, "accessKeyId", access_key);
    if (role) {
        (void)json_object_set_new(identity, "sessionContext", session_context(who, id, session_ms));
    } else if (strcmp(who->type, "IAMUser") == 0) {
        (void)json_object_set_new(identity, "userName", json_string(who->name));
    }
    return identity;
}
