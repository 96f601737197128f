/* Canonical Protocol Buffers (PROTOCOL.md section 4): what is read is exactly what this writer would write. Fields are read in
 * ascending order as a straight list; whatever is not in its one right place and form is left over, and cmaw_pb_end refuses it.
 * Slices point into the message. All input is hostile. */
#ifndef CMAW_PB_PB_H
#define CMAW_PB_PB_H

#include "lib/base/bytes.h"

/* Sticky error: after the first failure every read gives zero, an empty slice or false. */
struct cmaw_pb_reader {
    struct cmaw_slice rest;
    enum cmaw_err err;
};

static inline struct cmaw_pb_reader cmaw_pb_reader_of(struct cmaw_slice message)
{
    return (struct cmaw_pb_reader){message, CMAW_OK};
}
/* Singular fields; absent gives 0 or the empty slice. A default on the wire is MALFORMED. */
uint32_t cmaw_pb_u32(struct cmaw_pb_reader *reader, uint32_t field);
uint64_t cmaw_pb_u64(struct cmaw_pb_reader *reader, uint32_t field);
struct cmaw_slice cmaw_pb_bytes(struct cmaw_pb_reader *reader, uint32_t field);
/* As bytes, and UTF-8 without U+0000. */
struct cmaw_slice cmaw_pb_string(struct cmaw_pb_reader *reader, uint32_t field);
/* The next element of a repeated bytes or message field, or a singular message field (which may be present and empty).
 * False when the next field is another one, or after an error. */
bool cmaw_pb_next(struct cmaw_pb_reader *reader, uint32_t field, struct cmaw_slice *ret_bytes);
void cmaw_pb_fail(struct cmaw_pb_reader *reader, enum cmaw_err err);
/* The first error, or MALFORMED where bytes are left that no read took. */
enum cmaw_err cmaw_pb_end(const struct cmaw_pb_reader *reader);

/* Writing. Call in ascending order of fields; the defaults 0 and empty are left out. Errors latch in buf. */
void cmaw_pb_put_u32(struct cmaw_buf *buf, uint32_t field, uint32_t value);
void cmaw_pb_put_u64(struct cmaw_buf *buf, uint32_t field, uint64_t value);
void cmaw_pb_put_bytes(struct cmaw_buf *buf, uint32_t field, struct cmaw_slice bytes);
/* An element of a repeated field, or a message: written even if empty. */
void cmaw_pb_put_element(struct cmaw_buf *buf, uint32_t field, struct cmaw_slice bytes);
/* Tag and length of a field of size bytes, which the caller appends next. */
void cmaw_pb_put_head(struct cmaw_buf *buf, uint32_t field, size_t size);
/* Starts a nested message whose size is not known yet; returns the mark for cmaw_pb_close, which puts tag and length in front. */
size_t cmaw_pb_open(const struct cmaw_buf *buf);
void cmaw_pb_close(struct cmaw_buf *buf, uint32_t field, size_t mark);
/* How many bytes a bytes field of this size takes with its tag and length; 0 for an empty one. */
size_t cmaw_pb_size_bytes(uint32_t field, size_t size);
/* The same for an element, which is written even if empty, and for an integer (0 for 0). */
size_t cmaw_pb_size_element(uint32_t field, size_t size);
size_t cmaw_pb_size_u64(uint32_t field, uint64_t value);

/* Reading what any encoder wrote (agent.proto): every field in any order, unknown ones too. */
struct cmaw_pb_field {
    uint32_t number;
    uint32_t wire_type;      /* 0 varint, 1 fixed64, 2 bytes, 5 fixed32 */
    uint64_t value;          /* of wire types 0, 1, 5 */
    struct cmaw_slice bytes; /* of wire type 2 */
};
/* False at the end (cmaw_pb_end is OK then) or after an error. */
bool cmaw_pb_any(struct cmaw_pb_reader *reader, struct cmaw_pb_field *ret_field);

#endif
