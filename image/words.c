#include "image/words.h"

#include <stdlib.h>
#include <string.h>

bool cmaw_image_is_printable(struct cmaw_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < 0x20 || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return true;
}

static enum cmaw_err copy_word(struct cmaw_slice word, char **ret_copy)
{
    CMAW_REQUIRE(word.size <= IMAGE_TEXT_MAX, CMAW_E_TOO_LARGE);
    CMAW_REQUIRE(cmaw_image_is_printable(word), CMAW_E_MALFORMED);
    char *copy = calloc(1, word.size + 1);
    CMAW_REQUIRE(copy != NULL, CMAW_E_NO_MEMORY);
    if (word.size > 0) {
        memcpy(copy, word.data, word.size);
    }
    *ret_copy = copy;
    return CMAW_OK;
}

enum cmaw_err cmaw_image_words_add(struct image_words *words, struct cmaw_slice word)
{
    CMAW_REQUIRE(words->count < IMAGE_WORDS_MAX, CMAW_E_TOO_LARGE);
    CMAW_TRY(copy_word(word, &words->list[words->count]));
    words->count++;
    return CMAW_OK;
}

/* The place of the entry of a name, or the end. */
static unsigned find(const struct image_words *words, const char *name, size_t size)
{
    unsigned i = 0;
    while (i < words->count && (strncmp(words->list[i], name, size) != 0 || words->list[i][size] != '=')) {
        i++;
    }
    return i;
}

enum cmaw_err cmaw_image_words_set(struct image_words *words, struct cmaw_slice entry)
{
    const uint8_t *equals = entry.size == 0 ? NULL : memchr(entry.data, '=', entry.size);
    CMAW_REQUIRE(equals != NULL && equals != entry.data, CMAW_E_MALFORMED);
    const unsigned at = find(words, (const char *)entry.data, (size_t)(equals - entry.data));
    if (at == words->count) {
        return cmaw_image_words_add(words, entry);
    }
    char *copy = NULL;
    CMAW_TRY(copy_word(entry, &copy));
    free(words->list[at]);
    words->list[at] = copy;
    return CMAW_OK;
}

const char *cmaw_image_words_get(const struct image_words *words, const char *name)
{
    const size_t size = strlen(name);
    const unsigned at = find(words, name, size);
    return at == words->count ? NULL : words->list[at] + size + 1;
}

void cmaw_image_words_free(struct image_words *words)
{
    for (unsigned i = 0; i < words->count; i++) {
        free(words->list[i]);
    }
    *words = (struct image_words){0};
}
