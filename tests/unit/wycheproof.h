/* Project Wycheproof's files, case by case. */
#ifndef CMAW_TESTS_WYCHEPROOF_H
#define CMAW_TESTS_WYCHEPROOF_H

#include "tests/unit/vectors.h"

enum { WYCHEPROOF_TEXT_MAX = 8 << 20 };

/* One case of a file: its members are read when asked for. */
struct wycheproof {
    const json_t *group;
    const json_t *test;
    bool valid;
};
/* Calls check for every case and returns their number, which must be the one that the file states. */
size_t wycheproof_for_each(const char *file, void (*check)(const struct wycheproof *vector));
/* An error that is not the right one fails the test and says which case. */
void wycheproof_assert(const struct wycheproof *vector, enum cmaw_err got, enum cmaw_err want);

#endif
