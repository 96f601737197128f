/* From an HTTP request to its answer: who called (SigV4), which operation of which service (X-Amz-Target, or the form of STS), the call, and its
 * event, in one transaction. */
#ifndef CMAW_DEV_SERVICE_H
#define CMAW_DEV_SERVICE_H

#include "dev/kms.h"
#include "dev/sigv4.h"
#include "dev/store.h"

struct cmaw_service {
    struct cmaw_store *store;
    struct cmaw_kms kms;
};

struct cmaw_answer {
    unsigned status;
    char request_id[CMAW_UUID_SIZE + 1];
    const char *error_type; /* for x-amzn-ErrorType; NULL: none */
    bool xml;               /* else JSON */
    int64_t now_ms;         /* of the service's clock, for Date; 0: the machine's */
    struct cmaw_buf body;
};

enum { CMAW_REQUEST_MAX = 512 * 1024, CMAW_ANSWER_MAX = 4 * 1024 * 1024 }; /* bytes of a body */

struct cmaw_peer;

/* Always gives an answer; ret_answer->body must be an empty buffer and is the caller's. The request is hostile. */
void cmaw_service_handle(struct cmaw_service *service, const struct cmaw_http_request *request,
                         const struct cmaw_peer *peer, struct cmaw_answer *ret_answer);

#endif
