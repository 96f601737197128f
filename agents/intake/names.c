#include <string.h>

#include "agents/intake/facts.h"

enum { NAME_WORDS_MAX = 5 };

struct word {
    struct cmaw_span span;
    enum { WORD_NONE, WORD_CAPITAL, WORD_PARTICLE, WORD_TITLE } kind;
};

static bool in_list(const struct cmaw_letter *letter, struct cmaw_span span, const char *const *list)
{
    const struct cmaw_slice word = cmaw_slice_sub(cmaw_buf_slice(&letter->low), span.at, span.end - span.at);
    for (size_t i = 0; list[i] != NULL; i++) {
        if (cmaw_slice_eq_cstr(word, list[i])) {
            return true;
        }
    }
    return false;
}

/* The word at a position: letters, apostrophes and hyphens; an initial keeps its point. */
static struct word word_at(const struct cmaw_letter *letter, size_t at, size_t end)
{
    static const char *const titles[] = {"mr", "mrs", "ms", "miss", "dr", "prof", "sir", "herr", "frau", NULL};
    static const char *const particles[] = {"von", "van", "de", "der", "den", "la", "al", "bin", "dos", "da", "di", "del", "zu", "y", NULL};
    struct word word = {.span = {at, at}};
    const uint8_t first = cmaw_letter_at(letter, at);
    for (size_t i = at; i < end; i++) {
        const uint8_t c = letter->text.data[i];
        const bool letter_of_name = cmaw_letter_is_word(c) && !(c >= '0' && c <= '9');
        if (!letter_of_name && !((c == '\'' || c == '-') && i > at && i + 1 < end && cmaw_letter_is_word(letter->text.data[i + 1]))) {
            break;
        }
        word.span.end = i + 1;
    }
    if (word.span.end == at || (cmaw_letter_at(letter, word.span.end) >= '0' && cmaw_letter_at(letter, word.span.end) <= '9')) {
        return word;
    }
    if (in_list(letter, word.span, titles)) {
        word.kind = WORD_TITLE;
    } else if (in_list(letter, word.span, particles)) {
        word.kind = WORD_PARTICLE;
    } else if ((first >= 'A' && first <= 'Z') || first >= 0x80) {
        word.kind = WORD_CAPITAL;
    }
    const bool initial = word.kind == WORD_CAPITAL && word.span.end == at + 1;
    if ((initial || word.kind == WORD_TITLE) && word.span.end < end && letter->text.data[word.span.end] == '.') {
        word.span.end++;
    }
    return word;
}

bool cmaw_facts_name_at(const struct cmaw_letter *letter, size_t at, size_t end, char ret_name[static CMAW_FACT_TEXT_MAX], size_t *ret_end)
{
    struct cmaw_span name = {at, at};
    size_t capitals = 0;
    bool title = false;
    for (size_t words = 0; words < NAME_WORDS_MAX; words++) {
        const struct word word = word_at(letter, at, end);
        if (word.kind == WORD_NONE || (word.kind == WORD_TITLE && capitals > 0)) {
            break;
        }
        if (word.kind == WORD_TITLE) {
            title = true;
            name.at = word.span.end + 1;
        }
        if (word.kind == WORD_CAPITAL) {
            capitals++;
            name.end = word.span.end;
        }
        at = word.span.end;
        if (at >= end || letter->text.data[at] != ' ') {
            break;
        }
        at++;
    }
    if (capitals < (title ? 1 : 2) || name.end <= name.at || name.end - name.at >= CMAW_FACT_TEXT_MAX) {
        return false;
    }
    const struct cmaw_slice text = cmaw_slice_sub(cmaw_buf_slice(&letter->text), name.at, name.end - name.at);
    *ret_end = name.end;
    return cmaw_slice_to_cstr(text, ret_name, CMAW_FACT_TEXT_MAX) == CMAW_OK;
}
