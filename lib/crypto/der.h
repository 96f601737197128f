/* Inside lib/crypto only: strict DER over cmaw_reader. Tags of one byte, lengths in their shortest form, at most 65,535.
 * Failures latch AUTH in the reader. */
#ifndef CMAW_CRYPTO_DER_H
#define CMAW_CRYPTO_DER_H

#include "lib/base/bytes.h"

enum {
    CMAW_DER_BOOLEAN = 0x01, CMAW_DER_INTEGER = 0x02, CMAW_DER_BIT_STRING = 0x03, CMAW_DER_OCTET_STRING = 0x04,
    CMAW_DER_OID = 0x06, CMAW_DER_UTC_TIME = 0x17, CMAW_DER_GENERALIZED_TIME = 0x18, CMAW_DER_SEQUENCE = 0x30,
    CMAW_DER_EXPLICIT_0 = 0xa0, CMAW_DER_EXPLICIT_3 = 0xa3,
};

/* Whether the next element has this tag. */
bool cmaw_der_is(const struct cmaw_reader *reader, uint8_t tag);
/* The content of the next element, which must have this tag. */
struct cmaw_slice cmaw_der_take(struct cmaw_reader *reader, uint8_t tag);
/* The same, with its tag and length. */
struct cmaw_slice cmaw_der_take_whole(struct cmaw_reader *reader, uint8_t tag);
/* The length of an element whose tag was read. */
size_t cmaw_der_length(struct cmaw_reader *reader);
/* A reader over the content of the next element; a failure is latched in both. */
struct cmaw_reader cmaw_der_enter(struct cmaw_reader *reader, uint8_t tag);
/* AUTH unless everything was read without a failure. */
enum cmaw_err cmaw_der_end(const struct cmaw_reader *reader);

#endif
