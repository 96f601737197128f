/* Every kind of malformed enclave image that we know of, made from a good one. */
#ifndef CMAW_TESTS_EIF_BAD_H
#define CMAW_TESTS_EIF_BAD_H

#include "tests/unit/eif_make.h"

enum { EIF_BAD_NAME_SIZE = 96 };

struct eif_bad {
    char name[EIF_BAD_NAME_SIZE]; /* of the kind */
    const char *field;            /* what the reader has to name */
    bool only_by_program;         /* the library takes it: it does not look into metadata */
};

size_t eif_bad_count(void);
/* Appends the file of a kind, 0 to eif_bad_count() - 1. */
void eif_bad_make(size_t kind, struct cmaw_buf *file, struct eif_bad *ret_bad);

#endif
