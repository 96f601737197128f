/* The kinds of eif_bad.h that are wrong in the signature section. */
#ifndef CMAW_TESTS_EIF_BAD_SIGNATURE_H
#define CMAW_TESTS_EIF_BAD_SIGNATURE_H

#include "tests/unit/eif_bad.h"

enum { EIF_BAD_SIGNATURES = 71 };

/* Appends a section of kind 0 to EIF_BAD_SIGNATURES - 1. */
void eif_bad_signature_make(size_t kind, struct cmaw_buf *section, struct eif_bad *bad);
/* Appends one that is good in form; what it signs is another image. */
void eif_bad_signature_make_good(struct cmaw_buf *section);

#endif
