#include "client/codec/answer.h"

#include "client/codec/request.h"
#include "client/codec/view.h"
#include "lib/base/log.h"

enum { BAD_REQUEST = 400, TOO_LARGE = 413, SERVER_ERROR = 500 };

static const char refusal[] = "cmaw does not seal single payloads: an input is sealed for the enclaves of a whole run, by cmaw run or cmaw submit";

static unsigned refuse(unsigned status, const char *text, struct cmaw_buf *answer)
{
    cmaw_buf_reset(answer);
    cmaw_buf_put_cstr(answer, "{\"error\":\"");
    cmaw_buf_put_cstr(answer, text);
    cmaw_buf_put_cstr(answer, "\"}");
    return status;
}

/* The payload as its owner reads it; what cannot be opened, or would be too large, is returned as it came. */
static enum cmaw_err put_payload(struct cmaw_codec_source *source, const struct cmaw_codec_payload *payload, const char *ns, json_t *list,
                                 size_t *opened)
{
    CMAW_JSON_AUTO(value);
    json_t *shown = NULL;
    if (cmaw_codec_view(source, &payload->view, ns, &value) == CMAW_OK && cmaw_codec_payload_of(value, &shown) == CMAW_OK) {
        ++*opened;
        return cmaw_json_append(list, shown);
    }
    return cmaw_json_append(list, json_incref(payload->original));
}

static enum cmaw_err decode(struct cmaw_codec_source *source, const struct cmaw_codec_request *request, const char *ns, struct cmaw_buf *answer,
                            size_t *opened)
{
    CMAW_JSON_AUTO(json);
    json = json_object();
    json_t *list = json_array();
    CMAW_TRY(cmaw_json_set(json, "payloads", list));
    for (size_t i = 0; i < request->count; i++) {
        CMAW_TRY(put_payload(source, &request->payloads[i], ns, list, opened));
    }
    return cmaw_json_put(answer, json);
}

static unsigned answer_decode(struct cmaw_codec_source *source, const char *ns, struct cmaw_slice body, struct cmaw_buf *answer)
{
    size_t opened = 0;
    CMAW_CODEC_REQUEST_AUTO(request);
    enum cmaw_err err = cmaw_codec_request_parse(body, &request);
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_WARN, "codec.refused", "bytes=%zu error=\"%s\"", body.size, cmaw_err_text(err));
        return refuse(err == CMAW_E_MALFORMED ? BAD_REQUEST : TOO_LARGE, cmaw_err_text(err), answer);
    }
    err = decode(source, &request, ns, answer, &opened);
    if (err != CMAW_OK) {
        cmaw_log(CMAW_LOG_ERROR, "codec.failed", "payloads=%zu error=\"%s\"", request.count, cmaw_err_text(err));
        return refuse(SERVER_ERROR, cmaw_err_text(err), answer);
    }
    cmaw_log(CMAW_LOG_INFO, "codec.decode", "payloads=%zu opened=%zu bytes=%zu", request.count, opened, body.size);
    return CMAW_CODEC_OK;
}

unsigned cmaw_codec_answer(void *context, enum cmaw_codec_verb verb, const char *ns, struct cmaw_slice body, struct cmaw_buf *answer)
{
    if (verb == CMAW_CODEC_DECODE) {
        return answer_decode(context, ns, body, answer);
    }
    /* to give it back unchanged would send it to Temporal in clear, by someone who thinks that it is sealed */
    cmaw_log(CMAW_LOG_WARN, "codec.encode", "bytes=%zu note=\"refused\"", body.size);
    return refuse(CMAW_CODEC_FORBIDDEN, refusal, answer);
}
