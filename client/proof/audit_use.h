/* One event of CloudTrail that says a key was used. */
#ifndef CMAW_CLIENT_PROOF_AUDIT_USE_H
#define CMAW_CLIENT_PROOF_AUDIT_USE_H

#include "client/json.h"
#include "lib/attest/doc.h"
#include "lib/sst/manifest.h"

/* The text at key; empty where there is none, also where object is NULL or no object. */
const char *cmaw_event_text(const json_t *object, const char *key);
/* additionalEventData.recipient, or NULL: only a signed document makes it (facts/KMS.md section 4.1). For whoever takes unsigned ones also
 * what the emulator of this project calls unsignedRecipient; *ret_unsigned (may be NULL) tells. */
const json_t *cmaw_event_recipient(const json_t *event, enum cmaw_doc_trust trust, bool *ret_unsigned);
/* Why a granted Decrypt or GenerateDataKey of the role's key is none that the protocol makes; NULL: it is one. *ret_own: its encryption
 * context is that of this role and manifest. A key may serve other roles and manifests of the tenant (PROTOCOL.md section 5). */
const char *cmaw_audit_use_fault(const struct cmaw_manifest *manifest, const struct cmaw_role *role, enum cmaw_doc_trust trust,
                                 const json_t *event, bool *ret_own);

#endif
