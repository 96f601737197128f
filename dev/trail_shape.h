/* How CloudTrail writes what an API's JSON says: names in lower camel case, dates as text. */
#ifndef CMAW_DEV_TRAIL_SHAPE_H
#define CMAW_DEV_TRAIL_SHAPE_H

#include <jansson.h>

#include "dev/arn.h"

enum { CMAW_ISO_SIZE = 24 };

/* "2026-01-02T03:04:05Z" with its NUL. */
void cmaw_trail_time(int64_t ms, char ret_text[static CMAW_ISO_SIZE]);
/* The members of from that names lists, separated by spaces; names NULL: all. KeyId becomes keyId, AWSAccountId stays;
 * numbers of members called …Date become texts. A new reference, NULL without memory. */
json_t *cmaw_trail_members(json_t *from, const char *names);
/* userIdentity of a caller. session_ms: when a role's session began. A new reference, NULL without memory. */
json_t *cmaw_trail_identity(const struct cmaw_principal *who, const char *access_key, int64_t session_ms);
/* AWS::KMS::Alias or AWS::KMS::Key. */
const char *cmaw_trail_resource_type(const char *arn);
/* As LookupEvents calls the caller: the name of a session or a user, or root. */
const char *cmaw_trail_user_name(const struct cmaw_principal *who);

#endif
