/* Secrets are a type. Their memory is locked, left out of core dumps and of children, and wiped when released; it is
 * made and wiped here only. There is no way to print one. */
#ifndef CMAW_BASE_SECRET_H
#define CMAW_BASE_SECRET_H

#include "lib/base/bytes.h"

enum { CMAW_SECRET_MAX = 128 }; /* bytes */

struct cmaw_secret {
    uint8_t *bytes; /* NULL: no secret */
    size_t size;
};

/* A secret variable that is released at the end of its scope. */
#define CMAW_SECRET_AUTO(name) [[gnu::cleanup(cmaw_secret_release)]] struct cmaw_secret name = {NULL, 0}

/* size zero bytes, 1..CMAW_SECRET_MAX. NO_MEMORY if no memory can be had or locked. ret must hold no secret. */
enum cmaw_err cmaw_secret_new(size_t size, struct cmaw_secret *ret_secret);
/* A copy of bytes; the caller still has to wipe the source. */
enum cmaw_err cmaw_secret_copy(struct cmaw_slice bytes, struct cmaw_secret *ret_secret);
/* Wipes and releases; the variable holds no secret afterwards. NULL-safe. */
void cmaw_secret_release(struct cmaw_secret *secret);
/* Moves: from holds no secret afterwards. */
struct cmaw_secret cmaw_secret_take(struct cmaw_secret *from);
static inline struct cmaw_slice cmaw_secret_slice(const struct cmaw_secret *secret)
{
    return cmaw_slice_of(secret->bytes, secret->size);
}
/* Constant time. */
bool cmaw_secret_eq(const struct cmaw_secret *a, const struct cmaw_secret *b);

#endif
