/* AWS Signature Version 4 for JSON 1.1 requests (facts/KMS.md sections 1.1 and 1.2): what the enclave sends to KMS, and the client to
 * KMS and CloudTrail. Checked against the known answers given there. */
#ifndef CMAW_AWS_SIGV4_H
#define CMAW_AWS_SIGV4_H

#include "lib/base/bytes.h"

struct cmaw_aws_credentials {
    struct cmaw_slice access_key_id;
    struct cmaw_slice secret_access_key;
    struct cmaw_slice session_token; /* empty: none */
};

enum {
    CMAW_AWS_ACCESS_KEY_MIN = 16, /* bytes */
    CMAW_AWS_ACCESS_KEY_MAX = 128,
    CMAW_AWS_SECRET_KEY_MAX = 128,
    CMAW_AWS_TOKEN_MAX = 4096,
};

/* OK if all three are printable ASCII without spaces and within these limits; MALFORMED. Credentials are hostile input to an enclave: what
 * passes cannot break out of a header line. */
enum cmaw_err cmaw_aws_credentials_check(const struct cmaw_aws_credentials *credentials);

/* Every text is the caller's own: a service and region of [a-z0-9-], a host as the Host header will have it. */
struct cmaw_aws_request {
    const char *service; /* "kms" */
    const char *region;
    const char *host;    /* with the port where it is not 443 */
    const char *target;  /* "TrentService.Decrypt" */
    struct cmaw_slice body;
    uint64_t time_s;     /* since 1970 */
};

/* Appends the header lines Content-Type, X-Amz-Date, X-Amz-Security-Token (with a token), X-Amz-Target and Authorization, each
 * with "\r\n"; Host is signed too and left to the caller. POST / is meant. MALFORMED credentials; the buffer's error. What is appended holds
 * no secret but the session token. */
enum cmaw_err cmaw_sigv4_put_headers(const struct cmaw_aws_request *request, const struct cmaw_aws_credentials *credentials,
                                     struct cmaw_buf *buf);

#endif
