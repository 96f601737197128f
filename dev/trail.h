/* CloudTrail: one event for each call, in the shape of facts/KMS.md section 4, and LookupEvents over them. */
#ifndef CMAW_DEV_TRAIL_H
#define CMAW_DEV_TRAIL_H

#include "dev/kms.h"

/* The other end of the connection that a call came by. */
struct cmaw_peer {
    char address[64];    /* of the caller */
    char tls_version[16]; /* "TLSv1.3" */
    char tls_cipher[64]; /* "TLS_AES_256_GCM_SHA384" */
};

/* Where a call came from and what it is known by. */
struct cmaw_trail_source {
    const char *event_source; /* "kms.amazonaws.com" */
    const char *access_key;
    const struct cmaw_peer *peer;
    const char *user_agent;   /* NULL: none sent */
    const char *host;         /* as the request named us */
    int64_t session_ms;       /* when the caller's session began */
    char request_id[CMAW_UUID_SIZE + 1];
};

/* Writes the event of a call that has run or was refused, in the transaction of its effect. Secrets are never in it:
 * only the members that the operation lists, and the verified measurements of a recipient. It is delivered to LookupEvents
 * after a time that is drawn from the settings' range. */
enum cmaw_err cmaw_trail_record(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                                const struct cmaw_trail_source *source);

/* LookupEvents; ends with an entry without a name. */
extern const struct cmaw_kms_operation cmaw_trail_operations[];

#endif
