/* What a grant allows. A grant is a JSON object with the members that ListGrants shows: Operations, Constraints and so on. A
 * grant has no condition: nothing in it can ask for an attestation (facts/KMS.md section 3.4). */
#ifndef CMAW_DEV_GRANT_H
#define CMAW_DEV_GRANT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Every operation that a grant can list, ending with NULL. */
extern const char *const cmaw_grant_operations[];

/* True if the grant lists the operation ("Decrypt") and its constraints hold for this encryption context (NULL: empty).
 * Constraints are for the operations that take a context; CreateGrant is never allowed by this, see cmaw_grant_covers. */
bool cmaw_grant_allows(json_t *grant, const char *operation, json_t *context);
/* True if grant lets its grantee make one like wanted: CreateGrant is listed, no operation is added, and the constraints are as
 * strict or stricter. */
bool cmaw_grant_covers(json_t *grant, json_t *wanted);
/* True if the operation is in the grant's list. */
bool cmaw_grant_lists(json_t *grant, const char *operation);

#endif
