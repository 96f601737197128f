/* The token that a caller of the codec endpoint must know. */
#ifndef CMAW_CLIENT_CODEC_TOKEN_H
#define CMAW_CLIENT_CODEC_TOKEN_H

#include "client/codec/access.h"
#include "lib/base/secret.h"

/* A new one: CMAW_CODEC_TOKEN_SIZE hex digits. */
enum cmaw_err cmaw_codec_token_new(struct cmaw_secret *ret_token);
/* The one in the file; if there is no such file, a new one, which is written to it with mode 0600. MALFORMED: the file has something else; DENIED: others
 * may read it, or it is theirs. */
enum cmaw_err cmaw_codec_token_file(const char *path, struct cmaw_secret *ret_token, struct cmaw_diag *diag);

#endif
