/* Character sets of the names in objects. Private to lib/sst. */
#ifndef CMAW_SST_TEXT_H
#define CMAW_SST_TEXT_H

#include "lib/base/bytes.h"

/* Every byte is in [a-z0-9] or in also. */
static inline bool cmaw_text_in(struct cmaw_slice text, const char *also)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        bool found = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        for (const char *a = also; !found && *a != '\0'; a++) {
            found = c == (uint8_t)*a;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

/* A name of a role, plan, step or edge: 1..64 of [a-z0-9_-]. */
static inline bool cmaw_text_is_name(struct cmaw_slice text)
{
    return text.size >= 1 && text.size <= 64 && cmaw_text_in(text, "_-");
}

/* Printable ASCII, space included. */
static inline bool cmaw_text_is_printable(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e) {
            return false;
        }
    }
    return true;
}

#endif
