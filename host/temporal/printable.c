#include "host/temporal/printable.h"

void cmaw_printable(struct cmaw_slice text, char *dst, size_t capacity)
{
    size_t n = 0;

    while (n < text.size && n + 1 < capacity) {
        const uint8_t c = text.data[n];
        dst[n++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
    }
    dst[n] = '\0';
}
