#include <string.h>

#include "client/proof/forms.h"

struct style {
    const char *kept; /* left as they are, beside letters and digits; NULL: every byte is encoded, these too */
    bool plus;        /* a space is a plus sign */
    bool lower;       /* digits of %xx */
};

static bool is_alphanumeric(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static void put_encoded(struct cmaw_buf *buf, struct cmaw_slice text, const struct style *style)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == ' ' && style->plus) {
            cmaw_buf_put_u8(buf, '+');
        } else if (style->kept != NULL && c != 0 && (is_alphanumeric(c) || strchr(style->kept, c) != NULL)) {
            cmaw_buf_put_u8(buf, c);
        } else {
            cmaw_buf_printf(buf, style->lower ? "%%%02x" : "%%%02X", c);
        }
    }
}

enum cmaw_err cmaw_forms_add_url(struct cmaw_matcher *matcher, struct cmaw_slice text, uint32_t tag)
{
    /* RFC 3986's unreserved characters, and what encodeURIComponent and encodeURI leave */
    static const char *const kept[] = {"-._~", "-._~!'()*", "-._~!'()*;,/?:@&=+$#", NULL};
    enum { STYLES = 4 * sizeof kept / sizeof kept[0] };
    struct cmaw_buf forms[STYLES] = {0};
    enum cmaw_err err = CMAW_OK;
    for (size_t i = 0; i < STYLES && err == CMAW_OK; i++) {
        forms[i] = CMAW_BUF(CMAW_PATTERN_MAX);
        put_encoded(&forms[i], text, &(struct style){.kept = kept[i / 4], .plus = (i & 1) != 0, .lower = (i & 2) != 0});
        err = forms[i].err;
        bool known = cmaw_slice_eq(cmaw_buf_slice(&forms[i]), text);
        for (size_t j = 0; j < i; j++) {
            known = known || cmaw_slice_eq(cmaw_buf_slice(&forms[i]), cmaw_buf_slice(&forms[j]));
        }
        if (err == CMAW_OK && !known) {
            err = cmaw_matcher_add(matcher, cmaw_buf_slice(&forms[i]), tag, false);
        }
    }
    for (size_t i = 0; i < STYLES; i++) {
        cmaw_buf_free(&forms[i]);
    }
    return err;
}
