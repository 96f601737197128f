/* What the reader and the writer share: wire types and the shortest varint. Private to lib/pb. */
#ifndef CMAW_PB_VARINT_H
#define CMAW_PB_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { CMAW_WIRE_VARINT = 0, CMAW_WIRE_FIXED64 = 1, CMAW_WIRE_BYTES = 2, CMAW_WIRE_FIXED32 = 5 };
enum { CMAW_VARINT_MAX = 10 }; /* bytes */

/* Writes value into dst and returns how many bytes it took. */
static inline size_t cmaw_varint_put(uint8_t dst[CMAW_VARINT_MAX], uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        dst[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    dst[size++] = (uint8_t)value;
    return size;
}

#endif
