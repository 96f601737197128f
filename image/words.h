/* Words of a command line, or entries of an environment: what enclave.conf can hold. */
#ifndef CMAW_IMAGE_WORDS_H
#define CMAW_IMAGE_WORDS_H

#include "lib/base/bytes.h"

enum {
    IMAGE_WORDS_MAX = 64,  /* of one list (enclave/conf.h) */
    IMAGE_TEXT_MAX = 1024, /* bytes of a word or a path */
};

struct image_words {
    char *list[IMAGE_WORDS_MAX + 1]; /* owned; ends in NULL */
    unsigned count;
};

/* Appends a copy. TOO_LARGE: the list or the word is full; MALFORMED: not printable ASCII on one line. */
enum cmaw_err cmaw_image_words_add(struct image_words *words, struct cmaw_slice word);
/* As above for NAME=VALUE, in the place of the entry of that name if there is one. */
enum cmaw_err cmaw_image_words_set(struct image_words *words, struct cmaw_slice entry);
/* The value of NAME in an environment, or NULL. */
const char *cmaw_image_words_get(const struct image_words *words, const char *name);
void cmaw_image_words_free(struct image_words *words);

/* What enclave.conf can hold: one line of printable ASCII. */
bool cmaw_image_is_printable(struct cmaw_slice text);

#endif
