#include "dev/sigv4.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "lib/base/text.h"
#include "lib/crypto/hmac.h"

enum { CANONICAL_MAX = 64 * 1024, NAME_MAX_SIZE = 128 };
#define ALGORITHM "AWS4-HMAC-SHA256"

const char *cmaw_http_header(const struct cmaw_http_request *request, const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0) {
            if (found != NULL) {
                return NULL;
            }
            found = request->headers[i].value;
        }
    }
    return found;
}

/* Copies text up to the first of the characters in stop and moves behind that; false if it does not fit or is empty. */
static bool take(const char **text, const char *stop, char *dst, size_t capacity)
{
    const size_t size = strcspn(*text, stop);
    if (size == 0 || size >= capacity) {
        return false;
    }
    memcpy(dst, *text, size);
    dst[size] = '\0';
    *text += size + ((*text)[size] != '\0' ? 1 : 0);
    return true;
}

static const char *parameter(const char *header, const char *name)
{
    const char *found = strstr(header, name);
    return found == NULL ? NULL : found + strlen(name);
}

static bool parse_scope(const char *credential, struct cmaw_sigv4 *auth)
{
    char rest[32];
    return take(&credential, "/,", auth->access_key, sizeof auth->access_key)
           && take(&credential, "/,", auth->date, sizeof auth->date)
           && take(&credential, "/,", auth->region, sizeof auth->region)
           && take(&credential, "/,", auth->service, sizeof auth->service) && take(&credential, ", ", rest, sizeof rest)
           && strcmp(rest, "aws4_request") == 0;
}

enum cmaw_err cmaw_sigv4_parse(const struct cmaw_http_request *request, struct cmaw_sigv4 *ret_auth,
                               struct cmaw_fault *fault)
{
    struct cmaw_sigv4 auth = {0};
    const char *header = cmaw_http_header(request, "authorization");
    const char *stamp = cmaw_http_header(request, "x-amz-date");
    CMAW_REQUIRE(header != NULL, cmaw_fault_set(fault, CMAW_FAULT_MISSING_AUTHENTICATION));
    const char *credential = parameter(header, "Credential=");
    const char *names = parameter(header, "SignedHeaders=");
    const char *signature = parameter(header, "Signature=");
    char hex[65];
    const bool formed = strncmp(header, ALGORITHM " ", sizeof ALGORITHM) == 0 && credential != NULL && names != NULL
                        && signature != NULL && stamp != NULL && strlen(stamp) == 16
                        && parse_scope(credential, &auth)
                        && take(&names, ", ", auth.signed_headers, sizeof auth.signed_headers)
                        && take(&signature, ", ", hex, sizeof hex)
                        && cmaw_hex_decode_exact(cmaw_slice_of_cstr(hex), auth.signature, 32) == CMAW_OK;
    if (!formed) {
        return cmaw_fault_say(fault, CMAW_FAULT_INCOMPLETE_SIGNATURE,
                              "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' and 'X-Amz-Date'.");
    }
    memcpy(auth.stamp, stamp, 17);
    auth.token = cmaw_http_header(request, "x-amz-security-token");
    *ret_auth = auth;
    return CMAW_OK;
}

/* Trimmed, with runs of spaces made one; several headers of one name are joined by commas. */
static bool put_header(struct cmaw_buf *buf, const struct cmaw_http_request *request, const char *name)
{
    size_t found = 0;
    cmaw_buf_printf(buf, "%s:", name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) != 0) {
            continue;
        }
        cmaw_buf_put_cstr(buf, found++ == 0 ? "" : ",");
        const char *value = request->headers[i].value + strspn(request->headers[i].value, " \t");
        size_t size = strlen(value);
        while (size > 0 && (value[size - 1] == ' ' || value[size - 1] == '\t')) {
            size--;
        }
        for (size_t at = 0; at < size; at++) {
            if (value[at] != ' ' || value[at + 1] != ' ') {
                cmaw_buf_put_u8(buf, (uint8_t)value[at]);
            }
        }
    }
    cmaw_buf_put_u8(buf, '\n');
    return found > 0;
}

/* The canonical headers; false unless the names are lower-case, strictly ascending, and all present. */
static bool put_signed_headers(struct cmaw_buf *buf, const struct cmaw_http_request *request, const char *names)
{
    char previous[NAME_MAX_SIZE] = "", name[NAME_MAX_SIZE];
    for (size_t count = 0; *names != '\0'; count++) {
        if (count == CMAW_SIGV4_SIGNED_MAX || !take(&names, ";", name, sizeof name) || strcmp(previous, name) >= 0
            || strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL || !put_header(buf, request, name)) {
            return false;
        }
        memcpy(previous, name, sizeof previous);
    }
    return true;
}

static bool is_signed(const char *names, const char *name)
{
    const size_t size = strlen(name);
    for (;;) {
        const size_t part = strcspn(names, ";");
        if (part == size && strncasecmp(names, name, size) == 0) {
            return true;
        }
        if (names[part] == '\0') {
            return false;
        }
        names += part + 1;
    }
}

/* A header of the protocol that nobody signed could have been put there by anyone. */
static bool required_headers_signed(const struct cmaw_http_request *request, const char *names)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const char *name = request->headers[i].name;
        const bool required = strcasecmp(name, "host") == 0 || strncasecmp(name, "x-amz-", 6) == 0;
        if (required && !is_signed(names, name)) {
            return false;
        }
    }
    return is_signed(names, "host") && is_signed(names, "x-amz-date");
}

static enum cmaw_err check_time(const struct cmaw_sigv4 *auth, int64_t now_s, struct cmaw_fault *fault)
{
    struct tm parts = {0};
    const char *end = strptime(auth->stamp, "%Y%m%dT%H%M%SZ", &parts);
    if (end == NULL || *end != '\0' || strncmp(auth->stamp, auth->date, 8) != 0) {
        return cmaw_fault_say(fault, CMAW_FAULT_INCOMPLETE_SIGNATURE,
                              "Date must be in ISO-8601 'basic format' and in Credential.");
    }
    const int64_t then_s = timegm(&parts);
    if (then_s > now_s + CMAW_SIGV4_SKEW_S || then_s < now_s - CMAW_SIGV4_SKEW_S) {
        char now[32];
        const time_t now_time = now_s;
        struct tm now_parts;
        (void)strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", gmtime_r(&now_time, &now_parts));
        return cmaw_fault_say(fault, CMAW_FAULT_INVALID_SIGNATURE, then_s < now_s
                                  ? "Signature expired: %s is now earlier than %s (%d min.)"
                                  : "Signature not yet current: %s is still later than %s (%d min.)",
                              auth->stamp, now, CMAW_SIGV4_SKEW_S / 60);
    }
    return CMAW_OK;
}

static void put_digest_hex(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    cmaw_sha256(bytes, digest);
    cmaw_buf_put_hex(buf, CMAW_SLICE_ARRAY(digest));
}

static void mac(uint8_t key[32], size_t key_size, const char *text, uint8_t ret_tag[32])
{
    const struct cmaw_slice part = cmaw_slice_of_cstr(text);
    cmaw_hmac_sha256(cmaw_slice_of(key, key_size), &part, 1, ret_tag);
}

static void signature_of(const struct cmaw_sigv4 *auth, const char *secret, struct cmaw_buf *to_sign,
                         uint8_t ret_signature[32])
{
    uint8_t first[256], key[32];
    const int size = snprintf((char *)first, sizeof first, "AWS4%s", secret);
    mac(first, (size_t)size < sizeof first ? (size_t)size : sizeof first - 1, auth->date, key);
    mac(key, sizeof key, auth->region, key);
    mac(key, sizeof key, auth->service, key);
    mac(key, sizeof key, "aws4_request", key);
    const struct cmaw_slice part = cmaw_buf_slice(to_sign);
    cmaw_hmac_sha256(CMAW_SLICE_ARRAY(key), &part, 1, ret_signature);
    cmaw_wipe(first, sizeof first);
    cmaw_wipe(key, sizeof key);
}

static bool canonical_request(const struct cmaw_http_request *request, const struct cmaw_sigv4 *auth,
                              struct cmaw_buf *buf)
{
    cmaw_buf_printf(buf, "%s\n%s\n\n", request->method, request->path);
    if (!put_signed_headers(buf, request, auth->signed_headers)) {
        return false;
    }
    cmaw_buf_printf(buf, "\n%s\n", auth->signed_headers);
    const size_t at = buf->size;
    put_digest_hex(buf, request->body);
    const char *declared = cmaw_http_header(request, "x-amz-content-sha256");
    return cmaw_buf_err(buf) == CMAW_OK
           && (declared == NULL
               || cmaw_slice_eq_cstr(cmaw_slice_sub(cmaw_buf_slice(buf), at, buf->size - at), declared));
}

static bool signature_right(const struct cmaw_http_request *request, const struct cmaw_sigv4 *auth, const char *secret)
{
    CMAW_BUF_AUTO(canonical, CANONICAL_MAX);
    CMAW_BUF_AUTO(to_sign, CANONICAL_MAX);
    if (!canonical_request(request, auth, &canonical)) {
        return false;
    }
    cmaw_buf_printf(&to_sign, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n", auth->stamp, auth->date, auth->region,
                    auth->service);
    put_digest_hex(&to_sign, cmaw_buf_slice(&canonical));
    uint8_t expected[32];
    signature_of(auth, secret, &to_sign, expected);
    return cmaw_buf_err(&to_sign) == CMAW_OK && cmaw_ct_eq(CMAW_SLICE_ARRAY(expected), CMAW_SLICE_ARRAY(auth->signature));
}

enum cmaw_err cmaw_sigv4_verify(const struct cmaw_http_request *request, const struct cmaw_sigv4 *auth,
                                const char *secret, const char *token, const char *region, const char *service,
                                int64_t now_s, struct cmaw_fault *fault)
{
    if (!cmaw_ct_eq(cmaw_slice_of_cstr(auth->token == NULL ? "" : auth->token), cmaw_slice_of_cstr(token))) {
        return cmaw_fault_set(fault, CMAW_FAULT_UNRECOGNIZED_CLIENT);
    }
    if (strcmp(auth->region, region) != 0 || strcmp(auth->service, service) != 0) {
        return cmaw_fault_say(fault, CMAW_FAULT_INVALID_SIGNATURE, "Credential should be scoped to region '%s' and service '%s'.",
                              region, service);
    }
    CMAW_TRY(check_time(auth, now_s, fault));
    if (!required_headers_signed(request, auth->signed_headers) || !signature_right(request, auth, secret)) {
        return cmaw_fault_set(fault, CMAW_FAULT_INVALID_SIGNATURE);
    }
    return CMAW_OK;
}
