#include "lib/crypto/der.h"

bool cmaw_der_is(const struct cmaw_reader *reader, uint8_t tag)
{
    return reader->err == CMAW_OK && reader->rest.size > 0 && reader->rest.data[0] == tag;
}

size_t cmaw_der_length(struct cmaw_reader *reader)
{
    const uint8_t first = cmaw_read_u8(reader);
    if (first < 0x80) {
        return first;
    }
    const size_t length = first == 0x81 ? cmaw_read_u8(reader) : first == 0x82 ? cmaw_read_u16be(reader) : 0;
    if (length < 0x80 || (first == 0x82 && length < 0x100)) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
    return length;
}

struct cmaw_slice cmaw_der_take(struct cmaw_reader *reader, uint8_t tag)
{
    if (cmaw_read_u8(reader) != tag) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
    return cmaw_read_bytes(reader, cmaw_der_length(reader));
}

struct cmaw_slice cmaw_der_take_whole(struct cmaw_reader *reader, uint8_t tag)
{
    const struct cmaw_slice before = reader->rest;
    (void)cmaw_der_take(reader, tag);
    return reader->err == CMAW_OK ? cmaw_slice_sub(before, 0, before.size - reader->rest.size) : CMAW_SLICE_EMPTY;
}

struct cmaw_reader cmaw_der_enter(struct cmaw_reader *reader, uint8_t tag)
{
    struct cmaw_reader inner = cmaw_reader_of(cmaw_der_take(reader, tag));
    inner.err = reader->err;
    return inner;
}

enum cmaw_err cmaw_der_end(const struct cmaw_reader *reader)
{
    return cmaw_reader_end(reader) == CMAW_OK ? CMAW_OK : CMAW_E_AUTH;
}
