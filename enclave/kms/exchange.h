/* One signed request to KMS and its response, on a connection that several may share. */
#ifndef CMAW_KMS_EXCHANGE_H
#define CMAW_KMS_EXCHANGE_H

#include "enclave/kms/kms.h"

/* Sends body to target ("TrentService.Decrypt"); *ret_response points into buf (CMAW_BUF(CMAW_HTTP_RESPONSE_MAX)). The connection of the last
 * exchange is used again where it is quiet; if it turns out to be closed before anything of the answer came, a new one is tried once.
 * All of it, dialling included, ends at the session's deadline. UNAVAILABLE, AUTH (TLS), PEER (HTTP); *failure says what an operator needs.
 * session->sent is set in every case. */
enum cmaw_err cmaw_kms_exchange(struct cmaw_kms_session *session, const char *target, struct cmaw_slice body, struct cmaw_buf *buf,
                                struct cmaw_http_response *ret_response, struct cmaw_kms_failure *failure);

#endif
