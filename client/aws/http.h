/* JSON 1.1 calls to AWS services over HTTPS, signed (lib/aws). */
#ifndef CMAW_CLIENT_AWS_HTTP_H
#define CMAW_CLIENT_AWS_HTTP_H

#include "client/json.h"
#include "lib/aws/sigv4.h"

/* One endpoint and who calls it. Borrowed texts. */
struct cmaw_aws_endpoint {
    const char *url;     /* "https://host[:port]" */
    const char *region;
    const char *ca_file; /* NULL: the system's roots */
    struct cmaw_aws_credentials credentials;
};

/* POSTs body to the service and parses the answer. UNAVAILABLE: nobody answers; BUSY: too many calls; CLOSED: interrupted (client/interrupt.h); DENIED: the service refused, and diag says with its own words
 * why; PEER: the answer is no answer of such a service. *ret_answer is the caller's. */
enum cmaw_err cmaw_aws_call(const struct cmaw_aws_endpoint *endpoint, const char *service, const char *target, const json_t *body,
                            json_t **ret_answer, struct cmaw_diag *diag);

#endif
