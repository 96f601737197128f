#include "client/aws/http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/interrupt.h"

enum { ANSWER_MAX = 4 * 1024 * 1024, CONNECT_MS = 5000, CALL_MS = 30000 };

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct cmaw_buf *buf = context;
    cmaw_buf_put(buf, cmaw_slice_of(data, size * count));
    return buf->err == CMAW_OK ? size * count : 0;
}

/* The signed header lines as a curl list. */
static enum cmaw_err make_headers(const struct cmaw_aws_endpoint *endpoint, const char *service, const char *target,
                                  struct cmaw_slice body, struct curl_slist **ret_list)
{
    const char *host = strstr(endpoint->url, "://");
    CMAW_REQUIRE(host != NULL, CMAW_E_USAGE);
    const struct cmaw_aws_request request = {.service = service, .region = endpoint->region, .host = host + 3, .target = target,
                                             .body = body, .time_s = (uint64_t)time(NULL)};
    CMAW_BUF_AUTO(lines, 16 * 1024);
    CMAW_TRY(cmaw_sigv4_put_headers(&request, &endpoint->credentials, &lines));
    cmaw_buf_put_u8(&lines, 0);
    CMAW_TRY(lines.err);
    struct curl_slist *list = NULL;
    for (char *at = (char *)lines.data; *at != '\0';) {
        char *end = strstr(at, "\r\n");
        *end = '\0';
        struct curl_slist *longer = curl_slist_append(list, at);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return CMAW_E_NO_MEMORY;
        }
        list = longer;
        at = end + 2;
    }
    *ret_list = list;
    return CMAW_OK;
}

static int stop_if_interrupted(void *context, curl_off_t to_get, curl_off_t got, curl_off_t to_put, curl_off_t put)
{
    (void)context, (void)to_get, (void)got, (void)to_put, (void)put;
    return cmaw_interrupted();
}

static void configure(CURL *curl, const struct cmaw_aws_endpoint *endpoint, struct curl_slist *headers, struct cmaw_slice body,
                      struct cmaw_buf *answer)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, endpoint->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROXY, "127.0.0.1,localhost");
    if (endpoint->ca_file != NULL) {
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, endpoint->ca_file);
        (void)curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_if_interrupted);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)CALL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static enum cmaw_err perform(CURL *curl, const struct cmaw_aws_endpoint *endpoint, long *ret_status, struct cmaw_diag *diag)
{
    const CURLcode result = curl_easy_perform(curl);
    switch (result) {
    case CURLE_OK:
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
        return CMAW_OK;
    case CURLE_ABORTED_BY_CALLBACK:
        return cmaw_diag_set(diag, CMAW_E_CLOSED, "interrupted");
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
        cmaw_diag_hint(diag, "cmaw status shows whether the stack runs");
        return cmaw_diag_set(diag, CMAW_E_UNAVAILABLE, "cannot reach %s: %s", endpoint->url, curl_easy_strerror(result));
    default:
        return cmaw_diag_set(diag, CMAW_E_PEER, "%s: %s", endpoint->url, curl_easy_strerror(result));
    }
}

static enum cmaw_err post(const struct cmaw_aws_endpoint *endpoint, const char *service, const char *target,
                          struct cmaw_slice body, struct cmaw_buf *answer, long *ret_status, struct cmaw_diag *diag)
{
    struct curl_slist *headers = NULL;
    CMAW_TRY(make_headers(endpoint, service, target, body, &headers));
    CURL *curl = curl_easy_init();
    enum cmaw_err err = CMAW_E_NO_MEMORY;
    if (curl != NULL) {
        configure(curl, endpoint, headers, body, answer);
        err = perform(curl, endpoint, ret_status, diag);
        curl_easy_cleanup(curl);
    }
    curl_slist_free_all(headers);
    return err;
}

static bool is_throttling(const char *name)
{
    static const char *const names[] = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* {"__type": "Name" or "namespace#Name", "message" or "Message"} */
static enum cmaw_err refused(const json_t *answer, const char *target, long status, struct cmaw_diag *diag)
{
    char type[128] = "";
    char message[300] = "";
    CMAW_IGNORE(cmaw_json_text(answer, "__type", type, sizeof type)); /* what is missing stays empty */
    if (cmaw_json_text(answer, "message", message, sizeof message) != CMAW_OK) {
        CMAW_IGNORE(cmaw_json_text(answer, "Message", message, sizeof message));
    }
    const char *hash = strrchr(type, '#');
    const char *name = hash == NULL ? type : hash + 1;
    const char *operation = strrchr(target, '.');
    const enum cmaw_err err = is_throttling(name) ? CMAW_E_BUSY : status >= 500 ? CMAW_E_UNAVAILABLE : CMAW_E_DENIED;
    return cmaw_diag_set(diag, err, "%s was refused: %s (HTTP %ld)%s%s", operation == NULL ? target : operation + 1, name, status,
                         message[0] == '\0' ? "" : ": ", message);
}

enum cmaw_err cmaw_aws_call(const struct cmaw_aws_endpoint *endpoint, const char *service, const char *target, const json_t *body,
                            json_t **ret_answer, struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(text, CMAW_JSON_FILE_MAX);
    CMAW_TRY(cmaw_json_put(&text, body));
    CMAW_BUF_AUTO(answer, ANSWER_MAX);
    long status = 0;
    CMAW_TRY(post(endpoint, service, target, cmaw_buf_slice(&text), &answer, &status, diag));
    CMAW_JSON_AUTO(json);
    if (answer.size == 0 && status == 200) {
        json = json_object(); /* operations without output */
    } else if (cmaw_json_parse(endpoint->url, cmaw_buf_slice(&answer), &json, diag) != CMAW_OK) {
        return cmaw_diag_set(diag, CMAW_E_PEER, "%s: %s was answered with HTTP %ld and no JSON", endpoint->url, target, status);
    }
    if (status != 200) {
        return refused(json, target, status, diag);
    }
    *ret_answer = json;
    json = NULL;
    return CMAW_OK;
}
