/* CloudTrail: one event for each call, in the shape of facts/KMS.md section 4, and LookupEvents over them. */
#ifndef CMAW_DEV_TRAIL_H
#define CMAW_DEV_TRAIL_H

#include "dev/kms.h"

/* Where a call came from and what it is known by. */
struct cmaw_trail_source {
    const char *event_source; /* "kms.amazonaws.com" */
    const char *access_key;
    const char *address;      /* of the caller */
    const char *user_agent;   /* NULL: none sent */
    const char *host;         /* as the request named us */
    char request_id[CMAW_UUID_SIZE + 1];
};

/* Writes the event of a call that has run or was refused, in the transaction of its effect. Secrets are never in it:
 * only the members that the operation lists, and the verified measurements of a recipient. */
enum cmaw_err cmaw_trail_record(const struct cmaw_kms_call *call, const struct cmaw_kms_operation *operation,
                                const struct cmaw_trail_source *source);

/* LookupEvents; ends with an entry without a name. */
extern const struct cmaw_kms_operation cmaw_trail_operations[];

#endif
