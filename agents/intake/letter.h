/* A letter as the readers of intake see it: plain punctuation, collapsed white space, a lower-case twin at the same
 * offsets, and the sentences. All sizes are bytes; all positions count from the start of the text. */
#ifndef CMAW_AGENTS_INTAKE_LETTER_H
#define CMAW_AGENTS_INTAKE_LETTER_H

#include "lib/base/bytes.h"

enum {
    CMAW_LETTER_READ_MAX = 128 * 1024, /* what is interpreted; a longer letter is marked as cut */
    CMAW_LETTER_SENTENCES_MAX = 2048,
};

struct cmaw_span {
    size_t at;
    size_t end;
};

struct cmaw_letter {
    struct cmaw_buf text;
    struct cmaw_buf low; /* same offsets, ASCII letters in lower case */
    struct cmaw_span sentences[CMAW_LETTER_SENTENCES_MAX];
    size_t sentence_count;
    size_t size; /* of the letter as it came */
    bool cut;    /* longer than what is interpreted */
};

/* MALFORMED if bytes are not UTF-8 or hold a U+0000. Release with cmaw_letter_free. */
enum cmaw_err cmaw_letter_parse(struct cmaw_slice bytes, struct cmaw_letter *letter);
void cmaw_letter_free(struct cmaw_letter *letter);

/* Letters, digits, and every byte of a character beyond ASCII. */
bool cmaw_letter_is_word(uint8_t c);
/* The character at a position, 0 outside the text. */
uint8_t cmaw_letter_at(const struct cmaw_letter *letter, size_t at);
/* The first place in a span where phrase (lower case) stands as whole words. A space also matches the end of a line; a
 * final '*' lets the last word go on ("collid*"). */
bool cmaw_letter_find(const struct cmaw_letter *letter, struct cmaw_span in, const char *phrase, struct cmaw_span *ret_hit);
/* As above, for the first phrase of a NULL-ended list that occurs at all. */
bool cmaw_letter_find_any(const struct cmaw_letter *letter, struct cmaw_span in, const char *const *phrases,
                          struct cmaw_span *ret_hit);
/* True if one of the last words before a hit in its sentence takes it back: no, not, never, nobody, without. */
bool cmaw_letter_negated(const struct cmaw_letter *letter, struct cmaw_span sentence, struct cmaw_span hit);
/* The sentence that holds a position; the whole text if none does. */
struct cmaw_span cmaw_letter_sentence_at(const struct cmaw_letter *letter, size_t at);
/* The line that holds a position, without its end. */
struct cmaw_span cmaw_letter_line_at(const struct cmaw_letter *letter, size_t at);
struct cmaw_span cmaw_letter_all(const struct cmaw_letter *letter);
/* Appends a span on one line, cut to at most limit bytes at a character's end. */
void cmaw_letter_quote(const struct cmaw_letter *letter, struct cmaw_span span, size_t limit, struct cmaw_buf *buf);

#endif
