/* KMS client (PROTOCOL.md section 6, facts/KMS.md): TLS ends here, the host only carries it. Whoever answers is hostile until
 * TLS says otherwise, and KMS's answers are checked all the same. */
#ifndef CMAW_KMS_KMS_H
#define CMAW_KMS_KMS_H

#include "enclave/kms/reply.h"
#include "enclave/nsm/nsm.h"
#include "lib/aws/sigv4.h"
#include "lib/base/secret.h"
#include "lib/crypto/tls.h"

enum { CMAW_KMS_TSK_SIZE = 32, CMAW_KMS_TRIES = 3 };

struct cmaw_kms {
    const char *host;             /* of the measured image: TLS name, SNI, Host header */
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
    uint64_t deadline_ms;     /* monotonic */
};

/* All: UNAVAILABLE (with TIMEOUT and CLOSED folded in) where asking again later may help, also with new credentials; DENIED where KMS
 * refused for good; PEER where the answer is not to be trusted; MALFORMED credentials. *ret_failure is filled on every
 * failure. Attempts, each with a fresh RSA key and document: CMAW_KMS_TRIES for throttling and faults of the server, one
 * for all else. */
/* GenerateDataKey with a Recipient: appends the KMS blob. */
enum cmaw_err cmaw_kms_generate(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, struct cmaw_buf *blob,
                                struct cmaw_secret *ret_tsk, struct cmaw_kms_failure *ret_failure);
/* Decrypt with a Recipient. */
enum cmaw_err cmaw_kms_decrypt(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, struct cmaw_slice blob,
                               struct cmaw_secret *ret_tsk, struct cmaw_kms_failure *ret_failure);
/* DescribeKey: OK if the key is one that only KMS has ever held (section 6.3). */
enum cmaw_err cmaw_kms_check_key(const struct cmaw_kms *kms, const struct cmaw_kms_key *key,
                                 struct cmaw_kms_failure *ret_failure);

#endif
