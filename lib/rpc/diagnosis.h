/* What an operator is told about a KmsError: KMS's own words, and the enclave's measurements beside those of the manifest. All of it is public;
 * the texts are printable ASCII on one line. */
#ifndef CMAW_RPC_DIAGNOSIS_H
#define CMAW_RPC_DIAGNOSIS_H

#include "lib/rpc/message.h"
#include "lib/sst/manifest.h"

/* Appends "AccessDeniedException: … (HTTP 400, request …, with an attestation document)". */
void cmaw_kms_error_say(const struct cmaw_kms_error *error, struct cmaw_buf *text);
/* Appends "PCR0 as expected, PCR1 not compared, PCR16 is 12ab…, not 34cd… as the manifest expects", each value by its first 16 digits; or that the
 * enclave runs in debug mode (PCR0, 1 and 2 are zero), which explains every refusal. Nothing where the error has no measurements. */
void cmaw_kms_error_compare(const struct cmaw_kms_error *error, const struct cmaw_manifest *manifest, const struct cmaw_role *role,
                            struct cmaw_buf *text);

#endif
