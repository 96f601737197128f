#include "lib/aws/sigv4.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/crypto/hash.h"
#include "lib/crypto/hmac.h"

enum { DATE_SIZE = 8, STAMP_SIZE = 16, SCOPE_MAX = 256, CANONICAL_MAX = 8192, SECONDS_PER_DAY = 86400 };

#define CONTENT_TYPE "application/x-amz-json-1.1"

static bool printable(struct cmaw_slice text, size_t least, size_t most)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return text.size >= least && text.size <= most;
}

enum cmaw_err cmaw_aws_credentials_check(const struct cmaw_aws_credentials *credentials)
{
    const bool good = printable(credentials->access_key_id, CMAW_AWS_ACCESS_KEY_MIN, CMAW_AWS_ACCESS_KEY_MAX) &&
                      printable(credentials->secret_access_key, 1, CMAW_AWS_SECRET_KEY_MAX) &&
                      printable(credentials->session_token, 0, CMAW_AWS_TOKEN_MAX);
    return good ? CMAW_OK : CMAW_E_MALFORMED;
}

/* "20260102T030405Z" without the C library's time zones: days to civil date after Howard Hinnant's public algorithm. */
static void put_stamp(struct cmaw_buf *buf, uint64_t time_s)
{
    const uint64_t days = time_s / SECONDS_PER_DAY + 719468;
    const uint64_t second = time_s % SECONDS_PER_DAY;
    const uint64_t era = days / 146097;
    const uint64_t day_of_era = days % 146097;
    const uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const uint64_t shifted = (5 * day_of_year + 2) / 153; /* months since March */
    const unsigned day = (unsigned)(day_of_year - (153 * shifted + 2) / 5 + 1);
    const unsigned month = (unsigned)(shifted < 10 ? shifted + 3 : shifted - 9);
    const unsigned year = (unsigned)(year_of_era + era * 400 + (month <= 2));
    cmaw_buf_printf(buf, "%04u%02u%02uT%02u%02u%02uZ", year, month, day, (unsigned)(second / 3600),
                    (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}

static void put_hash(struct cmaw_buf *buf, struct cmaw_slice bytes)
{
    uint8_t digest[CMAW_SHA256_SIZE];
    cmaw_sha256(bytes, digest);
    cmaw_buf_put_hex(buf, CMAW_SLICE_ARRAY(digest));
}

static const char *signed_names(const struct cmaw_aws_credentials *credentials)
{
    return credentials->session_token.size > 0 ? "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
                                               : "content-type;host;x-amz-date;x-amz-target";
}

static void put_canonical(struct cmaw_buf *buf, const struct cmaw_aws_request *request,
                          const struct cmaw_aws_credentials *credentials, struct cmaw_slice stamp)
{
    cmaw_buf_printf(buf, "POST\n/\n\ncontent-type:" CONTENT_TYPE "\nhost:%s\nx-amz-date:", request->host);
    cmaw_buf_put(buf, stamp);
    if (credentials->session_token.size > 0) {
        cmaw_buf_put_cstr(buf, "\nx-amz-security-token:");
        cmaw_buf_put(buf, credentials->session_token);
    }
    cmaw_buf_printf(buf, "\nx-amz-target:%s\n\n%s\n", request->target, signed_names(credentials));
    put_hash(buf, request->body);
}

/* key = HMAC chain over "AWS4" secret, date, region, service, "aws4_request" */
static enum cmaw_err sign(const struct cmaw_aws_request *request, const struct cmaw_aws_credentials *credentials,
                          struct cmaw_slice stamp, struct cmaw_slice to_sign, uint8_t ret_signature[CMAW_SHA256_SIZE])
{
    CMAW_BUF_AUTO(key, 4 + CMAW_AWS_SECRET_KEY_MAX);
    cmaw_buf_put_cstr(&key, "AWS4");
    cmaw_buf_put(&key, credentials->secret_access_key);
    CMAW_TRY(key.err);
    const struct cmaw_slice chain[] = {cmaw_slice_sub(stamp, 0, DATE_SIZE), cmaw_slice_of_cstr(request->region),
                                       cmaw_slice_of_cstr(request->service), CMAW_SLICE_LIT("aws4_request"), to_sign};
    uint8_t tag[CMAW_SHA256_SIZE];
    for (size_t i = 0; i < sizeof chain / sizeof chain[0]; i++) {
        uint8_t next[CMAW_SHA256_SIZE];
        cmaw_hmac_sha256(i == 0 ? cmaw_buf_slice(&key) : CMAW_SLICE_ARRAY(tag), &chain[i], 1, next);
        memcpy(tag, next, sizeof tag);
        cmaw_wipe(next, sizeof next);
    }
    memcpy(ret_signature, tag, sizeof tag);
    cmaw_wipe(tag, sizeof tag);
    return CMAW_OK;
}

static void put_lines(struct cmaw_buf *buf, const struct cmaw_aws_request *request,
                      const struct cmaw_aws_credentials *credentials, struct cmaw_slice stamp, struct cmaw_slice scope,
                      const uint8_t signature[CMAW_SHA256_SIZE])
{
    cmaw_buf_put_cstr(buf, "Content-Type: " CONTENT_TYPE "\r\nX-Amz-Date: ");
    cmaw_buf_put(buf, stamp);
    if (credentials->session_token.size > 0) {
        cmaw_buf_put_cstr(buf, "\r\nX-Amz-Security-Token: ");
        cmaw_buf_put(buf, credentials->session_token);
    }
    cmaw_buf_printf(buf, "\r\nX-Amz-Target: %s\r\nAuthorization: AWS4-HMAC-SHA256 Credential=", request->target);
    cmaw_buf_put(buf, credentials->access_key_id);
    cmaw_buf_put_cstr(buf, "/");
    cmaw_buf_put(buf, scope);
    cmaw_buf_printf(buf, ", SignedHeaders=%s, Signature=", signed_names(credentials));
    cmaw_buf_put_hex(buf, cmaw_slice_of(signature, CMAW_SHA256_SIZE));
    cmaw_buf_put_cstr(buf, "\r\n");
}

enum cmaw_err cmaw_sigv4_put_headers(const struct cmaw_aws_request *request, const struct cmaw_aws_credentials *credentials,
                                     struct cmaw_buf *buf)
{
    CMAW_TRY(cmaw_aws_credentials_check(credentials));
    CMAW_BUF_AUTO(stamp, STAMP_SIZE + 1); /* printf needs room for its NUL */
    put_stamp(&stamp, request->time_s);
    CMAW_BUF_AUTO(scope, SCOPE_MAX);
    cmaw_buf_put(&scope, cmaw_slice_sub(cmaw_buf_slice(&stamp), 0, DATE_SIZE));
    cmaw_buf_printf(&scope, "/%s/%s/aws4_request", request->region, request->service);
    CMAW_BUF_AUTO(canonical, CANONICAL_MAX);
    put_canonical(&canonical, request, credentials, cmaw_buf_slice(&stamp));
    CMAW_BUF_AUTO(to_sign, CANONICAL_MAX);
    cmaw_buf_put_cstr(&to_sign, "AWS4-HMAC-SHA256\n");
    cmaw_buf_put(&to_sign, cmaw_buf_slice(&stamp));
    cmaw_buf_put_cstr(&to_sign, "\n");
    cmaw_buf_put(&to_sign, cmaw_buf_slice(&scope));
    cmaw_buf_put_cstr(&to_sign, "\n");
    put_hash(&to_sign, cmaw_buf_slice(&canonical));
    CMAW_TRY(stamp.err);
    CMAW_TRY(scope.err);
    CMAW_TRY(canonical.err);
    CMAW_TRY(to_sign.err);
    uint8_t signature[CMAW_SHA256_SIZE];
    CMAW_TRY(sign(request, credentials, cmaw_buf_slice(&stamp), cmaw_buf_slice(&to_sign), signature));
    put_lines(buf, request, credentials, cmaw_buf_slice(&stamp), cmaw_buf_slice(&scope), signature);
    return buf->err;
}
