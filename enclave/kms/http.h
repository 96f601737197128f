/* The part of HTTP/1.1 that a KMS client needs: one request, one response with a Content-Length. Chunked bodies are refused by
 * design (KMS sends none), and so is whatever else makes the length ambiguous. The response is hostile. */
#ifndef CMAW_KMS_HTTP_H
#define CMAW_KMS_HTTP_H

#include "lib/base/bytes.h"

enum { CMAW_HTTP_RESPONSE_MAX = 64 * 1024, CMAW_HTTP_HEAD_MAX = 16 * 1024, CMAW_HTTP_HEADERS_MAX = 64 };

/* Slices point into the parsed bytes. */
struct cmaw_http_response {
    uint32_t status;              /* 100..599 */
    struct cmaw_slice request_id; /* x-amzn-RequestId; empty: none */
    struct cmaw_slice error_type; /* x-amzn-ErrorType as sent; empty: none */
    struct cmaw_slice body;
};

/* What bytes are so far: *ret_complete says whether a whole response is there. MALFORMED where no continuation could make
 * it one (bytes behind the body included), TOO_LARGE where it exceeds a limit. */
enum cmaw_err cmaw_http_parse(struct cmaw_slice bytes, bool *ret_complete, struct cmaw_http_response *ret_response);

#endif
