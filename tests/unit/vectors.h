/* Test vectors that other projects publish. They are looked for in $CMAW_SHARED, else in ../shared beside the source. */
#ifndef CMAW_TESTS_VECTORS_H
#define CMAW_TESTS_VECTORS_H

#include <jansson.h>

#include "lib/base/bytes.h"

/* Where the vectors are, or NULL after printing once that tests on them are skipped. */
const char *vectors_dir(void);
/* A file under vectors/. vectors_dir must not be NULL; a file that cannot be read fails the test. The caller frees.
 * Where a JSON file has a pool, its references ("@N;") are replaced by what they stand for. */
json_t *vectors_json(const char *name);
void vectors_file(const char *name, struct cmaw_buf *ret_bytes);
/* The bytes of a hex string member, appended to an empty buffer. Fails the test if there is none. */
void vectors_hex(const json_t *object, const char *member, struct cmaw_buf *ret_bytes);
const char *vectors_text(const json_t *object, const char *member);
/* Plain hex, upper or lower case, appended. */
void vectors_unhex(const char *hex, struct cmaw_buf *ret_bytes);

/* In a test: return if there are no vectors. */
#define VECTORS_OR_SKIP()            \
    do {                             \
        if (vectors_dir() == NULL) { \
            return;                  \
        }                            \
    } while (0)

#endif
