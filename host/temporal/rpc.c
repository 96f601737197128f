#include "host/temporal/rpc.h"

#include <string.h>

enum { REQUEST_MAX = 8 * 1024 * 1024 };

enum grpc_code { GRPC_CANCELLED = 1, GRPC_UNKNOWN = 2, GRPC_INVALID = 3, GRPC_DEADLINE = 4, GRPC_NOT_FOUND = 5, GRPC_EXISTS = 6,
    GRPC_DENIED = 7, GRPC_EXHAUSTED = 8, GRPC_ABORTED = 10, GRPC_INTERNAL = 13, GRPC_UNAVAILABLE = 14, GRPC_DATA_LOSS = 15,
    GRPC_UNAUTHENTICATED = 16 };

static bool says(const struct tb_bytes *message, const char *words)
{
    return message->len > 0 && memmem(message->data, message->len, words, strlen(words)) != NULL;
}

static enum cmaw_err err_of_grpc(int32_t code, const struct tb_bytes *message)
{
    switch (code) {
    case GRPC_UNAVAILABLE:
    case GRPC_UNKNOWN: // "transport error" of a connection that broke; the others are what core retries too
    case GRPC_ABORTED:
    case GRPC_INTERNAL:
    case GRPC_DATA_LOSS:
        return CMAW_E_UNAVAILABLE;
    case GRPC_CANCELLED: // what our own deadline ends with
    case GRPC_DEADLINE:
        return CMAW_E_TIMEOUT;
    case GRPC_NOT_FOUND:
        return CMAW_E_NOT_FOUND;
    case GRPC_EXISTS:
        return CMAW_E_EXISTS;
    case GRPC_DENIED:
    case GRPC_UNAUTHENTICATED:
        return CMAW_E_DENIED;
    case GRPC_EXHAUSTED:
        return says(message, "larger than max") ? CMAW_E_TOO_LARGE : CMAW_E_BUSY;
    case GRPC_INVALID:
        return says(message, "exceeds size limit") || says(message, "exceeds limit") ? CMAW_E_TOO_LARGE : CMAW_E_PEER;
    default:
        return CMAW_E_PEER;
    }
}

static enum cmaw_err refused(const struct cmaw_temporal *temporal, const struct tb_rpc_error *error, struct cmaw_diag *diag)
{
    const enum cmaw_err err = err_of_grpc(error->grpc_code, &error->message);
    char text[256];

    cmaw_printable(cmaw_tb_slice(&error->message), text, sizeof text);
    if (err == CMAW_E_UNAVAILABLE) {
        cmaw_diag_hint(diag, "is Temporal running? 'cmaw status' shows the local stack");
    } else if (err == CMAW_E_NOT_FOUND && says(&error->message, "amespace")) {
        cmaw_diag_hint(diag, "make the namespace %s, or name another", temporal->ns);
    }
    (void)cmaw_diag_set(diag, err, "temporal: %s", text[0] != '\0' ? text : cmaw_err_text(err));
    if (err == CMAW_E_NOT_FOUND) {
        cmaw_diag_otherwise(diag, "it was removed there, or was never there: is it the right server?");
    }
    return err;
}

static enum cmaw_err err_of_status(enum tb_status status)
{
    return status == TB_ESTOPPED ? CMAW_E_UNAVAILABLE : CMAW_E_BUG;
}

enum cmaw_err cmaw_temporal_call(struct cmaw_temporal *temporal, const struct cmaw_rpc_options *options,
                                 struct tb_bytes *ret_bytes, void *ret_response, struct cmaw_rpc_refusal *ret_refusal,
                                 struct cmaw_diag *diag)
{
    CMAW_BUF_AUTO(request, REQUEST_MAX);
    CMAW_TB_BYTES_AUTO(response);
    struct tb_rpc_error error = {0};

    cmaw_message_encode(options->request, &request);
    CMAW_TRY(cmaw_buf_err(&request));
    const enum tb_status status = tb_rpc_call(temporal->client, options->method, request.data, request.size,
        options->timeout_ms, !options->once, options->stop, &response, &error);
    if (status == TB_ERPC) {
        const enum cmaw_err err = refused(temporal, &error, diag);
        tb_bytes_free(&error.message);
        if (ret_refusal != NULL) {
            *ret_refusal = (struct cmaw_rpc_refusal){error.grpc_code, error.details};
        } else {
            tb_bytes_free(&error.details);
        }
        return err;
    }
    if (status != TB_OK) {
        return cmaw_diag_set(diag, err_of_status(status), "temporal: %s failed in the bridge", options->method);
    }
    if (options->response != NULL) {
        void *message = cmaw_message_decode(options->response, cmaw_tb_slice(&response));
        if (message == NULL) {
            return cmaw_diag_set(diag, CMAW_E_PEER, "temporal: the answer to %s cannot be decoded", options->method);
        }
        memcpy(ret_response, &message, sizeof message);
    }
    if (ret_bytes != NULL) {
        *ret_bytes = response;
        response = (struct tb_bytes){NULL, 0, 0};
    }
    return CMAW_OK;
}
