/* gzip (RFC 1952), whole buffers, reading only: what we write is not compressed (image/parts.h says why). */
#ifndef CMAW_SYS_GZIP_H
#define CMAW_SYS_GZIP_H

#include "lib/base/bytes.h"

/* True if bytes start as gzip does. */
bool cmaw_gzip_is(struct cmaw_slice bytes);
/* Appends the content of all members, which follow each other directly; hostile. MALFORMED, or TOO_LARGE as of buf. */
enum cmaw_err cmaw_gzip_read(struct cmaw_slice bytes, struct cmaw_buf *buf);

#endif
