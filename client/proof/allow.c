#include "client/proof/terms.h"

/* CMAW_ALLOW_FILE is the path of client/allow-words.txt, given by the build. */
__asm__(".section .rodata\n"
        "cmaw_allow_words_start: .incbin \"" CMAW_ALLOW_FILE "\"\n"
        "cmaw_allow_words_end:\n"
        ".previous\n");

extern const uint8_t cmaw_allow_words_start[];
extern const uint8_t cmaw_allow_words_end[];

struct cmaw_slice cmaw_allow_words(void)
{
    return cmaw_slice_of(cmaw_allow_words_start, (size_t)(cmaw_allow_words_end - cmaw_allow_words_start));
}
