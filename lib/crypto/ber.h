/* Inside lib/crypto only: constructed elements of BER, of definite or indefinite length, over cmaw_reader. Otherwise as strict as der.h. */
#ifndef CMAW_CRYPTO_BER_H
#define CMAW_CRYPTO_BER_H

#include "lib/crypto/der.h"

/* An element that is being read: its content follows in the reader, and cmaw_ber_leave says whether it ended where it should. */
struct cmaw_ber_scope {
    bool indefinite;
    size_t after; /* bytes that follow a definite one */
};

/* Tag and length of the next element, which must have this tag. Failures latch AUTH in the reader. */
struct cmaw_ber_scope cmaw_ber_enter(struct cmaw_reader *reader, uint8_t tag);
/* Whether the content goes on. */
bool cmaw_ber_more(const struct cmaw_reader *reader, const struct cmaw_ber_scope *scope);
/* AUTH is latched unless all of the content was read, and nothing behind it. */
void cmaw_ber_leave(struct cmaw_reader *reader, const struct cmaw_ber_scope *scope);

#endif
