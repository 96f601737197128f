#include "sys/aws/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/crypto/random.h"
#include "sys/daemon.h"

enum { ANSWER_HEADERS_MAX = 16 * 1024, ATTEMPT_S = 2, ATTEMPT_S_MAX = 10, ATTEMPTS = 4, ATTEMPTS_MAX = 10, TOTAL_MS = 8000, PAUSE_FIRST_MS = 100,
    PAUSE_LAST_MS = 2000 };

struct answer {
    struct cmaw_buf *body;
    size_t header_size;
};

static uint64_t number_of(const char *variable, uint64_t most, uint64_t otherwise)
{
    const char *text = getenv(variable);
    uint64_t number = 0;

    return text != NULL && cmaw_parse_u64(text, most, &number) == CMAW_OK && number > 0 ? number : otherwise;
}

struct cmaw_aws_budget cmaw_aws_budget_now(void)
{
    return (struct cmaw_aws_budget){
        .deadline_ms = cmaw_clock_ms() + TOTAL_MS,
        .attempt_ms = (uint32_t)(1000 * number_of("AWS_METADATA_SERVICE_TIMEOUT", ATTEMPT_S_MAX, ATTEMPT_S)),
        .attempts = (uint32_t)number_of("AWS_METADATA_SERVICE_NUM_ATTEMPTS", ATTEMPTS_MAX, ATTEMPTS),
    };
}

uint64_t cmaw_aws_jitter(uint64_t ms)
{
    uint32_t chance = 0;
    CMAW_IGNORE(cmaw_random((uint8_t *)&chance, sizeof chance)); /* without it the pause is the shortest */
    return ms / 2 + (ms - ms / 2) * chance / UINT32_MAX;
}

static void pause_ms(uint64_t ms)
{
    const struct timespec time = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&time, NULL);
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    cmaw_buf_put(answer->body, cmaw_slice_of(data, size * count));
    return answer->body->err == CMAW_OK ? size * count : 0;
}

static size_t take_header(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    struct answer *answer = context;
    answer->header_size += size * count;
    return answer->header_size <= ANSWER_HEADERS_MAX ? size * count : 0;
}

static void init_once(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void configure(CURL *curl, const struct cmaw_aws_fetch *fetch, uint64_t time_ms, struct curl_slist *headers, struct answer *answer)
{
    (void)curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, fetch->method);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    (void)curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)time_ms);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
}

static enum cmaw_err err_of(CURLcode result)
{
    switch (result) {
    case CURLE_OK: return CMAW_OK;
    case CURLE_OPERATION_TIMEDOUT: return CMAW_E_TIMEOUT;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING: return CMAW_E_UNAVAILABLE;
    case CURLE_OUT_OF_MEMORY: return CMAW_E_NO_MEMORY;
    default: return CMAW_E_PEER;
    }
}

/* Scheme and host of an address, which errors show. The rest is not shown: the path that ECS gives a container is all that a neighbour needs
 * to be given its role's keys. */
static int shown_size(const char *url)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end == NULL ? url : scheme_end + 3;
    return (int)(host - url) + (int)strcspn(host, "/?#");
}

/* One attempt. */
static enum cmaw_err perform(const struct cmaw_aws_fetch *fetch, uint64_t time_ms, struct cmaw_buf *body, long *ret_status,
                             struct cmaw_diag *diag)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = fetch->header == NULL ? NULL : curl_slist_append(NULL, fetch->header);
    struct answer answer = {.body = body};
    CURLcode result = CURLE_OUT_OF_MEMORY;

    if (curl != NULL && (headers != NULL || fetch->header == NULL)) {
        configure(curl, fetch, time_ms, headers, &answer);
        result = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    }
    curl_easy_cleanup(curl);
    if (headers != NULL) {
        cmaw_wipe(headers->data, cmaw_slice_of_cstr(headers->data).size);
        curl_slist_free_all(headers);
    }
    const bool large = answer.header_size > ANSWER_HEADERS_MAX || body->err == CMAW_E_TOO_LARGE;
    if (result != CURLE_OK) {
        return cmaw_diag_set(diag, large ? CMAW_E_PEER : err_of(result), "%.*s: %s", shown_size(fetch->url), fetch->url,
            large ? "the answer is too large" : curl_easy_strerror(result));
    }
    if (*ret_status == 429 || *ret_status >= 500) {
        return cmaw_diag_set(diag, CMAW_E_BUSY, "%.*s: HTTP %ld", shown_size(fetch->url), fetch->url, *ret_status);
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_aws_fetch(const struct cmaw_aws_fetch *fetch, const struct cmaw_aws_budget *budget, struct cmaw_buf *body,
                             long *ret_status, struct cmaw_diag *diag)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    enum cmaw_err err = cmaw_diag_set(diag, CMAW_E_TIMEOUT, "%.*s: no time is left", shown_size(fetch->url), fetch->url);
    uint64_t pause = PAUSE_FIRST_MS;

    (void)pthread_once(&once, init_once);
    for (uint32_t attempt = 0; attempt < budget->attempts; attempt++) {
        const uint64_t now = cmaw_clock_ms();
        if (now >= budget->deadline_ms) {
            break;
        }
        const uint64_t left = budget->deadline_ms - now;
        cmaw_buf_reset(body);
        err = perform(fetch, left < budget->attempt_ms ? left : budget->attempt_ms, body, ret_status, diag);
        if (err != CMAW_E_UNAVAILABLE && err != CMAW_E_TIMEOUT && err != CMAW_E_BUSY) {
            break;
        }
        if (attempt + 1 < budget->attempts) {
            pause_ms(cmaw_aws_jitter(pause));
            pause = pause * 2 < PAUSE_LAST_MS ? pause * 2 : PAUSE_LAST_MS;
        }
    }
    return err;
}
