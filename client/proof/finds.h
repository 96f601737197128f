/* What a search found, and which of it the programs themselves explain. A word may be in a log because a program says it there whatever the run is about: "not
 * found". So a find is explained if a program that writes what was searched holds, letter by letter,
 *   - the word together with at least CMAW_FIXED_AROUND of the bytes that touch it in the log: a fixed text; or
 *   - the whole name of a field that the word is in: "name": of JSON, name= of our own lines; or
 *   - the whole value of name=value that the word is in, as a text of its own between two NULs.
 * Only words as they stand: numbers, identifiers and coded forms are never explained. No word is left out of the search for it. */
#ifndef CMAW_CLIENT_PROOF_FINDS_H
#define CMAW_CLIENT_PROOF_FINDS_H

#include "client/proof/match.h"

enum { CMAW_FIXED_AROUND = 8, CMAW_FINDS_MAX = 16384 };

/* Equal finds in one place: the same pattern with the same bytes around it. */
struct cmaw_find {
    uint32_t tag;
    uint32_t place;  /* index that the caller gave */
    uint64_t offset; /* of the first */
    uint64_t count;
    bool can_be_fixed;
    bool packed; /* in a compressed stream that starts at offset */
    const char *program; /* whose text explains it; NULL: found */
    uint8_t before_size, after_size;
    uint8_t before[CMAW_HIT_AROUND]; /* its last before_size bytes stand before the word */
    uint8_t after[CMAW_HIT_AROUND];
};

struct cmaw_finds;
void cmaw_finds_free(struct cmaw_finds **finds);
#define CMAW_FINDS_AUTO(name) [[gnu::cleanup(cmaw_finds_free)]] struct cmaw_finds *name = NULL
enum cmaw_err cmaw_finds_new(struct cmaw_finds **ret_finds);

/* can_be_fixed: the hit is a word as it stands. Over CMAW_FINDS_MAX different ones only the place's number of lost hits grows. */
void cmaw_finds_add(struct cmaw_finds *finds, const struct cmaw_hit *hit, uint32_t place, bool can_be_fixed);
size_t cmaw_finds_count(const struct cmaw_finds *finds);
const struct cmaw_find *cmaw_finds_at(const struct cmaw_finds *finds, size_t index);
/* Hits that there was no room for: never explained. */
uint64_t cmaw_finds_lost(const struct cmaw_finds *finds);

/* Whether a program's file could explain any find that is not explained yet. */
bool cmaw_finds_open(const struct cmaw_finds *finds);
/* A hit of the same matcher in a program's file; program is borrowed. */
void cmaw_finds_explain(struct cmaw_finds *finds, const struct cmaw_hit *hit, const char *program);

#endif
