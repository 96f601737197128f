#include "tests/unit/kms_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
/* after the standard headers it needs */
#include <cmocka.h>

#include "lib/base/text.h"
#include "lib/cbor/write.h"
#include "lib/crypto/cms_make.h"
#include "lib/crypto/random.h"

enum { REQUEST_MAX = 64 * 1024, BLOCK = 8192 };

static struct kms_peer *world;

static const char *find(struct cmaw_slice text, const char *word)
{
    return text.size == 0 ? NULL : memmem(text.data, text.size, word, strlen(word));
}

/* The document of the client's NSM is the public key that it was asked to name. */
static enum cmaw_err attest(void *context, struct cmaw_slice request, struct cmaw_buf *response)
{
    (void)context;
    const char *spki = memmem(request.data, request.size, "\x30\x82\x01\x22\x30\x0d", 6);
    assert_non_null(spki);
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "Attestation");
    cmaw_cbor_put_map(response, 1);
    cmaw_cbor_put_cstr(response, "document");
    cmaw_cbor_put_bstr(response, cmaw_slice_of(spki, CMAW_RSA_SPKI_SIZE));
    return cmaw_buf_err(response);
}

static uint64_t now_ms(void)
{
    return (uint64_t)TLS_NOW * 1000;
}

static bool receive(gnutls_session_t session, struct cmaw_buf *request)
{
    for (;;) {
        const struct cmaw_slice all = cmaw_buf_slice(request);
        const char *length = find(all, "Content-Length: "), *end = find(all, "\r\n\r\n");
        if (length != NULL && end != NULL) {
            const size_t head = (size_t)(end - (const char *)all.data) + 4;
            if (all.size >= head + strtoul(length + 16, NULL, 10)) {
                return true;
            }
        }
        char block[BLOCK];
        const ssize_t got = gnutls_record_recv(session, block, sizeof block);
        if (got <= 0) {
            return false;
        }
        cmaw_buf_put(request, cmaw_slice_of(block, (size_t)got));
        cmaw_buf_put_u8(request, 0); /* for strtoul */
        request->size--;
    }
}

/* What follows "name":" up to the quote. */
static struct cmaw_slice member(struct cmaw_slice request, const char *name)
{
    const char *start = find(request, name);
    return start == NULL ? CMAW_SLICE_EMPTY : cmaw_slice_of(start + strlen(name), strcspn(start + strlen(name), "\""));
}

static void put_envelope(const struct kms_step *step, struct cmaw_slice spki, struct cmaw_buf *body)
{
    CMAW_RSA_KEY_AUTO(key);
    CMAW_BUF_AUTO(envelope, 4096);
    assert_int_equal(step->foreign ? cmaw_rsa_generate(&key) : cmaw_rsa_from_spki(spki, &key), CMAW_OK);
    assert_int_equal(step->secret ? cmaw_random(world->tsk, sizeof world->tsk) : CMAW_OK, CMAW_OK);
    assert_int_equal(cmaw_cms_make(key, CMAW_CMS_SEGMENTED, CMAW_SLICE_ARRAY(world->tsk), &envelope), CMAW_OK);
    cmaw_buf_put_cstr(body, ",\"CiphertextForRecipient\":\"");
    cmaw_buf_put_base64(body, cmaw_buf_slice(&envelope));
    cmaw_buf_put_cstr(body, "\"");
}

static void put_good_body(const struct kms_step *step, struct cmaw_slice request, struct cmaw_slice spki, struct cmaw_buf *body)
{
    if (find(request, "TrentService.DescribeKey") != NULL) {
        cmaw_buf_put_cstr(body, "{\"KeyMetadata\":{\"Arn\":\"" KMS_ARN "\",\"Origin\":\"AWS_KMS\",\"KeySpec\":\"SYMMETRIC_DEFAULT\","
                                "\"KeyUsage\":\"ENCRYPT_DECRYPT\",\"KeyManager\":\"CUSTOMER\",\"KeyState\":\"Enabled\",\"MultiRegion\":false}}");
        return;
    }
    cmaw_buf_put_cstr(body, "{\"KeyId\":\"");
    cmaw_buf_put(body, member(request, "\"KeyId\":\""));
    cmaw_buf_put_cstr(body, "\"");
    put_envelope(step, spki, body);
    cmaw_buf_put_cstr(body, find(request, "GenerateDataKey") != NULL ? ",\"CiphertextBlob\":\"QkxPQg==\"}" : "}");
}

static void put_answer(const struct kms_step *step, struct cmaw_slice request, struct cmaw_slice spki, struct cmaw_buf *answer)
{
    CMAW_BUF_AUTO(body, REQUEST_MAX);
    if (step->raw != NULL) {
        cmaw_buf_put_cstr(answer, step->raw);
    } else if (step->replay) {
        cmaw_buf_put(answer, cmaw_buf_slice(&world->last_answer));
    } else {
        if (step->body != NULL) {
            cmaw_buf_put_cstr(&body, step->body);
        } else {
            put_good_body(step, request, spki, &body);
        }
        cmaw_buf_printf(answer, "HTTP/1.1 %u X\r\nx-amzn-RequestId: id-%zu\r\n%sContent-Length: %zu\r\n\r\n",
                        step->status == 0 ? 200 : step->status, world->requests, step->headers == NULL ? "" : step->headers, body.size);
        cmaw_buf_put(answer, cmaw_buf_slice(&body));
    }
    cmaw_buf_reset(&world->last_answer);
    cmaw_buf_put(&world->last_answer, cmaw_buf_slice(answer));
}

static void send_answer(gnutls_session_t session, const struct kms_step *step, struct cmaw_slice answer)
{
    const struct timespec pause = {0, (long)step->trickle_ms * 1000000};
    static char filler[BLOCK];
    ssize_t done = 1;
    world->sent = 0;
    while (world->sent < answer.size && done > 0) {
        done = gnutls_record_send(session, answer.data + world->sent, step->trickle_ms > 0 ? 1 : answer.size - world->sent);
        world->sent += done > 0 ? (size_t)done : 0;
        (void)nanosleep(&pause, NULL);
    }
    memset(filler, 'a', sizeof filler);
    while (step->endless && done > 0) {
        done = gnutls_record_send(session, filler, sizeof filler);
        world->sent += done > 0 ? (size_t)done : 0;
    }
}

/* Steps go on from connection to connection. */
static void serve(gnutls_session_t session, void *context)
{
    (void)context;
    while (world->requests < world->count) {
        CMAW_BUF_AUTO(request, REQUEST_MAX);
        CMAW_BUF_AUTO(answer, REQUEST_MAX);
        if (!receive(session, &request)) {
            return;
        }
        const struct kms_step *step = &world->steps[world->requests];
        struct cmaw_buf *spki = &world->spkis[world->requests];
        cmaw_buf_put(&world->heads[world->requests], cmaw_buf_slice(&request));
        assert_int_equal(cmaw_base64_decode(member(cmaw_buf_slice(&request), "\"AttestationDocument\":\""), spki), CMAW_OK);
        world->requests++;
        put_answer(step, cmaw_buf_slice(&request), cmaw_buf_slice(spki), &answer);
        send_answer(session, step, cmaw_buf_slice(&answer));
        if (step->close) {
            return;
        }
    }
}

void kms_peer_serve(struct kms_peer *peer, int fd)
{
    struct tls_peer *connection = &peer->connection[peer->connections++];
    *connection = (struct tls_peer){.identity = &peer->identity, .priority = "NORMAL", .serve = serve};
    tls_peer_serve(connection, fd);
}

static void join_ended(struct kms_peer *peer)
{
    while (peer->joined < peer->connections) {
        tls_peer_join(&peer->connection[peer->joined++]);
    }
}

static enum cmaw_err dial(uint32_t timeout_ms, int *ret_fd)
{
    (void)timeout_ms;
    int ends[2];
    CMAW_REQUIRE(world->connections < KMS_STEPS_MAX, CMAW_E_UNAVAILABLE);
    join_ended(world); /* the client has closed its end: one thread at a time has the peer */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    kms_peer_serve(world, ends[1]);
    *ret_fd = ends[0];
    return CMAW_OK;
}

void kms_peer_open(struct kms_peer *peer)
{
    static const char *const names[] = {"kms.cmaw.test", NULL};
    static const uint8_t mh[32] = {1};
    world = peer;
    *peer = (struct kms_peer){.nsm = {.call = attest}, .tsk = {7, 7, 7}};
    tls_identity_make(names, &peer->identity);
    peer->kms = (struct cmaw_kms){.host = "kms.cmaw.test", .nsm = &peer->nsm, .dial = dial, .now_ms = now_ms};
    assert_int_equal(cmaw_tls_client_new(cmaw_buf_slice(&peer->identity.ca), &peer->kms.tls), CMAW_OK);
    peer->key = (struct cmaw_kms_key){.arn = CMAW_SLICE_LIT(KMS_ARN), .tenant = CMAW_SLICE_LIT("t"), .role = 1, .mh = CMAW_SLICE_ARRAY(mh),
                                      .credentials = {CMAW_SLICE_LIT("AKIDEXAMPLEEXAMPLE"), CMAW_SLICE_LIT("secret"), CMAW_SLICE_EMPTY}};
    peer->last_answer = CMAW_BUF(REQUEST_MAX);
    kms_peer_script(peer, NULL, 0);
}

void kms_peer_join(struct kms_peer *peer)
{
    join_ended(peer);
    peer->connections = 0;
    peer->joined = 0;
}

void kms_peer_script(struct kms_peer *peer, const struct kms_step *steps, size_t count)
{
    kms_peer_join(peer);
    peer->count = count;
    peer->requests = 0;
    peer->key.deadline_ms = tls_deadline(30000);
    for (size_t i = 0; i < KMS_STEPS_MAX; i++) {
        peer->steps[i] = i < count ? steps[i] : (struct kms_step){0};
        cmaw_buf_free(&peer->heads[i]);
        cmaw_buf_free(&peer->spkis[i]);
        peer->heads[i] = CMAW_BUF(REQUEST_MAX);
        peer->spkis[i] = CMAW_BUF(REQUEST_MAX);
    }
}

void kms_peer_close(struct kms_peer *peer)
{
    kms_peer_script(peer, NULL, 0);
    cmaw_buf_free(&peer->last_answer);
    cmaw_tls_client_free(peer->kms.tls);
    tls_identity_free(&peer->identity);
}
