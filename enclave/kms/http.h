/* The part of HTTP/1.1 that a KMS client needs: responses to POST, one at a time on a connection. The response is hostile. What is not
 * listed here as taken is refused:
 *
 *   version            HTTP/1.1 only. HTTP/1.0 has no connection that can be used again, and AWS does not speak it.
 *   status             200..599. No 1xx: nothing is sent that one could answer (no Expect, no Upgrade).
 *   3xx                parsed like any other; the client never follows one (Location is not read).
 *   Content-Length     exactly one, digits only without leading zeros. Missing, twice (even if equal) or a list: refused.
 *   Transfer-Encoding  refused, chunked too, with or without Content-Length; so there are no chunk extensions and no trailers. KMS gives
 *                      every answer, errors included, a length, and the two ways to say where a body ends are what smuggling lives on.
 *   Content-Encoding   refused: no Accept-Encoding is sent.
 *   Connection         "close" is obeyed: the connection is not used again. All else in it is ignored.
 *   bytes behind body  refused, in the same read or before the next request (cmaw_tls_quiet).
 *   end of stream      before the length is reached: an error, with close-notify or without.
 *   lines              CR LF only; no folding, no space before the colon, no control character; 64 headers, 16 KiB of head, 64 KiB in all.
 *   names              one of no interest is checked for form and ignored. */
#ifndef CMAW_KMS_HTTP_H
#define CMAW_KMS_HTTP_H

#include "lib/base/bytes.h"

enum { CMAW_HTTP_RESPONSE_MAX = 64 * 1024, CMAW_HTTP_HEAD_MAX = 16 * 1024, CMAW_HTTP_HEADERS_MAX = 64 };

/* Slices point into the parsed bytes. */
struct cmaw_http_response {
    uint32_t status;              /* 200..599 */
    bool last;                    /* the server closes the connection behind it */
    struct cmaw_slice request_id; /* x-amzn-RequestId; empty: none */
    struct cmaw_slice error_type; /* x-amzn-ErrorType as sent; empty: none */
    struct cmaw_slice date;       /* Date as sent; empty: none */
    struct cmaw_slice body;
};

/* What bytes are so far: *ret_complete says whether a whole response is there. MALFORMED where no continuation could make
 * it one (bytes behind the body included), TOO_LARGE where it exceeds a limit. */
enum cmaw_err cmaw_http_parse(struct cmaw_slice bytes, bool *ret_complete, struct cmaw_http_response *ret_response);

/* Seconds since 1970 of an IMF-fixdate ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110 section 5.6.7; the day of the week is not compared with
 * the date). MALFORMED for any other form, the obsolete ones included, and before 1970. */
enum cmaw_err cmaw_http_date(struct cmaw_slice text, int64_t *ret_time_s);

#endif
