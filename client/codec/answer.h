/* What the codec endpoint answers to a body. */
#ifndef CMAW_CLIENT_CODEC_ANSWER_H
#define CMAW_CLIENT_CODEC_ANSWER_H

#include "client/codec/run.h"
#include "client/codec/server.h"

/* A handler for cmaw_codec_server_start; context is a struct cmaw_codec_source. Decode: the same payloads, those that the owner can read as JSON in their
 * place. Encode: refused, always. Each gives one log line without content. */
unsigned cmaw_codec_answer(void *context, enum cmaw_codec_verb verb, const char *ns, struct cmaw_slice body, struct cmaw_buf *answer);

#endif
