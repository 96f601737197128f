/* What must be found nowhere. Of a text: its words of five letters or more, its numbers (six digits or more; five where something stands between
 * them, as in 12,400 or 515.07: what is shorter occurs by chance as a process id, port, counter or time), and its identifiers that mix letters and digits; of
 * what is longer than CMAW_TERM_MAX bytes, such as a sentence in a script without spaces, its start. Besides, terms that the
 * owner names. Each is looked for as it stands, in hexadecimal of both cases, in base64 (both alphabets) at each of the three alignments, in base32 of both
 * cases at each of the five, in UTF-16 of both byte orders, and URL encoded: as encodeURI, encodeURIComponent and RFC 3986 leave characters, and with every byte
 * encoded; a space as %20 and as a plus sign. */
#ifndef CMAW_CLIENT_PROOF_TERMS_H
#define CMAW_CLIENT_PROOF_TERMS_H

#include "client/proof/match.h"

enum { CMAW_TERM_LETTERS_MIN = 5, CMAW_TERM_DIGITS_MIN = 6, CMAW_TERM_JOINED_MIN = 5, CMAW_TERM_GLUED_MIN = 8, CMAW_TERM_MAX = 128, CMAW_FORBIDDEN_MAX = 256 };

enum cmaw_term_kind { CMAW_TERM_WORD, CMAW_TERM_NUMBER, CMAW_TERM_IDENTIFIER, CMAW_TERM_FORBIDDEN, CMAW_TERM_KIND_COUNT };
const char *cmaw_term_kind_name(enum cmaw_term_kind kind);

struct cmaw_term {
    struct cmaw_slice text; /* points into the set */
    enum cmaw_term_kind kind;
    bool allowed;           /* part of a word that occurs in any run */
};

/* A set of distinct terms. The texts are content: wiped on free. */
struct cmaw_terms;
void cmaw_terms_free(struct cmaw_terms **terms);
#define CMAW_TERMS_AUTO(name) [[gnu::cleanup(cmaw_terms_free)]] struct cmaw_terms *name = NULL
enum cmaw_err cmaw_terms_new(struct cmaw_terms **ret_terms);

/* Adds the terms of a text in UTF-8; bytes that are not UTF-8 separate words. */
enum cmaw_err cmaw_terms_add(struct cmaw_terms *terms, struct cmaw_slice text);
/* Adds terms that the owner names, a line each, blanks at its ends left out and empty lines skipped: never allowed. MALFORMED, naming the line, for one that is not
 * CMAW_PATTERN_MIN..CMAW_FORBIDDEN_MAX bytes of UTF-8; name is for messages. *ret_count is how many there are. */
enum cmaw_err cmaw_terms_add_forbidden(struct cmaw_terms *terms, const char *name, struct cmaw_slice lines, size_t *ret_count,
                                       struct cmaw_diag *diag);
/* Sorts, removes repetitions, and marks as allowed what is, without regard to case, part of a line of one of the lists. No cmaw_terms_add after
 * this. */
enum cmaw_err cmaw_terms_close(struct cmaw_terms *terms, const struct cmaw_slice *allow_lists, size_t count);
size_t cmaw_terms_count(const struct cmaw_terms *terms);
const struct cmaw_term *cmaw_terms_at(const struct cmaw_terms *terms, size_t index);

enum cmaw_term_form { CMAW_FORM_RAW, CMAW_FORM_HEX, CMAW_FORM_BASE64, CMAW_FORM_BASE32, CMAW_FORM_UTF16, CMAW_FORM_URL, CMAW_FORM_COUNT };
const char *cmaw_term_form_name(enum cmaw_term_form form);
/* Adds every form of every term that is not allowed; a hit's tag is index * CMAW_FORM_COUNT + form. */
enum cmaw_err cmaw_terms_patterns(const struct cmaw_terms *terms, struct cmaw_matcher *matcher);

/* The list that is part of the program: words that occur in any run. */
struct cmaw_slice cmaw_allow_words(void);

#endif
