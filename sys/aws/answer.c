#include "sys/aws/answer.h"

#include <ctype.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* "2026-01-02T03:04:05Z", with fractions of a second or not, as seconds since 1970. */
static enum cmaw_err time_parse(const char *text, int64_t *ret_time_s)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    CMAW_REQUIRE(end != NULL, CMAW_E_MALFORMED);
    if (*end == '.') {
        const size_t digits = strspn(end + 1, "0123456789");
        CMAW_REQUIRE(digits > 0, CMAW_E_MALFORMED);
        end += 1 + digits;
    }
    CMAW_REQUIRE(strcmp(end, "Z") == 0, CMAW_E_MALFORMED);
    CMAW_REQUIRE(parts.tm_year >= 70 && parts.tm_year < 8100, CMAW_E_MALFORMED);
    *ret_time_s = timegm(&parts);
    return CMAW_OK;
}

/* jansson does not wipe what it frees. */
static void release(json_t **json)
{
    static const char *const secrets[] = {"SecretAccessKey", "Token"};

    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        const json_t *value = json_object_get(*json, secrets[i]);
        if (json_is_string(value)) {
            cmaw_wipe((void *)json_string_value(value), json_string_length(value));
        }
    }
    json_decref(*json);
}

static struct cmaw_slice text_at(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? cmaw_slice_of(json_string_value(value), json_string_length(value)) : CMAW_SLICE_EMPTY;
}

static enum cmaw_err check_code(const json_t *object, struct cmaw_diag *diag)
{
    const struct cmaw_slice code = text_at(object, "Code");

    if (json_object_get(object, "Code") == NULL || cmaw_slice_eq_cstr(code, "Success")) {
        return CMAW_OK;
    }
    for (size_t i = 0; i < code.size; i++) {
        if (!isalnum(code.data[i])) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "the answer says that it failed");
        }
    }
    return cmaw_diag_set(diag, CMAW_E_PEER, "the answer's code is %.*s", code.size < 40 ? (int)code.size : 40, (const char *)code.data);
}

static enum cmaw_err read_expiration(const json_t *object, int64_t *ret_expires_s, struct cmaw_diag *diag)
{
    const json_t *value = json_object_get(object, "Expiration");

    if (value == NULL || json_is_null(value)) {
        return CMAW_OK;
    }
    if (!json_is_string(value) || time_parse(json_string_value(value), ret_expires_s) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "Expiration in the answer is no time");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_aws_answer_parse(struct cmaw_slice text, struct cmaw_aws_keys *keys, struct cmaw_diag *diag)
{
    [[gnu::cleanup(release)]] json_t *object = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    int64_t expires_s = 0;

    if (!json_is_object(object)) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the answer is no JSON object");
    }
    CMAW_TRY(check_code(object, diag));
    CMAW_TRY(read_expiration(object, &expires_s, diag));
    const struct cmaw_aws_credentials texts = {text_at(object, "AccessKeyId"), text_at(object, "SecretAccessKey"), text_at(object, "Token")};
    const enum cmaw_err err = cmaw_aws_keys_set(keys, &texts);
    if (err == CMAW_E_MALFORMED) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the answer has no AccessKeyId, SecretAccessKey and Token of their form");
    }
    CMAW_TRY(err);
    keys->expires_s = expires_s;
    return CMAW_OK;
}
