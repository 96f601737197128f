/* An attestation document as JSON. */
#ifndef CMAW_CLIENT_ATTEST_DESCRIBE_H
#define CMAW_CLIENT_ATTEST_DESCRIBE_H

#include "client/json.h"
#include "lib/attest/doc.h"

/* {"module_id", "timestamp_ms", "timestamp", "debug", "unsigned", "pcrs": {"0": hex, …}, "certificates": [{"subject", "not_before", "not_after"}], "public_key": hex or
 * null, "user_data", "nonce"}. A certificate that cannot be read has a subject of null. The caller owns it. */
enum cmaw_err cmaw_document_describe(const struct cmaw_doc *doc, json_t **ret_json);

#endif
