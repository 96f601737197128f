#include "client/proof/terms.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

struct span {
    uint32_t at;
    uint16_t size;
    uint8_t kind;
};

struct cmaw_terms {
    struct cmaw_buf text;  /* of all texts added */
    struct cmaw_buf spans; /* of struct span, into text */
    struct cmaw_term *list;
    size_t count;
};

enum { TEXT_MAX = 256 * 1024 * 1024 };

void cmaw_terms_free(struct cmaw_terms **terms)
{
    if (*terms != NULL) {
        cmaw_buf_free(&(*terms)->text);
        cmaw_buf_free(&(*terms)->spans);
        free((*terms)->list);
        free(*terms);
        *terms = NULL;
    }
}

enum cmaw_err cmaw_terms_new(struct cmaw_terms **ret_terms)
{
    struct cmaw_terms *terms = calloc(1, sizeof *terms);
    CMAW_REQUIRE(terms != NULL, CMAW_E_NO_MEMORY);
    terms->text = CMAW_BUF(TEXT_MAX);
    terms->spans = CMAW_BUF(UINT32_MAX);
    *ret_terms = terms;
    return CMAW_OK;
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

enum class { CLASS_OTHER, CLASS_LETTER, CLASS_DIGIT };

/* The character at text: its class and its length in bytes. What is beyond ASCII counts as a letter, but for punctuation, spaces and
 * signs of the general kind. */
static enum class class_of(const uint8_t *text, size_t left, size_t *ret_size)
{
    const uint8_t c = text[0];
    *ret_size = 1;
    if (c < 0x80) {
        return is_letter(c) ? CLASS_LETTER : c >= '0' && c <= '9' ? CLASS_DIGIT : CLASS_OTHER;
    }
    const size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (size > left || !cmaw_utf8_valid(cmaw_slice_of(text, size))) {
        return CLASS_OTHER;
    }
    *ret_size = size;
    const bool latin_sign = c == 0xc2;                                     /* U+0080..U+00BF */
    const bool sign = c == 0xe2 && text[1] >= 0x80 && text[1] <= 0xaf;     /* U+2000..U+2BFF */
    const bool wide_sign = c == 0xe3 && text[1] == 0x80;                   /* U+3000..U+303F */
    return latin_sign || sign || wide_sign ? CLASS_OTHER : CLASS_LETTER;
}

/* Of a very long one the start, up to a whole character: what leaks all of it leaks that. Such a start is no number or word by itself, next to which
 * something else could stand. */
static void add_span(struct cmaw_terms *terms, size_t from, size_t to, enum cmaw_term_kind kind)
{
    if (to - from > CMAW_TERM_MAX) {
        to = from + CMAW_TERM_MAX;
        while ((terms->text.data[to] & 0xc0) == 0x80) {
            to--;
        }
        kind = CMAW_TERM_IDENTIFIER;
    }
    const struct span span = {(uint32_t)from, (uint16_t)(to - from), (uint8_t)kind};
    cmaw_buf_put(&terms->spans, cmaw_slice_of(&span, sizeof span));
}

/* Words, and the whole of letters and digits that follow each other. */
static void add_words(struct cmaw_terms *terms, size_t from, size_t end)
{
    size_t word = from, letters = 0;       /* the run of letters */
    size_t mixed = from, all_letters = 0, digits = 0; /* the run of letters and digits */
    for (size_t at = from; at <= end;) {
        size_t size = 1;
        const enum class class = at == end ? CLASS_OTHER : class_of(terms->text.data + at, end - at, &size);
        if (class != CLASS_LETTER) {
            if (letters >= CMAW_TERM_LETTERS_MIN) {
                add_span(terms, word, at, CMAW_TERM_WORD);
            }
            letters = 0;
        }
        if (class == CLASS_OTHER) {
            if (all_letters > 0 && digits > 0 && all_letters + digits >= CMAW_TERM_LETTERS_MIN) {
                add_span(terms, mixed, at, CMAW_TERM_IDENTIFIER);
            }
            all_letters = digits = 0;
        }
        word = class == CLASS_LETTER && letters == 0 ? at : word;
        mixed = class != CLASS_OTHER && all_letters + digits == 0 ? at : mixed;
        letters += class == CLASS_LETTER;
        all_letters += class == CLASS_LETTER;
        digits += class == CLASS_DIGIT;
        at += size;
    }
}

/* Runs of digits joined by single characters of joiners: "1,250.00", "2026-03-14", "5001 0517 5407". */
static void add_numbers(struct cmaw_terms *terms, size_t from, size_t end, const char *joiners)
{
    const uint8_t *text = terms->text.data;
    for (size_t at = from; at < end;) {
        if (text[at] < '0' || text[at] > '9') {
            at++;
            continue;
        }
        const size_t start = at;
        size_t digits = 0;
        for (;;) {
            for (; at < end && text[at] >= '0' && text[at] <= '9'; at++) {
                digits++;
            }
            const bool goes_on = at + 1 < end && text[at] != '\0' && strchr(joiners, text[at]) != NULL && text[at + 1] >= '0' && text[at + 1] <= '9';
            if (!goes_on) {
                break;
            }
            at++;
        }
        /* glued to letters it is part of an identifier, which is a term of its own; looked for alone only where chance cannot make it */
        const bool glued = (start > from && is_letter(text[start - 1])) || (at < end && is_letter(text[at]));
        const bool joined = at - start > digits;
        if (digits >= (size_t)(glued ? CMAW_TERM_GLUED_MIN : joined ? CMAW_TERM_JOINED_MIN : CMAW_TERM_DIGITS_MIN)) {
            add_span(terms, start, at, glued ? CMAW_TERM_IDENTIFIER : CMAW_TERM_NUMBER);
        }
    }
}

enum cmaw_err cmaw_terms_add(struct cmaw_terms *terms, struct cmaw_slice text)
{
    CMAW_REQUIRE(terms->list == NULL, CMAW_E_BUG);
    const size_t from = terms->text.size;
    cmaw_buf_put(&terms->text, text);
    cmaw_buf_put_u8(&terms->text, '\n');
    CMAW_TRY(terms->text.err);
    const size_t end = terms->text.size;
    add_words(terms, from, end);
    add_numbers(terms, from, end, "");
    add_numbers(terms, from, end, ".,:/'-");
    add_numbers(terms, from, end, ".,:/'- ");
    return terms->spans.err;
}

static struct cmaw_slice trimmed(struct cmaw_slice line)
{
    while (line.size > 0 && strchr(" \t\r", line.data[line.size - 1]) != NULL) {
        line.size--;
    }
    while (line.size > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
        line = cmaw_slice_sub(line, 1, line.size - 1);
    }
    return line;
}

static enum cmaw_err add_forbidden(struct cmaw_terms *terms, struct cmaw_slice term, const char *name, size_t number, struct cmaw_diag *diag)
{
    if (term.size < CMAW_PATTERN_MIN || term.size > CMAW_FORBIDDEN_MAX || !cmaw_utf8_valid(term)) {
        cmaw_diag_hint(diag, "a shorter one occurs by chance in identifiers, sizes and times; a longer one is better given by its parts");
        return cmaw_diag_set(diag, CMAW_E_MALFORMED, "%s, line %zu: a term is %d to %d bytes of UTF-8", name, number, CMAW_PATTERN_MIN, CMAW_FORBIDDEN_MAX);
    }
    const struct span span = {(uint32_t)terms->text.size, (uint16_t)term.size, CMAW_TERM_FORBIDDEN};
    cmaw_buf_put(&terms->text, term);
    cmaw_buf_put_u8(&terms->text, '\n');
    cmaw_buf_put(&terms->spans, cmaw_slice_of(&span, sizeof span));
    CMAW_TRY(terms->text.err);
    return terms->spans.err;
}

enum cmaw_err cmaw_terms_add_forbidden(struct cmaw_terms *terms, const char *name, struct cmaw_slice lines, size_t *ret_count,
                                       struct cmaw_diag *diag)
{
    CMAW_REQUIRE(terms->list == NULL, CMAW_E_BUG);
    size_t count = 0;
    for (size_t number = 1; lines.size > 0; number++) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        const size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        const struct cmaw_slice term = trimmed(cmaw_slice_sub(lines, 0, size));
        if (term.size > 0) {
            CMAW_TRY(add_forbidden(terms, term, name, number, diag));
            count++;
        }
        lines = end == NULL ? CMAW_SLICE_EMPTY : cmaw_slice_sub(lines, size + 1, lines.size - size - 1);
    }
    *ret_count = count;
    return CMAW_OK;
}

/* Of equal ones the forbidden comes first, and stays. */
static int by_text(const void *a, const void *b)
{
    const struct cmaw_term *left = a, *right = b;
    const int order = cmaw_slice_cmp(left->text, right->text);
    return order != 0 ? order : (int)right->kind - (int)left->kind;
}

static void put_lower(struct cmaw_buf *buf, struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        cmaw_buf_put_u8(buf, c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c);
    }
}

static enum cmaw_err mark_allowed(struct cmaw_terms *terms, const struct cmaw_slice *lists, size_t count)
{
    CMAW_BUF_AUTO(allowed, TEXT_MAX);
    cmaw_buf_put_u8(&allowed, '\n');
    for (size_t i = 0; i < count; i++) {
        put_lower(&allowed, lists[i]);
        cmaw_buf_put_u8(&allowed, '\n');
    }
    CMAW_TRY(allowed.err);
    CMAW_BUF_AUTO(term, CMAW_TERM_MAX);
    for (size_t i = 0; i < terms->count; i++) {
        if (terms->list[i].kind == CMAW_TERM_FORBIDDEN) {
            continue;
        }
        cmaw_buf_reset(&term);
        put_lower(&term, terms->list[i].text);
        terms->list[i].allowed = memmem(allowed.data, allowed.size, term.data, term.size) != NULL;
    }
    return CMAW_OK;
}

enum cmaw_err cmaw_terms_close(struct cmaw_terms *terms, const struct cmaw_slice *allow_lists, size_t count)
{
    const size_t spans = terms->spans.size / sizeof(struct span);
    terms->list = calloc(spans + 1, sizeof *terms->list);
    CMAW_REQUIRE(terms->list != NULL, CMAW_E_NO_MEMORY);
    const struct span *span = (const struct span *)(const void *)terms->spans.data;
    for (size_t i = 0; i < spans; i++) {
        terms->list[i] = (struct cmaw_term){.text = cmaw_slice_of(terms->text.data + span[i].at, span[i].size),
                                            .kind = (enum cmaw_term_kind)span[i].kind};
    }
    qsort(terms->list, spans, sizeof *terms->list, by_text);
    for (size_t i = 0; i < spans; i++) {
        if (terms->count == 0 || !cmaw_slice_eq(terms->list[terms->count - 1].text, terms->list[i].text)) {
            terms->list[terms->count++] = terms->list[i];
        }
    }
    return mark_allowed(terms, allow_lists, count);
}

size_t cmaw_terms_count(const struct cmaw_terms *terms)
{
    return terms->count;
}

const struct cmaw_term *cmaw_terms_at(const struct cmaw_terms *terms, size_t index)
{
    return &terms->list[index];
}
