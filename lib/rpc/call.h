/* One request and its response over a connected socket: what a caller of an enclave uses. */
#ifndef CMAW_RPC_CALL_H
#define CMAW_RPC_CALL_H

#include "lib/rpc/frame.h"
#include "lib/rpc/message.h"

/* Sends request, reads the response into buf (CMAW_BUF(CMAW_FRAME_MAX)) and decodes it; *ret_response points into buf. PEER: the
 * answer is not a response to this verb. Otherwise as cmaw_frame_read and cmaw_frame_write. The code of the response is the
 * caller's to judge. */
enum cmaw_err cmaw_rpc_call(int fd, const struct cmaw_request *request, uint64_t deadline, struct cmaw_buf *buf,
    struct cmaw_response *ret_response);
/* For the other side: reads and decodes one request (into buf), encodes and sends one response. */
enum cmaw_err cmaw_rpc_receive(int fd, uint64_t deadline, struct cmaw_buf *buf, struct cmaw_request *ret_request);
enum cmaw_err cmaw_rpc_respond(int fd, uint64_t deadline, const struct cmaw_response *response);

#endif
