#include "enclave/kms/exchange.h"

#include <unistd.h>

#include "lib/rpc/frame.h"

enum { DIAL_MS = 5000, READ_CHUNK = 4096, HEAD_MAX = 16 * 1024 };

static enum cmaw_err failed(struct cmaw_kms_failure *failure, enum cmaw_err err, const char *type, const char *message)
{
    cmaw_kms_failure_set(failure, type, message);
    return err;
}

static enum cmaw_err name_endpoint(const struct cmaw_kms *kms, struct cmaw_slice arn, struct cmaw_kms_session *session)
{
    CMAW_TRY(cmaw_aws_region_of(arn, session->region));
    if (kms->host == NULL) {
        return cmaw_aws_host_of(arn, "kms", kms->fips, session->host);
    }
    return cmaw_slice_to_cstr(cmaw_slice_of_cstr(kms->host), session->host, sizeof session->host);
}

enum cmaw_err cmaw_kms_open(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, struct cmaw_kms_session *ret_session,
                            struct cmaw_kms_failure *ret_failure)
{
    *ret_failure = (struct cmaw_kms_failure){0};
    *ret_session = (struct cmaw_kms_session){.kms = kms, .key = *key, .fd = -1};
    if (cmaw_aws_credentials_check(&key->credentials) != CMAW_OK) {
        return failed(ret_failure, CMAW_E_MALFORMED, "BadCredentials", "the credentials are not of their form");
    }
    if (name_endpoint(kms, key->arn, ret_session) != CMAW_OK) {
        return failed(ret_failure, CMAW_E_MALFORMED, "NoEndpoint", "the key's ARN names no partition and region that have an endpoint");
    }
    return CMAW_OK;
}

void cmaw_kms_close(struct cmaw_kms_session *session)
{
    cmaw_tls_release(&session->tls);
    if (session->fd >= 0) {
        close(session->fd);
    }
    session->fd = -1;
}

static enum cmaw_err put_head(const struct cmaw_kms_session *session, const char *target, struct cmaw_slice body, struct cmaw_buf *buf)
{
    const int64_t time_s = (int64_t)(session->kms->now_ms() / 1000) + session->skew_s;
    const struct cmaw_aws_request request = {"kms", session->region, session->host, target, body, time_s > 0 ? (uint64_t)time_s : 0};
    cmaw_buf_printf(buf, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n", session->host, body.size);
    CMAW_TRY(cmaw_sigv4_put_headers(&request, &session->key.credentials, buf));
    cmaw_buf_put_cstr(buf, "\r\n");
    return cmaw_buf_err(buf);
}

static uint32_t dial_timeout(uint64_t deadline_ms)
{
    const uint64_t now_ms = cmaw_monotonic_ms();
    const uint64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
    return left < DIAL_MS ? (uint32_t)left : DIAL_MS;
}

static bool is_transport(enum cmaw_err err)
{
    return err == CMAW_E_CLOSED || err == CMAW_E_TIMEOUT || err == CMAW_E_UNAVAILABLE || err == CMAW_E_IO;
}

/* Of what talk returns: the proxy, too, can make TLS fail (PEER); what TLS has let through was said by the endpoint. */
static bool is_of_the_way(enum cmaw_err err)
{
    return is_transport(err) || err == CMAW_E_PEER || err == CMAW_E_AUTH;
}

static enum cmaw_err connect_new(struct cmaw_kms_session *session, struct cmaw_kms_failure *failure)
{
    const struct cmaw_kms *kms = session->kms;
    const uint32_t timeout_ms = dial_timeout(session->key.deadline_ms);
    cmaw_kms_close(session);
    if (timeout_ms == 0 || kms->dial(timeout_ms, &session->fd) != CMAW_OK) {
        return failed(failure, CMAW_E_UNAVAILABLE, "ProxyUnreachable", "no connection to the proxy");
    }
    const enum cmaw_err err = cmaw_tls_connect(kms->tls, session->fd, session->host, (int64_t)(kms->now_ms() / 1000),
                                               session->key.deadline_ms, &session->tls);
    if (err == CMAW_OK) {
        return CMAW_OK;
    }
    cmaw_kms_close(session);
    return is_transport(err) ? failed(failure, CMAW_E_UNAVAILABLE, "ConnectFailed", "the connection broke during the handshake")
                             : failed(failure, CMAW_E_AUTH, "TlsFailed", "the other side is not the KMS endpoint of the image");
}

static enum cmaw_err read_response(struct cmaw_kms_session *session, struct cmaw_buf *buf, struct cmaw_http_response *ret_response)
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
        CMAW_TRY(cmaw_tls_read(session->tls, buf->data + buf->size, want, session->key.deadline_ms, &got));
        CMAW_REQUIRE(got > 0, CMAW_E_CLOSED);
        buf->size += got;
    }
}

static enum cmaw_err talk(struct cmaw_kms_session *session, struct cmaw_slice head, struct cmaw_slice body, struct cmaw_buf *buf,
                          struct cmaw_http_response *ret_response)
{
    CMAW_TRY(cmaw_tls_write(session->tls, head, session->key.deadline_ms));
    CMAW_TRY(cmaw_tls_write(session->tls, body, session->key.deadline_ms));
    return read_response(session, buf, ret_response);
}

enum cmaw_err cmaw_kms_exchange(struct cmaw_kms_session *session, const char *target, struct cmaw_slice body, struct cmaw_buf *buf,
                                struct cmaw_http_response *ret_response, struct cmaw_kms_failure *failure)
{
    CMAW_BUF_AUTO(head, HEAD_MAX);
    session->sent = false;
    if (put_head(session, target, body, &head) != CMAW_OK) {
        return failed(failure, CMAW_E_MALFORMED, "BadCredentials", "the credentials cannot be sent");
    }
    enum cmaw_err err = CMAW_E_CLOSED;
    session->sent = session->tls != NULL && cmaw_tls_quiet(session->tls) == CMAW_OK;
    if (session->sent) {
        err = talk(session, cmaw_buf_slice(&head), body, buf, ret_response);
    }
    if (err == CMAW_E_CLOSED && buf->size == 0) { /* none yet, or the server had closed it meanwhile */
        CMAW_TRY(connect_new(session, failure));
        session->sent = true;
        err = talk(session, cmaw_buf_slice(&head), body, buf, ret_response);
    }
    if (err == CMAW_OK) {
        if (ret_response->last) {
            cmaw_kms_close(session);
        }
        return CMAW_OK;
    }
    cmaw_kms_close(session);
    if (err == CMAW_E_TIMEOUT) {
        return failed(failure, CMAW_E_UNAVAILABLE, "NoAnswer", "the answer was not complete in time");
    }
    return is_of_the_way(err) ? failed(failure, CMAW_E_UNAVAILABLE, "NoAnswer", "the connection broke before the answer was complete")
                              : failed(failure, CMAW_E_PEER, "BadAnswer", "the answer is not one that KMS gives");
}
