#include "agents/intake/letter.h"

#include <string.h>

#include "lib/base/text.h"

static const struct {
    const char *from;
    const char *to;
} plain[] = {
    {"\xe2\x80\x98", "'"}, {"\xe2\x80\x99", "'"}, {"\xe2\x80\x9c", "\""}, {"\xe2\x80\x9d", "\""}, {"\xe2\x80\x9e", "\""},
    {"\xe2\x80\x90", "-"}, {"\xe2\x80\x91", "-"}, {"\xe2\x80\x93", "-"},  {"\xe2\x80\x94", "-"},  {"\xe2\x88\x92", "-"},
    {"\xc2\xa0", " "},     {"\xe2\x80\xaf", " "}, {"\xe2\x80\x89", " "},  {"\xe2\x80\xa2", "*"},  {"\xef\xbb\xbf", ""},
};

/* Appends the character at the front of rest in its plain form; returns how many bytes of rest it took. */
static size_t put_plain(struct cmaw_slice rest, struct cmaw_buf *text)
{
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        const struct cmaw_slice from = cmaw_slice_of_cstr(plain[i].from);
        if (cmaw_slice_eq(cmaw_slice_sub(rest, 0, from.size), from)) {
            cmaw_buf_put_cstr(text, plain[i].to);
            return from.size;
        }
    }
    cmaw_buf_put_u8(text, rest.data[0]);
    return 1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n';
}

/* One space between words, no space at either end of a line, at most one empty line. */
static void put_space(struct cmaw_buf *text, uint8_t c)
{
    const uint8_t last = text->size == 0 ? '\n' : text->data[text->size - 1];
    if (c != '\n') {
        if (!is_space(last)) {
            cmaw_buf_put_u8(text, ' ');
        }
        return;
    }
    if (last == ' ') {
        cmaw_buf_truncate(text, text->size - 1);
    }
    const size_t size = text->size;
    const bool two = size >= 2 && text->data[size - 1] == '\n' && text->data[size - 2] == '\n';
    if (size > 0 && !two) {
        cmaw_buf_put_u8(text, '\n');
    }
}

static void normalise(struct cmaw_slice bytes, struct cmaw_buf *text)
{
    while (bytes.size > 0 && text->err == CMAW_OK) {
        const uint8_t c = bytes.data[0];
        size_t took = 1;
        if (c == '\r' || c == '\n' || c == ' ' || c < 0x20 || c == 0x7f) {
            const bool pair = c == '\r' && bytes.size > 1 && bytes.data[1] == '\n';
            took = pair ? 2 : 1;
            put_space(text, c == '\r' || c == '\n' ? '\n' : ' ');
        } else {
            took = put_plain(bytes, text);
        }
        bytes = cmaw_slice_sub(bytes, took, bytes.size - took);
    }
}

static void lower(const struct cmaw_buf *text, struct cmaw_buf *low)
{
    for (size_t i = 0; i < text->size; i++) {
        const uint8_t c = text->data[i];
        cmaw_buf_put_u8(low, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    }
}

bool cmaw_letter_is_word(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c >= 0x80;
}

uint8_t cmaw_letter_at(const struct cmaw_letter *letter, size_t at)
{
    return at < letter->text.size ? letter->text.data[at] : 0;
}

/* A line such as "Policy number: 12" or "- one carpet" is a statement of its own. */
static bool starts_statement(const struct cmaw_letter *letter, size_t at)
{
    const uint8_t first = cmaw_letter_at(letter, at);
    if ((first == '-' || first == '*') && cmaw_letter_at(letter, at + 1) == ' ') {
        return true;
    }
    for (size_t i = at; i < at + 40; i++) {
        const uint8_t c = cmaw_letter_at(letter, i);
        if (c == ':') {
            return i > at + 1;
        }
        if (!cmaw_letter_is_word(c) && c != ' ' && c != '/' && c != '.' && c != '-') {
            return false;
        }
    }
    return false;
}

static bool is_abbreviation(const struct cmaw_letter *letter, size_t dot)
{
    static const char *const words[] = {"mr", "mrs", "ms", "dr", "prof", "no", "nr", "st", "approx", "jan", "feb", "mar",
                                        "apr", "jun", "jul", "aug", "sept", "sep", "oct", "nov", "dec", "e.g", "fr", NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        const size_t size = strlen(words[i]);
        if (size <= dot && cmaw_slice_eq_cstr(cmaw_slice_sub(cmaw_buf_slice(&letter->low), dot - size, size), words[i]) &&
            (size == dot || !cmaw_letter_is_word(letter->low.data[dot - size - 1]))) {
            return true;
        }
    }
    const bool initial = dot >= 1 && letter->text.data[dot - 1] >= 'A' && letter->text.data[dot - 1] <= 'Z' &&
                         (dot == 1 || !cmaw_letter_is_word(letter->text.data[dot - 2]));
    return initial;
}

/* Whether a sentence that began at start ends before the character after position at. */
static bool ends_sentence(const struct cmaw_letter *letter, size_t start, size_t at)
{
    const uint8_t c = letter->text.data[at];
    const uint8_t next = cmaw_letter_at(letter, at + 1);
    if (c == '\n') {
        return next == '\n' || starts_statement(letter, at + 1) || starts_statement(letter, start);
    }
    if (!is_space(next) || (c != '.' && c != '!' && c != '?')) {
        return false;
    }
    return c != '.' || !is_abbreviation(letter, at);
}

static struct cmaw_span trim(const struct cmaw_letter *letter, struct cmaw_span span)
{
    while (span.at < span.end && is_space(letter->text.data[span.at])) {
        span.at++;
    }
    while (span.at < span.end && is_space(letter->text.data[span.end - 1])) {
        span.end--;
    }
    return span;
}

static void split(struct cmaw_letter *letter)
{
    size_t start = 0;
    for (size_t at = 0; at < letter->text.size; at++) {
        if (at + 1 < letter->text.size && !ends_sentence(letter, start, at)) {
            continue;
        }
        const struct cmaw_span span = trim(letter, (struct cmaw_span){start, at + 1});
        if (span.end > span.at && letter->sentence_count < CMAW_LETTER_SENTENCES_MAX) {
            letter->sentences[letter->sentence_count++] = span;
        }
        start = at + 1;
    }
}

enum cmaw_err cmaw_letter_parse(struct cmaw_slice bytes, struct cmaw_letter *letter)
{
    *letter = (struct cmaw_letter){.text = CMAW_BUF(CMAW_LETTER_READ_MAX), .low = CMAW_BUF(CMAW_LETTER_READ_MAX)};
    CMAW_REQUIRE(cmaw_utf8_valid(bytes), CMAW_E_MALFORMED);
    CMAW_REQUIRE(bytes.size == 0 || memchr(bytes.data, 0, bytes.size) == NULL, CMAW_E_MALFORMED);
    letter->size = bytes.size;
    size_t keep = bytes.size;
    if (keep > CMAW_LETTER_READ_MAX) {
        letter->cut = true;
        for (keep = CMAW_LETTER_READ_MAX; keep > 0 && (bytes.data[keep] & 0xc0) == 0x80; keep--) {
        }
    }
    normalise(cmaw_slice_sub(bytes, 0, keep), &letter->text);
    lower(&letter->text, &letter->low);
    CMAW_TRY(letter->text.err);
    CMAW_TRY(letter->low.err);
    split(letter);
    return CMAW_OK;
}

void cmaw_letter_free(struct cmaw_letter *letter)
{
    cmaw_buf_free(&letter->text);
    cmaw_buf_free(&letter->low);
}

struct cmaw_span cmaw_letter_all(const struct cmaw_letter *letter)
{
    return (struct cmaw_span){0, letter->text.size};
}

struct cmaw_span cmaw_letter_sentence_at(const struct cmaw_letter *letter, size_t at)
{
    for (size_t i = 0; i < letter->sentence_count; i++) {
        if (at >= letter->sentences[i].at && at < letter->sentences[i].end) {
            return letter->sentences[i];
        }
    }
    return cmaw_letter_all(letter);
}

struct cmaw_span cmaw_letter_line_at(const struct cmaw_letter *letter, size_t at)
{
    struct cmaw_span line = {at, at};
    while (line.at > 0 && letter->text.data[line.at - 1] != '\n') {
        line.at--;
    }
    while (line.end < letter->text.size && letter->text.data[line.end] != '\n') {
        line.end++;
    }
    return line;
}

void cmaw_letter_quote(const struct cmaw_letter *letter, struct cmaw_span span, size_t limit, struct cmaw_buf *buf)
{
    if (span.end - span.at > limit) {
        span.end = span.at + limit;
        while (span.end > span.at && (letter->text.data[span.end] & 0xc0) == 0x80) {
            span.end--;
        }
    }
    for (size_t i = span.at; i < span.end; i++) {
        const uint8_t c = letter->text.data[i];
        cmaw_buf_put_u8(buf, c == '\n' ? ' ' : c);
    }
}
