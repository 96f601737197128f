#include "lib/rpc/call.h"

enum cmaw_err cmaw_rpc_call(int fd, const struct cmaw_request *request, uint64_t deadline, struct cmaw_buf *buf,
    struct cmaw_response *ret_response)
{
    CMAW_BUF_AUTO(out, CMAW_FRAME_MAX);
    cmaw_request_encode(request, &out);
    CMAW_TRY(cmaw_buf_err(&out));
    const struct cmaw_slice part = cmaw_buf_slice(&out);
    CMAW_TRY(cmaw_frame_write(fd, deadline, &part, 1));
    CMAW_TRY(cmaw_frame_read(fd, deadline, buf));
    CMAW_REQUIRE(cmaw_response_decode(cmaw_buf_slice(buf), ret_response) == CMAW_OK, CMAW_E_PEER);
    const bool body_due = ret_response->code == CMAW_CODE_OK;
    CMAW_REQUIRE(ret_response->verb == request->verb || (!body_due && (uint32_t)ret_response->verb == 0), CMAW_E_PEER);
    return CMAW_OK;
}

enum cmaw_err cmaw_rpc_receive(int fd, uint64_t deadline, struct cmaw_buf *buf, struct cmaw_request *ret_request)
{
    CMAW_TRY(cmaw_frame_read(fd, deadline, buf));
    return cmaw_request_decode(cmaw_buf_slice(buf), ret_request);
}

enum cmaw_err cmaw_rpc_respond(int fd, uint64_t deadline, const struct cmaw_response *response)
{
    CMAW_BUF_AUTO(out, CMAW_FRAME_MAX);
    cmaw_response_encode(response, &out);
    CMAW_TRY(cmaw_buf_err(&out));
    const struct cmaw_slice part = cmaw_buf_slice(&out);
    return cmaw_frame_write(fd, deadline, &part, 1);
}
