/* CBOR writer over a buffer, deterministic as RFC 8949 section 4.2.1 if the caller writes map keys in ascending order of
 * their encodings. Errors latch in the buffer. */
#ifndef CMAW_CBOR_WRITE_H
#define CMAW_CBOR_WRITE_H

#include "lib/base/bytes.h"

void cmaw_cbor_put_uint(struct cmaw_buf *buf, uint64_t value);
void cmaw_cbor_put_int(struct cmaw_buf *buf, int64_t value);
void cmaw_cbor_put_bstr(struct cmaw_buf *buf, struct cmaw_slice bytes);
/* text must be UTF-8. */
void cmaw_cbor_put_tstr(struct cmaw_buf *buf, struct cmaw_slice text);
void cmaw_cbor_put_cstr(struct cmaw_buf *buf, const char *text);
/* count elements, or count keys each with its value, must follow. */
void cmaw_cbor_put_array(struct cmaw_buf *buf, size_t count);
void cmaw_cbor_put_map(struct cmaw_buf *buf, size_t count);
void cmaw_cbor_put_bool(struct cmaw_buf *buf, bool value);
void cmaw_cbor_put_null(struct cmaw_buf *buf);
/* For simulators of platforms that write indefinite maps; ends with cmaw_cbor_put_break. */
void cmaw_cbor_put_map_indefinite(struct cmaw_buf *buf);
void cmaw_cbor_put_break(struct cmaw_buf *buf);

#endif
