/* What the user's and the host's AWS calls would be signed with, without the secrets. */
#include <stdio.h>
#include <time.h>

#include "client/aws/options.h"
#include "client/json.h"
#include "client/verbs.h"

/* "2026-01-02T03:04:05Z", or "" for keys that do not say. */
static void format_expiry(int64_t expires_s, char ret_text[static 32])
{
    const time_t seconds = (time_t)expires_s;
    struct tm utc;

    ret_text[0] = '\0';
    if (expires_s != 0 && gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(ret_text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
}

static enum cmaw_err print_json(const struct cmaw_aws_keys *keys, const char *expires, const char *region)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    CMAW_REQUIRE(json != NULL, CMAW_E_NO_MEMORY);
    CMAW_TRY(cmaw_json_set_text(json, "source", cmaw_aws_source_name(keys->source)));
    CMAW_TRY(cmaw_json_set_text(json, "access_key_id", keys->access_key_id));
    CMAW_TRY(cmaw_json_set(json, "session_token", json_boolean(keys->session_token.size > 0)));
    CMAW_TRY(cmaw_json_set(json, "expires", expires[0] == '\0' ? json_null() : json_string(expires)));
    CMAW_TRY(cmaw_json_set(json, "region", region[0] == '\0' ? json_null() : json_string(region)));
    return cmaw_json_print(json);
}

static enum cmaw_err show(const struct cmaw_aws_options *options, bool as_json, struct cmaw_diag *diag)
{
    struct cmaw_aws_settings settings;
    CMAW_AWS_KEYS_AUTO(keys);
    char expires[32], region[CMAW_AWS_REGION_MAX + 1] = "";
    struct cmaw_diag no_region = {0};

    CMAW_TRY(cmaw_aws_options_settings(options, &settings, diag));
    CMAW_TRY(cmaw_aws_keys_find(&settings, &keys, diag));
    const enum cmaw_err err = cmaw_aws_region_find(&settings, region, &no_region);
    format_expiry(keys.expires_s, expires);
    if (as_json) {
        return print_json(&keys, expires, region);
    }
    (void)printf("source         %s\naccess key id  %s\nsession token  %s\nexpires        %s\nregion         %s\n",
        cmaw_aws_source_name(keys.source), keys.access_key_id, keys.session_token.size > 0 ? "yes" : "no",
        expires[0] == '\0' ? "not said" : expires, err == CMAW_OK ? region : no_region.text);
    return CMAW_OK;
}

enum cmaw_err cmaw_command_credentials(int argc, char **argv, struct cmaw_diag *diag)
{
    struct cmaw_aws_options aws = {0};
    bool as_json = false;
    const struct cmaw_option options[] = {
        CMAW_AWS_OPTIONS(aws),
        {"json", NULL, "as JSON", NULL, NULL, &as_json},
        CMAW_OPTION_END};
    const struct cmaw_usage usage = {
        .verb = "credentials", .words = "", .options = options, .example = "cmaw credentials --credentials imds",
        .summary = "Shows the AWS credentials and the region that are found, never the secrets. With auto, the first source that has some:\n"
                   "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; a profile with static keys; the container agent of\n"
                   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI; the instance metadata service, version 2 only."};
    struct cmaw_words words;
    bool help;
    CMAW_TRY(cmaw_options_parse(&usage, argc, argv, &words, &help, diag));
    CMAW_REQUIRE(!help, CMAW_OK);
    return show(&aws, as_json, diag);
}
