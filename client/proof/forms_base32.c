#include "client/proof/forms.h"

enum { BITS = 5, ALIGNMENTS = 5 };

static unsigned bit_of(struct cmaw_slice text, size_t bit)
{
    return (unsigned)text.data[bit / 8] >> (7 - bit % 8) & 1u;
}

/* The characters that the text alone decides, when it starts shift bytes after a group of five: those whose five bits are all of the text. */
static void put_core(struct cmaw_buf *buf, struct cmaw_slice text, size_t shift, const char *alphabet)
{
    const size_t first = (8 * shift + BITS - 1) / BITS;
    const size_t end = 8 * (shift + text.size) / BITS;
    for (size_t i = first; i < end; i++) {
        unsigned value = 0;
        for (size_t bit = 0; bit < BITS; bit++) {
            value = value << 1 | bit_of(text, BITS * i + bit - 8 * shift);
        }
        cmaw_buf_put_u8(buf, (uint8_t)alphabet[value]);
    }
}

enum cmaw_err cmaw_forms_add_base32(struct cmaw_matcher *matcher, struct cmaw_slice text, uint32_t tag)
{
    static const char *const alphabets[] = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "abcdefghijklmnopqrstuvwxyz234567"};
    CMAW_BUF_AUTO(core, CMAW_PATTERN_MAX);
    for (size_t i = 0; i < 2 * ALIGNMENTS; i++) {
        cmaw_buf_reset(&core);
        put_core(&core, text, i / 2, alphabets[i % 2]);
        CMAW_TRY(core.err);
        CMAW_TRY(cmaw_matcher_add(matcher, cmaw_buf_slice(&core), tag, false));
    }
    return CMAW_OK;
}
