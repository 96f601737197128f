/* The instance metadata service, version 2: a session token by PUT, then what is asked for by GET (Amazon EC2 User Guide, "Use the
 * Instance Metadata Service to access instance metadata"). A service that gives no token is not asked without one. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sys/aws/answer.h"
#include "sys/aws/http.h"
#include "sys/aws/sources.h"

#define KEYS_PATH "/latest/meta-data/iam/security-credentials/"

enum { URL_MAX = 512, NAME_MAX_BYTES = 128, TOKEN_MAX = 1024 };

struct imds {
    const char *endpoint;
    struct cmaw_aws_budget budget;
    struct cmaw_buf header; /* the session token's line, with a NUL */
};

static const char *endpoint_of(void)
{
    const char *given = cmaw_aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"), *mode = cmaw_aws_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");

    if (given != NULL) {
        return given;
    }
    return mode != NULL && strcasecmp(mode, "IPv6") == 0 ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

static enum cmaw_err ask(const struct imds *imds, const char *method, const char *path, const char *header, struct cmaw_buf *body,
                         long *ret_status, struct cmaw_diag *diag)
{
    char url[URL_MAX];
    size_t base = strlen(imds->endpoint);

    while (base > 0 && imds->endpoint[base - 1] == '/') {
        base--;
    }
    const int size = snprintf(url, sizeof url, "%.*s%s", (int)base, imds->endpoint, path);
    if (base >= sizeof url || size < 0 || size >= (int)sizeof url) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "the service's address is too long");
    }
    const struct cmaw_aws_fetch fetch = {.method = method, .url = url, .header = header};
    return cmaw_aws_fetch(&fetch, &imds->budget, body, ret_status, diag);
}

/* One word of printable ASCII, with line ends behind it. */
static bool is_word(struct cmaw_buf *body)
{
    while (body->size > 0 && isspace(body->data[body->size - 1])) {
        cmaw_buf_truncate(body, body->size - 1);
    }
    for (size_t i = 0; i < body->size; i++) {
        if (!isgraph(body->data[i])) {
            return false;
        }
    }
    return body->size > 0;
}

static enum cmaw_err refused(long status, struct cmaw_diag *diag)
{
    switch (status) {
    case 404:
    case 405:
        cmaw_diag_hint(diag, "version 1 is never used; update what answers as metadata service");
        return cmaw_diag_set(diag, CMAW_E_PEER, "the service speaks version 1 only (HTTP %ld to the request for a session token)", status);
    case 403:
        cmaw_diag_hint(diag, "aws ec2 modify-instance-metadata-options --http-endpoint enabled --http-tokens required --instance-id ID");
        return cmaw_diag_set(diag, CMAW_E_PEER, "the service gives no session token (HTTP 403): version 2 is switched off or forbidden");
    default:
        return cmaw_diag_set(diag, CMAW_E_PEER, "the service gives no session token (HTTP %ld)", status);
    }
}

static enum cmaw_err open_session(struct imds *imds, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(token, TOKEN_MAX);
    long status = 0;
    const enum cmaw_err err = ask(imds, "PUT", "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60", &token, &status, diag);

    if (err == CMAW_E_TIMEOUT) {
        cmaw_diag_hint(diag, "from a container the hop limit must be 2: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id ID");
    }
    CMAW_TRY(err);
    if (status != 200) {
        return refused(status, diag);
    }
    if (!is_word(&token)) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the session token is none");
    }
    imds->header = CMAW_BUF(CMAW_AWS_HEADER_MAX);
    cmaw_buf_put_cstr(&imds->header, "X-aws-ec2-metadata-token: ");
    cmaw_buf_put(&imds->header, cmaw_buf_slice(&token));
    cmaw_buf_put_u8(&imds->header, 0);
    return cmaw_buf_err(&imds->header);
}

static enum cmaw_err get(const struct imds *imds, const char *path, struct cmaw_buf *body, struct cmaw_diag *diag)
{
    long status = 0;

    CMAW_TRY(ask(imds, "GET", path, (const char *)imds->header.data, body, &status, diag));
    if (status == 404) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "%s is not there", path);
    }
    return status == 200 ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_PEER, "%s: HTTP %ld", path, status);
}

static enum cmaw_err read_role(const struct imds *imds, char ret_path[static URL_MAX], struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(role, NAME_MAX_BYTES);
    const enum cmaw_err err = get(imds, KEYS_PATH, &role, diag);

    if (err == CMAW_E_NOT_FOUND || (err == CMAW_OK && role.size == 0)) {
        cmaw_diag_hint(diag, "attach an instance profile with the role that the key policies name");
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "the instance has no role");
    }
    CMAW_TRY(err);
    if (!is_word(&role) || memchr(role.data, '/', role.size) != NULL || memchr(role.data, '?', role.size) != NULL ||
        memchr(role.data, '#', role.size) != NULL) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the name of the instance's role is none");
    }
    (void)snprintf(ret_path, URL_MAX, KEYS_PATH "%.*s", (int)role.size, (const char *)role.data);
    return CMAW_OK;
}

static enum cmaw_err read_keys(struct imds *imds, struct cmaw_aws_keys *keys, struct cmaw_diag *diag)
{
    char path[URL_MAX];
    CMAW_BUF_AUTO(body, CMAW_AWS_ANSWER_MAX);

    CMAW_TRY(open_session(imds, diag));
    CMAW_TRY(read_role(imds, path, diag));
    CMAW_TRY(get(imds, path, &body, diag));
    CMAW_TRY(cmaw_aws_answer_parse(cmaw_buf_slice(&body), keys, diag));
    keys->source = CMAW_AWS_IMDS;
    return CMAW_OK;
}

static enum cmaw_err open_imds(struct imds *imds, struct cmaw_diag *diag)
{
    const char *disabled = cmaw_aws_variable("AWS_EC2_METADATA_DISABLED");

    imds->endpoint = endpoint_of();
    imds->budget = cmaw_aws_budget_now();
    if (disabled != NULL && strcasecmp(disabled, "true") == 0) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "AWS_EC2_METADATA_DISABLED is set");
    }
    return strncmp(imds->endpoint, "http://", 7) == 0 || strncmp(imds->endpoint, "https://", 8) == 0
               ? CMAW_OK : cmaw_diag_set(diag, CMAW_E_USAGE, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no http or https address");
}

enum cmaw_err cmaw_aws_imds_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    struct imds imds = {0};
    enum cmaw_err err = open_imds(&imds, diag);

    if (err == CMAW_OK) {
        err = read_keys(&imds, ret_keys, diag);
    }
    cmaw_buf_free(&imds.header);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_wrap(diag, err, "imds");
}

static enum cmaw_err read_region(struct imds *imds, char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(body, NAME_MAX_BYTES);

    CMAW_TRY(open_session(imds, diag));
    CMAW_TRY(get(imds, "/latest/meta-data/placement/region", &body, diag));
    if (!is_word(&body) || cmaw_aws_region_set(cmaw_buf_slice(&body), ret_region) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "the instance's region is none");
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_aws_imds_region(char ret_region[static CMAW_AWS_REGION_MAX + 1], struct cmaw_diag *diag)
{
    struct imds imds = {0};
    enum cmaw_err err = open_imds(&imds, diag);

    if (err == CMAW_OK) {
        err = read_region(&imds, ret_region, diag);
    }
    cmaw_buf_free(&imds.header);
    return err == CMAW_OK ? CMAW_OK : cmaw_diag_wrap(diag, err, "imds");
}
