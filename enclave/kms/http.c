#include "enclave/kms/http.h"

#include <string.h>
#include <strings.h>

#include "lib/base/text.h"

/* The line at the front of *rest without its CR LF; false where there is no whole line. */
static bool take_line(struct cmaw_slice *rest, struct cmaw_slice *ret_line)
{
    const uint8_t *newline = rest->size == 0 ? NULL : memchr(rest->data, '\n', rest->size);
    if (newline == NULL || newline == rest->data || newline[-1] != '\r') {
        return false;
    }
    const size_t size = (size_t)(newline - rest->data);
    *ret_line = cmaw_slice_of(rest->data, size - 1);
    *rest = cmaw_slice_of(newline + 1, rest->size - size - 1);
    return true;
}

static enum cmaw_err parse_number(struct cmaw_slice text, uint64_t max, uint64_t *ret_number)
{
    char digits[21];
    CMAW_TRY(cmaw_slice_to_cstr(text, digits, sizeof digits));
    return cmaw_parse_u64(digits, max, ret_number);
}

static bool printable(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static bool name_is(struct cmaw_slice name, const char *text)
{
    return name.size == strlen(text) && strncasecmp((const char *)name.data, text, name.size) == 0;
}

static struct cmaw_slice trim(struct cmaw_slice text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = cmaw_slice_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

static bool name_valid(struct cmaw_slice name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '\0' || strchr(token, name.data[i]) == NULL) {
            return false;
        }
    }
    return name.size > 0;
}

/* "HTTP/1.1 200 OK"; the reason may be empty. */
static enum cmaw_err parse_status_line(struct cmaw_slice line, uint32_t *ret_status)
{
    CMAW_REQUIRE(line.size >= 12 && strncmp((const char *)line.data, "HTTP/1.1 ", 9) == 0 && printable(line), CMAW_E_MALFORMED);
    CMAW_REQUIRE(line.size == 12 || line.data[12] == ' ', CMAW_E_MALFORMED);
    uint64_t status = 0;
    CMAW_TRY(parse_number(cmaw_slice_sub(line, 9, 3), 599, &status));
    CMAW_REQUIRE(status >= 200, CMAW_E_MALFORMED); /* nothing was sent that a 1xx could answer */
    *ret_status = (uint32_t)status;
    return CMAW_OK;
}

/* A list of tokens of the Connection header. */
static bool has_token(struct cmaw_slice list, const char *token)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        const size_t size = comma == NULL ? list.size : (size_t)(comma - list.data);
        if (name_is(trim(cmaw_slice_of(list.data, size)), token)) {
            return true;
        }
        const size_t taken = comma == NULL ? size : size + 1;
        list = cmaw_slice_of(list.data + taken, list.size - taken);
    }
    return false;
}

struct head {
    bool has_length;
    uint64_t length;
};

static enum cmaw_err parse_header(struct cmaw_slice line, struct head *head, struct cmaw_http_response *response)
{
    const uint8_t *colon = memchr(line.data, ':', line.size);
    CMAW_REQUIRE(colon != NULL && printable(line), CMAW_E_MALFORMED);
    const struct cmaw_slice name = cmaw_slice_of(line.data, (size_t)(colon - line.data));
    const struct cmaw_slice value = trim(cmaw_slice_of(colon + 1, line.size - name.size - 1));
    CMAW_REQUIRE(name_valid(name), CMAW_E_MALFORMED);
    if (name_is(name, "content-length")) {
        CMAW_REQUIRE(!head->has_length, CMAW_E_MALFORMED);
        head->has_length = true;
        return parse_number(value, UINT32_MAX, &head->length);
    }
    if (name_is(name, "transfer-encoding") || name_is(name, "content-encoding")) {
        return CMAW_E_MALFORMED;
    }
    if (name_is(name, "x-amzn-requestid")) {
        response->request_id = value;
    } else if (name_is(name, "date")) {
        response->date = value;
    } else if (name_is(name, "connection")) {
        response->last |= has_token(value, "close");
    } else if (name_is(name, "x-amzn-errortype")) {
        response->error_type = value;
    }
    return CMAW_OK;
}

/* True once the empty line that ends the head is there. */
static bool head_end(struct cmaw_slice bytes)
{
    return memmem(bytes.data, bytes.size, "\r\n\r\n", 4) != NULL;
}

static enum cmaw_err parse_head(struct cmaw_slice *rest, struct head *head, struct cmaw_http_response *response)
{
    struct cmaw_slice line = CMAW_SLICE_EMPTY;
    CMAW_REQUIRE(take_line(rest, &line), CMAW_E_MALFORMED);
    CMAW_TRY(parse_status_line(line, &response->status));
    for (size_t count = 0; take_line(rest, &line) && line.size > 0; count++) {
        CMAW_REQUIRE(count < CMAW_HTTP_HEADERS_MAX, CMAW_E_TOO_LARGE);
        CMAW_TRY(parse_header(line, head, response));
    }
    return line.size == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}

enum cmaw_err cmaw_http_parse(struct cmaw_slice bytes, bool *ret_complete, struct cmaw_http_response *ret_response)
{
    *ret_complete = false;
    CMAW_REQUIRE(bytes.size <= CMAW_HTTP_RESPONSE_MAX, CMAW_E_TOO_LARGE);
    const size_t head_size = bytes.size < CMAW_HTTP_HEAD_MAX ? bytes.size : CMAW_HTTP_HEAD_MAX;
    if (bytes.size == 0 || !head_end(cmaw_slice_of(bytes.data, head_size))) {
        return bytes.size < CMAW_HTTP_HEAD_MAX ? CMAW_OK : CMAW_E_TOO_LARGE;
    }
    struct cmaw_http_response response = {0};
    struct head head = {0};
    struct cmaw_slice rest = bytes;
    CMAW_TRY(parse_head(&rest, &head, &response));
    CMAW_REQUIRE(head.has_length, CMAW_E_MALFORMED);
    CMAW_REQUIRE(head.length <= CMAW_HTTP_RESPONSE_MAX, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(rest.size <= head.length, CMAW_E_MALFORMED);
    response.body = rest;
    *ret_complete = rest.size == head.length;
    *ret_response = response;
    return CMAW_OK;
}
