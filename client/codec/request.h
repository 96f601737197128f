/* Payloads as JSON, as Temporal's codec protocol has them: {"payloads": [{"metadata": {NAME: base64}, "data": base64}]}. */
#ifndef CMAW_CLIENT_CODEC_REQUEST_H
#define CMAW_CLIENT_CODEC_REQUEST_H

#include "client/json.h"
#include "host/temporal/payload.h"

enum {
    CMAW_CODEC_BODY_MAX = 8 * 1024 * 1024,   /* bytes: all payloads of one message in base64, and more */
    CMAW_CODEC_PAYLOADS_MAX = 300,           /* a plan, a ticket and a state for every edge, and some */
    CMAW_CODEC_METADATA_MAX = 16,
};

struct cmaw_codec_payload {
    json_t *original;                  /* borrowed from the request, with everything that it came with */
    struct cmaw_buf bytes;             /* what view points into */
    struct cmaw_temporal_payload view; /* fields that are missing are empty */
};
/* Free with cmaw_codec_request_free. */
struct cmaw_codec_request {
    json_t *root;
    size_t count;
    struct cmaw_codec_payload *payloads;
};
void cmaw_codec_request_free(struct cmaw_codec_request *request);
#define CMAW_CODEC_REQUEST_AUTO(name) [[gnu::cleanup(cmaw_codec_request_free)]] struct cmaw_codec_request name = {0}

/* Hostile input. MALFORMED, TOO_LARGE; standard base64 only. */
enum cmaw_err cmaw_codec_request_parse(struct cmaw_slice body, struct cmaw_codec_request *ret_request);
/* A payload of encoding json/plain with that value, which is borrowed. The caller owns it. TOO_LARGE: Temporal's tools would not take it. */
enum cmaw_err cmaw_codec_payload_of(const json_t *value, json_t **ret_payload);

/* Whether a text, as JSON, has few enough parts to be parsed whatever it says: a part takes some hundred bytes of memory. */
bool cmaw_codec_json_is_modest(struct cmaw_slice text);

#endif
