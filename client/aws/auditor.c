#include "client/aws/auditor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void cmaw_auditor_wipe(struct cmaw_auditor *auditor)
{
    cmaw_stack_kms_wipe(&auditor->kms);
    cmaw_aws_keys_release(&auditor->keys);
}

/* NULL where it is not set or empty. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value == NULL || value[0] == '\0' ? NULL : value;
}

static const char *configured_url(void)
{
    const char *ignore = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (ignore != NULL && strcasecmp(ignore, "true") == 0) {
        return NULL;
    }
    const char *url = environment("AWS_ENDPOINT_URL_CLOUDTRAIL");
    return url != NULL ? url : environment("AWS_ENDPOINT_URL");
}

/* "https://host[:port]", without the slash that may stand behind it. */
static enum cmaw_err take_url(const char *url, struct cmaw_auditor *auditor, struct cmaw_diag *diag)
{
    static const char scheme[] = "https://";
    size_t size = strlen(url);
    size -= size > 0 && url[size - 1] == '/';
    const bool good = size > sizeof scheme && size < sizeof auditor->url && strncmp(url, scheme, sizeof scheme - 1) == 0 &&
                      memchr(url + sizeof scheme - 1, '/', size - sizeof scheme + 1) == NULL;
    if (!good) {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "\"%.100s\" is no endpoint of CloudTrail: https://HOST[:PORT]", url);
    }
    memmove(auditor->url, url, size);
    auditor->url[size] = '\0';
    return CMAW_OK;
}

/* The ARN of a trail in the key's partition and region names the same endpoint. */
static enum cmaw_err regional_url(const char *key_arn, struct cmaw_auditor *auditor)
{
    char partition[32], trail[128], host[CMAW_AWS_HOST_SIZE];
    CMAW_REQUIRE(sscanf(key_arn, "arn:%31[^:]:", partition) == 1, CMAW_E_MALFORMED);
    (void)snprintf(trail, sizeof trail, "arn:%s:cloudtrail:%s:000000000000:trail/x", partition, auditor->region);
    CMAW_TRY(cmaw_aws_host_of(cmaw_slice_of_cstr(trail), "cloudtrail", false, host));
    (void)snprintf(auditor->url, sizeof auditor->url, "https://%s", host);
    return CMAW_OK;
}

static enum cmaw_err find_keys(const struct cmaw_aws_options *options, struct cmaw_auditor *auditor, struct cmaw_diag *diag)
{
    struct cmaw_aws_settings settings;
    CMAW_TRY(cmaw_aws_options_settings(options, &settings, diag));
    CMAW_TRY(cmaw_aws_keys_find(&settings, &auditor->keys, diag));
    auditor->endpoint.credentials = cmaw_aws_keys_texts(&auditor->keys);
    return CMAW_OK;
}

enum cmaw_err cmaw_auditor_find(const struct cmaw_auditor_settings *settings, struct cmaw_slice key_arn, struct cmaw_auditor *auditor,
                                struct cmaw_diag *diag)
{
    if (settings->endpoint == NULL && settings->stack != NULL) {
        auditor->of_stack = true;
        CMAW_TRY(cmaw_stack_kms(settings->stack, "auditor", &auditor->kms, diag));
        auditor->endpoint = auditor->kms.endpoint;
        return CMAW_OK;
    }
    char arn[CMAW_ARN_MAX + 1];
    const char *url = settings->endpoint != NULL ? settings->endpoint : configured_url();
    enum cmaw_err err = cmaw_slice_to_cstr(key_arn, arn, sizeof arn);
    err = err != CMAW_OK ? err : cmaw_aws_region_of(key_arn, auditor->region);
    err = err != CMAW_OK || url != NULL ? err : regional_url(arn, auditor);
    if (err != CMAW_OK) {
        return cmaw_diag_set(diag, err, "%.*s: no region that CloudTrail is known to be in", (int)key_arn.size, (const char *)key_arn.data);
    }
    if (url != NULL) {
        CMAW_TRY(take_url(url, auditor, diag));
    }
    auditor->endpoint = (struct cmaw_aws_endpoint){.url = auditor->url, .region = auditor->region, .ca_file = environment("AWS_CA_BUNDLE")};
    return find_keys(settings->aws, auditor, diag);
}
