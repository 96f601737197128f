#include "enclave/kms/exchange.h"

#include <string.h>
#include <unistd.h>

enum { DIAL_MS = 5000, READ_CHUNK = 4096, HEAD_MAX = 16 * 1024, REGION_MAX = 32 };

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static enum cmaw_err failed(struct cmaw_kms_failure *failure, enum cmaw_err err, const char *type, const char *message)
{
    cmaw_kms_failure_set(failure, type, message);
    return err;
}

/* arn:aws:kms:REGION:… */
static enum cmaw_err region_of(struct cmaw_slice arn, char ret_region[static REGION_MAX])
{
    struct cmaw_slice rest = arn;
    for (int field = 0; field < 3; field++) {
        const uint8_t *colon = rest.size == 0 ? NULL : memchr(rest.data, ':', rest.size);
        CMAW_REQUIRE(colon != NULL, CMAW_E_MALFORMED);
        rest = cmaw_slice_of(colon + 1, rest.size - (size_t)(colon - rest.data) - 1);
    }
    const uint8_t *end = rest.size == 0 ? NULL : memchr(rest.data, ':', rest.size);
    CMAW_REQUIRE(end != NULL, CMAW_E_MALFORMED);
    return cmaw_slice_to_cstr(cmaw_slice_of(rest.data, (size_t)(end - rest.data)), ret_region, REGION_MAX);
}

static enum cmaw_err put_head(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, const char *target,
                              struct cmaw_slice body, struct cmaw_buf *buf)
{
    char region[REGION_MAX];
    CMAW_TRY(region_of(key->arn, region));
    const struct cmaw_aws_request request = {"kms", region, kms->host, target, body, kms->now_ms() / 1000};
    cmaw_buf_printf(buf, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\nConnection: close\r\n", kms->host, body.size);
    CMAW_TRY(cmaw_sigv4_put_headers(&request, &key->credentials, buf));
    cmaw_buf_put_cstr(buf, "\r\n");
    return cmaw_buf_err(buf);
}

static enum cmaw_err read_response(struct cmaw_tls *tls, uint64_t deadline_ms, struct cmaw_buf *buf,
                                   struct cmaw_http_response *ret_response)
{
    for (;;) {
        bool complete = false;
        CMAW_TRY(cmaw_http_parse(cmaw_buf_slice(buf), &complete, ret_response));
        if (complete) {
            return CMAW_OK;
        }
        const size_t room = buf->max - buf->size;
        CMAW_REQUIRE(room > 0, CMAW_E_TOO_LARGE);
        const size_t want = room < READ_CHUNK ? room : READ_CHUNK;
        CMAW_TRY(cmaw_buf_reserve(buf, want));
        size_t got = 0;
        CMAW_TRY(cmaw_tls_read(tls, buf->data + buf->size, want, deadline_ms, &got));
        CMAW_REQUIRE(got > 0, CMAW_E_CLOSED);
        buf->size += got;
    }
}

static bool is_transport(enum cmaw_err err)
{
    return err == CMAW_E_CLOSED || err == CMAW_E_TIMEOUT || err == CMAW_E_UNAVAILABLE || err == CMAW_E_IO;
}

enum cmaw_err cmaw_kms_exchange(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, const char *target,
                                struct cmaw_slice body, struct cmaw_buf *buf, struct cmaw_http_response *ret_response,
                                struct cmaw_kms_failure *failure)
{
    CMAW_BUF_AUTO(head, HEAD_MAX);
    if (put_head(kms, key, target, body, &head) != CMAW_OK) {
        return failed(failure, CMAW_E_MALFORMED, "BadCredentials", "the credentials cannot be sent");
    }
    [[gnu::cleanup(close_fd)]] int fd = -1;
    if (kms->dial(DIAL_MS, &fd) != CMAW_OK) {
        return failed(failure, CMAW_E_UNAVAILABLE, "ProxyUnreachable", "no connection to the proxy");
    }
    CMAW_TLS_AUTO(tls);
    enum cmaw_err err = cmaw_tls_connect(kms->tls, fd, kms->host, (int64_t)(kms->now_ms() / 1000), key->deadline_ms, &tls);
    if (err != CMAW_OK) {
        return is_transport(err) ? failed(failure, CMAW_E_UNAVAILABLE, "ConnectFailed", "the connection broke during the handshake")
                                 : failed(failure, err, "TlsFailed", "the other side is not the KMS endpoint of the image");
    }
    err = cmaw_tls_write(tls, cmaw_buf_slice(&head), key->deadline_ms);
    if (err == CMAW_OK) {
        err = cmaw_tls_write(tls, body, key->deadline_ms);
    }
    if (err == CMAW_OK) {
        err = read_response(tls, key->deadline_ms, buf, ret_response);
    }
    if (err != CMAW_OK) {
        return is_transport(err) ? failed(failure, CMAW_E_UNAVAILABLE, "NoAnswer", "the connection broke before the answer was complete")
                                 : failed(failure, CMAW_E_PEER, "BadAnswer", "the answer is not one that KMS gives");
    }
    return CMAW_OK;
}
