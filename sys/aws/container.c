/* Agents that give a container its role's keys: Amazon ECS and EKS Pod Identity (AWS SDKs and Tools Reference Guide, "Container
 * credential provider"). */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "sys/aws/answer.h"
#include "sys/aws/http.h"
#include "sys/aws/sources.h"
#include "sys/file.h"

#define AGENT "http://169.254.170.2"
#define TOKEN "AWS_CONTAINER_AUTHORIZATION_TOKEN"

enum { URL_MAX = 2048, TOKEN_FILE_MAX = 4096 };

/* Hosts that may be asked, and told the token, without TLS: nothing on the way there is somebody else's. */
static bool is_local(const char *host)
{
    static const char *const agents[] = {"localhost", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "[::1]"};
    struct in_addr address;

    for (size_t i = 0; i < sizeof agents / sizeof agents[0]; i++) {
        if (strcmp(host, agents[i]) == 0) {
            return true;
        }
    }
    return inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

static enum cmaw_err check_parts(CURLU *parts, const char *url, struct cmaw_diag *diag)
{
    char *scheme = NULL, *host = NULL;
    const bool parsed = curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
                        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    enum cmaw_err err = CMAW_OK;

    if (!parsed || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        err = cmaw_diag_set(diag, CMAW_E_USAGE, "container: AWS_CONTAINER_CREDENTIALS_FULL_URI is no http or https address");
    } else if (strcmp(scheme, "http") == 0 && !is_local(host)) {
        cmaw_diag_hint(diag, "over http, only loopback, 169.254.170.2, 169.254.170.23 and fd00:ec2::23 are asked for credentials");
        err = cmaw_diag_set(diag, CMAW_E_USAGE, "container: AWS_CONTAINER_CREDENTIALS_FULL_URI names %.100s, which needs https", host);
    }
    curl_free(scheme);
    curl_free(host);
    return err;
}

/* curl reads the address here and when it connects: there is no second opinion on what its host is. */
static enum cmaw_err check_url(const char *url, struct cmaw_diag *diag)
{
    CURLU *parts = curl_url();
    CMAW_REQUIRE(parts != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = check_parts(parts, url, diag);
    curl_url_cleanup(parts);
    return err;
}

static enum cmaw_err find_url(char ret_url[static URL_MAX], struct cmaw_diag *diag)
{
    const char *relative = cmaw_aws_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = cmaw_aws_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (relative == NULL && full == NULL) {
        return cmaw_diag_set(diag, CMAW_E_NOT_FOUND, "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
    }
    if (relative != NULL && relative[0] != '/') {
        return cmaw_diag_set(diag, CMAW_E_USAGE, "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI does not start with /");
    }
    const int size = relative != NULL ? snprintf(ret_url, URL_MAX, AGENT "%s", relative) : snprintf(ret_url, URL_MAX, "%s", full);
    if (size < 0 || size >= URL_MAX) {
        return cmaw_diag_set(diag, CMAW_E_TOO_LARGE, "container: the address of the credentials is too long");
    }
    return relative != NULL ? CMAW_OK : check_url(ret_url, diag);
}

/* The token as the Authorization line, or nothing. A token with a line feed in it could be further lines. */
static enum cmaw_err put_header(struct cmaw_buf *header, struct cmaw_diag *diag)
{
    const char *path = cmaw_aws_variable(TOKEN "_FILE"), *value = cmaw_aws_variable(TOKEN);
    CMAW_BUF_AUTO(token, TOKEN_FILE_MAX);
    struct cmaw_diag reading = {0};

    if (path == NULL && value == NULL) {
        return CMAW_OK;
    }
    if (path == NULL) {
        cmaw_buf_put_cstr(&token, value);
    } else if (cmaw_file_read(path, &token, &reading) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_IO, "container: " TOKEN "_FILE: %s", reading.text);
    }
    while (path != NULL && token.size > 0 && (token.data[token.size - 1] == '\n' || token.data[token.size - 1] == '\r')) {
        cmaw_buf_truncate(&token, token.size - 1);
    }
    for (size_t i = 0; i < token.size; i++) {
        if (token.data[i] < ' ' || token.data[i] > '~') {
            return cmaw_diag_set(diag, CMAW_E_MALFORMED, "container: the authorization token has characters that it must not have");
        }
    }
    cmaw_buf_put_cstr(header, "Authorization: ");
    cmaw_buf_put(header, cmaw_buf_slice(&token));
    cmaw_buf_put_u8(header, 0);
    return token.err != CMAW_OK ? token.err : cmaw_buf_err(header);
}

enum cmaw_err cmaw_aws_container_keys(struct cmaw_aws_keys *ret_keys, struct cmaw_diag *diag)
{
    char url[URL_MAX];
    CMAW_BUF_AUTO(header, CMAW_AWS_HEADER_MAX);
    CMAW_BUF_AUTO(body, CMAW_AWS_ANSWER_MAX);
    const struct cmaw_aws_budget budget = cmaw_aws_budget_now();
    long status = 0;

    CMAW_TRY(find_url(url, diag));
    CMAW_TRY(put_header(&header, diag));
    const struct cmaw_aws_fetch fetch = {.method = "GET", .url = url, .header = (const char *)header.data};
    enum cmaw_err err = cmaw_aws_fetch(&fetch, &budget, &body, &status, diag);
    if (err == CMAW_OK && status != 200) {
        err = cmaw_diag_set(diag, CMAW_E_DENIED, "the agent answers HTTP %ld", status);
    }
    if (err == CMAW_OK) {
        err = cmaw_aws_answer_parse(cmaw_buf_slice(&body), ret_keys, diag);
    }
    if (err != CMAW_OK) {
        return cmaw_diag_wrap(diag, err, "container");
    }
    ret_keys->source = CMAW_AWS_CONTAINER;
    return CMAW_OK;
}
