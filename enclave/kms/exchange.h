/* One signed request to KMS and its response, over a connection of its own. */
#ifndef CMAW_KMS_EXCHANGE_H
#define CMAW_KMS_EXCHANGE_H

#include "enclave/kms/kms.h"

/* Sends body to target ("TrentService.Decrypt"); *ret_response points into buf (CMAW_BUF(CMAW_HTTP_RESPONSE_MAX)). UNAVAILABLE,
 * AUTH (TLS), PEER (HTTP), MALFORMED (credentials, ARN); *failure says what an operator needs. */
enum cmaw_err cmaw_kms_exchange(const struct cmaw_kms *kms, const struct cmaw_kms_key *key, const char *target,
                                struct cmaw_slice body, struct cmaw_buf *buf, struct cmaw_http_response *ret_response,
                                struct cmaw_kms_failure *failure);

#endif
