#include "lib/base/text.h"
#include "lib/pb/pb.h"
#include "lib/pb/varint.h"

void cmaw_pb_fail(struct cmaw_pb_reader *reader, enum cmaw_err err)
{
    if (reader->err == CMAW_OK) {
        reader->err = err;
        reader->rest = CMAW_SLICE_EMPTY;
    }
}

enum cmaw_err cmaw_pb_end(const struct cmaw_pb_reader *reader)
{
    CMAW_TRY(reader->err);
    return reader->rest.size == 0 ? CMAW_OK : CMAW_E_MALFORMED;
}

/* size must be within rest. */
static struct cmaw_slice take(struct cmaw_pb_reader *reader, size_t size)
{
    const struct cmaw_slice taken = cmaw_slice_sub(reader->rest, 0, size);
    reader->rest = cmaw_slice_sub(reader->rest, size, reader->rest.size - size);
    return taken;
}

/* A varint of at most 64 bits; canonical: in as few bytes as it needs. */
static uint64_t varint(struct cmaw_pb_reader *reader, bool canonical)
{
    uint64_t value = 0;
    for (size_t i = 0; i < reader->rest.size && i < CMAW_VARINT_MAX; i++) {
        const uint8_t byte = reader->rest.data[i];
        if (i == CMAW_VARINT_MAX - 1 && byte > 1) {
            break;
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            if (canonical && byte == 0 && i > 0) {
                break;
            }
            (void)take(reader, i + 1);
            return value;
        }
    }
    cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    return 0;
}

/* Reads the tag if it is the next thing, in its shortest form. What is there instead stays, and is refused at the end unless a
 * later read takes it. */
static bool at(struct cmaw_pb_reader *reader, uint32_t field, uint32_t wire_type)
{
    uint8_t tag[CMAW_VARINT_MAX];
    const size_t size = cmaw_varint_put(tag, (uint64_t)field << 3 | wire_type);
    if (!cmaw_slice_eq(cmaw_slice_sub(reader->rest, 0, size), cmaw_slice_of(tag, size))) {
        return false;
    }
    (void)take(reader, size);
    return true;
}

static struct cmaw_slice length_delimited(struct cmaw_pb_reader *reader, bool canonical)
{
    const uint64_t size = varint(reader, canonical);
    if (size > reader->rest.size) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    return take(reader, (size_t)size);
}

uint64_t cmaw_pb_u64(struct cmaw_pb_reader *reader, uint32_t field)
{
    if (!at(reader, field, CMAW_WIRE_VARINT)) {
        return 0;
    }
    const uint64_t value = varint(reader, true);
    if (value == 0) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    }
    return value;
}

uint32_t cmaw_pb_u32(struct cmaw_pb_reader *reader, uint32_t field)
{
    const uint64_t value = cmaw_pb_u64(reader, field);
    if (value > UINT32_MAX) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
        return 0;
    }
    return (uint32_t)value;
}

struct cmaw_slice cmaw_pb_bytes(struct cmaw_pb_reader *reader, uint32_t field)
{
    if (!at(reader, field, CMAW_WIRE_BYTES)) {
        return CMAW_SLICE_EMPTY;
    }
    const struct cmaw_slice bytes = length_delimited(reader, true);
    if (bytes.size == 0) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    }
    return bytes;
}

static bool has_nul(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == 0) {
            return true;
        }
    }
    return false;
}

struct cmaw_slice cmaw_pb_string(struct cmaw_pb_reader *reader, uint32_t field)
{
    const struct cmaw_slice text = cmaw_pb_bytes(reader, field);
    if (!cmaw_utf8_valid(text) || has_nul(text)) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
        return CMAW_SLICE_EMPTY;
    }
    return text;
}

bool cmaw_pb_next(struct cmaw_pb_reader *reader, uint32_t field, struct cmaw_slice *ret_bytes)
{
    if (!at(reader, field, CMAW_WIRE_BYTES)) {
        return false;
    }
    const struct cmaw_slice bytes = length_delimited(reader, true);
    if (reader->err != CMAW_OK) {
        return false;
    }
    *ret_bytes = bytes;
    return true;
}

static uint64_t fixed_le(struct cmaw_pb_reader *reader, size_t width)
{
    if (reader->rest.size < width) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
        return 0;
    }
    const struct cmaw_slice bytes = take(reader, width);
    uint64_t value = 0;
    for (size_t i = width; i > 0; i--) {
        value = value << 8 | bytes.data[i - 1];
    }
    return value;
}

bool cmaw_pb_any(struct cmaw_pb_reader *reader, struct cmaw_pb_field *ret_field)
{
    if (reader->err != CMAW_OK || reader->rest.size == 0) {
        return false;
    }
    const uint64_t tag = varint(reader, false);
    struct cmaw_pb_field field = {.number = (uint32_t)(tag >> 3), .wire_type = (uint32_t)(tag & 7)};
    if (tag > UINT32_MAX || field.number == 0) {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    } else if (field.wire_type == CMAW_WIRE_VARINT) {
        field.value = varint(reader, false);
    } else if (field.wire_type == CMAW_WIRE_FIXED64) {
        field.value = fixed_le(reader, 8);
    } else if (field.wire_type == CMAW_WIRE_FIXED32) {
        field.value = fixed_le(reader, 4);
    } else if (field.wire_type == CMAW_WIRE_BYTES) {
        field.bytes = length_delimited(reader, false);
    } else {
        cmaw_pb_fail(reader, CMAW_E_MALFORMED);
    }
    if (reader->err != CMAW_OK) {
        return false;
    }
    *ret_field = field;
    return true;
}
