#include "lib/crypto/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "lib/crypto/openssl.h"
#include "lib/crypto/tls_wire.h"

enum { ROOTS_MAX = 256 * 1024 };

struct cmaw_tls_client {
    SSL_CTX *ctx;
    BIO_METHOD *wire;
};

struct cmaw_tls {
    SSL *ssl;
    int fd;
};

void cmaw_tls_client_free(struct cmaw_tls_client *client)
{
    if (client != NULL) {
        SSL_CTX_free(client->ctx);
        BIO_meth_free(client->wire);
        free(client);
    }
}

/* The certificates up to the end of the text; what does not parse is an error and not the end. */
static enum cmaw_err add_roots(X509_STORE *store, BIO *pem)
{
    size_t count = 0;
    for (;; count++) {
        X509 *root = PEM_read_bio_X509(pem, NULL, cmaw_openssl_no_passphrase, NULL);
        if (root == NULL) {
            break;
        }
        const bool added = X509_STORE_add_cert(store, root) == 1;
        X509_free(root);
        CMAW_REQUIRE(added, CMAW_E_MALFORMED);
    }
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    cmaw_openssl_forget_errors();
    return count > 0 && at_end ? CMAW_OK : CMAW_E_MALFORMED;
}

static enum cmaw_err read_roots(SSL_CTX *ctx, struct cmaw_slice roots_pem)
{
    CMAW_REQUIRE(roots_pem.size > 0 && roots_pem.size <= ROOTS_MAX, CMAW_E_MALFORMED);
    BIO *pem = BIO_new_mem_buf(roots_pem.data, (int)roots_pem.size);
    CMAW_REQUIRE(pem != NULL, CMAW_E_NO_MEMORY);
    const enum cmaw_err err = add_roots(SSL_CTX_get_cert_store(ctx), pem);
    BIO_free(pem);
    return err;
}

static bool set_up(SSL_CTX *ctx)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

enum cmaw_err cmaw_tls_client_new(struct cmaw_slice roots_pem, struct cmaw_tls_client **ret_client)
{
    struct cmaw_tls_client *client = calloc(1, sizeof *client);
    CMAW_REQUIRE(client != NULL, CMAW_E_NO_MEMORY);
    client->ctx = SSL_CTX_new(TLS_client_method());
    client->wire = cmaw_tls_wire_method();
    enum cmaw_err err = client->ctx != NULL && client->wire != NULL && set_up(client->ctx) ? CMAW_OK : CMAW_E_NO_MEMORY;
    if (err == CMAW_OK) {
        err = read_roots(client->ctx, roots_pem);
    }
    if (err != CMAW_OK) {
        cmaw_tls_client_free(client);
        return err;
    }
    *ret_client = client;
    return CMAW_OK;
}

/* After an operation that returned rc: OK when it may be tried again (the socket is ready), or what went wrong. */
static enum cmaw_err wait_for_peer(const struct cmaw_tls *tls, int rc, uint64_t deadline_ms)
{
    const int reason = SSL_get_error(tls->ssl, rc);
    if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) {
        return cmaw_tls_wire_wait(tls->fd, reason == SSL_ERROR_WANT_WRITE, deadline_ms);
    }
    const bool cut = ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    cmaw_openssl_forget_errors();
    if (SSL_get_verify_result(tls->ssl) != X509_V_OK) {
        return CMAW_E_AUTH;
    }
    if (cut || reason == SSL_ERROR_ZERO_RETURN || reason == SSL_ERROR_SYSCALL) {
        return CMAW_E_CLOSED;
    }
    return CMAW_E_PEER;
}

static enum cmaw_err prepare(struct cmaw_tls_client *client, struct cmaw_tls *tls, const char *host, int64_t time_s)
{
    tls->ssl = SSL_new(client->ctx);
    BIO *wire = cmaw_tls_wire_new(client->wire, tls->fd);
    if (tls->ssl == NULL || wire == NULL) {
        BIO_free(wire);
        return CMAW_E_NO_MEMORY;
    }
    SSL_set_bio(tls->ssl, wire, wire);
    SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    X509_VERIFY_PARAM_set_time(SSL_get0_param(tls->ssl), (time_t)time_s);
    const bool named = host[0] != '\0' && SSL_set1_host(tls->ssl, host) == 1 &&
                       SSL_set_tlsext_host_name(tls->ssl, host) == 1;
    return named ? CMAW_OK : CMAW_E_BUG; /* an empty name would switch the check off */
}

static enum cmaw_err handshake(struct cmaw_tls *tls, uint64_t deadline_ms)
{
    for (;;) {
        ERR_clear_error();
        const int rc = SSL_connect(tls->ssl);
        if (rc == 1) {
            return SSL_get_verify_result(tls->ssl) == X509_V_OK ? CMAW_OK : CMAW_E_AUTH;
        }
        CMAW_TRY(wait_for_peer(tls, rc, deadline_ms));
    }
}

enum cmaw_err cmaw_tls_connect(struct cmaw_tls_client *client, int fd, const char *host, int64_t time_s,
                               uint64_t deadline_ms, struct cmaw_tls **ret_tls)
{
    struct cmaw_tls *tls = calloc(1, sizeof *tls);
    CMAW_REQUIRE(tls != NULL, CMAW_E_NO_MEMORY);
    tls->fd = fd;
    enum cmaw_err err = prepare(client, tls, host, time_s);
    if (err == CMAW_OK) {
        err = handshake(tls, deadline_ms);
    }
    if (err != CMAW_OK) {
        SSL_free(tls->ssl);
        free(tls);
        return err;
    }
    *ret_tls = tls;
    return CMAW_OK;
}

void cmaw_tls_free(struct cmaw_tls *tls)
{
    if (tls != NULL) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->ssl); /* one attempt: nobody waits for the peer's answer */
        cmaw_openssl_forget_errors();
        SSL_free(tls->ssl);
        free(tls);
    }
}

enum cmaw_err cmaw_tls_write(struct cmaw_tls *tls, struct cmaw_slice bytes, uint64_t deadline_ms)
{
    while (bytes.size > 0) {
        size_t done = 0;
        ERR_clear_error();
        const int rc = SSL_write_ex(tls->ssl, bytes.data, bytes.size, &done);
        if (rc == 1) {
            bytes = cmaw_slice_of(bytes.data + done, bytes.size - done);
        } else {
            CMAW_TRY(wait_for_peer(tls, rc, deadline_ms));
        }
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_tls_read(struct cmaw_tls *tls, uint8_t *dst, size_t capacity, uint64_t deadline_ms, size_t *ret_size)
{
    CMAW_REQUIRE(capacity > 0, CMAW_E_BUG);
    for (;;) {
        size_t size = 0;
        ERR_clear_error();
        const int rc = SSL_read_ex(tls->ssl, dst, capacity, &size);
        if (rc == 1 || SSL_get_error(tls->ssl, rc) == SSL_ERROR_ZERO_RETURN) {
            *ret_size = size;
            return CMAW_OK;
        }
        CMAW_TRY(wait_for_peer(tls, rc, deadline_ms));
    }
}

enum cmaw_err cmaw_tls_quiet(struct cmaw_tls *tls)
{
    uint8_t byte;
    size_t size = 0;
    ERR_clear_error();
    const int rc = SSL_read_ex(tls->ssl, &byte, 1, &size); /* never blocks: the wire does not */
    const bool quiet = rc != 1 && SSL_get_error(tls->ssl, rc) == SSL_ERROR_WANT_READ;
    cmaw_openssl_forget_errors();
    CMAW_REQUIRE(rc != 1, CMAW_E_PEER);
    return quiet ? CMAW_OK : CMAW_E_CLOSED;
}
