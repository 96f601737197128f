/* Small requests to credential services of this machine, over HTTP. What they answer is hostile: bounded in size (headers too) and time,
 * never redirected, never by a proxy. */
#ifndef CMAW_SYS_AWS_HTTP_H
#define CMAW_SYS_AWS_HTTP_H

#include "lib/base/bytes.h"
#include "lib/base/diag.h"

enum { CMAW_AWS_HEADER_MAX = 4096 + 64 }; /* bytes of a header line that is sent */

/* The time and attempts that all requests for one set of keys have together. */
struct cmaw_aws_budget {
    uint64_t deadline_ms; /* of the monotonic clock */
    uint32_t attempt_ms;
    uint32_t attempts;    /* of each request */
};

struct cmaw_aws_fetch {
    const char *method; /* "GET", "PUT" */
    const char *url;
    const char *header; /* one line, or NULL */
};

/* As AWS_METADATA_SERVICE_TIMEOUT (seconds of an attempt) and AWS_METADATA_SERVICE_NUM_ATTEMPTS say, within bounds. */
struct cmaw_aws_budget cmaw_aws_budget_now(void);
/* Asks until it is answered with anything but 429 or 5xx, with exponential jittered pauses, as far as the budget goes. body must be empty; its max
 * bounds the answer. OK: *ret_status is the answer's, whatever it is. UNAVAILABLE, TIMEOUT; BUSY: the last answer was 429 or
 * 5xx; PEER: no HTTP, or too large. diag says which, and of url the scheme and host only. */
enum cmaw_err cmaw_aws_fetch(const struct cmaw_aws_fetch *fetch, const struct cmaw_aws_budget *budget, struct cmaw_buf *body,
                             long *ret_status, struct cmaw_diag *diag);
/* Between half of ms and ms, by chance. */
uint64_t cmaw_aws_jitter(uint64_t ms);

#endif
