#include <string.h>

#include "client/proof/forms.h"
#include "lib/base/text.h"

const char *cmaw_term_form_name(enum cmaw_term_form form)
{
    static const char *const names[CMAW_FORM_COUNT] = {"as it stands", "hex", "base64", "base32", "UTF-16", "URL encoding"};
    return (unsigned)form < CMAW_FORM_COUNT ? names[form] : "unknown";
}

const char *cmaw_term_kind_name(enum cmaw_term_kind kind)
{
    static const char *const names[CMAW_TERM_KIND_COUNT] = {"word", "number", "identifier", "forbidden term"};
    return (unsigned)kind < CMAW_TERM_KIND_COUNT ? names[kind] : "unknown";
}

static enum cmaw_err add_hex(struct cmaw_matcher *matcher, struct cmaw_slice text, uint32_t tag)
{
    CMAW_BUF_AUTO(hex, CMAW_PATTERN_MAX);
    cmaw_buf_put_hex(&hex, text);
    CMAW_TRY(hex.err);
    CMAW_TRY(cmaw_matcher_add(matcher, cmaw_buf_slice(&hex), tag, false));
    bool changed = false;
    for (size_t i = 0; i < hex.size; i++) {
        if (hex.data[i] >= 'a') {
            hex.data[i] = (uint8_t)(hex.data[i] - 'a' + 'A');
            changed = true;
        }
    }
    return changed ? cmaw_matcher_add(matcher, cmaw_buf_slice(&hex), tag, false) : CMAW_OK;
}

static enum cmaw_err add_other_alphabet(struct cmaw_matcher *matcher, struct cmaw_slice core, uint32_t tag)
{
    CMAW_BUF_AUTO(other, CMAW_PATTERN_MAX);
    bool changed = false;
    for (size_t i = 0; i < core.size; i++) {
        const uint8_t c = core.data[i];
        changed = changed || c == '+' || c == '/';
        cmaw_buf_put_u8(&other, c == '+' ? '-' : c == '/' ? '_' : c);
    }
    CMAW_TRY(other.err);
    return changed ? cmaw_matcher_add(matcher, cmaw_buf_slice(&other), tag, false) : CMAW_OK;
}

/* The characters of base64 that the text alone decides, when it starts shift bytes after a group of three. */
static enum cmaw_err add_base64(struct cmaw_matcher *matcher, struct cmaw_slice text, size_t shift, uint32_t tag)
{
    static const uint8_t zeros[3];
    CMAW_BUF_AUTO(plain, CMAW_PATTERN_MAX);
    cmaw_buf_put(&plain, cmaw_slice_of(zeros, shift));
    cmaw_buf_put(&plain, text);
    CMAW_BUF_AUTO(coded, 2 * CMAW_PATTERN_MAX);
    cmaw_buf_put_base64(&coded, cmaw_buf_slice(&plain));
    CMAW_TRY(coded.err);
    const size_t from = (8 * shift + 5) / 6;
    const size_t to = 8 * (shift + text.size) / 6;
    const struct cmaw_slice core = cmaw_slice_sub(cmaw_buf_slice(&coded), from, to - from);
    CMAW_TRY(cmaw_matcher_add(matcher, core, tag, false));
    return add_other_alphabet(matcher, core, tag);
}

/* The code point at text, which is well-formed UTF-8. */
static uint32_t code_point(const uint8_t *text, size_t *ret_size)
{
    const uint8_t c = text[0];
    *ret_size = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    uint32_t point = c < 0x80 ? c : c & (0xffu >> (*ret_size + 1));
    for (size_t i = 1; i < *ret_size; i++) {
        point = point << 6 | (text[i] & 0x3f);
    }
    return point;
}

static void put_unit(struct cmaw_buf *buf, uint32_t unit, bool big)
{
    cmaw_buf_put_u8(buf, (uint8_t)(big ? unit >> 8 : unit));
    cmaw_buf_put_u8(buf, (uint8_t)(big ? unit : unit >> 8));
}

static enum cmaw_err add_utf16(struct cmaw_matcher *matcher, struct cmaw_slice text, bool big, uint32_t tag)
{
    CMAW_BUF_AUTO(units, CMAW_PATTERN_MAX);
    for (size_t at = 0, size; at < text.size; at += size) {
        const uint32_t point = code_point(text.data + at, &size);
        if (point >= 0x10000) {
            put_unit(&units, 0xd800 + ((point - 0x10000) >> 10), big);
            put_unit(&units, 0xdc00 + ((point - 0x10000) & 0x3ff), big);
        } else {
            put_unit(&units, point, big);
        }
    }
    CMAW_TRY(units.err);
    return cmaw_matcher_add(matcher, cmaw_buf_slice(&units), tag, false);
}

/* Whether the hex of some hash or id may hold it by chance: a number, or a word like "added". */
static bool occurs_in_hex(const struct cmaw_term *term)
{
    for (size_t i = 0; i < term->text.size; i++) {
        const uint8_t c = term->text.data[i];
        const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (!hex) {
            return term->kind == CMAW_TERM_NUMBER;
        }
    }
    return term->kind != CMAW_TERM_IDENTIFIER;
}

static enum cmaw_err add_forms(struct cmaw_matcher *matcher, const struct cmaw_term *term, uint32_t tag)
{
    CMAW_TRY(cmaw_matcher_add(matcher, term->text, tag + CMAW_FORM_RAW, occurs_in_hex(term)));
    CMAW_TRY(add_hex(matcher, term->text, tag + CMAW_FORM_HEX));
    for (size_t shift = 0; shift < 3; shift++) {
        CMAW_TRY(add_base64(matcher, term->text, shift, tag + CMAW_FORM_BASE64));
    }
    CMAW_TRY(cmaw_forms_add_base32(matcher, term->text, tag + CMAW_FORM_BASE32));
    CMAW_TRY(cmaw_forms_add_url(matcher, term->text, tag + CMAW_FORM_URL));
    CMAW_TRY(add_utf16(matcher, term->text, false, tag + CMAW_FORM_UTF16));
    return add_utf16(matcher, term->text, true, tag + CMAW_FORM_UTF16);
}

enum cmaw_err cmaw_terms_patterns(const struct cmaw_terms *terms, struct cmaw_matcher *matcher)
{
    for (size_t i = 0; i < cmaw_terms_count(terms); i++) {
        const struct cmaw_term *term = cmaw_terms_at(terms, i);
        if (!term->allowed) {
            CMAW_TRY(add_forms(matcher, term, (uint32_t)(i * CMAW_FORM_COUNT)));
        }
    }
    return CMAW_OK;
}
