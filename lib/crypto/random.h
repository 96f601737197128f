/* Random bytes of the kernel. */
#ifndef CMAW_CRYPTO_RANDOM_H
#define CMAW_CRYPTO_RANDOM_H

#include "lib/base/secret.h"

/* Fills size bytes; waits until the kernel's generator is seeded. IO if it cannot be used at all. */
enum cmaw_err cmaw_random(uint8_t *ret_bytes, size_t size);
/* A new secret of size random bytes, 1..CMAW_SECRET_MAX. */
enum cmaw_err cmaw_random_secret(size_t size, struct cmaw_secret *ret_secret);

#endif
