#include <string.h>

#include "agents/intake/letter.h"

/* Length of the match of phrase at a position, 0 if it does not stand there. */
static size_t match(const struct cmaw_letter *letter, size_t at, size_t end, const char *phrase)
{
    size_t size = 0;
    for (; phrase[size] != '\0' && phrase[size] != '*'; size++) {
        if (at + size >= end) {
            return 0;
        }
        const uint8_t c = letter->low.data[at + size];
        if (c != (uint8_t)phrase[size] && !(phrase[size] == ' ' && c == '\n')) {
            return 0;
        }
    }
    const bool whole = phrase[size] == '*' || !cmaw_letter_is_word((uint8_t)phrase[size - 1]) ||
                       !cmaw_letter_is_word(cmaw_letter_at(letter, at + size));
    return whole ? size : 0;
}

bool cmaw_letter_find(const struct cmaw_letter *letter, struct cmaw_span in, const char *phrase, struct cmaw_span *ret_hit)
{
    for (size_t at = in.at; at < in.end; at++) {
        const void *first = memchr(letter->low.data + at, phrase[0], in.end - at);
        if (first == NULL) {
            return false;
        }
        at = (size_t)((const uint8_t *)first - letter->low.data);
        const bool inside = at > 0 && cmaw_letter_is_word((uint8_t)phrase[0]) && cmaw_letter_is_word(letter->low.data[at - 1]);
        const size_t size = inside ? 0 : match(letter, at, in.end, phrase);
        if (size > 0) {
            *ret_hit = (struct cmaw_span){at, at + size};
            return true;
        }
    }
    return false;
}

bool cmaw_letter_find_any(const struct cmaw_letter *letter, struct cmaw_span in, const char *const *phrases,
                          struct cmaw_span *ret_hit)
{
    for (size_t i = 0; phrases[i] != NULL; i++) {
        if (cmaw_letter_find(letter, in, phrases[i], ret_hit)) {
            return true;
        }
    }
    return false;
}

bool cmaw_letter_negated(const struct cmaw_letter *letter, struct cmaw_span sentence, struct cmaw_span hit)
{
    static const char *const words[] = {"no", "not", "never", "nobody", "without", "none", "neither", "nor", "n't", "nothing", NULL};
    enum { WORDS_BACK = 4 };
    struct cmaw_span before = {hit.at, hit.at};
    for (int count = 0; before.at > sentence.at && count <= WORDS_BACK; before.at--) {
        const uint8_t c = letter->low.data[before.at - 1];
        count += c == ' ' || c == '\n' ? 1 : 0;
        if (c == ';' || count > WORDS_BACK) {
            break;
        }
    }
    struct cmaw_span ignored;
    if (cmaw_letter_find_any(letter, before, words, &ignored)) {
        return true;
    }
    /* "wasn't", "hadn't": the word before the apostrophe hides the start of n't from a search by words */
    for (size_t at = before.at; at + 3 <= before.end; at++) {
        if (cmaw_slice_eq_cstr(cmaw_slice_sub(cmaw_buf_slice(&letter->low), at, 3), "n't")) {
            return true;
        }
    }
    return false;
}
