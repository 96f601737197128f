/* KMS client (PROTOCOL.md section 6, facts/KMS.md): TLS ends here, the host only carries it. Whoever answers is hostile until
 * TLS says otherwise, and KMS's answers are checked all the same. */
#ifndef CMAW_KMS_KMS_H
#define CMAW_KMS_KMS_H

#include "enclave/kms/reply.h"
#include "enclave/nsm/nsm.h"
#include "lib/aws/endpoint.h"
#include "lib/aws/sigv4.h"
#include "lib/base/secret.h"
#include "lib/crypto/tls.h"

enum { CMAW_KMS_TSK_SIZE = 32, CMAW_KMS_TRIES = 3 };

struct cmaw_kms {
    const char *host;             /* of the measured image: TLS name, SNI, Host header; NULL: the regional endpoint of the key's ARN … */
    bool fips;                    /* … or its FIPS endpoint */
    struct cmaw_tls_client *tls;  /* roots of the measured image */
    const struct cmaw_nsm *nsm;
    enum cmaw_err (*dial)(uint32_t timeout_ms, int *ret_fd); /* a stream to the proxy that leads to host */
    uint64_t (*now_ms)(void);     /* trusted time, since 1970 */
};

/* Which key, in which encryption context, with which credentials. */
struct cmaw_kms_key {
    struct cmaw_slice arn;    /* checked by the manifest's parser */
    struct cmaw_slice tenant; /* [a-z0-9-] */
    uint32_t role;
    struct cmaw_slice mh;     /* 32 bytes */
    struct cmaw_aws_credentials credentials; /* hostile */
    uint64_t deadline_ms;     /* monotonic, of all calls of the session together, waits and retries included */
};

/* The calls of one Provision or Configure: one connection, as long as KMS keeps it, and one correction of the clock. Not thread-safe. */
struct cmaw_kms_session {
    const struct cmaw_kms *kms;
    struct cmaw_kms_key key;
    char region[CMAW_AWS_REGION_SIZE];
    char host[CMAW_AWS_HOST_SIZE * 2]; /* a host of the image may have 253 characters */
    int fd;                /* -1: no connection */
    struct cmaw_tls *tls;
    bool sent;             /* the last request, or a part of it, to a server whose certificate is right */
    /* What KMS's clock is ahead of ours, as it says itself. It goes into X-Amz-Date and nowhere else: certificates, the manifest and
     * documents are judged by kms->now_ms alone. Set once: who answers twice that the time is wrong is not believed. */
    int64_t skew_s;
    bool skew_corrected;
};
/* Opens no connection yet. MALFORMED with *ret_failure filled: credentials that cannot be sent, or an ARN of no known partition where the
 * host is to be derived. key's slices must outlive the session, which must not be moved and is closed also after a failure. */
enum cmaw_err cmaw_kms_open(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, struct cmaw_kms_session *ret_session,
                            struct cmaw_kms_failure *ret_failure);
void cmaw_kms_close(struct cmaw_kms_session *session);
#define CMAW_KMS_SESSION_AUTO(name) [[gnu::cleanup(cmaw_kms_close)]] struct cmaw_kms_session name = {.fd = -1}

/* All: UNAVAILABLE (with TIMEOUT and CLOSED folded in) where asking again later may help, also with new credentials; AUTH where TLS did not
 * come to the right endpoint; DENIED where KMS refused for good; PEER where the answer is not to be trusted. *ret_failure is filled on every
 * failure. Throttling and faults of the server are asked again CMAW_KMS_TRIES times in all, after waits with full jitter; all else once. One
 * RSA key for an operation and its retries, never for two (an answer to another operation does not open), made here and not at boot: an
 * enclave's life has one such operation, so there would be nothing to save. The document is a new one each time. */
/* GenerateDataKey with a Recipient: appends the KMS blob. */
enum cmaw_err cmaw_kms_generate(struct cmaw_kms_session *session, struct cmaw_buf *blob, struct cmaw_secret *ret_tsk,
                                struct cmaw_kms_failure *ret_failure);
/* Decrypt with a Recipient. */
enum cmaw_err cmaw_kms_decrypt(struct cmaw_kms_session *session, struct cmaw_slice blob, struct cmaw_secret *ret_tsk,
                               struct cmaw_kms_failure *ret_failure);
/* DescribeKey: OK if the key is one that only KMS has ever held (section 6.3). */
enum cmaw_err cmaw_kms_check_key(struct cmaw_kms_session *session, struct cmaw_kms_failure *ret_failure);

/* How long to wait after attempt (0 is the first): with full jitter, below 200 ms, then below 800 ms. A step of the calls above. */
uint64_t cmaw_kms_wait_ms(int attempt, uint16_t chance);

/* What the answer to GenerateDataKey (blob: the KMS blob is appended) or Decrypt (NULL) brings to the recipient rsa: a step of the two calls
 * above. PEER, with a type and a message in *failure; then blob is as it was. */
struct cmaw_rsa_key;
enum cmaw_err cmaw_kms_take_data(const struct cmaw_rsa_key *rsa, struct cmaw_slice key_arn, struct cmaw_slice body, struct cmaw_buf *blob,
                                 struct cmaw_secret *ret_tsk, struct cmaw_kms_failure *failure);

#endif
