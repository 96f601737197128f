/* AWS Signature Version 4 of a request, as a service checks it (facts/KMS.md section 1.2). Whatever SignedHeaders lists is
 * canonicalised; the whole request is hostile. */
#ifndef CMAW_DEV_SIGV4_H
#define CMAW_DEV_SIGV4_H

#include "dev/fault.h"
#include "lib/base/bytes.h"

enum { CMAW_HEADERS_MAX = 64, CMAW_SIGV4_SKEW_S = 300, CMAW_SIGV4_SIGNED_MAX = 32 };

struct cmaw_header {
    const char *name;
    const char *value;
};

struct cmaw_http_request {
    const char *method;
    const char *path; /* "/" for all that is served here */
    struct cmaw_header headers[CMAW_HEADERS_MAX];
    size_t header_count;
    struct cmaw_slice body;
};

/* The value of a header by its name in any case; NULL if it is missing or repeated. */
const char *cmaw_http_header(const struct cmaw_http_request *request, const char *name);

struct cmaw_sigv4 {
    char access_key[129];
    char date[9];    /* yyyymmdd of the scope */
    char region[32];
    char service[32];
    char stamp[17];  /* X-Amz-Date */
    char signed_headers[1024];
    const char *token; /* x-amz-security-token, or NULL; the request's */
    uint8_t signature[32];
};

/* Reads what is signed and by whom; a fault says what is wrong with the form. */
enum cmaw_err cmaw_sigv4_parse(const struct cmaw_http_request *request, struct cmaw_sigv4 *ret_auth,
                               struct cmaw_fault *fault);
/* Checks the scope against region and service, the time within CMAW_SIGV4_SKEW_S, the session token (token is "" for a key
 * without one), that host and all x-amz- headers are signed, and the signature. */
enum cmaw_err cmaw_sigv4_verify(const struct cmaw_http_request *request, const struct cmaw_sigv4 *auth,
                                const char *secret, const char *token, const char *region, const char *service,
                                int64_t now_s, struct cmaw_fault *fault);

#endif
