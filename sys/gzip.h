/* gzip (RFC 1952), whole buffers. */
#ifndef CMAW_SYS_GZIP_H
#define CMAW_SYS_GZIP_H

#include "lib/base/bytes.h"

/* Appends one member without name and time. The same bytes and the same zlib give the same output. */
enum cmaw_err cmaw_gzip_put(struct cmaw_buf *buf, struct cmaw_slice bytes);
/* True if bytes start as gzip does. */
bool cmaw_gzip_is(struct cmaw_slice bytes);
/* Appends the content of all members, which follow each other directly; hostile. MALFORMED, or TOO_LARGE as of buf. */
enum cmaw_err cmaw_gzip_read(struct cmaw_slice bytes, struct cmaw_buf *buf);

#endif
