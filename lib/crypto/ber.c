#include "lib/crypto/ber.h"

enum { INDEFINITE = 0x80 };

struct cmaw_ber_scope cmaw_ber_enter(struct cmaw_reader *reader, uint8_t tag)
{
    if (cmaw_read_u8(reader) != tag) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
    if (cmaw_der_is(reader, INDEFINITE)) { /* the first byte of a length looks like a tag to the reader */
        (void)cmaw_read_u8(reader);
        return (struct cmaw_ber_scope){.indefinite = true};
    }
    const size_t length = cmaw_der_length(reader);
    if (length > reader->rest.size) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
        return (struct cmaw_ber_scope){0};
    }
    return (struct cmaw_ber_scope){.after = reader->rest.size - length};
}

bool cmaw_ber_more(const struct cmaw_reader *reader, const struct cmaw_ber_scope *scope)
{
    return scope->indefinite ? !cmaw_der_is(reader, 0) : reader->rest.size > scope->after;
}

void cmaw_ber_leave(struct cmaw_reader *reader, const struct cmaw_ber_scope *scope)
{
    const bool ended = scope->indefinite ? cmaw_read_u16be(reader) == 0 : reader->rest.size == scope->after;
    if (!ended) {
        cmaw_reader_fail(reader, CMAW_E_AUTH);
    }
}
